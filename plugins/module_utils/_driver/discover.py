# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is installed, which instances there are, and what their MTA can do.

Every module begins here. Whether an MTA is installed is a part of its own, so that nothing else is read of one that is not.

Private to the collection: it can change at any time.
"""

import typing as t

from .._model.host import Capabilities, Host, Instance, Protocol
from .._runner import Runner


class Detect(Protocol):
    """The smallest file of a driver."""

    def installed(self, runner: Runner) -> bool:
        """Return whether this MTA can be asked anything; a look at files, no command is run."""


class Discover(Protocol):
    """Each function asks the MTA itself and keeps nothing. Where it cannot be asked, that is a PostmasterError."""

    def instances(self, runner: Runner) -> t.Tuple[Instance, ...]:
        """Return every instance, the primary one first; none where the package is there without a configuration."""

    def version(self, runner: Runner, instance: Instance) -> str:
        """Return the version as the MTA writes it. It is the cheapest question."""

    def capabilities(self, runner: Runner, instance: Instance) -> Capabilities:
        """Return version, table types and features. It costs some processes."""

    def listens(self, host: Host) -> bool:
        """Return whether the configuration lets the instance listen at all."""


def detect_of(mta: str) -> Detect:
    """Return this part of the driver of an MTA."""
    if mta == "postfix":
        from .._postfix import detect as postfix

        return postfix
    from .._sendmail import detect as sendmail

    return sendmail


def discover_of(mta: str) -> Discover:
    """Return this part of the driver of an MTA."""
    if mta == "postfix":
        from .._postfix import discover as postfix

        return postfix
    from .._sendmail import discover as sendmail

    return sendmail
