# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The watcher of a change of an additional instance: unless it is confirmed, the instance is again what it was, or gone.

The record stands in the account of the primary instance, with what there was of the instance before.

Private to the collection: it can change at any time.
"""

import contextlib
import os
import time
import typing as t

from .. import _change, _mta
from .._account import generations, history, notes, watch
from .._account.history import Contents
from .._driver.instances import instances_of
from .._errors import PostmasterError
from .._model.host import Host, Instance
from .._model.instance import ExistingInstance, InstanceRequest, UndoableStep
from .._runner import Runner
from . import expiry, instance
from .way_back import WayBack

#: The entry of a record that says what there was.
BEFORE = "instance"


class Watch(t.NamedTuple):
    """A change that is watched.

    :param directory: the configuration directory of the primary instance.
    :param author: who makes it, with what there was before.
    """

    runner: Runner
    directory: str
    number: int
    author: _change.Author

    def drop(self, why: str) -> None:
        """End it: the change was rolled back."""
        record = generations.load(self.directory, self.number)
        record.update(ended=generations.ROLLED_BACK, reason=why)
        generations.write(generations.place_of(self.directory), record)
        watch.disarm(self.runner, self.directory, self.number)


def deadline_of(runner: Runner, wait: str) -> int:
    """Return until when a change must be confirmed, in seconds since the epoch.

    :raises OptionError: no such time, or nobody could roll back.
    """
    watch.refuse_without_systemd(runner, wait)
    return int(time.time()) + watch.seconds(wait)


def begin(
    runner: Runner,
    primary: Instance,
    wish: InstanceRequest,
    seen: ExistingInstance,
    author: _change.Author,
    deadline: int,
) -> Watch:
    """Write down what there is before the first step, and let the host bring it back when the time is over."""
    directory = os.path.realpath(primary.config_directory)
    author = author._replace(more=dict(author.more, **{"confirm_by": deadline, BEFORE: _before(wish, seen)}))
    number = notes.note(directory, author)
    watch.arm(runner, primary.mta, directory, number, deadline, "expire_instance")
    return Watch(runner, directory, number, author)


def _before(wish: InstanceRequest, seen: ExistingInstance) -> t.Dict[str, t.Any]:
    own = os.path.realpath(wish.config_directory)
    return {
        "name": wish.name,
        "config_directory": wish.config_directory,
        "exists": seen.instance is not None,
        "registered": seen.registered,
        "enabled": seen.instance is not None and seen.instance.enabled,
        "running": seen.pid is not None,
        "group": seen.group,
        "generation": max([0] + generations.numbers(own)) if seen.instance else 0,
    }


def main(arguments: t.Sequence[str]) -> int:
    """Roll back what the arguments name. Return the exit status."""
    return expiry.main(expire, arguments)


def expire(runner: Runner, mta: str, directory: str, number: int) -> str:
    """Bring the instance back unless that is confirmed or done already; return what was done, in words."""
    if not expiry.waits(directory, number):
        watch.disarm(runner, directory, number)
        return f"generation {number} does not wait for a confirmation"
    record = generations.load(directory, number)
    more = {"undoes": [number], "reason": f"generation {number} was not confirmed in time"}
    author = _change.Author("confirm", more=more)
    before = record[BEFORE]
    if before["exists"]:
        with _change.locked(directory, expiry.LOCK_TIMEOUT):
            _restore(runner, mta, before)
            notes.note(directory, author)
    else:
        _remove(runner, mta, before, author)
    watch.disarm(runner, directory, number)
    return f"generation {number} was not confirmed and is rolled back"


def _remove(runner: Runner, mta: str, before: t.Mapping[str, t.Any], author: _change.Author) -> None:
    """Remove an instance that was not there. Mail that it has taken stays where it is."""
    params: t.Dict[str, t.Any] = {name: spec.get("default") for name, spec in instance.ARGUMENT_SPEC.items()}
    params.update(
        name=before["name"],
        config_directory=before["config_directory"],
        state=instance.ABSENT,
        lock_timeout=expiry.LOCK_TIMEOUT,
    )
    try:
        answer = instance.apply(mta, params, False, runner, author)
    except PostmasterError:
        answer = instance.apply(mta, dict(params, mail=instance.KEEP), False, runner, author)
    if not answer["changed"]:
        # A run that was killed before its first step.
        notes.note(os.path.realpath(_mta.find(runner, mta).instance.config_directory), author)


def _restore(runner: Runner, mta: str, before: t.Mapping[str, t.Any]) -> None:
    """Bring an instance back to what it was: its files, its registration, and whether it runs."""
    twin = instances_of(mta)
    wish = _wish(before)
    seen = twin.see(runner, wish)
    if seen.pid and not before["running"]:
        twin.stop(runner, wish)
    if seen.registered and not before["registered"]:
        _do(twin.remove(runner, wish, seen, True))
    elif before["registered"] and not seen.registered:
        _do(twin.register(runner, wish))
    if before["registered"]:
        _do(twin.assign(runner, wish, twin.see(runner, wish)))
    _restore_files(runner, mta, before)
    seen = twin.see(runner, wish)
    if before["registered"] and seen.instance and seen.instance.enabled != before["enabled"]:
        twin.enable(runner, wish, before["enabled"]).do()
    if before["running"] and not seen.pid:
        twin.start(runner, wish)


def _wish(before: t.Mapping[str, t.Any]) -> InstanceRequest:
    state = instance.STARTED if before["running"] else instance.STOPPED
    return InstanceRequest(
        before["name"], before["config_directory"], None, None, before["group"], (), 25, state, instance.KEEP
    )


def _do(steps: t.Iterable[UndoableStep]) -> None:
    for step in steps:
        step.do()


def _restore_files(runner: Runner, mta: str, before: t.Mapping[str, t.Any]) -> None:
    """Take out what the change wrote into the configuration of the instance; what came later stays."""
    own = os.path.realpath(before["config_directory"])
    records = [record for record in history.records(own) if record["number"] > before["generation"]]
    gone = history.undone_by(records)
    for record in reversed(records):
        if record["module"] == f"{mta}_instance" and record["number"] not in gone:
            _take_out(_mta.find(runner, mta, before["config_directory"]), own, record["number"])


def _take_out(host: Host, own: str, number: int) -> None:
    def wanted() -> Contents:
        return expiry.without_generation(host, own, number)

    author = expiry.author_of(own, number)
    _change.transact(WayBack(host, author, wanted, expiry.before(own, number)).steps(), own)


@contextlib.contextmanager
def dropped_on_failure(watched: t.Optional[Watch]) -> t.Iterator[None]:
    """End the watch where the change fails, since its steps are undone then."""
    try:
        yield
    except PostmasterError as problem:
        if watched:
            watched.drop(str(problem))
        raise


__all__ = ("BEFORE", "Watch", "begin", "deadline_of", "dropped_on_failure", "expire", "main")
