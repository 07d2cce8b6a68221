# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mail that sendmail is sending to a capture instance when the route goes. Twin of C(_postfix.drain).

Private to the collection: it can change at any time.

What waits in the queue is routed anew at each attempt, so only connections that are open have to be waited for. What waits because
the capture instance could not be reached is tried at once, however young it is.
"""

import time
import typing as t

from .. import _proc
from .._errors import PostmasterError
from .._model import queue as _queue
from .._model.capture import Endpoint
from .._model.host import Host
from .._model.queue import Message
from .._model.selection import NULL_SENDER
from .._smtp import dialogue as _smtp
from . import queue

_PAUSE = 0.5
#: Messages that are asked about in one conversation.
_CONVERSATION = 50


def drain(host: Host, hop: Endpoint, deadline: float) -> t.List[str]:
    """Wait until nobody sends to the capture instance.

    :param deadline: of the monotonic clock.
    :returns: what was done, in words.
    :raises PostmasterError: the time is over.
    """
    while connections(hop):
        if time.monotonic() > deadline:
            raise PostmasterError(f"{host.instance.name}: there are still connections to {hop.text}")
        time.sleep(_PAUSE)
    waiting = [_queue.identity(message) for message in queue.messages(host) if _could_not_reach(message, hop)]
    if not waiting:
        return []
    queue.run(host, ["-OMinQueueAge=0"], waiting, max(1.0, deadline - time.monotonic()))
    return [f"route {len(waiting)} messages anew that were bound for {hop.text}"]


def _could_not_reach(message: Message, hop: Endpoint) -> bool:
    place = f"{hop.address}]"
    waits = message.status not in (_queue.HOLD, _queue.CORRUPT)
    return waits and any(
        place in text for text in [message.reason] + [recipient.reason for recipient in message.recipients]
    )


def refused(release: Endpoint, messages: t.Sequence[Message]) -> t.Dict[str, str]:
    """Return the messages that a release would bounce, by ID, with the reply: sendmail cannot keep what is refused for good.

    The production instance is asked up to RCPT. Who is not asked because the conversation broke off counts as not refused.
    """
    answers: t.Dict[str, str] = {}
    for start in range(0, len(messages), _CONVERSATION):
        with _smtp.Dialogue(release.address, release.port, timeout=60) as dialogue:
            dialogue.connect()
            dialogue.ehlo("localhost")
            for message in messages[start : start + _CONVERSATION]:
                answers.update(_asked(dialogue, message))
            dialogue.quit()
    return answers


def _asked(dialogue: _smtp.Dialogue, message: Message) -> t.Dict[str, str]:
    sender = "" if message.sender == NULL_SENDER else message.sender
    steps = [dialogue.mail(sender)] + [dialogue.rcpt(recipient.address) for recipient in message.recipients]
    dialogue.rset()
    first = next((step for step in steps if step.code >= 500), None)
    return {message.id: str(first.reply)} if first is not None else {}


def connections(hop: Endpoint) -> int:
    """Return how many connections to the capture instance are open on this host."""
    return _proc.connections_to((hop.address, hop.port))
