# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print what the hosts of a play catch and have caught."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.postmaster.mta.plugins.plugin_utils import _capture_files

display = Display()

_SPEC = {"variable": {"type": "str", "default": "capture_result"}}


class ActionModule(ActionBase):
    """See the documentation of the module of this name."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Show the table, and fail where a host did not do what it was asked."""
        result = super().run(tmp, task_vars)
        variables = task_vars or {}
        dummy, options = self.validate_argument_spec(_SPEC)
        hosts = variables["ansible_play_hosts_all"]
        results = {host: dict(variables["hostvars"][host].get(options["variable"]) or {}) for host in hosts}
        lines = _capture_files.table(results)
        display.display("\n" + "\n".join(lines) + "\n")
        missing = sorted(host for host, done in results.items() if done.get("failed") or "capture_instance" not in done)
        result.update(changed=False, lines=lines, failed=bool(missing))
        if missing:
            result["msg"] = "not done: " + ", ".join(missing)
        return result
