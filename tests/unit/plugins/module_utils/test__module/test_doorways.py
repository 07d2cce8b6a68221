# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every module has a file of its name in _module, with one entry and one spec. Its main() is short and fails as all fail."""

import ast
import importlib
import inspect
import os

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _module

MODULES = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(_module.__file__))), "modules")


def _mains():
    """The modules that run on a host, with their main(); the others are the documentation of an action."""
    for name in sorted(os.listdir(MODULES)):
        if name.endswith(".py"):
            with open(os.path.join(MODULES, name), encoding="utf-8") as stream:
                tree = ast.parse(stream.read())
            for node in tree.body:
                if isinstance(node, ast.FunctionDef):
                    yield name[:-3], node


MAINS = dict(_mains())


@pytest.mark.parametrize("name", MAINS)
def test_the_logic_of_a_module_is_in_the_file_of_its_name(name):
    doorway = importlib.import_module(f"{_module.__name__}.{name}")
    parameters = list(inspect.signature(doorway.run).parameters.values())
    assert [parameter.name for parameter in parameters][:3] == ["params", "check_mode", "runner"]
    assert parameters[2].default is None and all(parameter.default is None for parameter in parameters[3:])
    assert isinstance(doorway.ARGUMENT_SPEC, dict)


@pytest.mark.parametrize("name", MAINS)
def test_main_asks_runs_and_fails_in_one_way(name):
    main = MAINS[name]
    asked, attempt = main.body[0], main.body[-1]
    secrets = main.body[1:-1]
    calls = {ast.dump(node.func) for node in ast.walk(main) if isinstance(node, ast.Call)}
    assert ast.dump(ast.parse(f"{name}.run", mode="eval").body) in calls
    assert isinstance(asked, ast.Assign) and isinstance(attempt, ast.Try) and len(secrets) <= 1
    (handler,) = attempt.handlers
    assert ast.dump(handler.body[0]) == ast.dump(ast.parse("module.fail_json(**failure(problem))").body[0])
