# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Queued messages, MTA-neutral: the record, the summary of many, and how summaries of hosts become the fleet's.

Private to the collection: it can change at any time.

Everything here takes messages one by one: a queue of 100,000 never stands in memory.
"""

import bisect
import heapq
import re
import time
import typing as t

from .selection import domain_of

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

#: The upper ends of the age classes in minutes, those of qshape(1); the last class is open.
AGE_LIMITS = (5, 10, 20, 40, 80, 160, 320, 640, 1280)

#: What can be done to messages.
FLUSH, DELIVER, RELEASE, REQUEUE, DELETE, EXPIRE = "flush", "deliver", "release", "requeue", "delete", "expire"
ACTIONS = (FLUSH, DELIVER, HOLD, RELEASE, REQUEUE, DELETE, EXPIRE)

#: The tables of a summary.
TABLES = ("statuses", "senders", "sender_domains", "recipients", "domains", "nexthops", "reasons")

_LOOKS = 4
_GLANCE = 0.01

NO_REASON = "(none recorded)"
LOCAL = "(local)"


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


class Outcome(t.NamedTuple):
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
Report = t.Callable[[str, str], None]


def ignore(path: str, why: str) -> None:
    """A Report for those who do not want to know."""


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


def utc(seconds: float) -> str:
    """An instant as text in UTC (RFC 3339)."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


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


# --- reasons -----------------------------------------------------------------------------------------------------

_HOST_AND_ADDRESS = re.compile(r"\b([A-Za-z0-9_.:-]+)\[([0-9A-Fa-f.:]+)\](:[0-9]+)?")
_IPV4 = re.compile(r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b")
_IPV6 = re.compile(r"\b[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){2,7}\b")
_MAIL_ADDRESS = re.compile(r"<[^<>\s]*@[^<>\s]*>")
# Names, but no version numbers and no parts of web addresses, which tell what to do.
_NAME = re.compile(r"(?<![/\w.@-])(?:[A-Za-z0-9_-]+\.)+[A-Za-z][A-Za-z0-9-]+\.?(?![\w@/-])")
_SERIAL = re.compile(r"\b(?=[A-Za-z0-9_-]*[0-9])(?=[A-Za-z0-9_-]*[A-Za-z])[A-Za-z0-9_-]{8,}(?:\.[0-9]+)?\b")
_SECONDS = re.compile(r"\b[0-9]+ (seconds|minutes|hours)\b")


class Explained(t.NamedTuple):
    """A reason without what differs from one message to the next, and the host that it names; empty without one."""

    text: str
    host: str


def explain(reason: str) -> Explained:
    """Make reasons countable: "timed out" is one thing, whatever address, host, recipient or serial number it names."""
    if not reason:
        return Explained(NO_REASON, "")
    named = _HOST_AND_ADDRESS.search(reason) or _NAME.search(reason)
    text = _HOST_AND_ADDRESS.sub("HOST", reason)
    text = _MAIL_ADDRESS.sub("<ADDRESS>", text)
    text = _IPV6.sub("IP", _IPV4.sub("IP", text))
    text = _NAME.sub("HOST", text)
    text = _SERIAL.sub("ID", text)
    text = _SECONDS.sub(r"N \1", text)
    host = named.group(1) if named and named.re is _HOST_AND_ADDRESS else named.group(0) if named else ""
    return Explained(" ".join(text.split()), host.rstrip(".").lower())


# --- summaries ---------------------------------------------------------------------------------------------------

# A row while it is counted: messages, recipients, bytes, the oldest as (arrival, instance, id, reason) or, merged,
# (arrival, host, instance, id, reason), the number of the message that was counted last, then the age classes.
_MESSAGES, _RECIPIENTS, _BYTES, _OLDEST, _LAST, _AGES = range(6)
_REMEMBERED = 50000
_NOBODY = (float("inf"),)
_Row = t.List[t.Any]
_Table = t.Dict[str, _Row]


class _Rows(t.NamedTuple):
    """The rows in which a recipient counts.

    :param only: where it is its message's only one: its own row, and one that stands for the rest.
    :param each: its own row, its domain's, its next hop's, its reason's.
    """

    only: t.Tuple[_Row, ...]
    each: t.Tuple[_Row, ...]


class Tally:
    """Counts messages into the tables of a summary. What it holds grows with the names, not with the messages.

    :param now: seconds since the epoch, from which ages are counted.
    """

    def __init__(self, now: float) -> None:
        # An age on the limit belongs to the older class, as qshape has it.
        self._cuts = [now - minutes * 60 for minutes in reversed(AGE_LIMITS)]
        self._number = 0
        self._total = _new_row()
        self._tables: t.Dict[str, _Table] = {name: {} for name in TABLES}
        # What was found out once is not found out for each message again: the rows of a status with a sender, and of an
        # address with a reason, and what a reason means.
        self._by_sender: t.Dict[t.Tuple[str, str], t.Tuple[_Row, ...]] = {}
        self._by_recipient: t.Dict[t.Tuple[str, str], _Rows] = {}
        self._explained: t.Dict[str, Explained] = {}
        # One row that stands for rows of several tables as long as messages are counted, and those rows.
        self._shared: t.Dict[t.Tuple[str, ...], t.Tuple[_Row, t.Tuple[_Row, ...]]] = {}

    def watch(self, messages: t.Iterable[Message]) -> t.Iterator[Message]:
        """Pass messages on and count them."""
        for message in messages:
            self.add(message)
            yield message

    def add(self, message: Message) -> None:
        """Count one message."""
        recipients, size, whole = message.recipients, message.size, message.reason
        self._number += 1
        age = _AGES + len(AGE_LIMITS) - bisect.bisect_left(self._cuts, message.arrival)
        several = len(recipients)
        reason = whole or (recipients[0].reason if recipients else "")
        oldest = (message.arrival, message.instance, message.id, reason)
        for row in self._by_sender.get((message.status, message.sender)) or self._message_rows(message):
            row[_MESSAGES] += 1
            row[_RECIPIENTS] += several
            row[_BYTES] += size
            row[age] += several
            if oldest < row[_OLDEST]:
                row[_OLDEST] = oldest
        if several == 1:
            self._add_only(recipients[0], message, age)
        else:
            self._add_several(message, age)

    def _add_only(self, recipient: Recipient, message: Message, age: int) -> None:
        """The recipient of a message that has no other."""
        address, own = recipient
        reason = own or message.reason
        oldest = (message.arrival, message.instance, message.id, reason)
        for row in (self._by_recipient.get((address, reason)) or self._recipient_rows(address, reason)).only:
            row[_MESSAGES] += 1
            row[_RECIPIENTS] += 1
            row[_BYTES] += message.size
            row[age] += 1
            if oldest < row[_OLDEST]:
                row[_OLDEST] = oldest

    def _add_several(self, message: Message, age: int) -> None:
        """Each of several recipients; to a domain with two of them it is still one message."""
        number = self._number
        for address, own in message.recipients:
            reason = own or message.reason
            oldest = (message.arrival, message.instance, message.id, reason)
            for row in (self._by_recipient.get((address, reason)) or self._recipient_rows(address, reason)).each:
                row[_RECIPIENTS] += 1
                row[age] += 1
                if row[_LAST] != number:
                    row[_LAST] = number
                    row[_MESSAGES] += 1
                    row[_BYTES] += message.size
                    if oldest < row[_OLDEST]:
                        row[_OLDEST] = oldest

    def _message_rows(self, message: Message) -> t.Tuple[_Row, ...]:
        sender, tables = message.sender, self._tables
        domain = domain_of(sender) or sender
        inner = (self._total, _row(tables["statuses"], message.status), _row(tables["sender_domains"], domain))
        rows = (_row(tables["senders"], sender), self._share(inner, message.status, domain))
        _remember(self._by_sender, (message.status, sender), rows)
        return rows

    def _recipient_rows(self, address: str, reason: str) -> _Rows:
        explained = self._explained.get(reason)
        if explained is None:
            explained = explain(reason)
            _remember(self._explained, reason, explained)
        tables, domain = self._tables, domain_of(address) or LOCAL
        nexthop = explained.host or domain
        inner = (
            _row(tables["domains"], domain),
            _row(tables["nexthops"], nexthop),
            _row(tables["reasons"], explained.text),
        )
        own = _row(tables["recipients"], address)
        rows = _Rows((own, self._share(inner, domain, nexthop, explained.text)), (own, *inner))
        _remember(self._by_recipient, (address, reason), rows)
        return rows

    def _share(self, rows: t.Tuple[_Row, ...], *names: str) -> _Row:
        return self._shared.setdefault(names, (_new_row(), rows))[0]

    def _settle(self) -> None:
        """Give what was counted in shared rows to the tables."""
        for shared, rows in self._shared.values():
            for row in rows:
                row[_OLDEST] = min(row[_OLDEST], shared[_OLDEST])
                for place in (_MESSAGES, _RECIPIENTS, _BYTES, *range(_AGES, len(shared))):
                    row[place] += shared[place]
            shared[:] = _new_row()

    def summary(self, top: int) -> t.Dict[str, t.Any]:
        """The tables, each with its I(top) rows by messages; 0 is all of them, which alone can be merged exactly."""
        self._settle()
        return _summary(self._total, self._tables, top)


def merge(summaries: t.Mapping[str, t.Mapping[str, t.Any]], top: int = 0) -> t.Dict[str, t.Any]:
    """Summaries of hosts as one. Exact when each is complete: the result equals one count over all messages.

    :param summaries: the host's name to its summary; each oldest message gets its host's name.
    """
    total = _new_row()
    tables: t.Dict[str, _Table] = {name: {} for name in TABLES}
    for host in sorted(summaries):
        _add_row(total, summaries[host]["total"], host)
        for name in TABLES:
            for row in summaries[host][name]:
                _add_row(_row(tables[name], row["name"]), row, host)
    merged = _summary(total, tables, top)
    merged["complete"] = merged["complete"] and all(summary["complete"] for summary in summaries.values())
    return merged


def _remember(known: t.Dict[t.Any, t.Any], key: t.Any, value: t.Any) -> None:
    """Keep an answer, in bounds: reasons with a serial number in them are all different."""
    if len(known) >= _REMEMBERED:
        known.clear()
    known[key] = value


def _new_row() -> _Row:
    return [0, 0, 0, _NOBODY, 0] + [0] * (len(AGE_LIMITS) + 1)


def _row(table: _Table, name: str) -> _Row:
    row = table.get(name)
    if row is None:
        row = table[name] = _new_row()
    return row


def _add_row(row: _Row, more: t.Mapping[str, t.Any], host: str) -> None:
    row[_MESSAGES] += more["messages"]
    row[_RECIPIENTS] += more["recipients"]
    row[_BYTES] += more["bytes"]
    for age, several in enumerate(more["ages"]):
        row[_AGES + age] += several
    oldest = more["oldest"]
    if oldest:
        found = (oldest["arrival"], oldest.get("host") or host, oldest["instance"], oldest["id"], oldest["reason"])
        row[_OLDEST] = min(row[_OLDEST], found)


def _summary(total: _Row, tables: t.Mapping[str, _Table], top: int) -> t.Dict[str, t.Any]:
    summary: t.Dict[str, t.Any] = {"total": _as_dict(total)}
    for name in TABLES:
        rows = tables[name].items()
        chosen = heapq.nsmallest(top or len(rows), rows, key=_most_first)
        summary[name] = [dict(_as_dict(row), name=key) for key, row in chosen]
    summary["distinct"] = {name: len(tables[name]) for name in TABLES}
    summary["complete"] = all(len(tables[name]) == len(summary[name]) for name in TABLES)
    return summary


def _most_first(item: t.Tuple[str, _Row]) -> t.Tuple[t.Any, ...]:
    return (-item[1][_MESSAGES], -item[1][_RECIPIENTS], item[0])


def _as_dict(row: _Row) -> t.Dict[str, t.Any]:
    return {
        "messages": row[_MESSAGES],
        "recipients": row[_RECIPIENTS],
        "bytes": row[_BYTES],
        "oldest": _as_oldest(row[_OLDEST]),
        "ages": row[_AGES:],
    }


def _as_oldest(found: t.Tuple[t.Any, ...]) -> t.Optional[t.Dict[str, t.Any]]:
    if found is _NOBODY:
        return None
    instance, message, reason = found[-3:]
    oldest = {"arrival": found[0], "arrived": utc(found[0]), "instance": instance, "id": message, "reason": reason}
    return dict(oldest, host=found[1]) if len(found) == 5 else oldest
