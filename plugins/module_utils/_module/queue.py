# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module queue does: act on the messages of a host's queues.

Private to the collection: it can change at any time.

An action reads the queue, decides from what it read, and hands the driver the identities of the messages. The driver looks
at each again right before it acts, so that a message that got the same ID meanwhile is not hit.
"""

import collections
import time
import typing as t

from .. import _mta, _queue_trace
from .._clock import utc
from .._driver.queue import queue_of
from .._errors import OptionError
from .._model import queue
from .._model import selection as _select
from .._model.host import Host
from .._model.queue import Identity, Message, Skipped
from .._model.selection import Selection
from .._runner import Runner

#: Seconds before a message that was not listed is looked for again.
_PAUSE = 0.2
#: Outcomes of an action on one message.
DONE, PREDICTED, DEFERRED_AGAIN, GONE, SKIPPED, UNKNOWN = "done", "predicted", "deferred", "gone", "skipped", "unknown"

ARGUMENT_SPEC: t.Dict[str, t.Any] = dict(
    _mta.ARGUMENT_SPEC,
    action={"type": "str", "choices": list(queue.ACTIONS), "required": True},
    messages={"type": "list", "elements": "dict"},
    max={"type": "int"},
    limit={"type": "int", "default": 1000},
    timeout={"type": "int", "default": 300},
    **_select.ARGUMENT_SPEC,
)
MUTUALLY_EXCLUSIVE = [("select", "messages")]

_WAITING = frozenset((queue.INCOMING, queue.DEFERRED))
_NOT_HELD = _WAITING | {queue.ACTIVE}
_ANY = _NOT_HELD | {queue.HOLD, queue.CORRUPT}
#: The states in which an action makes sense.
_APPLIES = {
    queue.FLUSH: _WAITING,
    queue.DELIVER: _WAITING,
    queue.HOLD: _NOT_HELD,
    queue.RELEASE: frozenset((queue.HOLD,)),
    queue.REQUEUE: _NOT_HELD,
    queue.EXPIRE: _NOT_HELD,
    queue.DELETE: _ANY,
}
_WHY_NOT = {
    queue.INCOMING: "it is not on hold",
    queue.DEFERRED: "it is not on hold",
    queue.ACTIVE: "it is being delivered or about to be",
    queue.HOLD: "it is on hold",
    queue.CORRUPT: "it is corrupt",
}


def run(params: t.Mapping[str, t.Any], check_mode: bool, runner: t.Optional[Runner] = None) -> t.Dict[str, t.Any]:
    """Do what the module queue does, and return what it returns.

    :raises PostmasterError: a selection that is missing, too wide, or makes no sense; an action that the MTA has not.
    """
    runner, now = runner or Runner(), time.time()
    action = params["action"]
    selection = _select.parse(params["select"], queue.STATUSES)
    _insist_on_a_selection(action, selection, params)
    hosts = _mta.chosen(runner, params["mta"], params["instance"])
    if _is_whole_queue(selection, params):
        return _run_queues(hosts, check_mode)
    asked = _Asked(params["messages"], selection)
    plans = [_HostPlan(host) for host in hosts]
    _read(plans, action, selection, asked, now)
    if asked.missing():
        # A message on its way from one queue to the next can slip through a listing: look again before it counts as gone.
        time.sleep(_PAUSE)
        _read(plans, action, selection, asked, now)
    _insist_on_the_maximum(params["max"], sum(len(plan.targets) for plan in plans))
    results = [_execute(plan, action, params["timeout"], check_mode) for plan in plans]
    rows = [row for result in results for row in result.rows]
    rows += _rows_of_missing(runner, hosts, asked.missing())
    transcript = [line for result in results for line in result.transcript]
    return _as_result(action, rows, transcript, params["limit"])


def _read(plans: "t.Iterable[_HostPlan]", action: str, selection: Selection, asked: "_Asked", now: float) -> None:
    for plan in plans:
        plan.read(action, selection, asked, now)


class _Asked:
    """The messages that were asked for one by one. Those that are not in the queue are missing."""

    def __init__(self, messages: t.Optional[t.Sequence[t.Mapping[str, t.Any]]], selection: Selection) -> None:
        self.listed = messages is not None
        self._open = {_key_of(message): message for message in messages or ()}
        self._asked = frozenset(self._open)
        self._ids = set(selection.ids or ())

    def take(self, message: Message) -> bool:
        """Return whether this very message was asked for; always true where nobody asked for single ones."""
        self._ids.discard(message.id)
        if not self.listed:
            return True
        self._open.pop((message.id, message.arrival), None)
        return (message.id, message.arrival) in self._asked

    def missing(self) -> t.Tuple[Identity, ...]:
        """Return what was asked for and was not found. One asked for by its ID alone has no arrival."""
        listed = [
            Identity(name, str(message.get("instance") or ""), "", arrival, 0, "")
            for (name, arrival), message in self._open.items()
        ]
        return tuple(listed) + tuple(Identity(name, "", "", 0, 0, "") for name in sorted(self._ids))


def _key_of(message: t.Mapping[str, t.Any]) -> t.Tuple[str, int]:
    try:
        name, arrival = str(message["id"]), int(message["arrival"])
    except (KeyError, ValueError, TypeError):
        raise OptionError("messages", dict(message), "each needs its id and its arrival, as queue_info returns them")
    _select.parse({"ids": [name]}, {})
    return name, arrival


class _HostPlan:
    """What an action will do on one instance: the messages to try, and those to leave alone."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self._targets: t.Dict[t.Tuple[str, int], Identity] = {}
        self._skipped: t.Dict[t.Tuple[str, int], Skipped] = {}

    @property
    def targets(self) -> t.List[Identity]:
        """Return the messages that the action applies to."""
        return list(self._targets.values())

    @property
    def skipped(self) -> t.List[Skipped]:
        """Return the messages that were selected and that it does not apply to."""
        return list(self._skipped.values())

    def read(self, action: str, selection: Selection, asked: _Asked, now: float) -> None:
        """Read the queue. A message that moves meanwhile can be listed twice, and counts once."""
        for message in _select.chosen(queue_of(self.host.mta).messages(self.host), selection, now):
            key = (message.id, message.arrival)
            if not asked.take(message) or key in self._targets:
                continue
            if message.status in _APPLIES[action]:
                self._targets[key] = queue.identity(message)
                self._skipped.pop(key, None)
            else:
                self._skipped[key] = Skipped(queue.identity(message), _WHY_NOT[message.status])


class _HostResult(t.NamedTuple):
    """What an action did on one instance."""

    rows: t.List[t.Dict[str, t.Any]]
    transcript: t.Tuple[str, ...] = ()


def _execute(plan: _HostPlan, action: str, timeout: float, check_mode: bool) -> _HostResult:
    skipped = [_as_row(skip.message, SKIPPED, skip.why) for skip in plan.skipped]
    if check_mode or not plan.targets:
        return _HostResult([_as_row(target, PREDICTED) for target in plan.targets] + skipped)
    result = queue_of(plan.host.mta).act(plan.host, action, plan.targets, timeout)
    waiting = _still_waiting(plan.host, result.affected) if action == queue.DELIVER else {}
    rows = []
    for target in result.affected:
        why = waiting.get((target.id, target.arrival))
        rows.append(_as_row(target, DONE) if why is None else _as_row(target, DEFERRED_AGAIN, why))
    rows += [_as_row(target, GONE) for target in result.gone]
    rows += skipped + [_as_row(skip.message, SKIPPED, skip.why) for skip in result.skipped]
    return _HostResult(rows, result.transcript)


def _still_waiting(host: Host, targets: t.Sequence[Identity]) -> t.Dict[t.Tuple[str, int], str]:
    """Return the messages that are in the queue after their delivery was tried, with the reason."""
    keys = {(target.id, target.arrival) for target in targets}
    waiting = {}
    for message in queue_of(host.mta).messages(host) if keys else ():
        if (message.id, message.arrival) in keys:
            reasons = dict.fromkeys(to.reason or message.reason for to in message.recipients)
            waiting[(message.id, message.arrival)] = "; ".join(filter(None, reasons)) or "no reason is recorded"
    return waiting


def _rows_of_missing(
    runner: Runner, hosts: t.Sequence[Host], missing: t.Sequence[Identity]
) -> t.List[t.Dict[str, t.Any]]:
    """Return the rows of messages that were asked for and are not in the queue.

    A message that was listed before, or that the log has, has left the queue. An ID that nobody knows is mistyped, cut short, or
    of another relay: then nothing was done, and that is not the same.
    """
    rows = []
    files = tuple(dict.fromkeys(path for host in hosts for path in queue_of(host.mta).log_files(host)))
    trace = _queue_trace.whole(files, 0)
    for target in missing:
        if target.arrival or _queue_trace.lines(runner, trace, target.id, 1):
            rows.append(_as_row(target, GONE))
        else:
            rows.append(
                _as_row(target, UNKNOWN, "neither the queue nor the log has this ID" + _nearest(hosts, target.id))
            )
    return rows


def _nearest(hosts: t.Sequence[Host], name: str) -> str:
    """Return a hint at the message in the queue whose ID begins or ends like an unknown one."""
    for host in hosts:
        for message in queue_of(host.mta).messages(host):
            if message.id.startswith(name) or message.id.endswith(name):
                return f"; {message.id} is in the queue"
    return ""


def _is_whole_queue(selection: Selection, params: t.Mapping[str, t.Any]) -> bool:
    return selection == _select.EVERYTHING and params["messages"] is None


def _insist_on_a_selection(action: str, selection: Selection, params: t.Mapping[str, t.Any]) -> None:
    if action != queue.FLUSH and _is_whole_queue(selection, params):
        raise OptionError("select", {}, f"{action} needs a selection; only flush takes the whole queue")
    if action == queue.DELETE and params["max"] is None:
        raise OptionError("max", None, "delete needs the number of messages that may be deleted at most")


def _insist_on_the_maximum(maximum: t.Optional[int], count: int) -> None:
    if maximum is not None and count > maximum:
        raise OptionError("max", maximum, f"{count} messages are selected; nothing was done")


def _run_queues(hosts: t.Sequence[Host], check_mode: bool) -> t.Dict[str, t.Any]:
    waiting = 0
    for host in hosts:
        waiting += sum(1 for message in queue_of(host.mta).messages(host) if message.status in _WAITING)
        if not check_mode:
            queue_of(host.mta).run_queue(host)
    result = _as_result(queue.FLUSH, [], [], 0)
    return dict(result, changed=waiting > 0, affected=waiting)


def _as_result(
    action: str, rows: t.Sequence[t.Dict[str, t.Any]], transcript: t.Sequence[str], limit: int
) -> t.Dict[str, t.Any]:
    counts = collections.Counter(row["outcome"] for row in rows)
    affected = counts[DONE] + counts[PREDICTED] + counts[DEFERRED_AGAIN]
    return {
        "changed": affected > 0,
        "action": action,
        "affected": affected,
        "deferred": counts[DEFERRED_AGAIN],
        "gone": counts[GONE],
        "unknown": [row["id"] for row in rows if row["outcome"] == UNKNOWN],
        "skipped_count": counts[SKIPPED],
        "messages": sorted(rows, key=lambda row: _OUTCOMES.index(row["outcome"]))[:limit],
        "transcript": list(transcript),
    }


#: The order of the rows in the answer.
_OUTCOMES = (DONE, PREDICTED, DEFERRED_AGAIN, GONE, UNKNOWN, SKIPPED)


def _as_row(message: Identity, outcome: str, why: str = "") -> t.Dict[str, t.Any]:
    return {
        "id": message.id,
        "instance": message.instance,
        "status": message.status,
        "arrival": message.arrival,
        "arrived": utc(message.arrival) if message.arrival else "",
        "size": message.size,
        "sender": message.sender,
        "outcome": outcome,
        "why": why,
    }
