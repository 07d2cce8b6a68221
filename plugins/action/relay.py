# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the module relay. A connection that breaks meanwhile becomes a failure, so that a rollout stops."""

from __future__ import annotations

import getpass
import typing as t

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

LOST = (
    "the connection to the host broke during the change; the host finishes it or rolls it back alone, never half."
    " Run again to see which and to finish: "
)


class ActionModule(ActionBase):
    """See the documentation of the module of this name."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the module. Neither Ansible's C(any_errors_fatal) nor C(rescue) reacts to a host that is unreachable."""
        result = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        arguments.setdefault("by", _user())
        try:
            result.update(
                self._execute_module(module_name="postmaster.mta.relay", module_args=arguments, task_vars=task_vars)
            )
        except AnsibleConnectionFailure as problem:
            result.update(failed=True, changed=False, connection_lost=True, msg=LOST + str(problem))
        return result

    def cleanup(self, force: bool = False) -> None:
        """Tidy up, unless the connection is gone."""
        try:
            super().cleanup(force)
        except AnsibleConnectionFailure:
            pass


def _user() -> str | None:
    """Return who runs this controller, for the account of the host; None where he has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return None
