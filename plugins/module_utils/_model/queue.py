# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Queued messages as records that both drivers return and every module reads.

Private to the collection: it can change at any time.

Messages come as a stream: a queue of 100,000 is never held in memory.
"""

import heapq
import re
import time
import typing as t

from .._clock import utc

INCOMING, ACTIVE, DEFERRED, HOLD, CORRUPT = "incoming", "active", "deferred", "hold", "corrupt"

#: The names of queues, with the common status that each stands for. The common ones are Postfix's.
STATUSES = {
    "maildrop": INCOMING,
    INCOMING: INCOMING,
    ACTIVE: ACTIVE,
    DEFERRED: DEFERRED,
    HOLD: HOLD,
    CORRUPT: CORRUPT,
    "normal": DEFERRED,
    "quarantined": HOLD,
    "lost": CORRUPT,
}

#: What can be done to messages.
FLUSH, DELIVER, RELEASE, REQUEUE, DELETE, EXPIRE = "flush", "deliver", "release", "requeue", "delete", "expire"
ACTIONS = (FLUSH, DELIVER, HOLD, RELEASE, REQUEUE, DELETE, EXPIRE)

#: How often a message is looked for before it counts as gone, and the seconds between.
_LOOKS = 4
_PAUSE = 0.01


class Recipient(t.NamedTuple):
    """A recipient that still waits.

    :param reason: the MTA's own text about the last attempt; empty where there was none.
    """

    address: str
    reason: str = ""


class Message(t.NamedTuple):
    """One queued message.

    :param queue: the MTA's name: incoming, active, deferred, hold, corrupt; normal, quarantined, lost.
    :param status: the common name, see STATUSES.
    :param arrival: seconds since the epoch.
    :param size: bytes, as the MTA counts them: Postfix the whole message, sendmail its body.
    :param sender: the envelope sender; C(<>) is the null sender.
    :param reason: why the message as a whole waits, where the MTA says so.
    :param attempts: how often delivery was tried; None where the MTA does not count.
    :param expiring: whether it will bounce at the next attempt.
    :param path: its control file; empty where it was not looked up.
    """

    id: str
    instance: str
    queue: str
    status: str
    arrival: int
    size: int
    sender: str
    recipients: t.Tuple[Recipient, ...]
    reason: str = ""
    last_attempt: t.Optional[int] = None
    next_attempt: t.Optional[int] = None
    attempts: t.Optional[int] = None
    expiring: bool = False
    path: str = ""


class Identity(t.NamedTuple):
    """What distinguishes a message from a later one with the same queue ID, and what an action needs of it."""

    id: str
    instance: str
    status: str
    arrival: int
    size: int
    sender: str
    path: str = ""


class Skipped(t.NamedTuple):
    """A message that an action left alone, and why."""

    message: Identity
    why: str


class ActionResult(t.NamedTuple):
    """What an action did.

    :param gone: messages that left the queue before the action reached them, which is no failure.
    :param transcript: what the MTA said while it worked, where it says anything.
    """

    affected: t.Tuple[Identity, ...] = ()
    gone: t.Tuple[Identity, ...] = ()
    skipped: t.Tuple[Skipped, ...] = ()
    transcript: t.Tuple[str, ...] = ()


class Detail(t.NamedTuple):
    """One message with its content.

    :param headers: name and value, unfolded, in order.
    :param body: text up to the requested limit; undecodable bytes are shown as C(\\xNN).
    :param body_size: bytes of the whole body.
    """

    message: Message
    headers: t.Tuple[t.Tuple[str, str], ...]
    body: str
    body_size: int


class HostStatus(t.NamedTuple):
    """What an MTA remembers about a host that it delivered to.

    :param status: its text, empty for success.
    :param when: seconds since the epoch.
    """

    host: str
    status: str
    when: int


#: What is called with the name of a file that cannot be read as a message, and the reason.
ReportUnreadable = t.Callable[[str, str], None]


def ignore(path: str, why: str) -> None:
    """Report to nobody."""


def identity(message: Message) -> Identity:
    """Return the part of a message that an action needs."""
    return Identity(
        message.id, message.instance, message.status, message.arrival, message.size, message.sender, message.path
    )


def parted(
    targets: t.Iterable[Identity], test: t.Callable[[Identity], bool]
) -> t.Tuple[t.List[Identity], t.List[Identity]]:
    """Return the messages that pass a test, and the others."""
    passed: t.List[Identity] = []
    others: t.List[Identity] = []
    for target in targets:
        (passed if test(target) else others).append(target)
    return passed, others


def look_for(targets: t.Sequence[Identity], look: t.Callable[[Identity], t.Any]) -> t.Dict[str, t.Any]:
    """Return what I(look) finds of each message, by ID. A message that is not found is looked for again before it counts as gone.

    A message can move from a place not yet searched to one that was searched already.
    """
    results: t.Dict[str, t.Any] = {}
    missing = list(targets)
    for attempt in range(_LOOKS):
        if attempt:
            time.sleep(_PAUSE)
        for target in missing:
            result = look(target)
            if result:
                results[target.id] = result
        missing = [target for target in missing if target.id not in results]
        if not missing:
            break
    return results


# --- for people and JSON -----------------------------------------------------------------------------------------


def as_record(message: Message) -> t.Dict[str, t.Any]:
    """Return a message as the modules return it."""
    record: t.Dict[str, t.Any] = dict(message._asdict())
    record["arrived"] = utc(message.arrival)
    record["recipients"] = [
        {"address": to.address, "reason": to.reason, "dsn": status_code(to.reason or message.reason)}
        for to in message.recipients
    ]
    return record


def waits_for(message: Message) -> str:
    """Return a sentence that says why a message is still in the queue."""
    reasons = sorted({to.reason or message.reason for to in message.recipients} - {""})
    recorded = "; ".join(reasons) or "nothing is recorded yet"
    if message.status == HOLD:
        return f"It is on hold until it is released ({message.reason or 'no reason is recorded'})."
    if message.status == CORRUPT:
        return "The MTA could not read its file and set it aside."
    if message.status == ACTIVE:
        return f"It is being delivered or about to be (last result: {recorded})."
    if message.status == INCOMING:
        return "It has just arrived; no delivery was tried yet."
    following = f"next attempt {utc(message.next_attempt)}" if message.next_attempt else "next attempt with a queue run"
    return f"Delivery was tried and deferred, {following}: {recorded}."


_STATUS = re.compile(r"\b[2345][0-9][0-9][ -]([245]\.[0-9]{1,3}\.[0-9]{1,3})\b")


def status_code(reason: str) -> str:
    """Return the enhanced status code behind a reply code in an MTA's text (RFC 3463); empty where there is none."""
    match = _STATUS.search(reason)
    return match.group(1) if match else ""


def clean(raw: bytes) -> str:
    """Return bytes of a queue file as text for JSON; what is not UTF-8 is shown as C(\\xNN)."""
    return raw.decode("utf-8", "backslashreplace")


def unfold(text: str) -> t.Iterator[t.Tuple[str, str]]:
    """Return header fields as name and value, with folded lines joined (RFC 5322 section 2.2.3)."""
    name, value = "", ""
    for line in text.splitlines():
        if line[:1] in (" ", "\t") and name:
            value = f"{value} {line.strip()}".strip()
            continue
        if name:
            yield name, value
        name, dummy, value = line.partition(":")
        value = value.strip()
    if name:
        yield name, value


# --- order -------------------------------------------------------------------------------------------------------

_ORDERS: t.Dict[str, t.Callable[[Message], t.Any]] = {
    "oldest": lambda message: (message.arrival, message.instance, message.id),
    "newest": lambda message: (-message.arrival, message.instance, message.id),
    "largest": lambda message: (-message.size, message.arrival, message.instance, message.id),
}
ORDERS = tuple(sorted(_ORDERS))


def first(messages: t.Iterable[Message], order: str, limit: int) -> t.List[Message]:
    """Return the first I(limit) messages in an order. Read the stream to its end, but keep no more messages than these."""
    if limit > 0:
        return heapq.nsmallest(limit, messages, key=_ORDERS[order])
    for dummy in messages:
        pass
    return []
