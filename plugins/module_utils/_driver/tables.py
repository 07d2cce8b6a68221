# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup tables of a configuration: their types, which of them must be compiled anew, and how the MTA reads them.

Private to the collection: it can change at any time.
"""

import typing as t

from .._model.host import Files, Host, Protocol


class Tables(Protocol):
    """The part of a driver that knows which tables a configuration has."""

    #: Whether a line that starts with a blank continues the one before.
    CONTINUES: bool

    def type_in_use(self, host: Host, name: str) -> str:
        """Return the type by which the configuration refers to a table; empty where it does not."""

    def reload_reasons(self, host: Host, name: str) -> t.Tuple[str, ...]:
        """Return the uses of a file that a running MTA must be told about; none where it notices a change by itself.

        :param name: relative to the configuration directory.
        """

    def stale(self, host: Host, files: Files) -> t.Tuple[str, ...]:
        """Return the tables whose compiled file is missing or older than its source, those that change with it."""

    def build(self, host: Host, stage: str, names: t.Sequence[str]) -> None:
        """Compile these tables in the stage.

        :raises Refused: the MTA's tool complained.
        """

    def outdated(self, host: Host, files: Files) -> t.Sequence[str]:
        """Return the tables that the configuration in I(files) names, and that are older than their source or not there.

        :param files: what changes; nothing is outdated where the configuration itself does not.
        :returns: their sources, relative to the configuration directory, or absolute where they lie beyond it.
        """

    def build_outdated(self, host: Host, stage: str, names: t.Sequence[str]) -> None:
        """Compile outdated tables as the staged configuration names them; those beyond the directory where they lie."""


def tables_of(mta: str) -> Tables:
    """Return this part of the driver of an MTA."""
    if mta == "postfix":
        from .._postfix import tables as postfix

        return postfix
    from .._sendmail import tables as sendmail

    return sendmail
