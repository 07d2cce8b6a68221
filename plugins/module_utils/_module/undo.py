# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Go back to an earlier generation of one instance, on the one way through.

Private to the collection: it can change at any time.
"""

import os
import typing as t

from .. import _change, _mta, _result
from .._account import damage, history
from .._account.history import Contents
from .._driver.check import check_of
from .._driver.discover import discover_of
from .._errors import as_before
from .._model.host import Activation, Host
from .._model.policy_record import SILENT
from .._runner import Runner
from . import move_services
from .live_answers import LiveAnswers
from .watched import CONFIRM_SPEC, confirm_by, watched
from .way_back import WayBack

__all__ = ("ARGUMENT_SPEC", "run")

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    **_mta.ARGUMENT_SPEC,
    "to": {"type": "int"},
    "by": {"type": "str"},
    "ticket": {"type": "str"},
    **CONFIRM_SPEC,
    "lock_timeout": {"type": "float", "default": 60},
}


class UndoRun(WayBack):
    """A way back that is judged as a new configuration is, and asked on the wire afterwards."""

    def __init__(self, host: Host, author: _change.Author, wanted: t.Callable[[], Contents], target: int) -> None:
        super().__init__(host, author, wanted, target)
        self.answers = LiveAnswers(host)
        self.inherited: t.List[str] = []

    def _check(self, stage: str) -> t.Sequence[str]:
        # What is left of a lost file does not say what the daemon serves, which has read all of it.
        if not damage.damaged(self.directory):
            self.answers.observe()
        return check_of(self.host.mta).check(self.host, stage, SILENT, self.rendering(), self.inherited)

    def _activate(self, activation: Activation) -> None:
        if self._is_moved():
            move_services.settle(self.host.runner, activation)
        else:
            super()._activate(activation)

    def _verify(self) -> t.Sequence[str]:
        if self._is_moved() and not discover_of(self.host.mta).listens(self.host):
            # Another MTA answers at the ports, and has greeted.
            return ()
        return self.answers.findings()

    def _is_moved(self) -> bool:
        """Return whether the configuration also says which of two MTAs has the ports."""
        return self.host.mta == move_services.POSTFIX and self.host.instance.primary and move_services.is_in_force()


def run(params: t.Mapping[str, t.Any], check_mode: bool, runner: t.Optional[Runner] = None) -> t.Dict[str, t.Any]:
    """Do what the module's parameters ask for, and say what was done.

    :raises PostmasterError: with the host as it was before.
    """
    host = _mta.find(runner or Runner(), params["mta"], params["instance"])
    directory = os.path.realpath(host.instance.config_directory)
    target = history.target_of(directory, params["to"])
    undone = _undone(directory, target)
    author = _change.Author(
        "undo",
        params.get("by") or "",
        params.get("ticket") or "",
        owned=lambda owned: history.owned_after(directory, target),
        more={"state": target, "undoes": undone},
    )
    if params.get("confirm"):
        from . import expire  # noqa: F401  # the watcher: named here, it is sent along
    author = watched(author, host, params.get("confirm"))
    way_back = UndoRun(host, author, lambda: history.contents(directory, target), target)
    way_back.dry = check_mode
    notes = history.changed_manually(directory)
    outcome = _change.transact(way_back.steps(), directory, check_mode, params["lock_timeout"])
    plan = outcome.plan
    return {
        **outcome.facts(),
        "diff": _result.diff(plan),
        "mta": host.mta,
        "instance": host.instance.name,
        "to": target,
        "undone": undone,
        "notes": notes,
        "confirm_by": confirm_by(author, outcome.generation),
        "verified": [] if check_mode else way_back.answers.verified,
        "warnings": list(outcome.warnings) + as_before(way_back.inherited),
    }


def _undone(directory: str, target: int) -> t.List[int]:
    """Return the generations whose changes are gone afterwards."""
    records = history.records(directory)
    gone = history.undone_by(records)
    return [
        record["number"]
        for record in records
        if record["number"] > target and record["number"] not in gone and "state" not in record and record["files"]
    ]
