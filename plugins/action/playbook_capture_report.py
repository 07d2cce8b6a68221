# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print what the hosts of a play catch and have caught."""

from __future__ import annotations

import typing as t

from ansible.utils.display import Display

from ansible_collections.postmaster.mta.plugins.plugin_utils import _capture_files
from ansible_collections.postmaster.mta.plugins.plugin_utils._action import FleetAction, Vars

display = Display()

_SPEC = {"variable": {"type": "str", "default": "capture_result"}}


class ActionModule(FleetAction):
    """See the documentation of the module of this name."""

    spec = _SPEC

    def answer(self, variables: Vars, options: dict[str, t.Any]) -> dict[str, t.Any]:
        """Show the table, and fail where a host did not do what it was asked."""
        hosts = variables["ansible_play_hosts_all"]
        results = {host: dict(variables["hostvars"][host].get(options["variable"]) or {}) for host in hosts}
        lines = _capture_files.table(results, self._task.check_mode)
        display.display("\n" + "\n".join(lines) + "\n")
        missing = sorted(host for host, done in results.items() if done.get("failed") or "capture_instance" not in done)
        result = {"changed": False, "lines": lines, "failed": bool(missing)}
        if missing:
            result["msg"] = "not done: " + ", ".join(missing)
        return result
