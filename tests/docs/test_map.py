# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The map in the repository is right: what it names is there."""

from __future__ import annotations

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MAP = (ROOT / "docs/docsite/rst/architecture.rst").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")

#: What is written between quotes: a path with a slash or a suffix of ours, no placeholder.
QUOTED = re.compile(r"``?([\w./-]+(?:\.(?:py|rst|md|yml|sh)|/))``?")
GOAL = re.compile(r"\b([RS]\d{1,2})\b(?=[ ,:\")]| of )")


def named(text: str) -> list[str]:
    return sorted({path for path in QUOTED.findall(text) if "NAME" not in path and "/X." not in path})


@pytest.mark.parametrize("path", named(MAP) + named(CONTRIBUTING))
def test_every_path_is_there(path: str) -> None:
    utils = ROOT / "plugins/module_utils"
    # A bare file name is one that both drivers have.
    in_both = (utils / "_postfix" / path).exists() and (utils / "_sendmail" / path).exists()
    assert (ROOT / path).exists() or (utils / path).exists() or in_both


@pytest.mark.parametrize(("name", "path"), re.findall(r"``(\w+)(?:\(\))?``\s+in\s+``([\w./]+\.py)``", MAP))
def test_every_name_stands_where_the_map_says(name: str, path: str) -> None:
    code = (ROOT / "plugins/module_utils" / path).read_text(encoding="utf-8")
    assert re.search(rf"^(?:def {name}\(|{name}\b.*=)", code, re.MULTILINE)


@pytest.mark.parametrize("word", sorted(set(re.findall(r"make ([a-z-]+)\b(?=[`\s]*(?:#|\||\n|`))", CONTRIBUTING))))
def test_every_make_target_is_there(word: str) -> None:
    assert re.search(rf"^{word}:", MAKEFILE, re.MULTILINE)


def test_every_goal_that_a_test_names_is_explained() -> None:
    used = set()
    for path in [*(ROOT / "tests/lab").glob("*.py"), *(ROOT / "tests/proof").glob("*.py")]:
        used.update(GOAL.findall(path.read_text(encoding="utf-8")))
    explained = set(re.findall(r"^\| ([RS]\d+) \|", CONTRIBUTING, re.MULTILINE))
    assert used
    assert used <= explained
