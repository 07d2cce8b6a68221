# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a message would go, asked of the MTA itself, and what the configuration says to the checks of a host.

Private to the collection: it can change at any time.
"""

from .._model.host import Host, Protocol
from .._model.route import Route, RouteQuestion, Settings


class Routing(Protocol):
    """The part of a driver that knows routes. Nothing is delivered to find one out."""

    def trace(self, host: Host, asked: RouteQuestion) -> Route:
        """Return the route of an address, with each rule or entry that decided it.

        :raises PostmasterError: the MTA cannot be asked.
        """

    def settings(self, host: Host) -> Settings:
        """Return the effective limits, files and certificate. Sizes are bytes."""


def route_of(mta: str) -> Routing:
    """Return this part of the driver of an MTA."""
    if mta == "postfix":
        from .._postfix import route as postfix

        return postfix
    from .._sendmail import route as sendmail

    return sendmail
