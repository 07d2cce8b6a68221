# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Route chosen mail to a capture instance, and configure that instance to keep it.

Private to the collection: it can change at any time.
"""

import typing as t

from .._model.capture import CaptureRoute, Endpoint, Envelope
from .._model.host import File, Host, Protocol


class Capture(Protocol):
    """The part of a driver that knows the routes of a capture. The host is the production instance, but for settings()."""

    def wire(
        self,
        host: Host,
        routes: t.Sequence[CaptureRoute],
        hop: t.Optional[Endpoint],
        service: bool,
        release: t.Optional[Endpoint] = None,
    ) -> t.Dict[str, File]:
        """Return the files that route this mail to the hop, and no other mail.

        :param hop: the capture instance; None removes the routes.
        :param service: whether what is on its way there can still arrive when the routes are gone.
        :param release: where mail that is released comes in now, and from: its headers are left as they are.
        """

    def refuse_hop(self, hop: Endpoint, release: Endpoint) -> None:
        """Refuse a place for the capture instance from which nothing could be released.

        :raises OptionError: with another place.
        """

    def hop_there(self, host: Host) -> t.Optional[Endpoint]:
        """Return the hop of the live configuration."""

    def routes_there(self, host: Host) -> t.Tuple[str, ...]:
        """Return the titles of the routes in the live configuration."""

    def verify(self, host: Host, routes: t.Sequence[CaptureRoute], hop: t.Optional[Endpoint]) -> t.List[str]:
        """Return what the running MTA would route otherwise, one sentence each."""

    def settings(self, about: Envelope) -> t.Dict[str, t.Any]:
        """Return the options of the module relay for an instance that accepts from this host and delivers nothing."""


def capture_of(mta: str) -> Capture:
    """Return this part of the driver of an MTA."""
    if mta == "postfix":
        from .._postfix import capture as postfix

        return postfix
    from .._sendmail import capture as sendmail

    return sendmail
