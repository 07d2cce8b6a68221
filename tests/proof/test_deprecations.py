# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every playbook with the newest ansible-core, as its page shows it: no word about anything deprecated, and no traceback.

What the playbooks do is tested elsewhere, with the oldest core. Here they run in check mode, and may fail.
"""

from __future__ import annotations

import os
import pathlib
import shlex
import subprocess
import typing as t

import pytest
import yaml

from ansible_collections.postmaster.mta.tests.lab import labhosts

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPECS = sorted((ROOT / "playbooks" / "argument_specs").glob("[a-z]*.yml"))
NEWEST = [ROOT / ".cache" / name / "bin" for name in ("venv-newest", "venv-3.13")]


def words(path: pathlib.Path) -> t.List[str]:
    """Return the arguments of the first example of a playbook that has any, without its hosts."""
    examples = yaml.safe_load(path.read_text(encoding="utf-8")).get("examples") or [""]
    example = shlex.split(next((example for example in examples if "-e" in example), ""))
    pairs = [pair for pair in zip(example, example[1:], strict=False) if pair[0] == "-e" and "_hosts=" not in pair[1]]
    return [word for pair in pairs for word in pair]


@pytest.mark.parametrize("path", SPECS, ids=[path.stem for path in SPECS])
def test_nothing_is_deprecated(path: pathlib.Path, tmp_path: pathlib.Path) -> None:
    core = next((directory for directory in NEWEST if (directory / "ansible-playbook").exists()), None)
    if core is None:
        pytest.skip("no newest ansible-core here; make certify makes it")
    # The controller of some playbooks writes below the working directory.
    command = [core / "ansible-playbook", "-i", str(labhosts.INVENTORY), f"postmaster.mta.{path.stem}", "--check"]
    done = subprocess.run(
        [*command, "-l", "pf13,localhost,outside", *words(path)],
        cwd=tmp_path,
        env=dict(os.environ, PATH=f"{core}:{os.environ['PATH']}", ANSIBLE_DEPRECATION_WARNINGS="true"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert "PLAY [" in done.stdout or done.returncode == 0, done.stdout
    for word in ("DEPRECAT", "Traceback", "Unexpected Exception", "unhandled exception"):
        assert word not in done.stdout, done.stdout
