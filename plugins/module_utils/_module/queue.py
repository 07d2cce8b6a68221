# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The queues of a host: read them, act on them, look into a message. What the queue modules do.

Private to the collection: it can change at any time.

An action sees the queue, decides from what it saw, and hands the driver the identities of the messages. The driver looks
at each again right before it acts, so that an ID that another message has by now is not hit.
"""

import time
import typing as t

from .. import _mta, _queue_trace
from .._clock import utc
from .._driver.queue import queue_of
from .._errors import CommandError, OptionError
from .._model import queue as _queue
from .._model import queue_summary
from .._model import selection as _select
from .._model.host import Host
from .._model.queue import ActionResult, Identity, Message, Skipped
from .._model.selection import Selection
from .._runner import Runner

_PAUSE = 0.2


INFO_ARGUMENTS: t.Dict[str, t.Any] = dict(
    _mta.ARGUMENT_SPEC,
    limit={"type": "int", "default": 100},
    sort={"type": "str", "choices": list(_queue.ORDERS), "default": "oldest"},
    top={"type": "int", "default": 20},
    **_select.ARGUMENT_SPEC,
)
ACTION_ARGUMENTS: t.Dict[str, t.Any] = dict(
    _mta.ARGUMENT_SPEC,
    action={"type": "str", "choices": list(_queue.ACTIONS), "required": True},
    messages={"type": "list", "elements": "dict"},
    max={"type": "int"},
    limit={"type": "int", "default": 1000},
    timeout={"type": "int", "default": 300},
    **_select.ARGUMENT_SPEC,
)
MESSAGE_ARGUMENTS: t.Dict[str, t.Any] = dict(
    _mta.ARGUMENT_SPEC,
    id={"type": "str", "required": True},
    body_limit={"type": "int", "default": 4096},
    log_limit={"type": "int", "default": 100},
)

_WAITING = frozenset((_queue.INCOMING, _queue.DEFERRED))
_NOT_HELD = _WAITING | {_queue.ACTIVE}
_ANY = _NOT_HELD | {_queue.HOLD, _queue.CORRUPT}
#: The states in which an action makes sense.
_APPLIES = {
    _queue.FLUSH: _WAITING,
    _queue.DELIVER: _WAITING,
    _queue.HOLD: _NOT_HELD,
    _queue.RELEASE: frozenset((_queue.HOLD,)),
    _queue.REQUEUE: _NOT_HELD,
    _queue.EXPIRE: _NOT_HELD,
    _queue.DELETE: _ANY,
}
_WHY_NOT = {
    _queue.INCOMING: "it is not on hold",
    _queue.DEFERRED: "it is not on hold",
    _queue.ACTIVE: "it is being delivered or about to be",
    _queue.HOLD: "it is on hold",
    _queue.CORRUPT: "it is corrupt",
}


# --- queue_info --------------------------------------------------------------------------------------------------


def info(runner: Runner, params: t.Mapping[str, t.Any], now: t.Optional[float] = None) -> t.Dict[str, t.Any]:
    """What the module queue_info returns.

    :param now: seconds since the epoch, from which ages are counted.
    :raises PostmasterError: an option that cannot be meant, or no such instance.
    """
    instant = time.time() if now is None else now
    selection = _select.parse(params["select"], _queue.STATUSES)
    hosts = _mta.chosen(runner, params["mta"], params["instance"])
    unreadable: t.List[t.Dict[str, str]] = []
    tally = queue_summary.Tally(instant)
    found = chosen(_listing(hosts, unreadable), selection, instant)
    shown = _queue.first(_counted(found, selection, tally), params["sort"], params["limit"])
    by_name = {host.instance.name: host for host in hosts}
    return {
        "messages": [_queue.as_record(_detailed(by_name[one.instance], one)) for one in shown],
        "summary": tally.summary(params["top"]),
        "unreadable": unreadable,
        "instances": [_as_instance(host) for host in hosts],
        "host_status": [dict(one._asdict()) for host in hosts for one in queue_of(host.mta).host_status(host)],
    }


def _counted(messages: t.Iterable[Message], selection: Selection, tally: queue_summary.Tally) -> t.Iterator[Message]:
    """Pass messages on and count them: of recipients, only those that fit are counted."""
    fits = _select.recipient_predicate(selection)
    for message in messages:
        if fits is None:
            tally.add(message)
        else:
            chosen = tuple(one for one in message.recipients if fits(one, message.reason))
            tally.add(message._replace(recipients=chosen))
        yield message


def _as_instance(host: Host) -> t.Dict[str, t.Any]:
    instance = host.instance
    return {
        "mta": instance.mta,
        "name": instance.name,
        "config_directory": instance.config_directory,
        "queue_directories": list(instance.queue_directories),
    }


# --- queue -------------------------------------------------------------------------------------------------------


def operate(runner: Runner, params: t.Mapping[str, t.Any], check_mode: bool) -> t.Dict[str, t.Any]:
    """What the module queue does and returns.

    :raises PostmasterError: a selection that is missing, too wide, or cannot be meant; an MTA that cannot do it.
    """
    now = time.time()
    action = params["action"]
    selection = _select.parse(params["select"], _queue.STATUSES)
    _insist_on_a_selection(action, selection, params)
    hosts = _mta.chosen(runner, params["mta"], params["instance"])
    if _is_whole_queue(selection, params):
        return _run_queues(hosts, check_mode)
    wanted = _Wanted(params["messages"], selection)
    planned = [(host, *_plan(host, action, selection, wanted, now)) for host in hosts]
    if wanted.missing():
        # A message on its way from one queue to the next can slip through a listing: look again before it is called gone.
        time.sleep(_PAUSE)
        planned = [(host, *_plan(host, action, selection, wanted, now, *before)) for host, *before in planned]
    _insist_on_the_maximum(params["max"], sum(len(targets) for dummy, targets, dummy in planned))
    outcomes = [ActionResult(gone=wanted.missing())]
    for host, targets, skipped in planned:
        done = ActionResult(tuple(targets))
        if targets and not check_mode:
            done = queue_of(host.mta).act(host, action, targets, params["timeout"])
        outcomes.append(done._replace(skipped=tuple(skipped) + done.skipped))
    return _as_result(action, _joined(outcomes), params["limit"], check_mode)


class _Wanted:
    """The messages that were asked for one by one: those that are not in the queue are gone."""

    def __init__(self, messages: t.Optional[t.Sequence[t.Mapping[str, t.Any]]], selection: Selection) -> None:
        self.listed = messages is not None
        self._open = {_asked(one): one for one in messages or ()}
        self._asked = frozenset(self._open)
        self._ids = set(selection.ids or ())

    def take(self, message: Message) -> bool:
        """Whether this very message was asked for; always, where nobody asked for single ones."""
        self._ids.discard(message.id)
        if not self.listed:
            return True
        self._open.pop((message.id, message.arrival), None)
        return (message.id, message.arrival) in self._asked

    def missing(self) -> t.Tuple[Identity, ...]:
        """What was asked for and was not seen."""
        listed = [
            Identity(name, str(one.get("instance") or ""), "", arrival, 0, "")
            for (name, arrival), one in self._open.items()
        ]
        return tuple(listed) + tuple(Identity(name, "", "", 0, 0, "") for name in sorted(self._ids))


def _asked(message: t.Mapping[str, t.Any]) -> t.Tuple[str, int]:
    try:
        found = (str(message["id"]), int(message["arrival"]))
    except (KeyError, ValueError, TypeError):
        raise OptionError("messages", dict(message), "each needs its id and its arrival, as queue_info returns them")
    _select.parse({"ids": [found[0]]}, {})
    return found


def _plan(
    host: Host,
    action: str,
    selection: Selection,
    wanted: _Wanted,
    now: float,
    targets_before: t.Sequence[Identity] = (),
    skipped_before: t.Sequence[Skipped] = (),
) -> t.Tuple[t.List[Identity], t.List[Skipped]]:
    """What an action will be tried on, and what it leaves alone. A message that moves can be listed twice, and counts once."""
    targets = {(one.id, one.arrival): one for one in targets_before}
    skipped = {(one.message.id, one.message.arrival): one for one in skipped_before}
    for message in chosen(queue_of(host.mta).messages(host), selection, now):
        key = (message.id, message.arrival)
        if not wanted.take(message) or key in targets:
            continue
        if message.status in _APPLIES[action]:
            targets[key] = _queue.identity(message)
            skipped.pop(key, None)
        else:
            skipped[key] = Skipped(_queue.identity(message), _WHY_NOT[message.status])
    return list(targets.values()), list(skipped.values())


def _is_whole_queue(selection: Selection, params: t.Mapping[str, t.Any]) -> bool:
    return selection == _select.EVERYTHING and params["messages"] is None


def _insist_on_a_selection(action: str, selection: Selection, params: t.Mapping[str, t.Any]) -> None:
    if action != _queue.FLUSH and _is_whole_queue(selection, params):
        raise OptionError("select", {}, f"{action} needs a selection; only flush takes the whole queue")
    if action == _queue.DELETE and params["max"] is None:
        raise OptionError("max", None, "delete needs the number of messages that may be deleted at most")


def _insist_on_the_maximum(maximum: t.Optional[int], count: int) -> None:
    if maximum is not None and count > maximum:
        raise OptionError("max", maximum, f"{count} messages are selected; nothing was done")


def _run_queues(hosts: t.Sequence[Host], check_mode: bool) -> t.Dict[str, t.Any]:
    waiting = 0
    for host in hosts:
        waiting += sum(1 for one in queue_of(host.mta).messages(host) if one.status in _WAITING)
        if not check_mode:
            queue_of(host.mta).run_queue(host)
    result = _as_result(_queue.FLUSH, ActionResult(), 0, check_mode)
    return dict(result, changed=waiting > 0, affected=waiting)


def _joined(outcomes: t.Sequence[ActionResult]) -> ActionResult:
    return ActionResult(
        *(tuple(one for outcome in outcomes for one in outcome[place]) for place in range(len(ActionResult._fields)))
    )


def _as_result(action: str, outcome: ActionResult, limit: int, check_mode: bool) -> t.Dict[str, t.Any]:
    done = "predicted" if check_mode else "done"
    rows = [_as_row(one, done) for one in outcome.affected]
    rows += [_as_row(one, "gone") for one in outcome.gone]
    rows += [_as_row(one.message, "skipped", one.why) for one in outcome.skipped]
    return {
        "changed": bool(outcome.affected),
        "action": action,
        "affected": len(outcome.affected),
        "gone": len(outcome.gone),
        "skipped_count": len(outcome.skipped),
        "messages": rows[:limit],
        "transcript": list(outcome.transcript),
    }


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


# --- message_info ------------------------------------------------------------------------------------------------


def look(runner: Runner, params: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    """What the module message_info returns; the log is asked for a message that left the queue, too."""
    name = params["id"]
    _select.parse({"ids": [name]}, {})
    hosts = _mta.chosen(runner, params["mta"], params["instance"])
    found = None
    for host in hosts:
        found = queue_of(host.mta).message(host, name, params["body_limit"])
        if found:
            break
    since = found.message.arrival if found else 0
    files = tuple(dict.fromkeys(path for host in hosts for path in queue_of(host.mta).log_files(host)))
    lines = _queue_trace.lines(runner, _queue_trace.whole(files, since), name, params["log_limit"])
    return {
        "exists": found is not None,
        "message": _queue.as_record(found.message) if found else None,
        "waits_for": _queue.waits_for(found.message) if found else "It is not in the queue.",
        "headers": [{"name": one, "value": value} for one, value in found.headers] if found else [],
        "body": found.body if found else "",
        "body_size": found.body_size if found else 0,
        "log": list(lines),
        "attempts": [dict(one._asdict()) for one in _queue_trace.attempts(lines)],
    }


# --- shared ------------------------------------------------------------------------------------------------------


def read_ahead(mtas: t.Iterable[str]) -> None:
    """Import what a look at the queue uses of the drivers: to be called before threads do (see host_info)."""
    for mta in mtas:
        queue_of(mta)


def _detailed(host: Host, message: Message) -> Message:
    return queue_of(host.mta).detailed(host, message)


def _listing(hosts: t.Sequence[Host], unreadable: t.List[t.Dict[str, str]]) -> t.Iterator[Message]:
    """The messages of all instances. One whose MTA cannot even list is reported, unless it is the only one."""

    def report(path: str, why: str) -> None:
        unreadable.append({"path": path, "why": why})

    for host in hosts:
        try:
            yield from queue_of(host.mta).messages(host, report)
        except CommandError as problem:
            if len(hosts) == 1:
                raise
            report(host.instance.config_directory, str(problem))


def chosen(messages: t.Iterable[Message], selection: Selection, now: float) -> t.Iterable[Message]:
    """The messages that a selection takes."""
    if selection == _select.EVERYTHING:
        return messages
    return filter(_select.predicate(selection, now), messages)
