# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A release: refused while a placeholder stands, and with every module, role and playbook in its changelog."""

from __future__ import annotations

import fcntl
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml") if path.stem != "harden-relay")


def tool(name: str, *arguments: str, cwd: pathlib.Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(cwd / "tools" / name), *arguments]
    return subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def test_the_publisher_stands_in_one_place():
    done = tool("publisher.py", "--check")
    assert done.returncode == 0, done.stdout


def test_a_placeholder_is_refused():
    done = tool("publisher.py", "--ready")
    said = yaml.safe_load((ROOT / "tools/publisher.yml").read_text(encoding="utf-8"))
    assert done.returncode == int(".example" in str(said))
    if done.returncode:
        refused = tool("release.py")
        assert refused.returncode == 1
        assert "placeholders" in refused.stdout


def test_the_placeholders_of_a_copy_can_be_filled(tmp_path):
    for folder in ("tools", "plugins", "roles", "extensions", "docs/docsite"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "galaxy.yml", tmp_path)
    path = tmp_path / "tools/publisher.yml"
    text = (
        path.read_text(encoding="utf-8")
        .replace("postmaster.example", "relays.org")
        .replace("postmaster-mta", "someone")
    )
    path.write_text(text, encoding="utf-8")
    assert tool("publisher.py", cwd=tmp_path).returncode == 0
    assert tool("publisher.py", "--check", cwd=tmp_path).returncode == 0
    assert tool("publisher.py", "--ready", cwd=tmp_path).returncode == 0
    assert "git.relays.org" in (tmp_path / "galaxy.yml").read_text(encoding="utf-8")
    assert "(@someone)" in (tmp_path / "plugins/modules/relay.py").read_text(encoding="utf-8")


def test_the_changelog_names_everything(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import release

    objects = release.objects(ROOT)
    assert sorted(objects["object.playbook"]) == PLAYBOOKS
    assert sorted(objects["object.role"]) == sorted(path.name for path in (ROOT / "roles").iterdir())
    assert all(text for kind in objects.values() for text in kind.values())


@pytest.mark.parametrize("releases, left", [({}, {"major_changes"}), ({"1.0.0": {}}, {"bugfixes", "major_changes"})])
def test_a_first_release_tells_of_no_fixes(monkeypatch, tmp_path, releases, left):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import release

    fragments = tmp_path / "changelogs/fragments"
    fragments.mkdir(parents=True)
    (tmp_path / "changelogs/changelog.yaml").write_text(yaml.safe_dump({"releases": releases}), encoding="utf-8")
    (fragments / "both.yml").write_text("bugfixes: [a]\nmajor_changes: [b]\n", encoding="utf-8")
    (fragments / "fixes.yml").write_text("bugfixes: [a]\n", encoding="utf-8")
    release.drop_fixes(tmp_path)
    assert {section for path in fragments.iterdir() for section in yaml.safe_load(path.read_text())} == left


def test_the_playbooks_are_found_by_their_full_names(tmp_path):
    command = [sys.executable, "-m", "ansible", "playbook", "--syntax-check", "-i", "localhost,"]
    command += [f"postmaster.mta.{name}" for name in PLAYBOOKS]
    done = subprocess.run(command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [pathlib.Path(line).stem for line in done.stdout.splitlines() if line.startswith("playbook: ")] == PLAYBOOKS


def test_the_workflows_run_every_step_of_certify():
    """A step that nobody runs is green for ever."""
    told = tool("certify.py", "nosuch")
    assert told.returncode == 2, told.stderr
    known = told.stdout.rpartition("there are ")[2].strip().split(", ")
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "gates.yml").read_text(encoding="utf-8"))["jobs"]
    steps = [jobs[job]["strategy"]["matrix"]["step"] for job in ("certify", "lab-certify")]
    assert steps[0] + steps[1] == known
    assert all("STEPS=${{ matrix.step }}" in str(jobs[job]) for job in ("certify", "lab-certify"))


def test_each_step_of_certify_has_its_command_in_contributing():
    told = tool("certify.py", "nosuch").stdout
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for step in told.rpartition("there are ")[2].strip().split(", "):
        # The cores stand in one row.
        core = step.partition("sanity-")[2]
        assert f"`make certify STEPS={step}`" in text or core and re.search(rf"STEPS=sanity-2.16`.*\b{core}\b", text), (
            step
        )


def test_two_runs_of_certify_do_not_meet(monkeypatch, tmp_path, capsys):
    """The second one says so and leaves the copies of the first alone."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import certify

    monkeypatch.setattr(certify, "WORK", tmp_path)
    monkeypatch.setattr(certify, "certified", lambda steps: len(steps))
    monkeypatch.setattr(sys, "argv", ["certify.py", "lint"])
    with (tmp_path / "lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert certify.main() == 2
    assert capsys.readouterr().out == "certify: another run works in this tree; wait for its end\n"
    assert certify.main() == 1
