# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stop a rollout between its batches."""

from __future__ import annotations

import typing as t

from ansible.utils.display import Display

from ansible_collections.postmaster.mta.plugins.plugin_utils import _harden
from ansible_collections.postmaster.mta.plugins.plugin_utils._action import FleetAction, Vars

display = Display()

ANSWERED = "answered"
FINISHED = "finished"

_SPEC = {
    "phase": {"type": "str", "choices": [ANSWERED, FINISHED], "required": True},
    **_harden.ARGUMENT_SPEC,
}


class ActionModule(FleetAction):
    """See the documentation of the module of this name."""

    spec = _SPEC

    def answer(self, variables: Vars, options: dict[str, t.Any]) -> dict[str, t.Any]:
        """Judge the batch. The first host that is left shows the table, and each host answers for itself."""
        phase, names = options["phase"], _harden.Names(**options["variables"])
        me, batch = variables["inventory_hostname"], variables["ansible_play_batch"]
        check_mode = bool(self._task.check_mode)
        # In check mode nothing is at risk, and one run shows all that is wrong in the fleet.
        if check_mode and phase == FINISHED:
            return {"changed": False, "msg": "go on"}
        # One host reads the whole fleet, the others only themselves: the work grows with the fleet, not with its square.
        speaks = me == batch[0]
        hosts = variables["ansible_play_hosts_all"] if speaks else [me]
        relays = [_harden.read(host, _harden.registered(variables["hostvars"], host), names) for host in hosts]
        blamed = _blamed(relays, batch, phase, check_mode)
        if blamed and speaks:
            _show(relays, batch if phase == ANSWERED else [], check_mode)
        return {"changed": False, **_answer(me, batch, blamed)}


def _show(relays: t.Sequence[_harden.Relay], untouched: t.Sequence[str], check_mode: bool) -> None:
    """Print the table of the rollout.

    :param untouched: the hosts whose batch has not begun.
    """
    shown = [relay.not_touched() if relay.host in untouched else relay for relay in relays]
    display.display("\n" + "\n".join(_harden.table(shown, check_mode)) + "\n")


def _blamed(relays: t.Sequence[_harden.Relay], batch: t.Sequence[str], phase: str, check_mode: bool) -> dict[str, str]:
    """Return the hosts that stop the rollout, with the reason.

    A host that is unreachable has left Ansible's batch, but not the fleet.
    """
    if phase == FINISHED:
        return _harden.blamed_after(relay for relay in relays if relay.state != _harden.WAITING)
    earlier = [relay for relay in relays if relay.host not in batch and relay.state != _harden.WAITING]
    blamed = _harden.blamed_before(relay for relay in relays if relay.host in batch)
    if not check_mode:
        blamed.update(_harden.blamed_after(earlier))
    return blamed


def _answer(me: str, batch: t.Sequence[str], blamed: t.Mapping[str, str]) -> dict[str, t.Any]:
    """Return the answer of this host: a host that is to blame fails itself; the first host left fails for the absent."""
    if me in blamed:
        return {"failed": True, "reported": True, "msg": f"the rollout stops here: {blamed[me]}"}
    gone = [f"{host}: {reason}" for host, reason in blamed.items() if host not in batch]
    if gone:
        return {"failed": True, "reported": True, "msg": f"the rollout stops here, because of {'; '.join(gone)}"}
    return {"msg": "the rollout stops here" if blamed else "go on"}
