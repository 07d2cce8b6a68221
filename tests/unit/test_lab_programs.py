# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's tests send programs to their hosts as text, which no tool reads: what they name of module_utils must be there.

Without this, a file or a function that got another name is missed only half an hour later, in the lab.
"""

import ast
import importlib
import pathlib
import sys
import types

import pytest

if sys.version_info < (3, 10):
    pytest.skip("the lab's tests run under the controller's Python", allow_module_level=True)

TESTS = pathlib.Path(__file__).parents[1]
PACKAGE = "ansible_collections.postmaster.mta.plugins.module_utils"
#: Stands for what an f-string fills in when the test runs.
FILLED = "filled_in_later"
FILES = sorted(path for room in ("lab", "proof", "bench") for path in (TESTS / room).glob("*.py"))


def programs(path):
    """Return the programs of a file: itself, and every text in it that imports from module_utils."""
    tree = ast.parse(path.read_text())
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    texts += [filled(node) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    return [tree] + [ast.parse(text) for text in texts if f"from {PACKAGE}" in text and "\n" in text and parses(text)]


def filled(node):
    """Return the text of an f-string with one name in the place of each value."""
    return "".join(part.value if isinstance(part, ast.Constant) else FILLED for part in node.values)


def parses(text):
    """Return whether a text is a program, and not a part of one."""
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def missing(program):
    """Yield what a program imports from module_utils, or takes from a module of it, that is not there."""
    modules = {}
    for node in ast.walk(program):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE):
            for name in node.names:
                value = imported(node.module, name.name)
                if value is None:
                    yield f"{node.module[len(PACKAGE) + 1 :]}.{name.name}"
                modules[name.asname or name.name] = value
    for node in ast.walk(program):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = modules.get(node.value.id)
            if isinstance(module, types.ModuleType) and not hasattr(module, node.attr) and node.attr != FILLED:
                yield f"{module.__name__[len(PACKAGE) + 1 :]}.{node.attr}"


def imported(package, name):
    """Return what ``from package import name`` gives; None where it is an error."""
    try:
        return getattr(importlib.import_module(package), name, None) or importlib.import_module(f"{package}.{name}")
    except ImportError:
        return None


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_the_programs_of_the_lab_name_is_there(path):
    assert [name for program in programs(path) for name in missing(program)] == []
