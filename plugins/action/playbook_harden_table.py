# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print the table of a rollout."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.postmaster.mta.plugins.plugin_utils import _checks, _harden

display = Display()

_SPEC = {
    **_harden.ARGUMENT_SPEC,
    "format": {"type": "str", "choices": ["table", "nagios"], "default": "table"},
    "junit": {"type": "path"},
}


class ActionModule(ActionBase):
    """See the documentation of the module of this name."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Show the table, and fail when a relay in it is not hardened."""
        result = super().run(tmp, task_vars)
        variables = task_vars or {}
        dummy, options = self.validate_argument_spec(_SPEC)
        names = _harden.Names(**options["variables"])
        hosts = variables["ansible_play_hosts_all"]
        relays = [_harden.read(host, _harden.registered(variables["hostvars"], host), names) for host in hosts]
        lines = _harden.table(relays, self._task.check_mode)
        checks = _harden.checks(relays)
        line = _checks.nagios("HARDEN", checks)
        display.display(line if options["format"] == "nagios" else "\n" + "\n".join(lines) + "\n")
        if options["junit"]:
            _checks.write(options["junit"], _checks.junit("harden", checks))
        missing = list(_harden.blamed_after(relays))
        result.update(nagios=line)
        result.update(changed=False, table=lines, failed=bool(missing), reported=True, msg="every relay is hardened")
        if missing:
            result["msg"] = "not hardened: " + ", ".join(missing)
        return result
