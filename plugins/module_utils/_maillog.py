# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mail log, joined: one delivery for each recipient and outcome, from the lines of both MTAs and all instances.

Private to the collection: it can change at any time.

Lines go to the driver that knows their tag; what the drivers find stays bytes (see _logrecords.py) until it is shown.
"""

import json
import typing as t

from ._errors import OptionError
from ._logrecords import (
    CLIENT,
    DEFERRED,
    FINAL,
    HEAD,
    HELD,
    LINES,
    MESSAGE,
    MESSAGE_ID,
    ORIGINAL,
    OTHER_STATUSES,
    PLACE,
    QUEUE_ID,
    RAW_FIELDS,
    RECIPIENT,
    RELAY,
    SENDER,
    SIZE,
    STARTED,
    STATUS,
    STATUS_CODE,
    STATUSES,
    SUBJECT,
    TLS,
    TLS_IN,
    WAITING,
    Ledger,
    Message,
    Outbox,
    Place,
    Raw,
    process_of,
    reason_of,
    value_of,
)
from ._logrecords import DELAY as RAW_DELAY
from ._logrecords import DELAYS as RAW_DELAYS
from ._logtime import Clock, seconds_of
from ._postfix import maillog as _postfix_log
from ._sendmail import maillog as _sendmail_log

#: Postfix first: its tags have a slash, and sendmail's are anything else.
DRIVERS = {"postfix": _postfix_log, "sendmail": _sendmail_log}
_FEW_MESSAGES = 20000
_MOST_MESSAGES = 100000
_MOST_TAGS = 5000


class Counts(t.NamedTuple):
    """What happened to the lines. I(skipped): no log line at all, or one of an MTA that does not parse."""

    lines: int
    skipped: int


class Join:
    """Joins lines into deliveries. Memory holds the messages in flight, never the log.

    :param keep: keep every message's lines with it.
    """

    def __init__(self, keep: bool = False) -> None:
        self.outbox = Outbox()
        self.lines = 0
        self.skipped = 0
        self._keep = keep
        self._ledgers: t.Dict[Place, Ledger] = {}
        self._handlers: t.Dict[bytes, t.Any] = {}
        self._limits: t.Dict[Place, int] = {}

    def feed(self, lines: t.Sequence[bytes]) -> None:
        """Take the next lines; what they complete is in I(outbox) until take()."""
        handlers, unknown, tls = self._handlers, self._new_handler, self.outbox.tls
        skipped = 0
        for line in lines:
            parts = line.split(b": ", 2)
            try:
                if len(parts) == 3:
                    head, queue_id, text = parts
                    tag = head[16 if head[0] > 57 else head.index(b" ") + 1 : head.rindex(b"[")]
                    handler = handlers.get(tag, unknown)
                    if handler is unknown:
                        handler = unknown(tag)
                    if handler:
                        handler(line, head, queue_id, text)
                elif tls or len(parts) == 1 or parts[1][:1] in (b"r", b"S"):
                    self._session(parts)
            except (ValueError, IndexError, KeyError):
                skipped += 1
        self.lines += len(lines)
        self.skipped += skipped
        self._sweep()

    def take(self) -> t.List[Raw]:
        """The deliveries that are complete, and the outbox is empty again."""
        found = self.outbox.deliveries[:]
        del self.outbox.deliveries[:], self.outbox.accepted[:], self.outbox.started[:]
        return found

    def finish(self) -> None:
        """The log has ended: let go what waits for lines that will not come."""
        for ledger in self._ledgers.values():
            _sendmail_log.flush(ledger)

    def counts(self) -> Counts:
        """How many lines came, and how many were no log lines."""
        return Counts(self.lines, self.skipped)

    def _new_handler(self, tag: bytes) -> t.Any:
        host, _blank, name = tag.partition(b" ")
        if not name or b" " in name:
            raise ValueError("no host and tag")
        if len(self._handlers) > _MOST_TAGS:
            self._handlers.clear()
        self._handlers[tag] = None
        for mta, driver in DRIVERS.items():
            instance = driver.instance_of(name)
            if instance is not None:
                self._handlers[tag] = driver.handler(self._ledger(Place(mta, host, instance)), name)
                break
        return self._handlers[tag]

    def _ledger(self, place: Place) -> Ledger:
        if place not in self._ledgers:
            self._ledgers[place] = Ledger(place, self.outbox, self._keep)
        return self._ledgers[place]

    def _session(self, parts: t.List[bytes]) -> None:
        """Lines without a queue ID."""
        if len(parts) != 2:
            raise ValueError("no log line")
        head, text = parts
        process = process_of(head)
        host, _blank, name = process[: process.rindex(b"[")].partition(b" ")
        for mta, driver in DRIVERS.items():
            instance = driver.instance_of(name)
            if instance is not None:
                driver.session(self._ledger(Place(mta, host, instance)), head, text)
                return

    def _sweep(self) -> None:
        """Forgets messages that are done, and beyond a limit the oldest ones."""
        for place, ledger in self._ledgers.items():
            messages = ledger.messages
            if len(messages) <= self._limits.get(place, _FEW_MESSAGES):
                continue
            closed = DRIVERS[place.mta].closed
            for queue_id in [queue_id for queue_id, message in messages.items() if closed(message)]:
                del messages[queue_id]
            for queue_id in list(messages)[: max(0, len(messages) - _MOST_MESSAGES)]:
                del messages[queue_id]
            self._limits[place] = len(messages) + _FEW_MESSAGES

    # --- across calls: what since_last keeps ---

    def dump(self) -> str:
        """The open messages as JSON, for load() in the next run."""
        ledgers = []
        for place, ledger in self._ledgers.items():
            closed = DRIVERS[place.mta].closed
            messages = [_dump_message(key, one) for key, one in ledger.messages.items() if not closed(one)]
            ledgers.append(
                {"place": [place.mta, _text(place.host), _text(place.instance)], "messages": messages[-_FEW_MESSAGES:]}
            )
        return json.dumps({"ledgers": ledgers})

    def load(self, dumped: str) -> None:
        """Take the open messages of an earlier run.

        :raises ValueError: when the text is not what dump() wrote.
        """
        for one in json.loads(dumped)["ledgers"]:
            mta, host, instance = one["place"]
            ledger = self._ledger(Place(mta, _bytes(host), _bytes(instance)))
            for queue_id, parts, waiting in one["messages"]:
                message = [_bytes(part) if isinstance(part, str) else part for part in parts]
                ledger.messages[_bytes(queue_id)] = message
                if waiting:
                    raws = [_load_raw(raw, ledger.place, message) for raw in waiting]
                    message[WAITING] = {raw[RECIPIENT]: raw for raw in raws}


def _dump_message(queue_id: bytes, message: Message) -> t.List[t.Any]:
    parts = [_text(part) if isinstance(part, bytes) else part for part in message]
    parts[WAITING] = parts[LINES] = None
    waiting = [_dump_raw(raw) for raw in (message[WAITING] or {}).values()]
    return [_text(queue_id), parts, waiting]


def _dump_raw(raw: Raw) -> t.List[t.Any]:
    return [
        None if at in (PLACE, MESSAGE) else _text(part) if part is not None else None for at, part in enumerate(raw)
    ]


def _load_raw(parts: t.List[t.Any], place: Place, message: Message) -> Raw:
    found = [_bytes(part) if part is not None else None for part in parts]
    found[PLACE], found[MESSAGE], found[STATUS] = place, message, DEFERRED
    return tuple(found)


def _text(raw: bytes) -> str:
    return raw.decode("latin-1")


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")


# --- the last word on each recipient ----------------------------------------------------------------------------------


class LastAttempts:
    """Drops what a later attempt has overtaken, so that each recipient appears once, with its fate so far."""

    def __init__(self) -> None:
        self._open: t.Dict[t.Tuple[t.Any, ...], Raw] = {}

    def feed(self, raws: t.Iterable[Raw]) -> t.Iterator[Raw]:
        """Lets final outcomes through at once, and keeps deferred ones until the next attempt."""
        waiting = self._open
        for raw in raws:
            if raw[STATUS] is DEFERRED or raw[STATUS] is HELD and raw[RECIPIENT]:
                waiting[raw[PLACE], raw[QUEUE_ID], raw[RECIPIENT]] = raw
                if len(waiting) > _MOST_MESSAGES:
                    yield waiting.pop(next(iter(waiting)))
                continue
            if waiting and raw[STATUS] in FINAL:
                waiting.pop((raw[PLACE], raw[QUEUE_ID], raw[RECIPIENT]), None)
            yield raw

    def finish(self) -> t.Iterator[Raw]:
        """Those whose last word is "deferred" or "held"."""
        yield from self._open.values()
        self._open.clear()


# --- to look at -------------------------------------------------------------------------------------------------------


class Delivery(t.NamedTuple):
    """One recipient's delivery, readable. None is "the log does not say".

    :param received: when the message came in; I(time) is when the outcome was logged.
    :param delay: seconds from arrival to outcome; I(delays) are its parts (Postfix: before the queue manager, in the
        active queue, connecting, transmitting; sendmail: transmitting).
    :param tls_in: protocol of the incoming connection, empty without TLS; I(tls_out) of the outgoing one.
    """

    time: str
    received: t.Optional[str]
    mta: str
    host: str
    instance: str
    queue_id: str
    message_id: t.Optional[str]
    client: t.Optional[str]
    client_address: t.Optional[str]
    sender: t.Optional[str]
    recipient: str
    original_recipient: str
    size: t.Optional[int]
    direction: t.Optional[str]
    relay: str
    relay_address: t.Optional[str]
    delay: t.Optional[float]
    delays: t.List[float]
    tls_in: t.Optional[str]
    tls_out: t.Optional[str]
    status: str
    status_code: str
    reason: str
    subject: str


def delivery(raw: Raw, clock: Clock, direction: t.Optional[str]) -> Delivery:
    """A delivery to look at.

    :raises ValueError: when its line has no time stamp.
    """
    message, place = raw[MESSAGE], raw[PLACE]
    client, client_address = peer(message[CLIENT])
    relay, relay_address = peer(value_of(raw[RELAY]) or None)
    return Delivery(
        time=clock.text(raw[HEAD]),
        received=clock.text(message[STARTED]) if message[STARTED] else None,
        mta=place.mta,
        host=readable(place.host),
        instance=readable(place.instance),
        queue_id=readable(raw[QUEUE_ID]),
        message_id=readable(message[MESSAGE_ID]) or None,
        client=client,
        client_address=client_address,
        sender=None if message[SENDER] is None else readable(message[SENDER]),
        recipient=readable(raw[RECIPIENT]),
        original_recipient=readable(raw[ORIGINAL]),
        size=int(message[SIZE]) if message[SIZE].isdigit() else None,
        direction=direction,
        relay=relay or "",
        relay_address=relay_address,
        delay=_seconds(value_of(raw[RAW_DELAY])),
        delays=[found for found in map(_seconds, value_of(raw[RAW_DELAYS]).split(b"/")) if found is not None],
        tls_in=_optional(message[TLS_IN]),
        tls_out=_optional(raw[TLS]),
        status=readable(raw[STATUS]),
        status_code=readable(value_of(raw[STATUS_CODE])),
        reason=readable(reason_of(raw)),
        subject=readable(message[SUBJECT]),
    )


def post_line(shown: Delivery) -> str:
    """C(Date|Time|Size|Direction|Sender|Recipient|Relay), the relay being the MTA that sent the message here."""
    moment = shown.received or shown.time
    date = "%d.%d.%s" % (int(moment[8:10]), int(moment[5:7]), moment[:4])
    size = "" if shown.size is None else str(shown.size)
    direction = (shown.direction or "").upper()
    relay = (shown.client or "").partition("[")[0] or shown.client_address or shown.client or ""
    parts = (date, moment[11:19], size, direction, shown.sender or "", shown.recipient, relay)
    return "|".join(part.replace("|", "%7C") for part in parts)


def readable(raw: bytes) -> str:
    """Log bytes as text: what is not UTF-8 and what is not printable is shown as C(\\xNN)."""
    text = raw.decode("utf-8", "backslashreplace")
    return text if text.isprintable() else "".join(one if one.isprintable() else "\\x%02x" % ord(one) for one in text)


def peer(raw: t.Optional[bytes]) -> t.Tuple[t.Optional[str], t.Optional[str]]:
    """Name with address and port as Postfix writes them, and the address: C(mx.example[192.0.2.1]:25), C(192.0.2.1).

    sendmail's C(mx.example. [192.0.2.1]) becomes the same, and C((may be forged)) goes.
    """
    if raw is None:
        return None, None
    text = readable(raw.partition(b", ")[0])
    name, bracket, rest = text.partition("[")
    if not bracket:
        return text.rstrip("."), None
    address, _close, after = rest.partition("]")
    port = after if after[:1] == ":" else ""
    return f"{name.strip().rstrip('.')}[{address}]{port}", address.replace("IPv6:", "")


def _seconds(raw: bytes) -> t.Optional[float]:
    try:
        return seconds_of(raw.decode("ascii")) if raw else None
    except ValueError:
        return None


def _optional(raw: t.Optional[bytes]) -> t.Optional[str]:
    return None if raw is None else readable(raw)


def check_statuses(names: t.Iterable[str]) -> t.FrozenSet[bytes]:
    """Statuses as they are in a Raw.

    :raises OptionError: for a word that is none.
    """
    known = {status.decode(): status for status in STATUSES + OTHER_STATUSES}
    for name in names:
        if name not in known:
            raise OptionError("select.status", name, "one of " + ", ".join(known))
    return frozenset(known[name] for name in names)


__all__ = [
    "RAW_FIELDS",
    "Counts",
    "Delivery",
    "Join",
    "LastAttempts",
    "check_statuses",
    "delivery",
    "peer",
    "post_line",
]
