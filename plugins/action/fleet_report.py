# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes one report of what the relays of a play answered."""

from __future__ import annotations

import datetime
import os
import pathlib
import typing as t

from ansible.utils.display import Display

from ansible_collections.postmaster.mta.plugins.module_utils._log.conditions import moment_of
from ansible_collections.postmaster.mta.plugins.module_utils._report import plain
from ansible_collections.postmaster.mta.plugins.module_utils._report.figures import Figures, Period
from ansible_collections.postmaster.mta.plugins.plugin_utils import _answers, _fleet_report
from ansible_collections.postmaster.mta.plugins.plugin_utils._action import FleetAction, Vars

display = Display()

_SPEC = {
    "log": {"type": "str", "required": True},
    "queue": {"type": "str"},
    "host": {"type": "str"},
    "campaigns": {"type": "str"},
    "history": {"type": "str"},
    "title": {"type": "str", "default": "Mail report"},
    "since": {"type": "str"},
    "until": {"type": "str"},
    "top": {"type": "int", "default": 10},
    "dest": {"type": "path"},
}


class ActionModule(FleetAction):
    """See the documentation of the module of this name."""

    spec = _SPEC

    def answer(self, variables: Vars, options: dict[str, t.Any]) -> dict[str, t.Any]:
        """Merge the answers, write or show the report, and fail where a relay could not be asked."""
        form = pathlib.Path(options["dest"] or "report.txt").suffix
        if form not in _fleet_report.FORMS:
            endings = ", ".join(sorted(_fleet_report.FORMS))
            return {"failed": True, "msg": f"dest: {options['dest']}: expected a name that ends in {endings}"}
        try:
            figures = _figures(variables, options)
        except ValueError as problem:
            return {"failed": True, "msg": str(problem)}
        missing = "; ".join(f"{host}: {why}" for host, why in figures.missing.items())
        if not figures.relays:
            return {
                "failed": True,
                "missing": figures.missing,
                "msg": f"no relay has answered, there is no report: {missing}",
            }
        lines = plain.text(figures).splitlines()
        changed = bool(options["dest"]) and self._write(options["dest"], _fleet_report.FORMS[form](figures))
        if not options["dest"]:
            display.display("\n" + "\n".join(lines) + "\n")
        facts = {"totals": figures.log["totals"], "waiting": (figures.queue.get("total") or {}).get("messages")}
        result = {"changed": changed, "lines": lines, "figures": facts, "missing": figures.missing, "msg": "reported"}
        if figures.missing:
            result.update(failed=True, msg=f"not asked: {missing}")
        return result

    def _write(self, dest: str, text: str) -> bool:
        """Write the report on the controller, in one step; say whether it differs from what stands there."""
        path = pathlib.Path(dest)
        if path.exists() and path.read_text(encoding="utf-8") == text:
            return False
        if not self._task.check_mode:
            partial = path.with_name(f".{path.name}.partial")
            partial.write_text(text, encoding="utf-8")
            os.replace(partial, path)
        return True


def _figures(variables: t.Mapping[str, t.Any], options: t.Mapping[str, t.Any]) -> Figures:
    asked = _fleet_report.Asked(
        *(
            _answers.collect(variables, options[name]) if options[name] else {}
            for name in ("log", "queue", "host", "campaigns", "history")
        )
    )
    now = datetime.datetime.now(datetime.timezone.utc)
    period = None
    if options["since"]:
        period = Period(_moment("since", options["since"]), _moment("until", options["until"] or "now"))
    return _fleet_report.build(asked, options["title"], period, now, options["top"])


def _moment(option: str, text: str) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(moment_of(option, text), datetime.timezone.utc)
