# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Figures about a log: totals, hours, who and where to most, why not, how fast. Summaries of hosts merge exactly.

Private to the collection: it can change at any time.

Everything is counted in whole numbers, so that parts that were counted apart add up to the same as the whole.
"""

import collections
import heapq
import re
import typing as t

from .._errors import OptionError
from .._model.log import (
    BOUNCED,
    CLIENT,
    COUNTED,
    COUNTED_DEFERRED,
    DEFERRED,
    DELAY,
    HEAD,
    MESSAGE,
    NOTED,
    OTHER_STATUSES,
    RECIPIENT,
    REJECTED,
    RELAY,
    SENDER,
    SENT,
    SIZE,
    STARTED,
    STATUS,
    STATUSES,
    TLS,
    TLS_IN,
    Message,
    Outbox,
    Raw,
    reason_of,
)
from .._model.selection import NULL_SENDER
from .collected import Collected
from .deliveries import Internal, peer, readable
from .stamps import Clock, seconds_of

#: A table's value holds a count and a sum of bytes in one number, which costs half the memory of two. There is room
#: for 4 PB, and most such numbers still fit into the 60 bits for which Python needs the least memory.
_SHIFT = 52
ONE = 1 << _SHIFT
_BYTES = ONE - 1
_QUOTED = re.compile(rb"<[^>]*>(?:\.\.\.|:)? ?|\[[0-9A-Fa-f:.]+\](?::\d+)?")
_REASONS = {REJECTED: "rejected", DEFERRED: "deferred", BOUNCED: "bounced"}
_RECEIVED = b"received"
PERCENTILES = (50, 90, 95, 99)

Table = t.Dict[t.Any, int]


class Summary(Collected):
    """Counts deliveries as they come.

    :param internal: what is declared as one's own, for the directions.
    """

    def __init__(self, internal: t.Optional[Internal] = None) -> None:
        super(Summary, self).__init__()
        self._internal = internal or Internal()
        self.senders: Table = {}
        self.recipients: Table = {}
        self.clients: Table = {}
        self.relays: Table = {}
        self._hours: t.Dict[bytes, Table] = {}
        self._offsets: t.Dict[bytes, str] = {}
        self.hours: t.Dict[str, t.Dict[str, int]] = {}
        self.reasons: t.Dict[str, Table] = {name: {} for name in _REASONS.values()}
        self.delays: t.Counter[t.Any] = collections.Counter()
        self.tls_in: t.Counter[t.Any] = collections.Counter()
        self.tls_out: t.Counter[t.Any] = collections.Counter()
        self.directions: Table = {}
        self.bytes_received = 0
        self.deferred_messages = 0

    def add(
        self, raws: t.Sequence[Raw], accepted: t.Sequence[Message], started: t.Iterable[bytes], clock: Clock
    ) -> None:
        """Count what one block of lines has brought."""
        slot = b""
        row: Table = {}
        for raw in raws:
            if raw[HEAD][:13] != slot:
                slot = raw[HEAD][:13]
                row = self._row(slot)
            row[raw[STATUS]] += 1
        self._sent([raw for raw in raws if raw[STATUS] is SENT])
        self._not_sent([raw for raw in raws if raw[STATUS] in _REASONS])
        for head in started:
            self._row(head[:13])[_RECEIVED] += 1
        self._accept(accepted)
        if self._internal:
            self._directions(raws)
        self._close_hours(clock)

    def take(self, outbox: Outbox, clock: Clock) -> None:
        """Count what a reading has found since it was asked last."""
        self.add(outbox.deliveries, outbox.accepted, outbox.started, clock)

    def heir(self) -> "Summary":
        """Return an empty one for what comes after this."""
        return Summary(self._internal)

    def close(self, clock: Clock) -> None:
        """Do nothing: no counter waits for the end."""

    def add_selected(self, raws: t.Sequence[Raw], clock: Clock) -> None:
        """Count deliveries that were selected, and with them the messages that they are of."""
        fresh = []
        for raw in raws:
            message = raw[MESSAGE]
            if message[SENDER] is not None and message[SIZE] is not None and not message[NOTED] & COUNTED:
                message[NOTED] |= COUNTED
                fresh.append(message)
        self.add(raws, fresh, [message[STARTED] for message in fresh if message[STARTED]], clock)

    def _row(self, slot: bytes) -> Table:
        row = self._hours.get(slot)
        if row is None:
            row = self._hours[slot] = dict.fromkeys(STATUSES + OTHER_STATUSES + (_RECEIVED,), 0)
        return row

    def _sent(self, raws: t.Sequence[Raw]) -> None:
        weights = [ONE + (raw[MESSAGE][SIZE] or 0) for raw in raws]
        _count(self.recipients, [raw[RECIPIENT] for raw in raws], weights)
        _count(self.relays, [raw[RELAY] for raw in raws], weights)
        self.delays.update([raw[DELAY] for raw in raws])
        self.tls_out.update([raw[TLS] for raw in raws])

    def _accept(self, messages: t.Sequence[Message]) -> None:
        weights = [ONE + (message[SIZE] or 0) for message in messages]
        self.bytes_received += sum(weights) - ONE * len(weights)
        _count(self.senders, [message[SENDER] for message in messages], weights)
        _count(self.clients, [message[CLIENT] for message in messages], weights)
        self.tls_in.update([message[TLS_IN] for message in messages])

    def _not_sent(self, raws: t.Iterable[Raw]) -> None:
        tables = {status: self.reasons[name] for status, name in _REASONS.items()}
        for raw in raws:
            status, message = raw[STATUS], raw[MESSAGE]
            if status is DEFERRED and not message[NOTED] & COUNTED_DEFERRED:
                message[NOTED] |= COUNTED_DEFERRED
                self.deferred_messages += 1
            reason = _QUOTED.sub(b"", reason_of(raw))[:200]
            table = tables[status]
            table[reason] = table.get(reason, 0) + 1

    def _directions(self, raws: t.Iterable[Raw]) -> None:
        for raw in raws:
            if raw[STATUS] is SENT:
                direction = self._internal.direction(raw) or "unknown"
                self.directions[direction] = self.directions.get(direction, 0) + 1

    def _close_hours(self, clock: Clock) -> None:
        # The beginning of a stamp is an hour (RFC 3339) or a minute (traditional): few, and translated once a block.
        for slot, counts in self._hours.items():
            name = self._offsets.get(slot)
            if name is None:
                if len(self._offsets) > 100000:
                    self._offsets.clear()
                name = self._offsets[slot] = _hour(slot, clock)
            row = self.hours.setdefault(name, {})
            for status, count in counts.items():
                if count:
                    word = status.decode("ascii")
                    row[word] = row.get(word, 0) + count
        self._hours.clear()

    # --- parts become a whole ---

    def parts(self) -> t.Dict[str, t.Any]:
        """Return all counts for absorb(): plain dictionaries and numbers, keys still bytes."""
        parts = {name: dict(getattr(self, name)) for name in _TABLES + _NESTED}
        parts.update({name: getattr(self, name) for name in _NUMBERS})
        return parts

    def absorb(self, parts: t.Mapping[str, t.Any]) -> None:
        """Add what was counted elsewhere: parts() of another summary."""
        for name in _TABLES:
            _add(getattr(self, name), parts[name])
        for name in _NESTED:
            mine = getattr(self, name)
            for key, table in parts[name].items():
                _add(mine.setdefault(key, {}), table)
        for name in _NUMBERS:
            setattr(self, name, getattr(self, name) + parts[name])

    def tables(self) -> t.Dict[str, t.Any]:
        """Return the counts as JSON takes them, for from_tables(): texts as keys, counts and bytes apart."""
        tables: t.Dict[str, t.Any] = {name: getattr(self, name) for name in _NUMBERS}
        for name in _TABLES:
            tables[name] = {_name(key): _unpacked(name, value) for key, value in getattr(self, name).items()}
        for name in _NESTED:
            tables[name] = {
                key: {_name(inner): count for inner, count in table.items()}
                for key, table in getattr(self, name).items()
            }
        return tables


_WEIGHTED = ("senders", "recipients", "clients", "relays")
_TABLES = _WEIGHTED + ("delays", "tls_in", "tls_out", "directions")
_NESTED = ("hours", "reasons")
_NUMBERS = ("bytes_received", "deferred_messages", "lines", "skipped")
#: Stands for "the log does not say" where None cannot stand.
UNKNOWN = "?"


def from_tables(tables: t.Mapping[str, t.Any]) -> Summary:
    """Make a summary from what tables() gave.

    :raises OptionError: when it is something else.
    """
    summary = Summary()
    try:
        parts: t.Dict[str, t.Any] = {name: int(tables[name]) for name in _NUMBERS}
        for name in _TABLES:
            parts[name] = {_key(key, name): _packed(value) for key, value in tables[name].items()}
        for name in _NESTED:
            parts[name] = {
                key: {_key(inner, name): count for inner, count in table.items()} for key, table in tables[name].items()
            }
        summary.absorb(parts)
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise OptionError("summaries", tables, f"not the tables of a summary: {problem!r}")
    return summary


def merge(many: t.Iterable[t.Mapping[str, t.Any]]) -> Summary:
    """Merge the tables of several hosts: the result is the same as if one had read all the logs."""
    merged = Summary()
    for tables in many:
        merged.absorb(from_tables(tables).parts())
    return merged


def _count(table: Table, keys: t.Iterable[t.Any], weights: t.Iterable[int]) -> None:
    before = table.get
    for key, weight in zip(keys, weights):
        table[key] = before(key, 0) + weight


def _add(into: Table, more: Table) -> None:
    for key, value in more.items():
        into[key] = into.get(key, 0) + value


def _name(key: t.Any) -> str:
    return key if isinstance(key, str) else UNKNOWN if key is None else readable(key)


def _key(name: str, table: str) -> t.Any:
    if table in ("hours", "directions"):
        return name
    return None if name == UNKNOWN else name.encode("utf-8")


def _unpacked(name: str, value: int) -> t.Any:
    return [value >> _SHIFT, value & _BYTES] if name in _WEIGHTED else value


def _packed(value: t.Any) -> int:
    return (int(value[0]) << _SHIFT) + int(value[1]) if isinstance(value, list) else int(value)


# --- to look at ---------------------------------------------------------------------------------------------------


def report(summary: Summary, top: int) -> t.Dict[str, t.Any]:
    """Write the figures for people.

    :param top: how many of each list; 0 for all.
    """
    senders, sender_domains = _addresses(summary.senders)
    recipients, recipient_domains = _addresses(summary.recipients)
    totals = _totals(summary)
    totals["senders"], totals["sender_domains"] = len(senders), len(sender_domains)
    totals["recipients"], totals["recipient_domains"] = len(recipients), len(recipient_domains)
    return {
        "totals": totals,
        "per_hour": [dict(row, hour=hour) for hour, row in sorted(summary.hours.items())],
        "top": {
            "senders": [dict(sender, name=sender["name"] or NULL_SENDER) for sender in _top(senders, top)],
            "sender_domains": _top(sender_domains, top),
            "recipients": _top(recipients, top),
            "recipient_domains": _top(recipient_domains, top),
            "clients": _top(_sides(summary.clients), top),
            "relays": _top(_sides({key.partition(b"=")[2]: value for key, value in summary.relays.items()}), top),
        },
        "reasons": {
            name: [{"reason": _name(reason), "count": count} for reason, count in _most(table, top)]
            for name, table in summary.reasons.items()
        },
        "delay": percentiles(_seconds(summary.delays)),
        "tls": {"in": share(summary.tls_in), "out": share(summary.tls_out)},
        "directions": dict(summary.directions),
        "lines": summary.lines,
        "skipped": summary.skipped,
    }


def delay_counts(summary: Summary) -> t.Dict[float, int]:
    """Return the deliveries by delay in seconds."""
    return _seconds(summary.delays)


def _totals(summary: Summary) -> t.Dict[str, int]:
    words = [status.decode() for status in STATUSES + OTHER_STATUSES] + ["received"]
    totals = {word: sum(row.get(word, 0) for row in summary.hours.values()) for word in words}
    totals["deferred_messages"] = summary.deferred_messages
    totals["bytes_received"] = summary.bytes_received
    totals["bytes_sent"] = sum(summary.recipients.values()) & _BYTES
    return totals


def percentiles(delays: t.Mapping[float, int]) -> t.Dict[str, t.Optional[float]]:
    """Return delays in seconds by percentile (nearest rank), with C(max); None without deliveries."""
    ranked = sorted(delays.items())
    total = sum(delays.values())
    delays_by_percentile: t.Dict[str, t.Optional[float]] = {
        f"p{percentile}": _rank(ranked, -(-total * percentile // 100)) for percentile in PERCENTILES
    }
    delays_by_percentile["max"] = ranked[-1][0] if ranked else None
    return delays_by_percentile


def _rank(ranked: t.Sequence[t.Tuple[float, int]], rank: int) -> t.Optional[float]:
    for seconds, count in ranked:
        rank -= count
        if rank <= 0:
            return seconds
    return None


def share(protocols: Table) -> t.Dict[str, t.Any]:
    """Return how many connections had TLS, in percent of those the log tells about, and by protocol."""
    shown = {"unknown" if key is None else readable(key) or "none": count for key, count in protocols.items()}
    told = sum(shown.values()) - shown.get("unknown", 0)
    plain = shown.get("none", 0)
    return {"percent": round(100.0 * (told - plain) / told, 2) if told else None, "protocols": shown}


def _top(table: Table, top: int) -> t.List[t.Dict[str, t.Any]]:
    return [
        {"name": _name(key), "count": value >> _SHIFT, "bytes": value & _BYTES}
        for key, value in _most(table, top, _SHIFT)
    ]


def _most(table: Table, top: int, shift: int = 0) -> t.List[t.Tuple[t.Any, int]]:
    """Return the entries with the highest counts, equal ones by name."""
    items: t.Iterable[t.Tuple[t.Any, int]] = table.items()
    if top and len(table) > top:
        # Finding the least count that is still shown needs no key function, and leaves few to sort.
        least = heapq.nlargest(top, table.values())[-1] >> shift << shift
        items = [item for item in table.items() if item[1] >= least]
    ranked = sorted(items, key=lambda item: (-(item[1] >> shift), _name(item[0])))
    return ranked[:top] if top else ranked


def _addresses(table: Table) -> t.Tuple[Table, Table]:
    """Count by address and by domain. Addresses whose domains differ only in case are one (RFC 5321 2.4)."""
    if None in table:
        table = _folded(table)
    domains = _by_domain(table)
    if any(domain != domain.lower() for domain in domains):
        table = _folded(table)
        domains = _by_domain(table)
    return table, domains


def _by_domain(table: Table) -> Table:
    domains: Table = {}
    _count(domains, [key.rpartition(b"@")[2] for key in table], table.values())
    return domains


def _folded(table: Table) -> Table:
    folded: Table = {}
    for key, value in table.items():
        local, at, domain = (key or b"").rpartition(b"@")
        name = local + at + domain.lower()
        folded[name] = folded.get(name, 0) + value
    return folded


def _sides(table: Table) -> Table:
    sides: Table = {}
    for key, value in table.items():
        name = (peer(key)[0] or "unknown").encode("utf-8")
        sides[name] = sides.get(name, 0) + value
    return sides


def _seconds(delays: Table) -> t.Dict[float, int]:
    counts: t.Dict[float, int] = {}
    for text, count in delays.items():
        try:
            seconds = round(seconds_of(text.partition(b"=")[2].decode("ascii")), 2)
        except ValueError:
            continue
        counts[seconds] = counts.get(seconds, 0) + count
    return counts


def _hour(slot: bytes, clock: Clock) -> str:
    """Return the hour of a stamp: C(2026-11-22T07+00:00)."""
    try:
        text = clock.text(slot + b":00:00" if slot[0] <= 57 else slot[:12] + b":00")
    except (ValueError, IndexError):
        return "unknown"
    return text[:13] + text[19:]
