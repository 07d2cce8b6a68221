# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every EXAMPLES block is executed: what the documentation shows has run on the lab.

A task runs on a Postfix relay, or on a sendmail relay where it says C(mta: sendmail), or on the host that the module is
made for. The relays get their policy back afterwards.
"""

from __future__ import annotations

import ast
import json
import os
import pathlib
import subprocess
import typing as t

import pytest
import yaml
from labhosts import HOSTS, ROOT, policy_of

MODULES = sorted((ROOT / "plugins" / "modules").glob("*.py"))
#: Modules that do not run on a relay.
PLACES = {"audit_info": "world"}
RELAYS = {"postfix": "pf12", "sendmail": "sm12"}


def examples(path: pathlib.Path) -> t.List[t.Dict[str, t.Any]]:
    """The tasks of a module's EXAMPLES."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "EXAMPLES":
            return yaml.safe_load(ast.literal_eval(node.value)) or []
    return []


def place(module: str, task: t.Mapping[str, t.Any]) -> str:
    """The host that a task runs on."""
    options = task.get(f"postmaster.mta.{module}") or {}
    return PLACES.get(module) or RELAYS["sendmail" if options.get("mta") == "sendmail" else "postfix"]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_the_examples_run(path, tmp_path):
    tasks = examples(path)
    assert tasks, f"{path.stem} has no examples"
    plays = [
        {"hosts": place(path.stem, task), "gather_facts": False, "tasks": [task], "name": task["name"]}
        for task in tasks
    ]
    playbook = tmp_path / "examples.yml"
    playbook.write_text(yaml.safe_dump(plays, sort_keys=False))
    command = ["ansible-playbook", "-i", str(ROOT / "molecule" / "inventory"), str(playbook)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_STDOUT_CALLBACK": "json"},
        check=False,
    )
    for name in {play["hosts"] for play in plays} & set(RELAYS.values()):
        HOSTS[name].apply(policy_of(HOSTS[name]))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    answers = json.loads(done.stdout[done.stdout.index("{") :])
    assert len(answers["plays"]) == len(tasks)
