# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts of a configuration that an author can own.

Private to the collection: it can change at any time.
"""

from .._account.ownership import Twin
from .._model.host import Host, Protocol


class Ownership(Protocol):
    """The part of a driver that takes a configuration apart, and puts parts back."""

    def twin(self, host: Host) -> Twin:
        """Return what the driver knows about the parts of an instance."""


def ownership_of(mta: str) -> Ownership:
    """Return this part of the driver of an MTA."""
    if mta == "postfix":
        from .._postfix import ownership as postfix

        return postfix
    from .._sendmail import ownership as sendmail

    return sendmail
