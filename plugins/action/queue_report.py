# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints what the relays of a play have in their queues, or what was done to messages."""

from __future__ import annotations

import json
import time
import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.postmaster.mta.plugins.plugin_utils import _queue_report

display = Display()

_SPEC = {
    "variable": {"type": "str", "default": "queue_found"},
    "show": {"type": "str", "choices": ["summary", "messages"], "default": "summary"},
    "format": {"type": "str", "choices": ["table", "json"], "default": "table"},
    "top": {"type": "int", "default": 10},
}


class ActionModule(ActionBase):
    """See the documentation of the module of this name."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Collect the variable of every host of the play, and show it."""
        result = super().run(tmp, task_vars)
        variables = task_vars or {}
        dummy, options = self.validate_argument_spec(_SPEC)
        found = _results(variables, options["variable"])
        if options["show"] == "summary":
            answer: dict[str, t.Any] = {"summary": _queue_report.merged(found)}
            lines = _queue_report.report(found, time.time(), options["top"])
        else:
            answer = {"messages": _messages(found), "count": _count(found)}
            oldest = sorted(answer["messages"], key=lambda one: (one["arrival"], one["id"]))
            lines = _queue_report.listing(oldest[: options["top"] or None], time.time())
            lines += _more(answer["count"], len(answer["messages"]), options["top"]) + _said(found)
        if options["format"] == "json":
            lines = json.dumps(answer, indent=2, sort_keys=True).splitlines()
        display.display("\n" + "\n".join(lines) + "\n")
        result.update(changed=False, lines=lines, **answer)
        return result


def _results(variables: t.Mapping[str, t.Any], name: str) -> dict[str, t.Mapping[str, t.Any]]:
    hosts = variables["ansible_play_hosts_all"]
    return {host: dict(variables["hostvars"][host].get(name) or {"msg": "it was not asked"}) for host in hosts}


def _messages(found: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    """The messages of all hosts; one that was asked for by its ID is missed only if no host has it."""
    rows = [dict(one, host=host) for host, result in sorted(found.items()) for one in result.get("messages") or ()]
    seen = {row["id"] for row in rows if row["arrival"]}
    missed = {row["id"]: dict(row, host="") for row in rows if not row["arrival"] and row["id"] not in seen}
    return [row for row in rows if row["arrival"]] + list(missed.values())


def _count(found: t.Mapping[str, t.Mapping[str, t.Any]]) -> int:
    return sum(int(result.get("affected") or 0) for result in found.values())


def _more(count: int, listed: int, top: int) -> list[str]:
    return [
        f"{count} message{'' if count == 1 else 's'}" + (f"; {top} of {listed} are shown" if 0 < top < listed else "")
    ]


def _said(found: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[str]:
    """What the MTAs said while they delivered, and what went wrong."""
    lines: list[str] = []
    for host, result in sorted(found.items()):
        said = list(result.get("transcript") or ())
        if "messages" not in result and not result.get("skipped"):
            said.append(str(result.get("msg") or "it did not answer"))
        if said:
            lines += ["", f"{host}:", *(f"  {line}" for line in said)]
    return lines
