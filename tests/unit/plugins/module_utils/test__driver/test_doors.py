# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every part of the contract: its door leads to both drivers, and each of them has what the Protocol says.

mypy proves the types; this runs where there is no mypy, under every Python.
"""

import importlib
import inspect
import os

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _driver, _mta

HERE = os.path.dirname(_driver.__file__)
FILES = sorted(name[:-3] for name in os.listdir(HERE) if name.endswith(".py") and name != "__init__.py")


def _doors(file):
    module = importlib.import_module(f"{_driver.__name__}.{file}")
    return {door.__annotations__["return"]: door for name, door in vars(module).items() if name.endswith("_of")}


DOORS = {f"{file}-{part.__name__}": (part, door) for file in FILES for part, door in _doors(file).items()}


def _parameters(function):
    return [(one.name, one.default is one.empty) for one in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize("mta", _mta.MTAS)
@pytest.mark.parametrize("name", DOORS)
def test_a_driver_has_what_the_contract_says(name, mta):
    part, door = DOORS[name]
    driver = door(mta)
    assert driver.__name__.startswith(_driver.__name__.replace("_driver", "_" + mta))
    for constant in getattr(part, "__annotations__", {}):
        assert hasattr(driver, constant)
    methods = {name: method for name, method in vars(part).items() if inspect.isfunction(method)}
    assert methods or part.__annotations__
    for name, method in methods.items():
        # A driver may know a default that the contract does not promise.
        promised = _parameters(method)[1:]
        own = _parameters(getattr(driver, name))
        assert [parameter for parameter, dummy in own][: len(promised)] == [parameter for parameter, dummy in promised]
        assert not any(needed for dummy, needed in own[len(promised) :])
        assert all(needed or not must for (dummy, needed), (dummy, must) in zip(promised, own))


@pytest.mark.parametrize("name", DOORS)
def test_the_contract_is_told_in_prose(name):
    part, door = DOORS[name]
    module = importlib.import_module(door.__module__)
    assert module.__doc__ and part.__doc__ and door.__doc__
    assert all(method.__doc__ for method in vars(part).values() if inspect.isfunction(method))
