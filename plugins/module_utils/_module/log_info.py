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
import time
import typing as t

from .. import _files
from .._errors import OptionError
from .._log import sources as files
from .._log import split as _logsplit
from .._log.deliveries import Internal, Selection, delivery, post_line, readable, select, selection, tests
from .._log.join import Join, LastAttempts
from .._log.sources import Position, Reading
from .._log.stamps import Clock
from .._log.summary import Summary, report
from .._model import selection as _select
from .._model.log import LINE, LINES, MESSAGE, Outbox, Raw
from .._runner import Runner
from .._sendmail import units

#: Where the readers of O(since_last) keep their places.
STATE_DIRECTORY = "/var/lib/postmaster.mta"


class Order(t.NamedTuple):
    """What one call of the module wants.

    :param attempts: C(last) shows each recipient once with its fate so far, C(all) every attempt.
    :param limit: records or lines at most, the newest; 0 for all.
    :param processes: with 2, a child reads half of a big file.
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
                self.join.outbox.clear()
        if self._state is None:
            self.join.finish()
        yield clock, self.join.take()

    def can_be_split(self) -> bool:
        """Whether it is one big file, so that it is worth while to read it with two processes."""
        paths = files.files_of(self._order.paths)
        if (
            self._order.processes < 2
            or self._state is not None
            or self._last_lines
            or len(paths) != 1
            or not files.is_plain(paths[0])
        ):
            return False
        return os.stat(paths[0]).st_size >= _logsplit.WORTH_IT

    def _lines(self, path: str) -> t.Iterator[t.Tuple[Clock, t.List[bytes]]]:
        if self._state is None:
            return files.blocks_of(self._runner, path, self.reading, self._order.selection.since, self._last_lines)
        return files.blocks_since(self._runner, path, self._state.positions.get(path), self.reading)

    def counts(self) -> t.Tuple[int, int]:
        """How many lines were read, and how many were no log lines."""
        return self.join.lines, self.join.skipped + self.reading.overlong


class Listing:
    """The deliveries that an order selects: how many, and the newest of them; of several attempts the last, when that is wanted."""

    def __init__(self, order: Order) -> None:
        self.count = self.lines = self.skipped = 0
        self._order = order
        self._conditions = tests(order.selection, order.now)
        self._last = LastAttempts() if order.attempts == "last" else None
        # The newest of each file: two files can be of the same hours.
        self._newest: t.Dict[Clock, t.Deque[Raw]] = collections.OrderedDict()
        self._elsewhere: t.List[t.Dict[str, t.Any]] = []
        self._inherited: t.List[t.Tuple[t.Any, ...]] = []

    def take(self, outbox: Outbox, clock: Clock) -> None:
        """Take what a reading has found since it was asked last."""
        self._add(outbox.deliveries if self._last is None else self._last.feed(outbox.deliveries), clock)

    def close(self, clock: Clock) -> None:
        """Nothing comes any more: what waited for a later attempt is the last word."""
        if self._last is not None:
            self._add(self._last.finish(), clock.again())

    def _add(self, raws: t.Iterable[Raw], clock: Clock) -> None:
        chosen = select(raws, clock, self._conditions)
        self.count += len(chosen)
        self._newest.setdefault(clock, collections.deque(maxlen=self._order.limit or None)).extend(chosen)

    def records(self) -> t.List[t.Dict[str, t.Any]]:
        """The newest ones, in order of time."""
        shown = (_record(raw, clock, self._order) for clock, raws in self._newest.items() for raw in raws)
        found = [record for record in shown if record] + self._elsewhere
        return sorted(found, key=lambda record: str(record["time"]))[-self._order.limit :]

    # --- parts become a whole, see _logsplit.py ---

    def heir(self) -> "Listing":
        """An empty one that knows what waits for a later attempt."""
        found = Listing(self._order)
        found._last = self._last
        found._inherited = self._last.keys() if self._last is not None else []
        return found

    def parts(self) -> t.Dict[str, t.Any]:
        """Everything that was found, for absorb()."""
        numbers = {"count": self.count, "lines": self.lines, "skipped": self.skipped}
        return dict(numbers, records=self.records(), inherited=self._inherited)

    def absorb(self, parts: t.Mapping[str, t.Any]) -> None:
        """Add what was found elsewhere: parts() of another listing."""
        self.count += parts["count"]
        self.lines += parts["lines"]
        self.skipped += parts["skipped"]
        self._elsewhere += parts["records"]
        if self._last is not None:
            self._last.forget(parts["inherited"])


def records(log: Log, order: Order) -> Listing:
    """The selected deliveries. With a limit a big file is read by two processes; all its deliveries are too much for a pipe."""
    found = Listing(order)
    with no_cycles():
        if order.limit and not order.full and log.can_be_split():
            _logsplit.collect(files.files_of(order.paths)[0], found)
            return found
        clock = Clock(0)
        for clock, _raws in log.blocks():
            found.take(log.join.outbox, clock)
        found.close(clock)
    found.lines, found.skipped = log.counts()
    return found


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


def summary(log: Log, order: Order) -> Summary:
    """The figures of the selected deliveries."""
    found = Summary(order.internal)
    everything = order.selection == Selection()
    conditions = tests(order.selection, order.now)
    with no_cycles():
        if everything and log.can_be_split():
            _logsplit.collect(files.files_of(order.paths)[0], found)
            return found
        for clock, raws in log.blocks():
            if everything:
                found.take(log.join.outbox, clock)
            else:
                found.add_selected(select(raws, clock, conditions), clock)
    found.lines, found.skipped = log.counts()
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
            message_id={"type": "list", "elements": "str"},
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


def run(
    params: t.Mapping[str, t.Any],
    check_mode: bool,
    runner: t.Optional[Runner] = None,
    now: t.Optional[float] = None,
) -> t.Dict[str, t.Any]:
    """What M(postmaster.mta.log_info) returns.

    :param check_mode: the reader's place does not move.
    :param now: seconds since the epoch; by the clock of this host where None.
    """
    runner, now = runner or Runner(), time.time() if now is None else now
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
    listing = records(log, order)
    deliveries = listing.records()
    found: t.Dict[str, t.Any] = {"count": listing.count, "read": {"lines": listing.lines, "skipped": listing.skipped}}
    if form == "lines":
        found["lines"] = [record["line"] for record in deliveries]
    else:
        found["deliveries"] = deliveries
    return found


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
    _files.keep_json(path, found)


def state_path(directory: str, reader: str) -> str:
    """The file of one reader.

    :raises OptionError: for a name that is no file name.
    """
    if not reader or not all(one.isalnum() or one in "-_." for one in reader) or reader[0] == ".":
        raise OptionError("reader", reader, "letters, digits, - _ and . only")
    return os.path.join(directory, f"log-{reader}.json")
