# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Move the ports of a sendmail to the Postfix beside it, and back, on the one way through.

Private to the collection: it can change at any time.

One parameter of main.cf changes, C(master_service_disable), and making that effective is C(move_services.settle). So the change is a
generation of Postfix's account as any other: it can wait for a confirmation, it can be undone, and a failure goes back.
"""

import os
import typing as t

from .. import _change, _files, _result
from .._account import generations, watch
from .._account.ownership import Parts
from .._driver.check import check_of
from .._driver.daemon import daemon_of
from .._errors import OptionError, PostmasterError, Refused, as_before
from .._model.host import NOTHING, RELOAD, Activation, File, Host, Rendering
from .._model.policy_record import SILENT
from .._postfix import discover, main_cf
from .._postfix.parameters import split_list
from .._runner import Runner
from .._sendmail import build
from . import move_drain, move_services, move_status
from .guard import guard_of
from .live_answers import LiveAnswers
from .move_services import POSTFIX, SENDMAIL, Both
from .watched import CONFIRM_SPEC, confirm_by, watched

CHECKED, MOVED, BACK = "checked", "moved", "back"
ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "state": {"type": "str", "choices": [CHECKED, MOVED, BACK], "required": True},
    "by": {"type": "str"},
    "ticket": {"type": "str"},
    **CONFIRM_SPEC,
    "lock_timeout": {"type": "float", "default": 60},
}
_PARAMETER, _SERVICES = "master_service_disable", "inet"
_AUTHOR = "move_switch"


class SwitchRun:
    """One run: the steps that the transaction takes.

    :param moved: whether Postfix shall have the ports.
    """

    def __init__(self, pair: Both, moved: bool, author: _change.Author) -> None:
        self.pair = pair
        self.host: Host = pair.new
        self.moved = moved
        self.directory = os.path.realpath(self.host.instance.config_directory)
        self.author = author._replace(owned=self._owned)
        self.answers = LiveAnswers(self.host)
        self.inherited: t.List[str] = []
        self._parts: Parts = {}

    def steps(self) -> _change.Steps:
        """Return the steps of this run, as the transaction takes them."""
        guard = guard_of(self.host)
        return _change.Steps(self.plan, self._build, self._check, self._activate, self._verify, self.author, guard)

    def plan(self) -> _change.Plan:
        """Return what is to be done on the host as it is now."""
        files = _change.difference(self.directory, self._rendering().files)
        activation = Activation(RELOAD, (self._words(),)) if files else Activation(NOTHING)
        return _change.Plan(self.directory, files, (), activation)

    def _words(self) -> str:
        first, second = (SENDMAIL, POSTFIX) if self.moved else (POSTFIX, SENDMAIL)
        return f"the ports go from {first} to {second}, and {first} delivers what is in its queue"

    def _rendering(self) -> Rendering:
        main = main_cf.parse(_files.read(os.path.join(self.directory, "main.cf")) or b"")
        before = main.values.get(_PARAMETER)
        others = [word for word in split_list(before or "") if word != _SERVICES]
        after = ", ".join(others if self.moved else [*others, _SERVICES]) or None
        self._parts = {f"main.cf {_PARAMETER}": (before, after)}
        if split_list(before or "") == split_list(after or ""):
            return Rendering({}, {})
        return Rendering({"main.cf": File(main_cf.edit(main, {_PARAMETER: after}))}, {_PARAMETER: after or ""})

    def _owned(self, before: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
        return dict(before, **{_AUTHOR: {part: list(pair) for part, pair in self._parts.items()}})

    def _build(self, stage: str, names: t.Sequence[str]) -> None:
        """Compile nothing: no table changes."""

    def _check(self, stage: str) -> t.Sequence[str]:
        if not self.moved:
            return ()
        self.answers.observe()
        findings = check_of(self.host.mta).check(self.host, stage, SILENT, self._rendering(), self.inherited)
        # Until then sendmail has them.
        places = daemon_of(SENDMAIL).running(self.pair.old).listening
        busy = tuple(f"another process listens on {address}:{port}" for address, port in places)
        return [finding for finding in findings if not finding.endswith(busy)]

    def _activate(self, activation: Activation) -> None:
        move_services.settle(self.pair.runner, activation)

    def _verify(self) -> t.Sequence[str]:
        # sendmail has greeted, or settle() would have said so.
        return self.answers.findings() if self.moved else ()


def run(params: t.Mapping[str, t.Any], check_mode: bool, runner: t.Optional[Runner] = None) -> t.Dict[str, t.Any]:
    """Do what the module's parameters ask for, and say what was done.

    :raises Refused: something that must be true before is not; nothing was changed.
    :raises PostmasterError: with the host as it was before.
    """
    pair = move_services.both(runner or Runner())
    state = params["state"]
    change = SwitchRun(pair, state == MOVED, _author(params, pair, state == MOVED))
    if state != BACK and not move_services.is_in_force():
        problems = _problems(pair) + (_unprepared(change.plan()) if state == MOVED else [])
        if problems:
            raise Refused(problems)
    if state == CHECKED or (state == BACK and not move_services.is_in_force()):
        return _answer(change, _change.Outcome(_change.Plan(change.directory, (), (), Activation(NOTHING))), check_mode)
    outcome = _switched(change, params, check_mode)
    return _answer(change, outcome, check_mode)


def _author(params: t.Mapping[str, t.Any], pair: Both, moved: bool) -> _change.Author:
    """Return who does it; a change that waits for a confirmation goes back to sendmail by itself."""
    if params.get("confirm"):
        if not moved:
            raise OptionError("confirm", params["confirm"], "only a move waits for a confirmation, a way back does not")
        from . import expire  # noqa: F401  # the watcher: named here, it is sent along
    more = {} if moved else {"undoes": _waiting(pair)}
    author = _change.Author(_AUTHOR, params.get("by") or "", params.get("ticket") or "", more=more)
    return watched(author, pair.new, params.get("confirm"))


def _waiting(pair: Both) -> t.List[int]:
    """Return the moves that wait for a confirmation: a way back ends that."""
    directory = os.path.realpath(pair.new.instance.config_directory)
    return [n for n in watch.waiting(directory) if generations.load(directory, n).get("module") == _AUTHOR]


def _switched(change: SwitchRun, params: t.Mapping[str, t.Any], check_mode: bool) -> _change.Outcome:
    """Take the way through. Postfix runs before its ports are opened, so that nobody waits for its start."""
    fresh = not move_services.is_in_force()
    started = False
    try:
        if change.moved and change.plan().changed and not check_mode:
            if fresh:
                move_services.remember(move_services.as_before(change.pair))
            if daemon_of(POSTFIX).running(change.host).pid is None:
                daemon_of(POSTFIX).start(change.host)
                started = True
                # It is asked before and after, as one that ran.
                change.answers = LiveAnswers(change.host)
        outcome = _change.transact(change.steps(), change.directory, check_mode, params["lock_timeout"])
    except PostmasterError:
        if fresh and change.moved and not check_mode:
            _clear(change.pair, started)
        raise
    if not check_mode:
        for number in change.author.more.get("undoes", ()):
            watch.disarm(change.pair.runner, change.directory, number)
    return outcome


def _clear(pair: Both, started: bool) -> None:
    """Remove what a move has left that did not succeed; the ports are those of sendmail again."""
    if discover.listens(pair.new):
        return
    if not started:
        _files.remove(move_services.MEMORY)
    else:
        move_services.start_drain(pair, POSTFIX)
        move_drain.end(pair.runner)


# --- what must be true before ---------------------------------------------------------------------------------------


def _problems(pair: Both) -> t.List[str]:
    """Return what stands in the way of a first move, one sentence each."""
    return [*_source_problems(pair.old), *_service_problems(pair), *_queue_problems(pair.old)]


def _unprepared(plan: _change.Plan) -> t.List[str]:
    """Return that Postfix would not wait with its ports; nobody has compared it then."""
    why = "it does not say inet; the playbook move writes the configuration of Postfix and compares it"
    return [] if plan.changed else [f"{plan.directory}/main.cf: {_PARAMETER}: {why}"]


def _source_problems(old: Host) -> t.Iterator[str]:
    """Yield why the configuration of sendmail does not say what sendmail does."""
    directory = old.instance.config_directory
    if not os.path.exists(os.path.join(directory, "sendmail.cf")):
        yield f"{directory}/sendmail.cf: there is none, so there is no way back to it"
    source = _files.read(os.path.join(directory, "sendmail.mc"))
    if source is None:
        why = "without it the cf cannot be read whole, nor built again; write one that builds this cf"
        yield f"{directory}/sendmail.mc: there is none; {why}"
        return
    try:
        build.build(old, source.decode("utf-8", "surrogateescape"))
    except Refused as problem:
        yield from (
            f"{directory}/{finding}: it does not build, so what it says is not what runs"
            for finding in problem.findings
        )


def _service_problems(pair: Both) -> t.Iterator[str]:
    if not daemon_of(SENDMAIL).running(pair.old).listening:
        yield "sendmail: it does not listen, so there is no port to move"
    if not os.path.isdir("/run/systemd/system"):
        yield "systemd does not run this host, and its units are what drains the queue"
    elif not pair.runner.run(["systemctl", "cat", "postfix.service"], check=False).out:
        yield "postfix.service: there is no such unit; install the one of the package"
    if daemon_of(POSTFIX).running(pair.new).listening:
        yield "postfix: it listens already"


def _queue_problems(old: Host) -> t.List[str]:
    """Return which messages would never leave the queue."""
    unreadable = move_drain.left(old).unreadable
    return [f"{what}; the queue would never be empty: repair or remove it" for what in unreadable]


# --- the answer -----------------------------------------------------------------------------------------------------


def _answer(change: SwitchRun, outcome: _change.Outcome, check_mode: bool) -> t.Dict[str, t.Any]:
    return {
        **outcome.facts(),
        "diff": _result.diff(outcome.plan, generations.hidden(change.directory)),
        "mta": change.host.mta,
        "instance": change.host.instance.name,
        **move_status.facts(change.pair),
        "confirm_by": confirm_by(change.author, outcome.generation),
        "verified": [] if check_mode else change.answers.verified,
        "warnings": list(outcome.warnings) + as_before(change.inherited),
    }
