# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stops a rollout between its batches."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.postmaster.mta.plugins.plugin_utils import _fleet

display = Display()

ANSWERED = "answered"
FINISHED = "finished"


class ActionModule(ActionBase):
    """See the documentation of the module of this name."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Judge the batch; the first host that is left shows the table, each host answers for itself."""
        result = super().run(tmp, task_vars)
        variables = task_vars or {}
        dummy, options = self.validate_argument_spec(
            {
                "phase": {"type": "str", "choices": [ANSWERED, FINISHED], "required": True},
            }
        )
        phase, me = options["phase"], variables["inventory_hostname"]
        # In check mode nothing is at risk, and all that is wrong in the fleet is shown in one go.
        if self._task.check_mode and phase == FINISHED:
            return dict(result, changed=False, msg="go on")
        relays = _see(variables["ansible_play_hosts_all"] if _is_speaker(variables) else [me], variables)
        blamed = _blamed(relays, variables["ansible_play_batch"], phase, self._task.check_mode)
        if blamed and _is_speaker(variables):
            batch = variables["ansible_play_batch"] if phase == ANSWERED else []
            shown = [relay.not_touched() if relay.host in batch else relay for relay in relays]
            lines = _fleet.table(shown, self._task.check_mode)
            display.display("\n" + "\n".join(lines) + "\n")
        return dict(result, changed=False, **_answer(me, variables["ansible_play_batch"], blamed))


def _is_speaker(variables: t.Mapping[str, t.Any]) -> bool:
    # One host looks at the whole fleet, the others only at themselves: the work grows with the fleet, not its square.
    return variables["inventory_hostname"] == variables["ansible_play_batch"][0]


def _see(hosts: t.Iterable[str], variables: t.Mapping[str, t.Any]) -> list[_fleet.Relay]:
    return [_fleet.see(host, variables["hostvars"][host]) for host in hosts]


def _blamed(relays: t.Sequence[_fleet.Relay], batch: t.Sequence[str], phase: str, check_mode: bool) -> dict[str, str]:
    """The hosts that stop the rollout, with the reason. A host that is gone has left Ansible's batch, but not the fleet."""
    if phase == FINISHED:
        return dict(_fleet.judge_finished(relay for relay in relays if relay.state != _fleet.WAITING).blamed)
    earlier = [relay for relay in relays if relay.host not in batch and relay.state != _fleet.WAITING]
    blamed = dict(_fleet.judge_answers(relay for relay in relays if relay.host in batch).blamed)
    if not check_mode:
        blamed.update(_fleet.judge_finished(earlier).blamed)
    return blamed


def _answer(me: str, here: t.Sequence[str], blamed: t.Mapping[str, str]) -> dict[str, t.Any]:
    """What this host says: a host that is to blame fails itself; for those that are gone the first one left fails."""
    if me in blamed:
        return {"failed": True, "reported": True, "msg": f"the rollout stops here: {blamed[me]}"}
    gone = [f"{host}: {reason}" for host, reason in blamed.items() if host not in here]
    if gone:
        return {"failed": True, "reported": True, "msg": f"the rollout stops here, because of {'; '.join(gone)}"}
    return {"msg": "the rollout stops here" if blamed else "go on"}
