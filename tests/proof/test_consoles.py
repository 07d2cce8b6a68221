# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The programs that consoles are made of: ansible-runner, which AWX uses, and ansible-navigator; `make certify STEPS=consoles` brings them."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

import labhosts
import pytest
from labhosts import ROOT

PROGRAMS = pathlib.Path(os.environ.get("CONSOLES", ROOT / ".cache/certify/venv-consoles/bin"))
HOST = "pf13"


@pytest.fixture(name="environment")
def _environment(tmp_path):
    if not (PROGRAMS / "ansible-runner").exists():
        pytest.skip("no ansible-runner here; make certify STEPS=consoles makes it")
    return dict(os.environ, PATH=f"{PROGRAMS}:{os.environ['PATH']}", HOME=str(tmp_path), COLUMNS="160")


def run(argv, directory, environment):
    """Run a program, and return what it prints."""
    done = subprocess.run(
        argv,
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_a_runner_has_the_results_in_its_events(tmp_path, environment):
    argv = [
        "ansible-runner",
        "run",
        str(tmp_path),
        "-p",
        "postmaster.mta.queue_report",
        "--inventory",
        str(labhosts.INVENTORY),
    ]
    run([*argv, "--limit", HOST], tmp_path, environment)
    events = [json.loads(path.read_text(encoding="utf-8")) for path in tmp_path.glob("artifacts/*/job_events/*.json")]
    results = [event["event_data"].get("res") or {} for event in events if event["event"] == "runner_on_ok"]
    assert any("messages" in result for result in results)
    assert any(HOST in line for result in results for line in result.get("lines", ()))


def test_a_navigator_runs_and_documents(tmp_path, environment):
    navigator = ["ansible-navigator", "--mode", "stdout", "--execution-environment", "false"]
    run_it = ["run", "postmaster.mta.queue_report", "-i", str(labhosts.INVENTORY), "--limit", HOST]
    quiet = ["--playbook-artifact-enable", "false"]
    assert HOST in run([navigator[0], *run_it, *navigator[1:], *quiet], tmp_path, environment)
    assert "RELAY" in run([navigator[0], "doc", "postmaster.mta.relay", *navigator[1:]], tmp_path, environment).upper()
