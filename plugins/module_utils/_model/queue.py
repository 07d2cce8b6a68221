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

#: Postfix's words are the common ones; sendmail's normal, quarantined and lost messages, and Postfix's maildrop, map to them.
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

_LOOKS = 4
_GLANCE = 0.01


class Recipient(t.NamedTuple):
    """A recipient that still waits.

    :param reason: the MTA's own text about the last attempt; empty where there was none.
    """

    address: str
    reason: str = ""


class Message(t.NamedTuple):
    """One queued message.

    :param queue: the MTA's word: incoming, active, deferred, hold, corrupt; normal, quarantined, lost.
    :param status: the common word, see STATUSES.
    :param arrival: seconds since the epoch.
    :param size: bytes, as the MTA counts them: Postfix the whole message, sendmail its body.
    :param sender: the envelope sender; C(<>) is the null sender.
    :param reason: why the message as a whole waits, where the MTA says so.
    :param attempts: how often it was tried; None where the MTA does not count.
    :param expiring: it was told to bounce at the next attempt.
    :param path: its control file; empty where it was not looked for.
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
    """What tells a message from another one that got the same queue ID later, and what an action needs of it."""

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
    """What an action came to. A message that left the queue meanwhile is gone, which is no failure.

    :param transcript: what the MTA said while it worked, where somebody wants to read it.
    """

    affected: t.Tuple[Identity, ...] = ()
    gone: t.Tuple[Identity, ...] = ()
    skipped: t.Tuple[Skipped, ...] = ()
    transcript: t.Tuple[str, ...] = ()


class Detail(t.NamedTuple):
    """One message with its content.

    :param headers: name and value, unfolded, in order.
    :param body: text up to the limit that was asked for; undecodable bytes are shown as C(\\xNN).
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


#: Told about a file that cannot be read as a message: its name, and why.
ReportUnreadable = t.Callable[[str, str], None]


def ignore(path: str, why: str) -> None:
    """Report to nobody."""


def identity(message: Message) -> Identity:
    """The part of a message that an action needs."""
    return Identity(
        message.id, message.instance, message.status, message.arrival, message.size, message.sender, message.path
    )


def look_for(targets: t.Sequence[Identity], look: t.Callable[[Identity], t.Any]) -> t.Dict[str, t.Any]:
    """What was seen of each message, by its ID. What is not seen is looked for again before it is called gone.

    A message can move from a place not yet looked into to one that was just found empty of it.
    """
    found: t.Dict[str, t.Any] = {}
    missing = list(targets)
    for attempt in range(_LOOKS):
        if attempt:
            time.sleep(_GLANCE)
        for target in missing:
            seen = look(target)
            if seen:
                found[target.id] = seen
        missing = [target for target in missing if target.id not in found]
        if not missing:
            break
    return found


# --- for people and JSON -----------------------------------------------------------------------------------------


def as_record(message: Message) -> t.Dict[str, t.Any]:
    """A message as Ansible returns it."""
    record: t.Dict[str, t.Any] = dict(message._asdict())
    record["arrived"] = utc(message.arrival)
    record["recipients"] = [
        {"address": one.address, "reason": one.reason, "dsn": status_code(one.reason or message.reason)}
        for one in message.recipients
    ]
    return record


def waits_for(message: Message) -> str:
    """Why a message is still here, as a sentence."""
    reasons = sorted({one.reason or message.reason for one in message.recipients} - {""})
    said = "; ".join(reasons) or "nothing is recorded yet"
    if message.status == HOLD:
        return f"It is on hold until somebody releases it ({message.reason or 'no reason is recorded'})."
    if message.status == CORRUPT:
        return "The MTA could not read its file and put it aside."
    if message.status == ACTIVE:
        return f"It is being delivered or about to be (last result: {said})."
    if message.status == INCOMING:
        return "It has just arrived and was not tried yet."
    following = f"next attempt {utc(message.next_attempt)}" if message.next_attempt else "next attempt with a queue run"
    return f"It was tried and put back, {following}: {said}."


_STATUS = re.compile(r"\b[2345][0-9][0-9][ -]([245]\.[0-9]{1,3}\.[0-9]{1,3})\b")


def status_code(reason: str) -> str:
    """The enhanced status code in an MTA's text (RFC 3463), where it stands behind a reply code; else empty."""
    match = _STATUS.search(reason)
    return match.group(1) if match else ""


def clean(raw: bytes) -> str:
    """Bytes of a queue file as text that every JSON parser takes; what is not UTF-8 is shown as C(\\xNN)."""
    return raw.decode("utf-8", "backslashreplace")


def unfold(text: str) -> t.Iterator[t.Tuple[str, str]]:
    """Header lines as name and value, folded ones joined (RFC 5322 section 2.2.3)."""
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
    """The first I(limit) messages in an order, holding no more than these; reads the stream to its end."""
    if limit > 0:
        return heapq.nsmallest(limit, messages, key=_ORDERS[order])
    for dummy in messages:
        pass
    return []
