# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Show the deliveries of the relays of a play."""

from __future__ import annotations

import json
import typing as t

from ansible.utils.display import Display

from ansible_collections.postmaster.mta.plugins.plugin_utils import _answers, _log_report, tables
from ansible_collections.postmaster.mta.plugins.plugin_utils._action import FleetAction, Vars

display = Display()

TABLE = "table"
LINES = "lines"
JSON = "json"

_SPEC = {
    "variable": {"type": "str", "default": "log_result"},
    "format": {"type": "str", "choices": [TABLE, LINES, JSON], "default": TABLE},
    "top": {"type": "int", "default": 20},
    "received": {"type": "bool", "default": False},
}
#: Mail that bounced is no delivery either; who reads "none" must not take it for "nobody wrote".
_RECEIVED = (
    "Only mail that was received is selected; log_status=any shows also what was refused, deferred, bounced or held."
)


class ActionModule(FleetAction):
    """See the documentation of the module of this name."""

    spec = _SPEC

    def answer(self, variables: Vars, options: dict[str, t.Any]) -> dict[str, t.Any]:
        """Show the deliveries in order of time, and fail where a host could not be asked."""
        results = _answers.collect(variables, options["variable"])
        missing = _answers.not_asked(results)
        answered = {host: answer for host, answer in results.items() if host not in missing}
        count = sum(int(answer.get("count") or 0) for answer in answered.values())
        if options["format"] == JSON:
            data = dict(_data(answered, options["top"]), not_asked=missing)
            lines = json.dumps(data, indent=2, sort_keys=True).splitlines()
        else:
            lines = _lines(answered, options["format"], options["top"], options["received"])
            lines += _log_report.notes(answered) + _answers.missing_lines(missing)
        display.display("\n".join(["", *lines, ""]))
        result = {
            "changed": False,
            "lines": lines,
            "count": count,
            "failed": bool(missing),
            "reported": True,
            "msg": "shown",
        }
        if missing:
            result["msg"] = "not asked: " + "; ".join(f"{host}: {reason}" for host, reason in missing.items())
        return result


def _has_figures(answered: _answers.Results) -> bool:
    return any("tables" in answer for answer in answered.values())


def _data(answered: _answers.Results, top: int) -> dict[str, t.Any]:
    if _has_figures(answered):
        return {"summary": _log_report.figures(answered, top)}
    return {
        "deliveries": _log_report.deliveries(answered),
        "read": {host: answered[host].get("read") for host in answered},
    }


def _lines(answered: _answers.Results, form: str, top: int, received: bool = False) -> list[str]:
    if _has_figures(answered):
        return _log_report.figure_lines(_log_report.figures(answered, top))
    rows = _log_report.deliveries(answered)
    if not answered:
        return []  # nobody said that there is none
    if not rows:
        hint = tables.sentence(_RECEIVED) if received else []
        return ["No delivery is selected.", *hint, *_log_report.was_read(answered)]
    shown = _log_report.bars(rows) if form == LINES else _log_report.listing(rows)
    return shown + _log_report.cut(answered)
