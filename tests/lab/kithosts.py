# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kit on the lab's hosts without Ansible around it."""

from __future__ import annotations

import typing as t

from labhosts import Host

#: Runs on the host: calls the module kit with the options that it reads.
DOORWAY = """
import json, sys
from ansible_collections.postmaster.mta.plugins.module_utils import _errors
from ansible_collections.postmaster.mta.plugins.module_utils._module import kit
call = json.load(sys.stdin)

def filled(spec, given):
    if given is None or spec.get("type") != "dict":
        return given
    return {name: filled(inner, given.get(name, inner.get("default"))) for name, inner in spec["options"].items()}

def each(spec, given):
    if spec.get("elements") == "dict" and given is not None:
        return [filled(dict(spec, type="dict"), entry) for entry in given]
    return filled(spec, given)

params = {name: each(spec, call["params"].get(name, spec.get("default"))) for name, spec in kit.ARGUMENT_SPEC.items()}
try:
    answer = kit.run(params, call["check_mode"])
except _errors.PostmasterError as problem:
    answer = dict(_errors.failure(problem), failed=True)
json.dump(answer, sys.stdout)
"""
TRACES = "ls -d /var/lib/postmaster.mta-kit /etc/systemd/system/postmaster-mta-kit-* /etc/cron.d/postmaster-mta-kit"
UNITS = "systemctl list-units --all --no-legend 'postmaster-mta-kit-*'"


def kit(host: Host, check_mode: bool = False, **params: t.Any) -> t.Dict[str, t.Any]:
    """Call the module kit; an error of ours comes back with C(failed)."""
    return host.ask(DOORWAY, {"params": params, "check_mode": check_mode})


def run(host: Host, job: str) -> str:
    """Run a job as its timer does; returns what it said."""
    unit = f"postmaster-mta-kit-{job}.service"
    began = host.run("date +%s.%N").strip()
    host.run(f"systemctl start {unit} || true")
    return host.run(f"journalctl --no-pager -o cat -u {unit} --since=@{began}")


def traces(host: Host) -> str:
    """Return the files and units of the kit that there are."""
    return host.run(f"{TRACES} 2>/dev/null; {UNITS}", check=False)
