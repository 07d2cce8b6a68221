# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mail log, joined: one delivery for each recipient and outcome, from the lines of both MTAs and all instances.

Private to the collection: it can change at any time.

Lines go to the driver that knows their tag. What the drivers make of them stays bytes (_model/log.py) until it is shown.
The loop of Join reads one form of a record; a line in any other form, JSON for instance, goes through syslog.py first.
"""

import functools
import json
import typing as t

from .._model.log import (
    DEFERRED,
    FINAL,
    HELD,
    LINES,
    MESSAGE,
    PLACE,
    QUEUE_ID,
    RECIPIENT,
    STARTED,
    STATUS,
    STATUSES,
    WAITING,
    Ledger,
    Message,
    Outbox,
    Place,
    Raw,
    new_message,
    wait,
)
from .._postfix import maillog as postfix_log
from .._sendmail import maillog as sendmail_log
from . import syslog

#: Who reads a tag, the first that knows it. Postfix knows its own; sendmail takes every other one, because it can have any name.
DRIVERS = {"postfix": postfix_log, "sendmail": sendmail_log}
#: So many messages may gather before the closed ones are looked for. More would not fit into the processor's caches.
_FEW_MESSAGES = 4000
_MOST_DUMPED = 20000
_MOST_MESSAGES = 100000
_MOST_TAGS = 5000
#: A number in bytes is found four times as fast as bytes.
_SLASH, _BRACKET = ord("/"), ord("]")
#: What the lines without a queue ID begin with that start something: sendmail's C(STARTTLS=) and C(ruleset=), Solaris' C([ID).
_NEW_SESSION = frozenset(b"Sr[")
Handler = t.Callable[[bytes, bytes, bytes, bytes, bytes], None]


class Counts(t.NamedTuple):
    """What happened to the lines. I(skipped) are those that are no record, and those of an MTA that are not understood."""

    lines: int
    skipped: int


class Reader(t.NamedTuple):
    """What reads the lines of one tag.

    :ivar line: C(line(line, head, process, queue_id, text)).
    :ivar session: C(session(head, process, text)) reads lines without a queue ID.
    """

    line: Handler
    session: t.Callable[[bytes, bytes, bytes], None]


class Join:
    """Joins lines into deliveries. Memory holds the messages in flight, never the log.

    :param keep: keep every message's lines with it.
    """

    def __init__(self, keep: bool = False) -> None:
        self.outbox = Outbox()
        self.lines = 0
        self.skipped_by_kind: t.Dict[str, int] = {}
        self._keep = keep
        self._ledgers: t.Dict[Place, Ledger] = {}
        #: One ledger of each queue, by Place.queue.
        self._queues: t.Dict[bytes, Ledger] = {}
        self._tags: t.Dict[bytes, Reader] = {}
        #: Postfix, whose processes have many lines each: what reads the lines of C( host tag[pid]).
        self._handlers: t.Dict[bytes, Handler] = {}
        #: sendmail, which has a process for every message: C( host tag[) of the last line, and what reads it.
        self._tag = b"-"
        self._of_tag: Handler = _ignore
        #: How long a stamp is: the same in all of a file.
        self._stamp = 15
        self._limits: t.Dict[t.Any, int] = {}
        #: The lines that are being read, and the one before them.
        self._block: t.Sequence[bytes] = ()
        self._before = b""

    def feed(self, lines: t.Sequence[bytes]) -> None:
        """Take the next lines; what they complete is in I(outbox) until take()."""
        self._block = lines
        self._read(lines, self._translate)
        self.lines += len(lines)
        if lines:
            self._before = lines[-1]
        self._sweep()

    def _read(self, lines: t.Sequence[bytes], otherwise: t.Callable[[bytes], None]) -> None:
        """Read lines in the usual form.

        :param otherwise: takes the lines that are no record in that form.
        """
        handlers, tls = self._handlers, self.outbox.tls
        stamp, tag, of_tag = self._stamp, self._tag, self._of_tag
        tag_length = len(tag)
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
                elif parts[1][:13] == b"last message ":
                    otherwise(line)
            except (ValueError, IndexError, KeyError):
                otherwise(line)

    def _translate(self, line: bytes) -> None:
        """Read a line that is no record in the usual form as what it stands for, or count it as skipped."""
        before = self._line_before(line) if b"repeated " in line else None
        try:
            records = syslog.records(line, before)
        except syslog.Skipped as problem:
            self._skip(problem.kind)
            return
        if records == [line]:
            if _is_of_mta(line.partition(b": ")[0].partition(b"[")[0]):
                self._skip(syslog.NOT_UNDERSTOOD)
        else:
            self._read(records, lambda _record: self._skip(syslog.NOT_UNDERSTOOD))

    def _skip(self, kind: str) -> None:
        self.skipped_by_kind[kind] = self.skipped_by_kind.get(kind, 0) + 1

    def _line_before(self, line: bytes) -> t.Optional[bytes]:
        """Return the last line of the same host before this one of the block."""
        host = syslog.host_of(line)
        position = next((number for number, other in enumerate(self._block) if other is line), 0)
        earlier = [self._before] + list(self._block[:position])
        return next((other for other in reversed(earlier) if other and syslog.host_of(other) == host), None)

    def take(self) -> t.List[Raw]:
        """Return the deliveries that are complete, and empty the outbox."""
        deliveries = self.outbox.deliveries[:]
        self.outbox.clear()
        return deliveries

    def finish(self) -> None:
        """Let go what waits for lines that will not come: the log has ended."""
        for ledger in self._queues.values():
            DRIVERS[ledger.place.mta].flush(ledger)

    def counts(self) -> Counts:
        """Return how many lines came, and how many were skipped."""
        return Counts(self.lines, sum(self.skipped_by_kind.values()))

    def start_counting(self) -> None:
        """Count from here on."""
        self.lines = 0
        self.skipped_by_kind.clear()

    def _handler_of(self, head: bytes) -> Handler:
        """Return what reads the lines of a process or tag that is met for the first time, or with a stamp of another length."""
        self._stamp = _stamp_length(head)
        process = head[self._stamp :]
        tag, bracket, _process_id = process.rpartition(b"[")
        if not bracket:
            return self._without_process_id(process)
        handler = self._reader_of(tag).line
        if _SLASH in tag:
            self._handlers[process] = handler
        else:
            self._tag, self._of_tag = tag + b"[", handler
        return handler

    def _without_process_id(self, tag: bytes) -> Handler:
        """Return what reads the lines of a program without a process ID, or of an MTA where a relay dropped it."""
        handler = self._reader_of(tag).line
        if not _is_of_mta(tag):
            return _ignore
        # Without process IDs nobody knows whose TLS session a line is about.
        self.outbox.tls[tag] = None
        return handler

    def _reader_of(self, tag: bytes) -> Reader:
        if len(self._handlers) > _MOST_TAGS or len(self._tags) > _MOST_TAGS:
            self._handlers.clear()
            self._tags.clear()
        reader = self._tags.get(tag)
        if reader is None:
            reader = self._tags[tag] = self._new_reader(tag)
        return reader

    def _new_reader(self, tag: bytes) -> Reader:
        if tag[:1] != b" ":
            raise ValueError("no stamp")
        host, _blank, name = tag[1:].partition(b" ")
        if not name or b" " in name:
            raise ValueError("no host and tag")
        for mta, driver in DRIVERS.items():
            instance = driver.instance_of(name, functools.partial(self._has_queue_manager, host))
            if instance is not None:
                ledger = self._ledger(Place(mta, host, instance, driver.queue_of(host, instance)))
                return Reader(driver.handler(ledger, name) or _ignore, functools.partial(driver.session, ledger))
        raise ValueError("no tag")

    def _has_queue_manager(self, host: bytes, name: bytes) -> bool:
        """Return whether a queue manager writes under this name, by what was read and by the lines that come next."""
        if any(place.host == host and place.instance == name for place in self._ledgers):
            return True
        marks = tuple(b" %b %b/%b[" % (host, name, daemon) for daemon in (b"qmgr", b"oqmgr"))
        return any(mark in line for line in self._block for mark in marks)

    def _ledger(self, place: Place) -> Ledger:
        ledger = self._ledgers.get(place)
        if ledger is None:
            ledger = self._ledgers[place] = Ledger(place, self.outbox, self._keep, self._queues.get(place.queue))
            self._queues.setdefault(place.queue, ledger)
            if b"/" in place.instance:
                self._take_over(ledger)
        return ledger

    def _take_over(self, ledger: Ledger) -> None:
        """Take the messages of an instance whose name has a slash from the one that they were taken for before."""
        self._handlers.clear()
        self._tags.clear()
        mark = b" %b %b/" % (ledger.place.host, ledger.place.instance)
        for other in self._queues.values():
            if other is ledger or other.place.host != ledger.place.host:
                continue
            for queue_id in [key for key, message in other.messages.items() if mark in (message[STARTED] or b"")]:
                ledger.messages[queue_id] = other.messages.pop(queue_id)

    def _session(self, head: bytes, text: bytes) -> None:
        """Read a line without a queue ID, of which few say anything: TLS sessions begin and end, connections are rejected."""
        stamp = _stamp_length(head)
        reader = self._reader_of(head[stamp : head.rindex(b"[")])
        reader.session(head, head[stamp:], text)

    def _sweep(self) -> None:
        """Forget messages that are done, and beyond a limit the oldest ones."""
        for queue, ledger in self._queues.items():
            messages = ledger.messages
            if len(messages) <= self._limits.get(queue, _FEW_MESSAGES):
                continue
            closed = DRIVERS[ledger.place.mta].closed
            for queue_id in [queue_id for queue_id, message in messages.items() if closed(message)]:
                del messages[queue_id]
            for queue_id in list(messages)[: max(0, len(messages) - _MOST_MESSAGES)]:
                del messages[queue_id]
            # A share of those that stay, so that a message is not looked at again and again.
            self._limits[queue] = len(messages) * 5 // 4 + _FEW_MESSAGES

    # --- across calls: what since_last keeps ---

    def dump(self) -> str:
        """Return the open messages, refusals and TLS sessions as JSON, for load() in the next run."""
        ledgers = [_dump_ledger(ledger) for ledger in self._queues.values()]
        sessions = [[_text(process), _plain(session)] for process, session in self.outbox.tls.items()]
        held = [_text(message) for message in self.outbox.held]
        return json.dumps({"ledgers": ledgers, "tls": sessions, "held": held})

    def load(self, dumped: str) -> None:
        """Take the open messages of an earlier run.

        :raises ValueError: when the text is not what dump() wrote.
        """
        state = json.loads(dumped)
        for process, session in state["tls"]:
            self.outbox.tls[_bytes(process)] = _session_of(session)
        self.outbox.held.update({_bytes(message): None for message in state.get("held", ())})
        for part in state["ledgers"]:
            mta, *names = part["place"]
            ledger = self._ledger(Place(mta, *(_bytes(name) for name in names)))
            for queue_id, parts, waiting in part["messages"]:
                message = ledger.messages[_bytes(queue_id)] = _load_message(parts)
                for recipient, line, tls in waiting:
                    wait(message, (_bytes(recipient),), _bytes(line), None if tls is None else _bytes(tls))
            for dumped_raw in part["waiting"]:
                raw = _load_raw(dumped_raw, ledger)
                ledger.waiting.setdefault(raw[QUEUE_ID], []).append(raw)
            for dumped_raw in part["refused"]:
                raw = _load_raw(dumped_raw, ledger)
                ledger.refused[raw[QUEUE_ID]] = raw
            for process, dumped_raw in part.get("unqueued", ()):
                ledger.unqueued[_bytes(process)] = _load_raw(dumped_raw, ledger)
            ledger.discarded.update(_load_texts(part["discarded"]))
            ledger.proxied.update(_load_texts(part["proxied"]))
            ledger.notices.update({_bytes(queue_id): None for queue_id in part["notices"]})


def _stamp_length(head: bytes) -> int:
    """Return the length of C(Nov 22 07:39:25), or of an RFC 3339 stamp, which begins with a digit.

    :raises ValueError: for a stamp in another form.
    """
    if head[0] > 57:
        return 15
    if head[10:11] != b"T":
        raise ValueError("a stamp in another form")
    return head.index(b" ")


def _is_of_mta(tag: bytes) -> bool:
    """Return whether the lines of a tag, C( host program), are an MTA's. sendmail mostly has one of these names."""
    name = tag.rpartition(b" ")[2]
    return b"/" in name or name.startswith((b"postfix", b"sendmail", b"sm-"))


def _without_process(head: bytes) -> None:
    """Check a line without a process ID and without a queue ID, which says nothing about mail.

    :raises ValueError: when it is no log line: time, host and tag.
    """
    _host, _blank, tag = head[_stamp_length(head) + 1 :].partition(b" ")
    if not tag or b" " in tag:
        raise ValueError("no log line")


def _ignore(_line: bytes, _head: bytes, _process: bytes, _queue_id: bytes, _text: bytes) -> None:
    """Read a line of a daemon that says nothing about a delivery, or of another program."""


def _dump_ledger(ledger: Ledger) -> t.Dict[str, t.Any]:
    closed = DRIVERS[ledger.place.mta].closed
    messages = [
        _dump_message(queue_id, message)
        for queue_id, message in ledger.messages.items()
        if not closed(message) or queue_id in ledger.refused
    ]
    return {
        "place": [part if isinstance(part, str) else _text(part) for part in ledger.place],
        "messages": messages[-_MOST_DUMPED:],
        "waiting": [_dump_raw(raw) for refusals in ledger.waiting.values() for raw in refusals],
        "refused": [_dump_raw(raw) for raw in ledger.refused.values()],
        "unqueued": [(_text(process), _dump_raw(raw)) for process, raw in ledger.unqueued.items()],
        "discarded": _dump_texts(ledger.discarded),
        "proxied": _dump_texts(ledger.proxied),
        "notices": [_text(queue_id) for queue_id in ledger.notices],
    }


def _dump_message(queue_id: bytes, message: Message) -> t.List[t.Any]:
    parts = [_text(part) if isinstance(part, bytes) else part for part in message]
    parts[WAITING] = parts[LINES] = None
    waiting = [
        [_text(recipient), _text(line), None if tls is None else _text(tls)]
        for recipient, (line, tls) in (message[WAITING] or {}).items()
    ]
    return [_text(queue_id), parts, waiting]


def _dump_texts(texts: t.Mapping[bytes, bytes]) -> t.List[t.Tuple[str, str]]:
    return [(_text(key), _text(value)) for key, value in texts.items()]


def _load_texts(texts: t.Sequence[t.Sequence[str]]) -> t.Dict[bytes, bytes]:
    return {_bytes(key): _bytes(value) for key, value in texts}


def _load_message(parts: t.Sequence[t.Any]) -> Message:
    message = [_bytes(part) if isinstance(part, str) else part for part in parts]
    if len(message) != len(new_message()):
        raise ValueError("the state of another version")
    return message


def _dump_raw(raw: Raw) -> t.List[t.Any]:
    """Return a refusal that waits as JSON knows it; its message stands in it, because no ledger has it yet."""
    parts = [_text(part) if isinstance(part, bytes) else part for part in raw]
    parts[PLACE] = None
    parts[MESSAGE] = _dump_message(b"", raw[MESSAGE])[1]
    return parts


def _load_raw(parts: t.Sequence[t.Any], ledger: Ledger) -> Raw:
    raw = [_bytes(part) if isinstance(part, str) else part for part in parts]
    raw[PLACE] = ledger.place
    raw[MESSAGE] = ledger.messages.get(raw[QUEUE_ID]) or _load_message(parts[MESSAGE])
    # Drivers compare a status by identity.
    raw[STATUS] = next(status for status in STATUSES if status == raw[STATUS])
    return tuple(raw)


def _plain(session: t.Any) -> t.Any:
    """Return a TLS session, bytes or a sequence of them, as JSON knows it."""
    if isinstance(session, (list, tuple)):
        return [type(session).__name__] + [_plain(part) for part in session]
    return _text(session) if isinstance(session, bytes) else session


def _session_of(plain: t.Any) -> t.Any:
    if isinstance(plain, list):
        parts = [_session_of(part) for part in plain[1:]]
        return tuple(parts) if plain[0] == "tuple" else parts
    return _bytes(plain) if isinstance(plain, str) else plain


def _text(raw: bytes) -> str:
    return raw.decode("latin-1")


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")


# --- the last word on each recipient ----------------------------------------------------------------------------------


class LastAttempts:
    """Drop what a later attempt has overtaken, so that each recipient appears once, with its fate so far."""

    def __init__(self) -> None:
        self._open: t.Dict[t.Tuple[t.Any, ...], Raw] = {}

    def feed(self, raws: t.Iterable[Raw]) -> t.Iterator[Raw]:
        """Let final outcomes through at once, and keep deferred ones until the next attempt."""
        waiting = self._open
        for raw in raws:
            if raw[STATUS] is DEFERRED or raw[STATUS] is HELD and raw[RECIPIENT]:
                key = raw[PLACE].queue, raw[QUEUE_ID], raw[RECIPIENT]
                waiting.pop(key, None)  # so that the order is that of the last attempts
                waiting[key] = raw
                if len(waiting) > _MOST_MESSAGES:
                    yield waiting.pop(next(iter(waiting), key))
                continue
            if waiting and raw[STATUS] in FINAL:
                waiting.pop((raw[PLACE].queue, raw[QUEUE_ID], raw[RECIPIENT]), None)
            yield raw

    def keys(self) -> t.List[t.Tuple[t.Any, ...]]:
        """Return who waits for a later attempt, for forget() in another process."""
        return list(self._open)

    def forget(self, keys: t.Iterable[t.Tuple[t.Any, ...]]) -> None:
        """Leave these to somebody else."""
        for key in keys:
            self._open.pop(key, None)

    def finish(self) -> t.Iterator[Raw]:
        """Return those whose last word is "deferred" or "held"."""
        yield from self._open.values()
        self._open.clear()
