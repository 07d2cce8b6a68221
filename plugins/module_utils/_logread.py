# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads logs from beginning to end: the records, the lines or the figures that were asked for.

Private to the collection: it can change at any time.
"""

import collections
import gc
import json
import os
import tempfile
import time
import typing as t

from . import _logfiles as files
from . import _logsplit, _select
from ._errors import OptionError
from ._logfiles import Position, Reading
from ._logrecords import LINE, LINES, MESSAGE, Raw
from ._logsummary import Summary, report
from ._logtime import Clock
from ._logview import Internal, Selection, delivery, post_line, post_lines, readable, select, selection, tests
from ._maillog import Join, LastAttempts
from ._runner import Runner
from ._sendmail import units

#: Where the readers of O(since_last) keep their places.
STATE_DIRECTORY = "/var/lib/postmaster.mta"


class Order(t.NamedTuple):
    """What one call of the module wants.

    :param attempts: C(last) shows each recipient once with its fate so far, C(all) every attempt.
    :param limit: records or lines at most, the newest; 0 for all.
    :param processes: with 2, a child counts half of a big file.
    """

    paths: t.Tuple[str, ...]
    selection: Selection
    internal: Internal
    now: float
    attempts: str = "last"
    full: bool = False
    limit: int = 0
    top: int = 20
    processes: int = 1


class Log:
    """One pass over the sources of an order.

    :param state: where reading ended last time; None to read everything.
    :param lines: only so many of the last lines of each source; 0 for all.
    """

    def __init__(self, runner: Runner, order: Order, state: t.Optional["State"] = None, lines: int = 0) -> None:
        self.reading = Reading()
        self.join = Join(keep=order.full)
        self._runner = runner
        self._order = order
        self._state = state
        self._last_lines = lines
        if state and state.messages:
            try:
                self.join.load(state.messages)
            except (ValueError, KeyError, TypeError) as problem:
                self.reading.notes.append(f"the messages that were open at the last call are not known: {problem}")

    def blocks(self) -> t.Iterator[t.Tuple[Clock, t.List[Raw]]]:
        """All deliveries, block by block; join.outbox holds the messages of the same block until the next one."""
        clock = Clock(0)
        for path in files.files_of(self._order.paths):
            for clock, lines in self._lines(path):
                self.join.feed(lines)
                yield clock, self.join.outbox.deliveries
                self.join.take()
        if self._state is None:
            self.join.finish()
        yield clock, self.join.take()

    def is_one_big_file(self) -> bool:
        """Whether it is worth while to read it with two processes."""
        paths = files.files_of(self._order.paths)
        if self._state is not None or self._last_lines or len(paths) != 1 or not files.is_plain(paths[0]):
            return False
        return os.stat(paths[0]).st_size >= _logsplit.WORTH_IT

    def _lines(self, path: str) -> t.Iterator[t.Tuple[Clock, t.List[bytes]]]:
        if self._state is None:
            return files.blocks_of(self._runner, path, self.reading, self._order.selection.since, self._last_lines)
        return files.blocks_since(self._runner, path, self._state.positions.get(path), self.reading)

    def selected(self) -> t.Iterator[t.Tuple[Clock, t.List[Raw]]]:
        """The deliveries that the order selects; of several attempts the last, when that is wanted."""
        conditions = tests(self._order.selection, self._order.now)
        last = LastAttempts() if self._order.attempts == "last" else None
        clock = Clock(0)
        for clock, raws in self.blocks():
            yield clock, select(raws if last is None else last.feed(raws), clock, conditions)
        if last is not None:
            yield clock.again(), select(last.finish(), clock, conditions)

    def facts(self) -> t.Dict[str, t.Any]:
        """What every answer says about the reading itself."""
        return {
            "lines": self.join.lines,
            "skipped": self.join.skipped + self.reading.overlong,
        }


def records(log: Log, order: Order) -> t.Tuple[t.List[t.Dict[str, t.Any]], int]:
    """The selected deliveries as records, in order of time, and how many there were before the limit."""
    # The newest of each file: two files can be of the same hours.
    newest: t.Dict[Clock, t.Deque[Raw]] = collections.OrderedDict()
    count = 0
    with no_cycles():
        for clock, raws in log.selected():
            count += len(raws)
            newest.setdefault(clock, collections.deque(maxlen=order.limit or None)).extend(raws)
        shown = (_record(raw, clock, order) for clock, raws in newest.items() for raw in raws)
        found = sorted((record for record in shown if record), key=lambda record: str(record["time"]))
    return found[-order.limit :], count


def _record(raw: Raw, clock: Clock, order: Order) -> t.Optional[t.Dict[str, t.Any]]:
    try:
        shown = delivery(raw, clock, order.internal.direction(raw))
    except (ValueError, IndexError, OverflowError):
        return None
    record: t.Dict[str, t.Any] = dict(shown._asdict())
    record["line"] = post_line(shown)
    if order.full:
        record["raw"] = [readable(line.rstrip(b"\n")) for line in raw[MESSAGE][LINES] or [raw[LINE]]]
    return record


def write_lines(log: Log, order: Order, write: t.Callable[[bytes], t.Any]) -> int:
    """The selected deliveries as lines C(Date|Time|Size|Direction|Sender|Recipient|Relay); how many."""
    count = 0
    with no_cycles():
        for clock, raws in log.selected():
            lines = post_lines(raws, clock, order.internal)
            count += len(lines)
            write(b"".join(lines))
    return count


def summary(log: Log, order: Order) -> Summary:
    """The figures of the selected deliveries."""
    everything = order.selection == Selection()
    if everything and log.is_one_big_file() and order.processes > 1:
        with no_cycles():
            return _logsplit.summary(files.files_of(order.paths)[0], order.internal)
    found = Summary(order.internal)
    conditions = tests(order.selection, order.now)
    with no_cycles():
        for clock, raws in log.blocks():
            outbox = log.join.outbox
            if everything:
                found.add(raws, outbox.accepted, outbox.started, clock)
            else:
                found.add_selected(select(raws, clock, conditions), clock)
    found.lines, found.skipped = log.join.lines, log.join.skipped + log.reading.overlong
    return found


class no_cycles:  # noqa: N801 (a with-statement, not a thing)
    """Nothing here makes reference cycles, and looking for them among so many messages costs a tenth of the time."""

    def __enter__(self) -> None:
        self._was_on = gc.isenabled()
        gc.disable()

    def __exit__(self, *_problem: t.Any) -> None:
        if self._was_on:
            gc.enable()


# --- the module ---------------------------------------------------------------------------------------------------

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "mta": {"type": "str", "choices": ["auto", "postfix", "sendmail"], "default": "auto"},
    "instance": {"type": "str"},
    "path": {"type": "list", "elements": "str"},
    "select": {
        "type": "dict",
        "options": dict(
            _select.ARGUMENT_SPEC["select"]["options"],
            client={"type": "list", "elements": "str"},
            since={"type": "str"},
            until={"type": "str"},
        ),
    },
    "format": {"type": "str", "choices": ["records", "lines"], "default": "records"},
    "attempts": {"type": "str", "choices": ["last", "all"], "default": "last"},
    "full": {"type": "bool", "default": False},
    "limit": {"type": "int", "default": 1000},
    "summary": {"type": "bool", "default": False},
    "top": {"type": "int", "default": 20},
    "tables": {"type": "bool", "default": False},
    "internal": {
        "type": "dict",
        "options": {
            "networks": {"type": "list", "elements": "str", "default": []},
            "domains": {"type": "list", "elements": "str", "default": []},
        },
    },
    "since_last": {"type": "bool", "default": False},
    "reader": {"type": "str", "default": "log_info"},
}


def order_of(runner: Runner, params: t.Mapping[str, t.Any], now: float) -> Order:
    """The order that the options describe."""
    for name in ("limit", "top"):
        if params[name] < 0:
            raise OptionError(name, params[name], "0 or more; 0 is all")
    internal = params["internal"] or {}
    instance = _instance_name(runner, params["instance"])
    return Order(
        paths=tuple(params["path"] or files.discover(runner)),
        selection=selection(params["select"])._replace(
            mta="" if params["mta"] == "auto" else params["mta"], instance=instance
        ),
        internal=Internal(internal.get("networks") or (), internal.get("domains") or ()),
        now=now,
        attempts=params["attempts"],
        full=params["full"],
        limit=params["limit"],
        top=params["top"],
        processes=2 if (os.cpu_count() or 1) > 1 else 1,
    )


def _instance_name(runner: Runner, instance: t.Optional[str]) -> str:
    if instance is None or instance == "all":
        return ""
    if not instance.startswith("/"):
        return instance
    # A directory names an instance whose lines stand under its own name (sendmail), or under its syslog_name (Postfix).
    directory = instance.rstrip("/")
    of_sendmail = [name for name, known in units.known() if known == directory]
    if of_sendmail:
        return of_sendmail[0]
    return runner.run(["postconf", "-c", directory, "-h", "-x", "syslog_name"]).out.strip()


def answer(runner: Runner, params: t.Mapping[str, t.Any], now: float, check_mode: bool) -> t.Dict[str, t.Any]:
    """What M(postmaster.mta.log_info) returns.

    :param check_mode: the reader's place does not move.
    """
    order = order_of(runner, params, now)
    place = state_path(STATE_DIRECTORY, params["reader"])
    state = load_state(place) if params["since_last"] else None
    log = Log(runner, order, state)
    found = _figures(log, order, params["tables"]) if params["summary"] else _list(log, order, params["format"])
    found["read"]["sources"] = list(order.paths)
    found["notes"] = log.reading.notes
    if state is not None and not check_mode:
        save_state(place, log, state)
    return found


def _figures(log: Log, order: Order, tables: bool) -> t.Dict[str, t.Any]:
    figures = summary(log, order)
    found: t.Dict[str, t.Any] = {"summary": report(figures, order.top)}
    if tables:
        found["tables"] = figures.tables()
    found["read"] = {"lines": figures.lines, "skipped": figures.skipped}
    return found


def _list(log: Log, order: Order, form: str) -> t.Dict[str, t.Any]:
    deliveries, count = records(log, order)
    found: t.Dict[str, t.Any] = {"count": count, "read": log.facts()}
    if form == "lines":
        found["lines"] = [record["line"] for record in deliveries]
    else:
        found["deliveries"] = deliveries
    return found


def moment(epoch: float) -> str:
    """A time as RFC 3339 text in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))


# --- where reading ended ------------------------------------------------------------------------------------------


class State(t.NamedTuple):
    """Where a reader ended: a position for each source, and the messages that were open (Join.dump())."""

    positions: t.Mapping[str, Position] = {}
    messages: str = ""


def load_state(path: str) -> State:
    """The state that save_state() wrote; an empty one when there is none, or when it cannot be read."""
    try:
        with open(path, encoding="utf-8") as stream:
            found = json.load(stream)
        return State({name: Position(**place) for name, place in found["positions"].items()}, found["messages"])
    except (OSError, ValueError, KeyError, TypeError):
        return State()


def save_state(path: str, log: Log, before: State) -> None:
    """Keep where the reading ended, whole or not at all."""
    positions = dict(before.positions, **log.reading.positions)
    found = {"positions": {name: place._asdict() for name, place in positions.items()}, "messages": log.join.dump()}
    directory = os.path.dirname(path)
    if not os.path.isdir(directory):
        os.makedirs(directory, 0o700)
    handle, temporary = tempfile.mkstemp(dir=directory)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump(found, stream)
        stream.flush()
        os.fsync(stream.fileno())
    os.rename(temporary, path)


def state_path(directory: str, reader: str) -> str:
    """The file of one reader.

    :raises OptionError: for a name that is no file name.
    """
    if not reader or not all(one.isalnum() or one in "-_." for one in reader) or reader[0] == ".":
        raise OptionError("reader", reader, "letters, digits, - _ and . only")
    return os.path.join(directory, f"log-{reader}.json")
