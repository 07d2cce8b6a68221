# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Merge what the hosts of a diagnosis observed, and print the verdict."""

from __future__ import annotations

import time
import typing as t

from ansible.utils.display import Display

from ansible_collections.postmaster.mta.plugins.module_utils._diagnosis import verdict as _diagnosis
from ansible_collections.postmaster.mta.plugins.module_utils._diagnosis.host import CLOCK_SECONDS
from ansible_collections.postmaster.mta.plugins.module_utils._model.finding import as_facts
from ansible_collections.postmaster.mta.plugins.plugin_utils import _harden, _verdict
from ansible_collections.postmaster.mta.plugins.plugin_utils._action import FleetAction, Vars

display = Display()

_SPEC = {
    "domain": {"type": "str", "required": True},
    "variable": {"type": "str", "default": "diagnose_report"},
    "begun": {"type": "str", "default": "diagnose_begun"},
    "greeting": {"type": "str", "default": "diagnose_greeting"},
}


class ActionModule(FleetAction):
    """See the documentation of the module of this name."""

    spec = _SPEC

    def answer(self, variables: Vars, options: dict[str, t.Any]) -> dict[str, t.Any]:
        """Judge and show."""
        hosts = {host: variables["hostvars"][host] for host in variables["ansible_play_hosts_all"]}
        reports, missing = _read(hosts, options)
        verdict = _diagnosis.judge(options["domain"], reports, missing)
        shown = _verdict.lines(verdict, reports)
        display.display("\n" + "\n".join(shown) + "\n")
        cases = [dict(as_facts(case.finding), hosts=list(case.hosts)) for case in verdict.cases]
        result = {
            "changed": False,
            "lines": shown,
            "cases": cases,
            "healthy": verdict.healthy,
            "reported": True,
            "msg": shown[0],
        }
        if not reports:
            # Nothing was checked, for instance because the domain is none: that is no verdict.
            result.update(failed=True, msg="nobody could be asked: " + "; ".join(sorted(set(missing.values()))))
        elif missing:
            reasons = "; ".join(f"{host}: {why}" for host, why in sorted(missing.items()))
            result.update(failed=True, msg=f"not asked: {reasons}")
        return result


def _without_lag(answer: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return an answer without a clock that is ahead only because the relay was slow to begin.

    What it said by its clock has been on the way since: what is later than now here is ahead for sure.
    """
    host = answer.get("host") or {}
    if (host.get("clock_offset") or 0) <= 0 or host["time"] - time.time() > CLOCK_SECONDS:
        return answer
    findings = [finding for finding in host["findings"] if finding["code"] != "clock"]
    return dict(answer, host=dict(host, findings=findings))


def _read(
    hosts: t.Mapping[str, t.Mapping[str, t.Any]], options: t.Mapping[str, str]
) -> tuple[dict[str, dict[str, t.Any]], dict[str, str]]:
    """Return the reports of the hosts that have one, and the reasons of the others."""
    reports: dict[str, dict[str, t.Any]] = {}
    missing: dict[str, str] = {}
    for host, variables in hosts.items():
        begun = variables.get(options["begun"]) or {}
        # A host that could not even begin says why. That nobody waited for it then says nothing.
        failed = begun.get("failed") or begun.get("unreachable")
        answer = begun if failed else variables.get(options["variable"]) or {}
        if "check_seconds" in answer:
            reports[host] = dict(_without_lag(answer), greeting=variables.get(options["greeting"]) or {})
        else:
            missing[host] = _harden.message(answer) if answer else "it did not answer"
    return reports, missing
