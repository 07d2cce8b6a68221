# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts together what the hosts of a diagnosis saw, and prints the verdict."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.postmaster.mta.plugins.module_utils._diagnosis import verdict as _diagnosis
from ansible_collections.postmaster.mta.plugins.module_utils._model.finding import as_facts
from ansible_collections.postmaster.mta.plugins.plugin_utils import _fleet, _verdict

display = Display()


class ActionModule(ActionBase):
    """See the documentation of the module of this name."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Judge and show."""
        result = super().run(tmp, task_vars)
        variables = task_vars or {}
        self.validate_argument_spec({"domain": {"type": "str", "required": True}})
        domain = str(self._task.args["domain"])
        reports, missing = _seen(variables["ansible_play_hosts_all"], variables["hostvars"])
        verdict = _diagnosis.judge(domain, reports, missing)
        shown = _verdict.lines(verdict, reports)
        display.display("\n" + "\n".join(shown) + "\n")
        cases = [dict(as_facts(case.finding), hosts=list(case.hosts)) for case in verdict.cases]
        result.update(changed=False, lines=shown, cases=cases, healthy=verdict.healthy, reported=True, msg=shown[0])
        return result


def _seen(
    hosts: t.Sequence[str], hostvars: t.Mapping[str, t.Mapping[str, t.Any]]
) -> tuple[dict[str, t.Any], dict[str, str]]:
    """The reports of the hosts that have one, and the reasons of the others."""
    reports: dict[str, t.Any] = {}
    missing: dict[str, str] = {}
    for host in hosts:
        begun = hostvars[host].get("diagnose_begun") or {}
        # What could not even begin says why; that it was then not waited for says nothing.
        answer = begun if begun.get("failed") or begun.get("unreachable") else hostvars[host].get("diagnose_seen") or {}
        if "check_seconds" in answer:
            reports[host] = dict(answer, greeting=hostvars[host].get("diagnose_greeting") or {})
        else:
            missing[host] = _fleet.message(answer) if answer else "it did not answer"
    return reports, missing
