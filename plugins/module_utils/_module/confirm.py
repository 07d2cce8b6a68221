# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Confirm a change that the host would otherwise roll back by itself.

Private to the collection: it can change at any time.
"""

import os
import typing as t

from .. import _change, _mta
from .._account import generations, watch
from .._errors import OptionError
from .._runner import Runner
from . import expire_instance, expiry
from .undo import UndoRun

__all__ = ("ARGUMENT_SPEC", "run")

CONFIRMED, ROLLED_BACK = "confirmed", "rolled_back"

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    **_mta.ARGUMENT_SPEC,
    "generation": {"type": "int"},
    "state": {"type": "str", "choices": [CONFIRMED, ROLLED_BACK], "default": CONFIRMED},
    "lock_timeout": {"type": "float", "default": 60},
}


def run(params: t.Mapping[str, t.Any], check_mode: bool, runner: t.Optional[Runner] = None) -> t.Dict[str, t.Any]:
    """Confirm what waits for it on one instance, or roll it back at once.

    :raises OptionError: the generation that is named does not wait, or is rolled back already.
    """
    runner = runner or Runner()
    host = _mta.find(runner, params["mta"], params["instance"])
    directory = os.path.realpath(host.instance.config_directory)
    meant = _meant(directory, params["generation"])
    back = params["state"] == ROLLED_BACK
    if meant and not check_mode:
        if back:
            _roll_back(runner, host.mta, directory, meant)
        else:
            _confirm_all(runner, directory, meant, params["lock_timeout"])
    verb = "roll back" if back else "confirm"
    return {
        "changed": bool(meant),
        "mta": host.mta,
        "instance": host.instance.name,
        "confirmed": [] if back else meant,
        "rolled_back": meant if back else [],
        "actions": [f"{verb} generation {number}" for number in meant],
    }


def _meant(directory: str, number: t.Optional[int]) -> t.List[int]:
    """Return the generations that wait, or the one of them that is named."""
    waiting = watch.waiting(directory)
    if number is None:
        return waiting
    if number in waiting:
        return [number]
    _insist_on_confirmed(directory, number)
    return []


def _roll_back(runner: Runner, mta: str, directory: str, numbers: t.Sequence[int]) -> None:
    """Roll back the newest one first."""
    for number in reversed(numbers):
        if generations.load(directory, number).get(expire_instance.BEFORE):
            expire_instance.expire(runner, mta, directory, number)
        else:
            expiry.expire(UndoRun, runner, mta, directory, number)


def _confirm_all(runner: Runner, directory: str, numbers: t.Sequence[int], lock_timeout: float) -> None:
    with _change.locked(directory, lock_timeout):
        for number in numbers:
            _confirm(runner, directory, number)


def _insist_on_confirmed(directory: str, number: int) -> None:
    ended = generations.load(directory, number).get("ended")
    if ended not in (generations.CONFIRMED, generations.LIVE):
        raise OptionError(
            "generation", number, f"it does not wait for a confirmation: {ended or 'there is no such generation'}"
        )


def _confirm(runner: Runner, directory: str, number: int) -> None:
    """Write it down first: a watcher that wakes up meanwhile reads it and does nothing."""
    record = generations.load(directory, number)
    if record.get("ended") != generations.LIVE:
        raise OptionError("generation", number, f"it is {record.get('ended')} already")
    record["ended"] = generations.CONFIRMED
    generations.write(generations.place_of(directory), record)
    watch.disarm(runner, directory, number)
