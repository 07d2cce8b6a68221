# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One lookup table, whatever it is for: its compiled files, and how they are made.

Private to the collection: it can change at any time.
"""

import typing as t

from .._model.host import Host, Protocol


class Compile(Protocol):
    """The part of a driver that compiles one table."""

    #: Whether the MTA refuses a table whose inode or number of names changes while it is opened.
    WATCHES_FILES: bool

    def compiled_names(self, kind: str, name: str) -> t.Tuple[str, ...]:
        """Return the compiled files of a table of this type; none where the MTA reads the source."""

    def make(self, host: Host, stage: str, name: str, kind: str, compare: bool = True, aliases: bool = False) -> None:
        """Compile a table in the stage with the MTA's own tool.

        :param compare: whether the result is compared with all of its source.
        :raises Refused: the tool complained, or left lines out.
        """

    def finish(self, stage: str) -> None:
        """Do what remains when all tables are in the stage."""


def compile_of(mta: str) -> Compile:
    """Return this part of the driver of an MTA."""
    if mta == "postfix":
        from .._postfix import compile as postfix

        return postfix
    from .._sendmail import compile as sendmail

    return sendmail
