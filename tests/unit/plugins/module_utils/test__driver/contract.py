# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every test of this room checks: the doors of a file lead to both drivers, and each has what the Protocol says.

mypy proves the types; this runs where there is no mypy, under every Python.
"""

import inspect
import typing as t

from ansible_collections.postmaster.mta.plugins.module_utils import _driver


class Parameter(t.NamedTuple):
    """A parameter of a method, as far as a caller depends on it."""

    name: str
    default: t.Any


def _parameters(function):
    return [
        Parameter(parameter.name, parameter.default) for parameter in inspect.signature(function).parameters.values()
    ]


def _methods(part):
    return {name: method for name, method in vars(part).items() if inspect.isfunction(method)}


def _doors(module):
    """Return each Protocol of the file that has a door, with its door."""
    doors = {door.__annotations__["return"]: door for name, door in vars(module).items() if name.endswith("_of")}
    assert doors, "a file of the contract has a door"
    return doors


def check_contract(module, mta):
    """Check that the doors of a file of the contract return drivers that have all that it says."""
    assert module.__doc__
    for part, door in _doors(module).items():
        driver = door(mta)
        assert driver.__name__.startswith(_driver.__name__.replace("_driver", "_" + mta))
        assert part.__doc__ and door.__doc__
        constants = getattr(part, "__annotations__", {})
        methods = _methods(part)
        assert methods or constants
        for constant in constants:
            assert hasattr(driver, constant), constant
        for name, method in methods.items():
            assert method.__doc__, name
            _check_parameters(name, _parameters(method)[1:], _parameters(getattr(driver, name)))


def _check_parameters(name, promised, own):
    """Check the parameters of one method. A driver may have defaults, and further optional parameters, of its own."""
    common, further = own[: len(promised)], own[len(promised) :]
    assert [parameter.name for parameter in common] == [parameter.name for parameter in promised], name
    for parameter, promise in zip(common, promised):
        assert promise.default is inspect.Parameter.empty or parameter.default == promise.default, (name, parameter)
    assert all(parameter.default is not inspect.Parameter.empty for parameter in further), name
