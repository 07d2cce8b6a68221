# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The queue of an instance: list it, look into a message, act on messages.

A listing takes messages one by one, so that a queue of any size never stands in memory. A message is known by queue ID and
arrival (seconds since the epoch), since an MTA gives an ID again. Sizes are bytes.

Private to the collection: it can change at any time.
"""

import typing as t

from .._model.host import Host, Protocol
from .._model.queue import ActionResult, Detail, HostStatus, Identity, Message, ReportUnreadable, ignore


class Queue(Protocol):
    """The part of a driver that knows the queue. Where the MTA's own tools fail, that is a CommandError."""

    def messages(self, host: Host, report: ReportUnreadable = ignore) -> t.Iterator[Message]:
        """Yield every message, in no order. One that moves meanwhile can come twice.

        :param report: called with path and reason for what cannot be read.
        """

    def detailed(self, host: Host, message: Message) -> Message:
        """Return a listed message with what a listing is too quick to read."""

    def message(self, host: Host, queue_id: str, body_limit: int) -> t.Optional[Detail]:
        """Return one message with headers and the beginning of its body; None where it is gone."""

    def raw(self, host: Host, message: Message, limit: int) -> t.Tuple[bytes, int]:
        """Return the first bytes of a message as it would be delivered, and its whole size."""

    def log_files(self, host: Host) -> t.Tuple[str, ...]:
        """Return the logs that this MTA is configured to write itself; none where it leaves that to syslog."""

    def host_status(self, host: Host) -> t.Tuple[HostStatus, ...]:
        """Return what the MTA remembers of next hops; none where it remembers nothing."""

    def run_queue(self, host: Host) -> None:
        """Have every waiting message tried now."""

    def act(self, host: Host, action: str, targets: t.Sequence[Identity], timeout: float) -> ActionResult:
        """Do one action to these messages, each looked at again right before.

        :param timeout: seconds for the MTA's own tools.
        :raises Unsupported: this MTA has no such action.
        """


def queue_of(mta: str) -> Queue:
    """Return this part of the driver of an MTA."""
    if mta == "postfix":
        from .._postfix import queue as postfix

        return postfix
    from .._sendmail import queue as sendmail

    return sendmail
