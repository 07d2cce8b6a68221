# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the MTA finds in a lookup table, and what its access tables say about one sender, recipient or client.

Private to the collection: it can change at any time.
"""

import typing as t

from .._model.host import Host, Protocol
from .access import OwnFacts


class Line(Protocol):
    """The line that decides, as it stands in its table."""

    @property
    def table(self) -> str:
        """Return the table, relative to the configuration directory."""

    @property
    def key(self) -> str:
        """Return the key that matched."""

    @property
    def value(self) -> str:
        """Return what stands behind the key."""


class Lookup(Protocol):
    """The part of a driver that asks the tables and reads their answers."""

    def ask(self, host: Host, directory: str, name: str, kind: str, keys: t.Sequence[str]) -> t.Dict[str, str]:
        """Return what the MTA finds for each key; keys without an answer are missing.

        :param directory: the stage, or the live configuration.
        :raises Refused: the table cannot be read.
        """

    def explain(self, host: Host, known: OwnFacts, where: str, subject: str) -> t.Optional[Line]:
        """Return the first line that matches; None where no line decides.

        :param known: what C(facts()) of the part access returned.
        :param subject: an address for C(from) and C(to); an IP address or a host name for C(connect).
        """

    def meaning(self, value: str, where: str) -> t.Tuple[str, int, str, str]:
        """Return action, reply code, enhanced status code and text of a value; no action where both MTAs do not have it."""


def lookup_of(mta: str) -> Lookup:
    """Return this part of the driver of an MTA."""
    if mta == "postfix":
        from .._postfix import lookup as postfix

        return postfix
    from .._sendmail import lookup as sendmail

    return sendmail
