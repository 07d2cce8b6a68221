# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lookup tables: their type, their compiled files, and what the MTA finds in them.

Private to the collection: it can change at any time.
"""

import typing as t

from .._model.host import Host, Protocol


class Compile(Protocol):
    """The part of a driver that makes and asks one table, whatever the table is for."""

    #: Whether a line that starts with a blank continues the one before.
    CONTINUES: bool

    def type_in_use(self, host: Host, name: str) -> str:
        """Return the type by which the configuration refers to a table; empty where it does not."""

    def compiled_names(self, kind: str, name: str) -> t.Tuple[str, ...]:
        """Return the compiled files of a table of this type; none where the MTA reads the source."""

    def read_at_start(self, kind: str) -> t.Tuple[str, ...]:
        """Return the type again, where the MTA reads such tables at its start only."""

    def make(self, host: Host, stage: str, name: str, kind: str, compare: bool = True, aliases: bool = False) -> None:
        """Compile a table in the stage with the MTA's own tool.

        :param compare: whether the result is compared with all of its source.
        :raises Refused: the tool complained, or left lines out.
        """

    def finish(self, stage: str) -> None:
        """Do what remains when all tables are in the stage."""

    def ask(self, host: Host, directory: str, name: str, kind: str, keys: t.Sequence[str]) -> t.Dict[str, str]:
        """Return what the MTA finds for each key; keys without an answer are missing.

        :param directory: the stage, or the live configuration.
        :raises Refused: the table cannot be read.
        """


def compile_of(mta: str) -> Compile:
    """Return this part of the driver of an MTA."""
    if mta == "postfix":
        from .._postfix import access as postfix

        return postfix
    from .._sendmail import access as sendmail

    return sendmail
