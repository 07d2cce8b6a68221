# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stop a rollout of access rules between its batches, and show its tables."""

from __future__ import annotations

import typing as t

from ansible.utils.display import Display

from ansible_collections.postmaster.mta.plugins.plugin_utils import _blocks
from ansible_collections.postmaster.mta.plugins.plugin_utils._action import FleetAction, Vars

display = Display()

BATCH = "batch"
END = "end"
ANSWERS = "answers"

_SPEC = {
    "phase": {"type": "str", "choices": [BATCH, END, ANSWERS], "required": True},
    "variable": {"type": "str", "default": "block_result"},
}


class ActionModule(FleetAction):
    """See the documentation of the module of this name."""

    spec = _SPEC

    def answer(self, variables: Vars, options: dict[str, t.Any]) -> dict[str, t.Any]:
        """Judge the fleet. One host speaks for all."""
        result = {"changed": False, "msg": "go on"}
        if variables["inventory_hostname"] != variables["ansible_play_batch"][0]:
            return result
        hosts = variables["ansible_play_hosts_all"]
        relays = [_blocks.read(host, variables["hostvars"][host].get(options["variable"])) for host in hosts]
        batch = variables["ansible_play_batch"]
        return dict(result, **self._judge(options["phase"], relays, batch if batch[0] == hosts[0] else ()))

    def _judge(self, phase: str, relays: t.Sequence[_blocks.Relay], canaries: t.Collection[str]) -> dict[str, t.Any]:
        stopping = _blocks.stops(relays, canaries)
        if phase == BATCH and not stopping:
            return {}
        lines = _blocks.answers(relays) if phase == ANSWERS else _blocks.table(relays, self._task.check_mode)
        display.display("\n" + "\n".join(lines) + "\n")
        if stopping and phase == BATCH:
            reasons = "; ".join(f"{host}: {reason}" for host, reason in stopping.items())
            msg = f"the rollout stops here, because of {reasons}"
            return {"failed": True, "reported": True, "table": lines, "msg": msg}
        missing = [relay.host for relay in relays if relay.state != _blocks.DONE]
        msg = f"not done: {', '.join(missing)}; a repeat run changes only these" if missing else "every relay is done"
        return {"failed": bool(missing), "reported": True, "table": lines, "msg": msg}
