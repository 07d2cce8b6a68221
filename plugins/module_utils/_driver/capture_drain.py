# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Empty the way to a capture instance before it goes, and ask what a release would bounce.

Private to the collection: it can change at any time.
"""

import typing as t

from .._model.capture import Endpoint
from .._model.host import Host, Protocol
from .._model.queue import Message


class Drain(Protocol):
    """The part of a driver that ends a capture."""

    def drain(self, host: Host, hop: Endpoint, deadline: float) -> t.List[str]:
        """Wait until nothing is on its way to the hop, route the rest anew, and return what was done, in words.

        :param deadline: of the monotonic clock, in seconds.
        :raises PostmasterError: the time is over.
        """

    def refused(self, release: Endpoint, messages: t.Sequence[Message]) -> t.Dict[str, str]:
        """Return the messages that a release would bounce, by queue ID, with the reply."""


def drain_of(mta: str) -> Drain:
    """Return this part of the driver of an MTA."""
    if mta == "postfix":
        from .._postfix import capture_drain as postfix

        return postfix
    from .._sendmail import capture_drain as sendmail

    return sendmail
