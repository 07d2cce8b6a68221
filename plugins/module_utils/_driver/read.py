# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The live configuration as a relay policy.

Private to the collection: it can change at any time.
"""

import typing as t

from .._model.host import Host, Protocol


class Read(Protocol):
    """The part of a driver that reads a host back."""

    def read(self, host: Host) -> t.Mapping[str, t.Any]:
        """Return C(policy), in the words of the module relay, and C(unexpressed): sentences about the rest.

        A reader never invents: what cannot be read whole is left out of the policy and named.
        """


def read_of(mta: str) -> Read:
    """Return this part of the driver of an MTA."""
    if mta == "postfix":
        from .._postfix import read as postfix

        return postfix
    from .._sendmail import read as sendmail

    return sendmail
