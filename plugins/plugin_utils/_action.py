# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base of the actions that work on the controller with what the hosts of a play have answered.

Private to the collection: it can change at any time.
"""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase

Vars = t.Mapping[str, t.Any]


class FleetAction(ActionBase):
    """Checks the options. An action names them in C(spec), and says in C(answer) what it does."""

    _requires_connection = False
    _supports_check_mode = True
    #: The options, as an argument spec names them.
    spec: t.ClassVar[dict[str, t.Any]] = {}

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return what the action answers, with what Ansible itself has to say."""
        result = super().run(tmp, task_vars)
        dummy, options = self.validate_argument_spec(self.spec)  # type: ignore[no-untyped-call]  # as ansible-core has it
        return dict(result, **self.answer(task_vars or {}, options))

    def answer(self, variables: Vars, options: dict[str, t.Any]) -> dict[str, t.Any]:
        """Do it.

        :param variables: of the host that the task runs for.
        """
        raise NotImplementedError
