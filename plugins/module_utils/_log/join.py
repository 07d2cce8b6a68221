# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mail log, joined: one delivery for each recipient and outcome, from the lines of both MTAs and all instances.

Private to the collection: it can change at any time.

Lines go to the driver that knows their tag; what the drivers find stays bytes (see _logrecords.py) until it is shown.
"""

import functools
import json
import typing as t

from .._model.log import (
    DEFERRED,
    FINAL,
    HELD,
    LINES,
    PLACE,
    QUEUE_ID,
    RECIPIENT,
    STATUS,
    WAITING,
    Ledger,
    Message,
    Outbox,
    Place,
    Raw,
    new_message,
    wait,
)
from .._postfix import maillog as _postfix_log
from .._sendmail import maillog as _sendmail_log

#: Postfix first: its tags have a slash, and sendmail's are anything else.
DRIVERS = {"postfix": _postfix_log, "sendmail": _sendmail_log}
#: So many messages may gather before the closed ones are looked for. More would not fit into the processor's caches.
_FEW_MESSAGES = 4000
_MOST_DUMPED = 20000
_MOST_MESSAGES = 100000
_MOST_TAGS = 5000
#: A number in bytes is found four times as fast as bytes.
_SLASH, _BRACKET = ord("/"), ord("]")
#: What the lines without a queue ID begin with that start something: sendmail's C(STARTTLS=) and C(ruleset=).
_NEW_SESSION = frozenset(b"Sr")
Handler = t.Callable[[bytes, bytes, bytes, bytes, bytes], None]


class Counts(t.NamedTuple):
    """What happened to the lines. I(skipped): no log line at all, or one of an MTA that does not parse."""

    lines: int
    skipped: int


class Reader(t.NamedTuple):
    """What reads the lines of one tag: I(line(line, head, process, queue_id, text)), and I(session(head, process, text)) those without a queue ID."""

    line: Handler
    session: t.Callable[[bytes, bytes, bytes], None]


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
        self._tags: t.Dict[bytes, Reader] = {}
        #: Postfix, whose processes have many lines each: what reads the lines of C( host tag[pid]).
        self._handlers: t.Dict[bytes, Handler] = {}
        #: sendmail, which has a process for every message: C( host tag[) of the last line, and what reads it.
        self._tag = b"-"
        self._of_tag: Handler = _ignore
        #: How long a stamp is: the same in all of a file.
        self._stamp = 15
        self._limits: t.Dict[Place, int] = {}

    def feed(self, lines: t.Sequence[bytes]) -> None:
        """Take the next lines; what they complete is in I(outbox) until take()."""
        handlers, tls = self._handlers, self.outbox.tls
        stamp, tag, of_tag = self._stamp, self._tag, self._of_tag
        tag_length = len(tag)
        skipped = 0
        for line in lines:
            parts = line.split(b": ", 2)
            try:
                if len(parts) == 3:
                    head, queue_id, text = parts
                    # Postfix has many lines of a process, sendmail of a tag.
                    process = head[stamp:]
                    if _SLASH in process:
                        handler = handlers.get(process)
                    elif process[:tag_length] == tag:
                        handler = of_tag
                    else:
                        handler = None
                    if handler is None:
                        handler = self._handler_of(head)
                        stamp, tag, of_tag = self._stamp, self._tag, self._of_tag
                        tag_length, process = len(tag), head[stamp:]
                    handler(line, head, process, queue_id, text)
                elif parts[0][-1] != _BRACKET:
                    _without_process(parts[0])
                elif parts[1][0] in _NEW_SESSION or tls and parts[0][stamp:] in tls:
                    self._session(*parts)
            except (ValueError, IndexError, KeyError):
                skipped += 1
        self.lines += len(lines)
        self.skipped += skipped
        self._sweep()

    def take(self) -> t.List[Raw]:
        """The deliveries that are complete, and the outbox is empty again."""
        found = self.outbox.deliveries[:]
        self.outbox.clear()
        return found

    def finish(self) -> None:
        """The log has ended: let go what waits for lines that will not come."""
        for ledger in self._ledgers.values():
            _sendmail_log.flush(ledger)

    def counts(self) -> Counts:
        """How many lines came, and how many were no log lines."""
        return Counts(self.lines, self.skipped)

    def _handler_of(self, head: bytes) -> Handler:
        """What reads the lines of this process or tag, of which this is the first one; or the stamp has another length."""
        self._stamp = _stamp_length(head)
        tag = head[self._stamp : head.rindex(b"[")]
        handler = self._reader_of(tag).line
        if _SLASH in tag:
            self._handlers[head[self._stamp :]] = handler
        else:
            self._tag, self._of_tag = tag + b"[", handler
        return handler

    def _reader_of(self, tag: bytes) -> Reader:
        if len(self._handlers) > _MOST_TAGS or len(self._tags) > _MOST_TAGS:
            self._handlers.clear()
            self._tags.clear()
        if tag not in self._tags:
            self._tags[tag] = self._new_reader(tag)
        return self._tags[tag]

    def _new_reader(self, tag: bytes) -> Reader:
        host, _blank, name = tag[1:].partition(b" ")
        if not name or b" " in name:
            raise ValueError("no host and tag")
        for mta, driver in DRIVERS.items():
            instance = driver.instance_of(name)
            if instance is not None:
                ledger = self._ledger(Place(mta, host, instance))
                return Reader(driver.handler(ledger, name) or _ignore, functools.partial(driver.session, ledger))
        raise ValueError("no tag")

    def _ledger(self, place: Place) -> Ledger:
        if place not in self._ledgers:
            self._ledgers[place] = Ledger(place, self.outbox, self._keep)
        return self._ledgers[place]

    def _session(self, head: bytes, text: bytes) -> None:
        """A line without a queue ID, of which few say anything: TLS sessions begin and end, connections are rejected."""
        stamp = _stamp_length(head)
        reader = self._reader_of(head[stamp : head.rindex(b"[")])
        reader.session(head, head[stamp:], text)

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
            # A share of those that stay, so that a message is not looked at again and again.
            self._limits[place] = len(messages) * 5 // 4 + _FEW_MESSAGES

    # --- across calls: what since_last keeps ---

    def dump(self) -> str:
        """The open messages as JSON, for load() in the next run."""
        ledgers = []
        for place, ledger in self._ledgers.items():
            closed = DRIVERS[place.mta].closed
            messages = [_dump_message(key, one) for key, one in ledger.messages.items() if not closed(one)]
            ledgers.append(
                {"place": [place.mta, _text(place.host), _text(place.instance)], "messages": messages[-_MOST_DUMPED:]}
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
                if len(message) != len(new_message()):
                    raise ValueError("the state of another version")
                ledger.messages[_bytes(queue_id)] = message
                for recipient, line, tls in waiting:
                    wait(message, (_bytes(recipient),), _bytes(line), None if tls is None else _bytes(tls))


def _stamp_length(head: bytes) -> int:
    # C(Nov 22 07:39:25), or an RFC 3339 stamp, which begins with a digit.
    return 15 if head[0] > 57 else head.index(b" ")


def _without_process(head: bytes) -> None:
    """A line of a program that does not write its process ID says nothing about mail.

    :raises ValueError: when it is no log line: time, host and tag.
    """
    _host, _blank, tag = head[_stamp_length(head) + 1 :].partition(b" ")
    if not tag or b" " in tag:
        raise ValueError("no log line")


def _ignore(_line: bytes, _head: bytes, _process: bytes, _queue_id: bytes, _text: bytes) -> None:
    """Reads the lines of a daemon that says nothing about a delivery, and of other programs."""


def _dump_message(queue_id: bytes, message: Message) -> t.List[t.Any]:
    parts = [_text(part) if isinstance(part, bytes) else part for part in message]
    parts[WAITING] = parts[LINES] = None
    waiting = [
        [_text(recipient), _text(line), None if tls is None else _text(tls)]
        for recipient, (line, tls) in (message[WAITING] or {}).items()
    ]
    return [_text(queue_id), parts, waiting]


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
                key = raw[PLACE], raw[QUEUE_ID], raw[RECIPIENT]
                waiting.pop(key, None)  # so that the order is that of the last attempts
                waiting[key] = raw
                if len(waiting) > _MOST_MESSAGES:
                    yield waiting.pop(next(iter(waiting)))
                continue
            if waiting and raw[STATUS] in FINAL:
                waiting.pop((raw[PLACE], raw[QUEUE_ID], raw[RECIPIENT]), None)
            yield raw

    def keys(self) -> t.List[t.Tuple[t.Any, ...]]:
        """Who waits for a later attempt, for forget() in another process."""
        return [(tuple(place), queue_id, recipient) for place, queue_id, recipient in self._open]

    def forget(self, keys: t.Iterable[t.Tuple[t.Any, ...]]) -> None:
        """Leave these to somebody else."""
        for key in keys:
            self._open.pop(key, None)

    def finish(self) -> t.Iterator[Raw]:
        """Those whose last word is "deferred" or "held"."""
        yield from self._open.values()
        self._open.clear()
