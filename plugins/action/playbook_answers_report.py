# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Show what the hosts of a play answered."""

from __future__ import annotations

import typing as t

from ansible.utils.display import Display

from ansible_collections.postmaster.mta.plugins.plugin_utils import _answers, _checks
from ansible_collections.postmaster.mta.plugins.plugin_utils._action import FleetAction, Vars

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
            "move_compare",
            "move_switch",
            "route",
            "status",
            "tables",
            "undo",
        ],
    },
    "variable": {"type": "str", "required": True},
    "title": {"type": "str", "required": True},
    "strict": {"type": "bool", "default": True},
    "defer": {"type": "bool", "default": False},
    **_checks.ARGUMENT_SPEC,
}


class ActionModule(FleetAction):
    """See the documentation of the module of this name."""

    spec = _SPEC

    def answer(self, variables: Vars, options: dict[str, t.Any]) -> dict[str, t.Any]:
        """Show the answers, and fail where a host could not be asked or is not as expected."""
        results = _answers.collect(variables, options["variable"])
        report = _answers.report(options["kind"], results, options["title"], display.verbosity > 0)
        checks = _answers.checks(options["kind"], results, report)
        told = _checks.tell(options["kind"], checks, "\n" + "\n".join(report.lines).strip("\n") + "\n", options)
        display.display(told.shown)
        result: dict[str, t.Any] = {
            "changed": False,
            "lines": report.lines,
            "wrong": report.wrong,
            "nagios": told.line,
            "reported": True,
            "msg": "as expected",
        }
        if report.figures:
            result.update(figures=report.figures)
        # Who was not asked is no answer, however mild the judgement about the others is.
        result["failed"] = (
            bool(report.wrong if options["strict"] else _answers.not_asked(results)) and not options["defer"]
        )
        if options["kind"] == "campaigns":
            result.update(texts=_answers.campaign_texts(results), domains=_answers.campaign_domains(results))
        if report.wrong:
            result["msg"] = "; ".join(f"{host}: {reason}" for host, reason in report.wrong.items())
        return result
