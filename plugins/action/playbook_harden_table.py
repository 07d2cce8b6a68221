# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print the table of a rollout."""

from __future__ import annotations

import typing as t

from ansible.utils.display import Display

from ansible_collections.postmaster.mta.plugins.plugin_utils import _checks, _harden
from ansible_collections.postmaster.mta.plugins.plugin_utils._action import FleetAction, Vars

display = Display()

_SPEC = {
    **_harden.ARGUMENT_SPEC,
    **_checks.ARGUMENT_SPEC,
}


class ActionModule(FleetAction):
    """See the documentation of the module of this name."""

    spec = _SPEC

    def answer(self, variables: Vars, options: dict[str, t.Any]) -> dict[str, t.Any]:
        """Show the table, and fail when a relay in it is not hardened."""
        names = _harden.Names(**options["variables"])
        hosts = variables["ansible_play_hosts_all"]
        relays = [_harden.read(host, _harden.registered(variables["hostvars"], host), names) for host in hosts]
        lines = _harden.table(relays, self._task.check_mode)
        checks = _harden.checks(relays)
        told = _checks.tell("harden", checks, "\n" + "\n".join(lines) + "\n", options)
        display.display(told.shown)
        missing = list(_harden.blamed_after(relays))
        return {
            "changed": False,
            "table": lines,
            "nagios": told.line,
            "failed": bool(missing),
            "reported": True,
            "msg": "not hardened: " + ", ".join(missing) if missing else "every relay is hardened",
        }
