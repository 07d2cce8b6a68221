# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access rules: which lines of which tables say a rule, and where the MTA asks these tables.

The core knows rules and edits the sources of tables. A driver knows its tables: it places rules in them, hooks them into
the configuration, and says what must be reloaded. Names of tables are paths relative to the configuration directory.

Private to the collection: it can change at any time.
"""

import typing as t

from .._model.access import Rule
from .._model.host import File, Host, Protocol


class Facts(Protocol):
    """What a driver read of the live configuration. It goes back to the same driver as it is."""

    def type_of(self, name: str) -> str:
        """Return the type of a table."""


#: Each driver takes back its own Facts, which a common type cannot say.
OwnFacts = t.Any


class Access(Protocol):
    """The part of a driver that knows access rules."""

    #: Whether a table without lines is removed, and asked no longer.
    REMOVE_EMPTY: bool
    #: The permissions of a new table.
    NEW_MODE: int

    def facts(self, host: Host) -> Facts:
        """Read the live configuration once; what else is asked of this part starts from it."""

    def names(self, known: OwnFacts, where: str) -> t.Tuple[str, ...]:
        """Return the tables that can hold rules about C(from), C(to) or C(connect)."""

    def place(self, known: OwnFacts, rule: Rule) -> t.Dict[str, t.Tuple[str, ...]]:
        """Return the lines of a rule by table, each C(key TAB value)."""

    def is_routed(self, known: OwnFacts, rule: Rule) -> bool:
        """Return whether a rule is asked where recipients are routed, and not where they are checked."""

    def refuse_unfit(self, host: Host, known: OwnFacts, rules: t.Iterable[Rule]) -> None:
        """Raise Refused with every rule that this MTA could not keep."""

    def own_domains(self, host: Host, known: OwnFacts) -> t.FrozenSet[str]:
        """Return the domains that the live configuration takes mail for, as its files say it."""

    def wire(
        self, host: Host, known: OwnFacts, filled: t.Mapping[str, bool], places: t.AbstractSet[str]
    ) -> t.Dict[str, File]:
        """Return the configuration files that must change for the tables to be asked.

        :param filled: for each table, whether it will have lines.
        :param places: those that the rules of this run are about, and C(drop) where one of them is routed.
        """

    def reload_reasons(self, known: OwnFacts, changed: t.Iterable[str]) -> t.Tuple[str, ...]:
        """Return those of the changed tables that the MTA reads at its start only."""

    def compiled(self, known: OwnFacts, name: str) -> t.Tuple[str, ...]:
        """Return the compiled files of a table; none where the MTA reads the source."""


def access_of(mta: str) -> Access:
    """Return this part of the driver of an MTA."""
    if mta == "postfix":
        from .._postfix import access as postfix

        return postfix
    from .._sendmail import access as sendmail

    return sendmail
