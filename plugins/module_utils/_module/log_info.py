# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module log_info: read logs from beginning to end, for records, lines or figures.

Private to the collection: it can change at any time.
"""

import collections
import gc
import os
import time
import typing as t

from .._errors import OptionError
from .._log import narrow, split, window
from .._log import sources as files
from .._log.collected import Collected
from .._log.conditions import Selection, select, selection, tests
from .._log.deliveries import Internal, delivery, post_line, readable
from .._log.join import Join, LastAttempts
from .._log.sources import Reading
from .._log.stamps import Clock
from .._log.state import State, load_state, save_state, state_path
from .._log.summary import Summary, report
from .._model import selection as selections
from .._model.log import LINE, LINES, MESSAGE, Outbox, Raw
from .._runner import Runner
from .._sendmail import units

#: Where the readers of O(since_last) keep their places.
STATE_DIRECTORY = "/var/lib/postmaster.mta"


class Order(t.NamedTuple):
    """What one call of the module asks for.

    :ivar paths: files, also with C(*) and C(?), or the journal.
    :ivar attempts: C(last) shows each recipient once with its fate so far, C(all) every attempt.
    :ivar limit: records or lines at most, the newest; 0 for all.
    :ivar processes: with 2, a child reads half of a big file.
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

    def __init__(self, runner: Runner, order: Order, state: t.Optional[State] = None, lines: int = 0) -> None:
        self.reading = Reading()
        self.join = Join(keep=order.full)
        self._runner = runner
        self._order = order
        self._state = state
        self._last_lines = lines
        self._narrowed: t.Optional[narrow.Narrowed] = None
        self._parts: t.Mapping[str, window.Part] = {}
        if state and state.messages:
            try:
                self.join.load(state.messages)
            except (ValueError, KeyError, TypeError) as problem:
                self.reading.notes.append(f"the messages that were open at the last call are not known: {problem}")

    def blocks(self) -> t.Iterator[t.Tuple[Clock, t.List[Raw]]]:
        """Yield all deliveries, block by block; join.outbox holds the messages of the same block until the next one.

        Where the log was searched, only those deliveries that can be selected are among them for sure.
        """
        clock = Clock(0)
        for path in files.files_of(self._order.paths):
            for clock, lines in self._lines(path):
                self.join.feed(lines)
                yield clock, self.join.outbox.deliveries
                self.join.outbox.clear()
        if self._state is None:
            self.join.finish()
        yield clock, self.join.outbox.deliveries
        self.join.outbox.clear()

    def can_be_split(self) -> bool:
        """Return whether it is one big file, which two processes read faster."""
        paths = files.files_of(self._order.paths)
        if (
            self._order.processes < 2
            or self._state is not None
            or self._last_lines
            or len(paths) != 1
            or not files.is_plain(paths[0])
        ):
            return False
        return os.stat(paths[0]).st_size >= split.WORTH_IT

    def search(self) -> bool:
        """Search the log for what the order selects, so that few lines are joined; return whether that is possible."""
        needles = narrow.needles_of(self._order.selection)
        paths = files.files_of(self._order.paths)
        if not needles or self._state is not None or self._last_lines or files.JOURNAL in paths:
            return False
        if sum(os.stat(path).st_size for path in paths) >= narrow.WORTH_IT:
            self._narrowed = narrow.search(self._runner, paths, needles)
        return self._narrowed is not None

    def cut(self) -> bool:
        """Find the parts of big files that a time window asks for; return whether there are any."""
        selection = self._order.selection
        span = window.Span(selection.earliest(self._order.now), selection.until)
        paths = files.files_of(self._order.paths)
        if any(span) and self._state is None and not self._last_lines:
            self._parts = window.cut(self._runner, [path for path in paths if path != files.JOURNAL], span)
        return bool(self._parts)

    def _lines(self, path: str) -> t.Iterator[t.Tuple[Clock, t.List[bytes]]]:
        if path in self._parts:
            yield from self._lines_of_part(path, self._parts[path])
            return
        narrowed = self._narrowed
        if narrowed is None or path not in narrowed.lines:
            for clock, lines in self._all_lines(path):
                self.reading.note_times(clock, lines)
                yield clock, lines
            return
        clock = Clock(os.stat(path).st_mtime)
        for lines in narrow.blocks(narrowed.lines[path]):
            yield clock, lines
        count = narrowed.counts[path]
        self.join.lines += count.lines - len(narrowed.lines[path])
        self.reading.unfinished += count.unfinished
        self.reading.note_span(count.begin, count.end)

    def _lines_of_part(self, path: str, part: window.Part) -> t.Iterator[t.Tuple[Clock, t.List[bytes]]]:
        clock = Clock(os.stat(path).st_mtime)
        for lines in narrow.blocks(part.before):
            yield clock, lines
        for lines in files.blocks_between(path, part.start, part.end, self.reading):
            self.reading.note_times(clock, lines)
            yield clock, lines
        for lines in narrow.blocks(part.after):
            yield clock, lines
        if part.start == part.end:
            self.reading.note_span(part.begin, part.last)
        # What was looked for outside of the window is not what was read.
        self.join.lines -= len(part.before) + len(part.after)

    def _all_lines(self, path: str) -> t.Iterator[t.Tuple[Clock, t.List[bytes]]]:
        if self._state is None:
            return files.blocks_of(self._runner, path, self.reading, self._order.selection.since, self._last_lines)
        return files.blocks_since(self._runner, path, self._state.positions.get(path), self.reading)

    def state_after(self, before: State) -> State:
        """Return where the reading ended."""
        return State(dict(before.positions, **self.reading.positions), self.join.dump())


class Listing(Collected):
    """The deliveries that an order selects: how many there are, and the newest of them.

    Of several attempts it takes the last one, unless the order is for all.
    """

    def __init__(self, order: Order) -> None:
        super(Listing, self).__init__()
        self.count = 0
        self._order = order
        self._conditions = tests(order.selection, order.now)
        self._last = LastAttempts() if order.attempts == "last" else None
        # The newest of each file: two files can be of the same hours.
        self._newest: t.Dict[Clock, t.Deque[Raw]] = collections.OrderedDict()
        self._elsewhere: t.List[t.Dict[str, t.Any]] = []
        self._inherited: t.List[t.Tuple[t.Any, ...]] = []

    def take(self, outbox: Outbox, clock: Clock) -> None:
        """Take what a reading has brought since it was asked last."""
        self._add(outbox.deliveries if self._last is None else self._last.feed(outbox.deliveries), clock)

    def close(self, clock: Clock) -> None:
        """Take what waited for a later attempt as the last word: nothing comes any more."""
        if self._last is not None:
            self._add(self._last.finish(), clock.again())

    def _add(self, raws: t.Iterable[Raw], clock: Clock) -> None:
        chosen = select(raws, clock, self._conditions)
        self.count += len(chosen)
        self._newest.setdefault(clock, collections.deque(maxlen=self._order.limit or None)).extend(chosen)

    def records(self) -> t.List[t.Dict[str, t.Any]]:
        """Return the newest ones, in order of time."""
        shown = (_record(raw, clock, self._order) for clock, raws in self._newest.items() for raw in raws)
        collected = [record for record in shown if record] + self._elsewhere
        return sorted(collected, key=lambda record: str(record["time"]))[-self._order.limit :]

    # --- parts become a whole, see _log/split.py ---

    def heir(self) -> "Listing":
        """Return an empty one that knows what waits for a later attempt."""
        listing = Listing(self._order)
        listing._last = self._last
        listing._inherited = self._last.keys() if self._last is not None else []
        return listing

    def parts(self) -> t.Dict[str, t.Any]:
        """Return everything that was collected, for absorb()."""
        numbers = {"count": self.count, "lines": self.lines, "skipped": self.skipped}
        return dict(numbers, records=self.records(), inherited=self._inherited)

    def absorb(self, parts: t.Mapping[str, t.Any]) -> None:
        """Add what was collected elsewhere: parts() of another listing."""
        self.count += parts["count"]
        self.lines += parts["lines"]
        self.skipped += parts["skipped"]
        self._elsewhere += parts["records"]
        if self._last is not None:
            self._last.forget(parts["inherited"])


def records(log: Log, order: Order) -> Listing:
    """Collect the selected deliveries.

    With a limit a big file is read by two processes. All its deliveries are too much for a pipe.
    """
    listing = Listing(order)
    with no_cycles():
        if not (log.search() or log.cut()) and order.limit and not order.full and log.can_be_split():
            split.collect(files.files_of(order.paths)[0], listing)
            return listing
        clock = Clock(0)
        for clock, _raws in log.blocks():
            listing.take(log.join.outbox, clock)
        listing.close(clock)
    listing.note_read(log.join, log.reading)
    return listing


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
    """Count the selected deliveries."""
    figures = Summary(order.internal)
    everything = order.selection == Selection()
    conditions = tests(order.selection, order.now)
    with no_cycles():
        if everything and log.can_be_split():
            split.collect(files.files_of(order.paths)[0], figures)
            return figures
        if not (everything or log.search()):
            log.cut()
        for clock, raws in log.blocks():
            if everything:
                figures.take(log.join.outbox, clock)
            else:
                figures.add_selected(select(raws, clock, conditions), clock)
    figures.note_read(log.join, log.reading)
    return figures


class no_cycles:  # noqa: N801 (a with-statement, not a thing)
    """Switch the search for reference cycles off: nothing here makes any, and it costs a tenth of the time."""

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
            selections.ARGUMENT_SPEC["select"]["options"],
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
    """Return the order that the options describe."""
    for name in ("limit", "top"):
        if params[name] < 0:
            raise OptionError(name, params[name], "0 or more; 0 is all")
    internal = params["internal"] or {}
    chosen = selection(params["select"])._replace(
        mta="" if params["mta"] == "auto" else params["mta"], instance=_instance_name(runner, params["instance"])
    )
    return Order(
        paths=tuple(params["path"] or _own_logs(runner, params, chosen.earliest(now))),
        selection=chosen,
        internal=Internal(internal.get("networks") or (), internal.get("domains") or ()),
        now=now,
        attempts=params["attempts"],
        full=params["full"],
        limit=params["limit"],
        top=params["top"],
        processes=2 if (os.cpu_count() or 1) > 1 else 1,
    )


def _own_logs(runner: Runner, params: t.Mapping[str, t.Any], since: float) -> t.Tuple[str, ...]:
    """Return the logs of this host, with their rotated predecessors as far back as the selection reaches."""
    logs = files.discover(runner)
    return logs if params.get("since_last") else files.back_to(logs, since)


def _instance_name(runner: Runner, instance: t.Optional[str]) -> str:
    """Return the name in the tags of an instance that is given by name or by its configuration directory; "" is all."""
    if instance is None or instance == "all":
        return ""
    if not instance.startswith("/"):
        return instance
    # The lines of sendmail stand under the instance's own name, those of Postfix under its syslog_name.
    directory = instance.rstrip("/")
    names = [name for name, path in units.known() if path == directory]
    if names:
        return names[0]
    return runner.run(["postconf", "-c", directory, "-h", "-x", "syslog_name"]).out.strip()


def run(
    params: t.Mapping[str, t.Any],
    check_mode: bool,
    runner: t.Optional[Runner] = None,
    now: t.Optional[float] = None,
) -> t.Dict[str, t.Any]:
    """Return what M(postmaster.mta.log_info) returns.

    :param check_mode: the reader's place does not move.
    :param now: seconds since the epoch; by the clock of this host where None.
    """
    runner, now = runner or Runner(), time.time() if now is None else now
    order = order_of(runner, params, now)
    place = state_path(STATE_DIRECTORY, params["reader"])
    state = load_state(place) if params["since_last"] else None
    log = Log(runner, order, state)
    result = _figures(log, order, params["tables"]) if params["summary"] else _list(log, order, params["format"])
    result["read"]["sources"] = list(files.files_of(order.paths))
    result["notes"] = log.reading.notes
    if state is not None and not check_mode:
        save_state(place, log.state_after(state))
    return result


def _figures(log: Log, order: Order, tables: bool) -> t.Dict[str, t.Any]:
    figures = summary(log, order)
    result: t.Dict[str, t.Any] = {"summary": report(figures, order.top), "read": figures.read()}
    if tables:
        result["tables"] = figures.tables()
    return result


def _list(log: Log, order: Order, form: str) -> t.Dict[str, t.Any]:
    listing = records(log, order)
    deliveries = listing.records()
    result: t.Dict[str, t.Any] = {"count": listing.count, "read": listing.read()}
    if form == "lines":
        result["lines"] = [record["line"] for record in deliveries]
    else:
        result["deliveries"] = deliveries
    return result
