# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The storeys of module_utils: an import goes down, never up, wherever in a file it stands. docs/docsite/rst/architecture.rst draws them."""

import ast
import os

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _errors

HERE = os.path.dirname(_errors.__file__)
STOREYS = (
    "_addresses _clock _errors _files _parallel _proc _queue_locks _runner _scratch _startup _zipapp",
    "_model",
    "_account _audit _change _diagnosis _dns _queue_trace _result _smtp",
    "_postfix _sendmail",
    "_log",
    "_driver _mta _report",
    "_kit _module",
)
FLOOR = {room: number for number, storey in enumerate(STOREYS) for room in storey.split()}


def _files(top):
    paths = [os.path.join(parent, name) for parent, dummy, names in os.walk(top) for name in names]
    return sorted(os.path.relpath(path, top) for path in paths if path.endswith(".py") and "__init__" not in path)


FILES = _files(HERE)
CONTROLLER = [path for path in _files(os.path.dirname(HERE)) if not path.startswith(("module_utils", "modules"))]


def _room(path):
    return path.split(os.sep)[0].replace(".py", "")


def _imported(path):
    """Return the rooms from which a file imports, anywhere in it."""
    with open(os.path.join(HERE, path), encoding="utf-8") as stream:
        nodes = [node for node in ast.walk(ast.parse(stream.read())) if isinstance(node, ast.ImportFrom) and node.level]
    depth = path.count(os.sep) + 1
    above = [node for node in nodes if node.level == depth]
    return {room for node in above for room in ([node.module] if node.module else [name.name for name in node.names])}


@pytest.mark.parametrize("path", FILES)
def test_nothing_imports_upwards(path):
    for imported in _imported(path):
        room = imported.split(".")[0]
        assert FLOOR[room] <= FLOOR[_room(path)], (path, imported)
        assert {room, _room(path)} != {"_postfix", "_sendmail"}, "the drivers do not know each other"


@pytest.mark.parametrize("path", FILES)
def test_every_file_has_its_tests_at_the_same_place(path):
    """C(_driver/queue.py) is tested by C(test__driver/test_queue.py), beside this file."""
    mirror = os.path.join(os.path.dirname(__file__), *["test_" + name for name in path.split(os.sep)])
    assert os.path.isfile(mirror), f"{path} needs {mirror}"


@pytest.mark.parametrize("path", CONTROLLER)
def test_what_modules_do_is_used_by_modules_only(path):
    with open(os.path.join(os.path.dirname(HERE), path), encoding="utf-8") as stream:
        assert "module_utils._module" not in stream.read()
