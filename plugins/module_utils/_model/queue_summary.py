# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The summary of a queue: what waits by domain, sender, next hop, reason and age, for one host or merged for the fleet.

Private to the collection: it can change at any time.

Messages are counted as they pass: what is held grows with the names in the tables, not with the queue.
"""

import bisect
import heapq
import re
import typing as t

from .._clock import utc
from .queue import Message, Recipient
from .selection import domain_of

#: The upper ends of the age classes in minutes, those of qshape(1); the last class is open.
AGE_LIMITS = (5, 10, 20, 40, 80, 160, 320, 640, 1280)

#: The tables of a summary.
TABLES = ("statuses", "senders", "sender_domains", "recipients", "domains", "nexthops", "reasons")

NO_REASON = "(none recorded)"
LOCAL = "(local)"

# --- reasons -----------------------------------------------------------------------------------------------------

_HOST_AND_ADDRESS = re.compile(r"\b([A-Za-z0-9_.:-]+)\[([0-9A-Fa-f.:]+)\](:[0-9]+)?")
_IPV4 = re.compile(r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b")
_IPV6 = re.compile(r"\b[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){2,7}\b")
_MAIL_ADDRESS = re.compile(r"<[^<>\s]*@[^<>\s]*>")
# Names, but no version numbers and no parts of web addresses, which tell what to do.
_NAME = re.compile(r"(?<![/\w.@-])(?:[A-Za-z0-9_-]+\.)+[A-Za-z][A-Za-z0-9-]+\.?(?![\w@/-])")
_SERIAL = re.compile(r"\b(?=[A-Za-z0-9_-]*[0-9])(?=[A-Za-z0-9_-]*[A-Za-z])[A-Za-z0-9_-]{8,}(?:\.[0-9]+)?\b")
#: sendmail records what the next hop replied without saying who that was, and a hold names who was held. No name in them is a next hop.
_REPLY = re.compile(r"(?:Deferred: )?[245][0-9][0-9][ -]|<[^>]*>: (?:Sender|Recipient|Client|Helo) ")
_SECONDS = re.compile(r"\b[0-9]+ (seconds|minutes|hours)\b")


class Explained(t.NamedTuple):
    """A reason without what differs between messages, and the host that it names; empty where it names none."""

    text: str
    host: str


#: What the two MTAs say otherwise of the same cause, and the words for it, applied to reasons whose names are replaced.
_SAME_CAUSE = (
    (re.compile(r"^Deferred: "), ""),
    (re.compile(r"^quarantine: "), ""),
    (re.compile(r"^<[^>]*>: (?:(?:Sender|Recipient) address|Client host|Helo command|End-of-data|Data command) (?!rejected)"), ""),
    (re.compile(r"^host HOST (?:said|refused to talk to me): "), ""),
    (re.compile(r" \(in reply to [^()]*\)$"), ""),
    (re.compile(r"^connect to (?:HOST|IP): "), ""),
    (re.compile(r"^(Connection (?:timed out|refused|reset)|No route to host|Network is unreachable)(?: with| by)? (?:HOST|\[IP\])$"), r"\1"),
    (re.compile(r"^(?:Host or domain name not found\. )?Name service error for name=HOST type=\S+: Host not found, try again$"), "Host name lookup failure"),
    (re.compile(r"^Name server: HOST: host name lookup failure$"), "Host name lookup failure"),
)  # fmt: skip


def explain(reason: str) -> Explained:
    """Make reasons countable: "timed out" is one reason, whatever address, host, recipient, serial number or MTA it comes from."""
    if not reason:
        return Explained(NO_REASON, "")
    named = None if _REPLY.match(reason) else _HOST_AND_ADDRESS.search(reason) or _NAME.search(reason)
    text = _HOST_AND_ADDRESS.sub("HOST", reason)
    text = _MAIL_ADDRESS.sub("<ADDRESS>", text)
    text = _IPV6.sub("IP", _IPV4.sub("IP", text))
    text = _NAME.sub("HOST", text)
    text = _SERIAL.sub("ID", text)
    text = _SECONDS.sub(r"N \1", text)
    text = " ".join(text.split())
    for expression, words in _SAME_CAUSE:
        text = expression.sub(words, text)
    host = ""
    if named:
        host = named.group(1) if named.re is _HOST_AND_ADDRESS else named.group(0)
    return Explained(text or reason, host.rstrip(".").lower())


# --- summaries ---------------------------------------------------------------------------------------------------

# A row while it is counted: messages, recipients, bytes, the oldest as (arrival, instance, id, reason) or, merged,
# (arrival, host, instance, id, reason), the number of the message that was counted last, then the age classes.
_MESSAGES, _RECIPIENTS, _BYTES, _OLDEST, _LAST, _AGES = range(6)
_REMEMBERED = 50000
_NOBODY = (float("inf"),)
_Row = t.List[t.Any]
_Table = t.Dict[str, _Row]
#: The hosts that the reasons name, by domain. sendmail names none, Postfix the one that it has talked to.
_Hosts = t.Dict[str, t.Set[str]]


class _Rows(t.NamedTuple):
    """The rows in which a recipient counts.

    :param only: for the only recipient of a message: its own row, and a shared row for the others.
    :param each: its own row, and those of its domain, next hop and reason.
    """

    only: t.Tuple[_Row, ...]
    each: t.Tuple[_Row, ...]


class Tally:
    """The count of messages for a summary. Its size grows with the names, not with the messages.

    :param now: seconds since the epoch, from which ages are counted.
    """

    def __init__(self, now: float) -> None:
        # An age on the limit belongs to the older class, as in qshape.
        self._cuts = [now - minutes * 60 for minutes in reversed(AGE_LIMITS)]
        self._number = 0
        self._total = _new_row()
        self._tables: t.Dict[str, _Table] = {name: {} for name in TABLES}
        self._hosts: _Hosts = {}
        # Computed once for many messages: the rows of a status with a sender, those of an address with a reason, and what
        # a reason means.
        self._by_sender: t.Dict[t.Tuple[str, str], t.Tuple[_Row, ...]] = {}
        self._by_recipient: t.Dict[t.Tuple[str, str], _Rows] = {}
        self._explained: t.Dict[str, Explained] = {}
        # Shared rows, which stand for rows of several tables while messages are counted, each with those rows.
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
        """Count the only recipient of a message."""
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
        """Count each of several recipients. Two of them in a domain are one message to that domain."""
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
        if explained.host:
            self._hosts.setdefault(domain, set()).add(explained.host)
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

    def _distribute(self) -> None:
        """Add what was counted in shared rows to the tables."""
        for shared, rows in self._shared.values():
            for row in rows:
                row[_OLDEST] = min(row[_OLDEST], shared[_OLDEST])
                for column in (_MESSAGES, _RECIPIENTS, _BYTES, *range(_AGES, len(shared))):
                    row[column] += shared[column]
            shared[:] = _new_row()

    def summary(self, top: int) -> t.Dict[str, t.Any]:
        """Return the tables, each with its I(top) rows by messages. With 0 it has all rows, and can be merged exactly."""
        self._distribute()
        return _summary(self._total, self._tables, self._hosts, top)


def merge(summaries: t.Mapping[str, t.Mapping[str, t.Any]], top: int = 0) -> t.Dict[str, t.Any]:
    """Merge the summaries of hosts. Where each is complete, the result equals one count over all messages.

    :param summaries: by host. Each oldest message gets its host's name.
    """
    total = _new_row()
    tables: t.Dict[str, _Table] = {name: {} for name in TABLES}
    hosts: _Hosts = {}
    for host in sorted(summaries):
        _add_row(total, summaries[host]["total"], host)
        for name in TABLES:
            for row in summaries[host][name]:
                _add_row(_row(tables[name], row["name"]), row, host)
        for row in summaries[host]["domains"]:
            hosts.setdefault(row["name"], set()).update(row["hosts"])
    merged = _summary(total, tables, hosts, top)
    merged["complete"] = merged["complete"] and all(summary["complete"] for summary in summaries.values())
    return merged


def by_host(summary: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    """Return a summary in which a domain is no next hop of its own where all reasons that name a host name the same one.

    Postfix names the host that did not take the mail, sendmail does not: the same cause must be one row.
    """
    names = {row["name"]: row["hosts"][0] for row in summary["domains"] if len(row["hosts"]) == 1}
    table: _Table = {}
    for row in summary["nexthops"]:
        _add_row(_row(table, names.get(row["name"], row["name"])), row, "")
    rows = [dict(_as_dict(row), name=name) for name, row in sorted(table.items(), key=_most_first)]
    folded = len(summary["nexthops"]) - len(rows)
    distinct = dict(summary["distinct"], nexthops=summary["distinct"]["nexthops"] - folded)
    return dict(summary, nexthops=rows, distinct=distinct)


def _remember(cache: t.Dict[t.Any, t.Any], key: t.Any, value: t.Any) -> None:
    """Keep an answer, within bounds: reasons with a serial number are all different."""
    if len(cache) >= _REMEMBERED:
        cache.clear()
    cache[key] = value


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
        candidate = (oldest["arrival"], oldest.get("host") or host, oldest["instance"], oldest["id"], oldest["reason"])
        row[_OLDEST] = min(row[_OLDEST], candidate)


def _summary(total: _Row, tables: t.Mapping[str, _Table], hosts: _Hosts, top: int) -> t.Dict[str, t.Any]:
    summary: t.Dict[str, t.Any] = {"total": _as_dict(total)}
    for name in TABLES:
        rows = tables[name].items()
        chosen = heapq.nsmallest(top or len(rows), rows, key=_most_first)
        summary[name] = [dict(_as_dict(row), name=key) for key, row in chosen]
    for domain in summary["domains"]:
        domain["hosts"] = sorted(hosts.get(domain["name"], ()))
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


def _as_oldest(oldest: t.Tuple[t.Any, ...]) -> t.Optional[t.Dict[str, t.Any]]:
    if oldest is _NOBODY:
        return None
    arrival, *host, instance, queue_id, reason = oldest
    facts = {"arrival": arrival, "arrived": utc(arrival), "instance": instance, "id": queue_id, "reason": reason}
    return dict(facts, host=host[0]) if host else facts
