# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Additional instances of an MTA: see them, plan what is to be done, do it, and undo it when a step fails.

An instance is more than its configuration directory, which C(_change) takes care of: it is directories, a registration
and a service. So what is done here is a list of steps, and each step knows how it is undone. The drivers' C(instances.py) know
the steps; this file knows their order and what must be true before the first one.

Private to the collection: it can change at any time.
"""

import contextlib
import os
import typing as t

from .. import _change, _files, _mta
from .._account import notes, writers
from .._driver.instances import Instances, instances_of
from .._errors import OptionError, PostmasterError, Refused, RolledBack
from .._model import kinds
from .._model.host import Host, Instance
from .._model.instance import ExistingInstance, InstanceRequest, UndoableStep
from .._runner import Runner
from . import instance_listeners, relay
from .watched import CONFIRM_SPEC

PRESENT, STARTED, STOPPED, ABSENT = "present", "started", "stopped", "absent"
REFUSE, KEEP, DELETE = "refuse", "keep", "delete"

#: The file in which Postfix registers its instances; of sendmail there is none.
_REGISTER = "main.cf"

#: The options that both modules have.
ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "name": {"type": "str", "required": True},
    "config_directory": {"type": "path"},
    "queue_directory": {"type": "path"},
    "listen": {"type": "list", "elements": "str"},
    "port": {"type": "int", "default": 25},
    "state": {"type": "str", "choices": [PRESENT, STARTED, STOPPED, ABSENT], "default": STARTED},
    "mail": {"type": "str", "choices": [REFUSE, KEEP, DELETE], "default": REFUSE},
    "by": {"type": "str"},
    "ticket": {"type": "str"},
    **CONFIRM_SPEC,
    "lock_timeout": {"type": "float", "default": 60},
}


class InstanceWork(t.NamedTuple):
    """One run: the door, the driver's part, the wish, and what is there."""

    runner: Runner
    mta: str
    twin: Instances
    wish: InstanceRequest
    seen: ExistingInstance


def apply(
    mta: str,
    params: t.Mapping[str, t.Any],
    check_mode: bool,
    runner: t.Optional[Runner] = None,
    author: t.Optional[_change.Author] = None,
) -> t.Dict[str, t.Any]:
    """Do what the module's parameters ask for, and say what was done.

    :param author: who does it, in the place of the module, for the account.
    :raises Refused: something that must be true before the first step is not; nothing was changed.
    :raises RolledBack: a step failed and those before it were undone.
    """
    runner = runner or Runner()
    twin = instances_of(mta)
    wish = _wish(twin, params)
    primary = _mta.find(runner, mta).instance
    if wish.config_directory == primary.config_directory or wish.name == primary.name:
        raise OptionError("name", params["name"], "this is the primary instance, which the package made")
    work = InstanceWork(runner, mta, twin, wish, twin.see(runner, wish))
    steps = _plan(work)
    deadline = _deadline(work, params)
    generation: t.Optional[int] = None
    if steps and not check_mode:
        with _change.locked(primary.config_directory, params["lock_timeout"]):
            # Look again: what another run did while we waited counts.
            work = work._replace(seen=twin.see(runner, wish))
            steps = _plan(work)
            if work.seen.instance is None:
                writers.forget(wish.config_directory)
            generation = _perform_recorded(work, primary, steps, author or _author(work, params, steps), deadline)
            work = work._replace(seen=twin.see(runner, wish))
            _insist_on_the_end(work)
    return dict(_answer(work, steps, check_mode), generation=generation, confirm_by=deadline if generation else None)


def _author(work: InstanceWork, params: t.Mapping[str, t.Any], steps: t.Sequence[UndoableStep]) -> _change.Author:
    return _change.Author(
        f"{work.mta}_instance",
        params.get("by") or "",
        params.get("ticket") or "",
        more={"reason": f"{work.wish.name}: " + "; ".join(step.text for step in steps)},
    )


def _deadline(work: InstanceWork, params: t.Mapping[str, t.Any]) -> t.Optional[int]:
    """Return until when the change must be confirmed; None where nobody has to.

    :raises OptionError: no such time, or the host could not bring back what was there.
    """
    wait = params.get("confirm")
    if not wait:
        return None
    from . import expire_instance

    if work.wish.state == ABSENT and work.wish.mail != KEEP:
        raise OptionError("confirm", wait, "what is removed does not come back by itself; mail: keep leaves the files")
    return expire_instance.deadline_of(work.runner, wait)


def _perform_recorded(
    work: InstanceWork,
    primary: Instance,
    steps: t.Sequence[UndoableStep],
    author: _change.Author,
    deadline: t.Optional[int],
) -> t.Optional[int]:
    """Do the steps and write down what was done, in the account of the primary instance: that is where somebody looks.

    :returns: the number of the record; None where it could not be written.
    """
    if not steps:
        return None
    before = {_REGISTER: _files.read(os.path.join(primary.config_directory, _REGISTER))}
    number: t.Optional[int] = None
    if deadline is None:
        _perform(steps)
    else:
        from . import expire_instance

        watched = expire_instance.begin(work.runner, primary, work.wish, work.seen, author, deadline)
        number, author = watched.number, watched.author
        with expire_instance.dropped_on_failure(watched):
            _perform(steps)
    # The change is made: a full disk must not turn that into a failure.
    with contextlib.suppress(OSError):
        return notes.done(os.path.realpath(primary.config_directory), before, author, number)
    return number


def _wish(twin: Instances, params: t.Mapping[str, t.Any]) -> InstanceRequest:
    name = params["name"]
    twin.check_name(name)
    listen = tuple(_listener(place) for place in params["listen"] or ())
    if not 1 <= params["port"] <= 65535:
        raise OptionError("port", params["port"], "a port is a number from 1 to 65535")
    return InstanceRequest(
        name,
        _path(params, "config_directory") or os.path.join("/etc", name),
        _path(params, "queue_directory"),
        _path(params, "data_directory"),
        params.get("group"),
        listen,
        params["port"],
        params["state"],
        params["mail"],
    )


def _path(params: t.Mapping[str, t.Any], option: str) -> t.Optional[str]:
    value = params.get(option)
    if not value:
        return None
    try:
        return kinds.path(value).rstrip("/")
    except ValueError as problem:
        raise OptionError(option, value, str(problem))


def _listener(place: str) -> str:
    try:
        return kinds.listener(place)
    except ValueError as problem:
        raise OptionError("listen", place, str(problem))


# --- the plan -----------------------------------------------------------------------------------------------------


def _plan(work: InstanceWork) -> t.List[UndoableStep]:
    if work.wish.state == ABSENT:
        return _plan_removal(work)
    problems = list(work.twin.problems(work.runner, work.wish, work.seen))
    problems += _listening_problems(work)
    if problems:
        raise Refused(problems)
    return _plan_presence(work)


def _plan_removal(work: InstanceWork) -> t.List[UndoableStep]:
    seen, twin, wish = work.seen, work.twin, work.wish
    if not _is_there(seen, wish):
        return []
    refuses = seen.instance if wish.mail == REFUSE else None
    # Of one whose configuration somebody removed there is only the registration left.
    if refuses is not None:
        count = twin.messages(work.runner, refuses)
        if count:
            why = f"{count} messages are in its queue; say mail: keep, or mail: delete, or have them delivered first"
            raise Refused([f"mail: {wish.name}: {why}"])
    steps = []
    if seen.pid:
        steps.append(_stop(work))
        if refuses is not None:
            steps.append(_still_empty(work, refuses))
    return steps + list(twin.remove(work.runner, wish, seen, wish.mail == KEEP))


def _is_there(seen: ExistingInstance, wish: InstanceRequest) -> bool:
    """Return whether there is anything to remove. A queue that was kept is something only for who does not keep it."""
    if seen.registered:
        return True
    return seen.instance is not None and bool(seen.pid or wish.mail != KEEP)


def _still_empty(work: InstanceWork, instance: Instance) -> UndoableStep:
    """Look at the queue once more before anything is removed. The instance took mail until it stopped."""

    def look() -> None:
        if work.twin.messages(work.runner, instance):
            raise PostmasterError("mail came in while it was stopped; nothing was removed")

    return UndoableStep("see that its queue is empty", look)


def _plan_presence(work: InstanceWork) -> t.List[UndoableStep]:
    seen, twin, wish, runner = work.seen, work.twin, work.wish, work.runner
    steps: t.List[UndoableStep] = []
    if not seen.instance:
        steps += twin.create(runner, wish)
    if not seen.registered:
        steps += twin.register(runner, wish)
    steps += twin.assign(runner, wish, seen)
    steps += _configure(work)
    if wish.state == STARTED:
        steps += _plan_start(work)
    elif wish.state == STOPPED:
        steps += _plan_stop(work)
    return steps


def _is_enabled(seen: ExistingInstance) -> bool:
    return seen.instance is not None and seen.registered and seen.instance.enabled


def _plan_start(work: InstanceWork) -> t.List[UndoableStep]:
    seen, twin, wish = work.seen, work.twin, work.wish
    steps = [] if _is_enabled(seen) else [twin.enable(work.runner, wish, True)]
    if not seen.pid:
        return [*steps, _start(work)]
    if not twin.kept(work.runner, wish, seen.pid):
        # It was started manually: the service manager would not stop what it did not start.
        steps += [_stop(work), _start(work)]
    return steps


def _plan_stop(work: InstanceWork) -> t.List[UndoableStep]:
    """Stop it first: Postfix's own commands leave a running instance alone once it is disabled."""
    steps = [_stop(work)] if work.seen.pid else []
    if _is_enabled(work.seen):
        steps.append(work.twin.enable(work.runner, work.wish, False))
    return steps


def _start(work: InstanceWork) -> UndoableStep:
    wish, twin, runner = work.wish, work.twin, work.runner
    return UndoableStep(f"start {wish.name}", lambda: twin.start(runner, wish), lambda: twin.stop(runner, wish))


def _stop(work: InstanceWork) -> UndoableStep:
    wish, twin, runner = work.wish, work.twin, work.runner
    return UndoableStep(f"stop {wish.name}", lambda: twin.stop(runner, wish), lambda: twin.start(runner, wish))


def _configure(work: InstanceWork) -> t.List[UndoableStep]:
    """Let it listen where it should. The transaction of C(relay) does it, and rolls itself back when it fails."""
    wish, seen = work.wish, work.seen
    if not wish.listen or (seen.instance is not None and _listens_there(work, seen.instance)):
        return []
    where = ", ".join(f"{place}:{wish.port}" for place in wish.listen)
    return [UndoableStep(f"listen on {where}", lambda: _apply_listen(work))]


def _apply_listen(work: InstanceWork) -> None:
    wish = work.wish
    params = {name: spec.get("default") for name, spec in relay.ARGUMENT_SPEC.items()}
    params.update(
        work.twin.listening(wish),
        policy={"identity": {"listen": list(wish.listen), "port": wish.port}},
        baseline="none",
        mta=work.mta,
        instance=wish.config_directory,
        author=f"{work.mta}_instance",
    )
    relay.run(params, False, work.runner)


# --- where it listens ---------------------------------------------------------------------------------------------


def _wanted_places(wish: InstanceRequest) -> t.FrozenSet[t.Tuple[str, int]]:
    return frozenset((place, wish.port) for place in wish.listen)


def _places(work: InstanceWork, instance: Instance) -> t.FrozenSet[t.Tuple[str, int]]:
    """Return where an instance's configuration lets it listen."""
    return frozenset(instance_listeners.configured(_mta.host(work.runner, instance)))


def _listens_there(work: InstanceWork, instance: Instance) -> bool:
    """Return whether an instance has the wanted addresses, in whatever words: loopback can be one address or two."""
    present, wanted = _places(work, instance), _wanted_places(work.wish)
    return instance_listeners.addresses(present) == instance_listeners.addresses(wanted)


def _listening_problems(work: InstanceWork) -> t.List[str]:
    wish, seen = work.wish, work.seen
    wanted = _wanted_places(wish)
    if not wanted and seen.instance is not None and wish.state == STARTED and not seen.pid:
        wanted = _places(work, seen.instance)
    if not wanted:
        return []
    others = [other for other in _mta.find_all(work.runner) if other.config_directory != wish.config_directory]
    hosts: t.List[Host] = [_mta.host(work.runner, other) for other in others if other.enabled]
    return instance_listeners.problems(sorted(wanted), hosts, seen.pid)


# --- doing it -----------------------------------------------------------------------------------------------------


def _perform(steps: t.Sequence[UndoableStep]) -> None:
    done: t.List[UndoableStep] = []
    for step in steps:
        try:
            step.do()
        except (PostmasterError, OSError) as problem:
            raise RolledBack([f"{step.text}: {problem}"], restored=_undo([*done, step]))
        done.append(step)


def _undo(done: t.Sequence[UndoableStep]) -> bool:
    complete = True
    for step in reversed(done):
        try:
            step.undo()
        except (PostmasterError, OSError):
            complete = False
    return complete


def _insist_on_the_end(work: InstanceWork) -> None:
    left = [step.text for step in _plan(work)]
    if left:
        raise PostmasterError(f"{work.wish.name}: done, and yet there is still to do: {'; '.join(left)}")


def _answer(work: InstanceWork, steps: t.Sequence[UndoableStep], check_mode: bool) -> t.Dict[str, t.Any]:
    wish, seen = work.wish, work.seen
    instance = seen.instance
    return {
        "changed": bool(steps),
        "actions": [step.text for step in steps],
        "mta": work.mta,
        "instance": wish.name,
        "config_directory": wish.config_directory,
        "exists": instance is not None,
        "registered": instance is not None and seen.registered,
        "enabled": instance is not None and seen.registered and instance.enabled,
        "running": seen.pid is not None,
        "queue_directories": list(instance.queue_directories) if instance else [],
        "diff": {"before": "", "after": "".join(f"{step.text}\n" for step in steps)},
    }
