# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Holds for every file that Ansible sends to a managed node: it loads under this Python, and needs nothing but Python and Ansible."""

import ast
import importlib
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = sorted(path for folder in ("modules", "module_utils") for path in (ROOT / "plugins" / folder).rglob("*.py"))
NAMES = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in FILES]
# dns_info asks DNS servers itself; "compression" is in the standard library from Python 3.14 on.
ALLOWED = {"ansible", "ansible_collections", "compression", "dns"}


@pytest.mark.parametrize("name", NAMES)
def test_loads(name):
    importlib.import_module("ansible_collections.postmaster.mta." + name)


if sys.version_info >= (3, 10):  # older ones do not know the names of their standard library

    @pytest.mark.parametrize("path", FILES, ids=NAMES)
    def test_imports_only_the_standard_library(path):
        imported = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add((node.module or "").split(".")[0])
        assert imported - set(sys.stdlib_module_names) - ALLOWED == set()


def test_a_program_that_ansible_does_not_start_is_marked():
    """Only ansible-core 2.21 and newer have this check, and the gate has none of them."""
    calls = ("subprocess.Popen(", "subprocess.run(", "subprocess.call(", "subprocess.check_", "os.system(", "os.popen(")
    bare = [
        f"{path.name}:{number}"
        for path in FILES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if any(call in line for call in calls) and "pylint: disable=ansible-bad-function" not in line
    ]
    assert bare == []
