# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Show what the hosts of a play answered."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.postmaster.mta.plugins.plugin_utils import _answers, _checks

display = Display()

_SPEC = {
    "kind": {
        "type": "str",
        "required": True,
        "choices": [
            "campaigns",
            "comparison",
            "delivery",
            "dns",
            "drift",
            "egress",
            "history",
            "message",
            "move",
            "route",
            "status",
            "tables",
            "undo",
        ],
    },
    "variable": {"type": "str", "required": True},
    "title": {"type": "str", "required": True},
    "strict": {"type": "bool", "default": True},
    "format": {"type": "str", "choices": ["table", "nagios"], "default": "table"},
    "junit": {"type": "path"},
}


class ActionModule(ActionBase):
    """See the documentation of the module of this name."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Show the answers, and fail where a host could not be asked or is not as expected."""
        result = super().run(tmp, task_vars)
        variables = task_vars or {}
        dummy, options = self.validate_argument_spec(_SPEC)
        results = _answers.collect(variables, options["variable"])
        report = _answers.report(options["kind"], results, options["title"], display.verbosity > 0)
        checks = _answers.checks(options["kind"], results, report)
        line = _checks.nagios(options["kind"].upper(), checks)
        shown = line if options["format"] == "nagios" else "\n" + "\n".join(report.lines).strip("\n") + "\n"
        display.display(shown)
        if options["junit"]:
            _checks.write(options["junit"], _checks.junit(options["kind"], checks))
        result.update(nagios=line)
        result.update(changed=False, lines=report.lines, wrong=report.wrong, reported=True, msg="as expected")
        if report.figures:
            result.update(figures=report.figures)
        result["failed"] = bool(report.wrong) and options["strict"]
        if options["kind"] == "campaigns":
            result.update(texts=_answers.campaign_texts(results), domains=_answers.campaign_domains(results))
        if report.wrong:
            result["msg"] = "; ".join(f"{host}: {reason}" for host, reason in report.wrong.items())
        return result
