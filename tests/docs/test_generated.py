# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is generated is up to date, and the schema takes the policies that we ship."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import jsonschema
import pytest
import yaml

from ansible_collections.postmaster.mta.plugins.module_utils._model import access

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "docs/schemas/group_vars.json"


@pytest.mark.parametrize(
    "tool", ["awx_templates", "event_schema", "features", "playbook_docs", "policy_docs", "policy_schema"]
)
def test_it_is_up_to_date(tool):
    command = [sys.executable, str(ROOT / "tools" / f"{tool}.py"), "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", sorted((ROOT / "molecule/inventory/group_vars").rglob("*.yml")), ids=str)
def test_the_lab_s_variables_are_good(path):
    jsonschema.validate(
        yaml.safe_load(path.read_text(encoding="utf-8")), json.loads(SCHEMA.read_text(encoding="utf-8"))
    )


@pytest.mark.parametrize(
    "policy",
    [
        {"limts": {"hops": 20}},
        {"limits": {"hops": "many hops"}},
        {"session": {"bare_newline": "allow"}},
        {"routes": {"domains": [{"host": "mx.example.com"}]}},
        {"relay": {"networks": "192.0.2.0/24"}},
    ],
)
def test_a_mistake_is_underlined(policy):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"relay_policy": policy}, json.loads(SCHEMA.read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", ["block_domains", "import_blocks"])
def test_a_playbook_offers_every_access_action(name):
    specs = yaml.safe_load((ROOT / f"playbooks/argument_specs/{name}.yml").read_text(encoding="utf-8"))
    assert specs["options"]["block_action"]["choices"] == list(access.ACTIONS)
