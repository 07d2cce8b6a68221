# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The running daemon: whether it runs, what a change asks of it, and doing that.

Private to the collection: it can change at any time.
"""

import typing as t

from .._model.host import Activation, Host, Protocol, Rendering, Running


class Daemon(Protocol):
    """The part of a driver that knows the daemon of an instance."""

    def running(self, host: Host) -> Running:
        """Return its process and the sockets on which it and its children listen."""

    def activation(self, host: Host, current: t.Callable[[str], t.Optional[bytes]], rendering: Rendering) -> Activation:
        """Return what makes a change effective: nothing, a reload, or a restart, with the reasons.

        :param current: reads a live file by its name in the configuration directory.
        """

    def activate(self, host: Host, wanted: Activation) -> None:
        """Reload or restart, and wait until the daemon goes on with it. One that does not run is not started.

        :raises PostmasterError: it does not come back.
        """

    def should_run(self, host: Host) -> bool:
        """Return whether it runs, or its service was started and it died, or a start of it failed."""

    def start(self, host: Host) -> None:
        """Start it, and wait until it answers.

        :raises PostmasterError: it does not come up.
        """


def daemon_of(mta: str) -> Daemon:
    """Return this part of the driver of an MTA."""
    if mta == "postfix":
        from .._postfix import daemon as postfix

        return postfix
    from .._sendmail import daemon as sendmail

    return sendmail
