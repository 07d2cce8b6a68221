# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The drivers are twins, and the one instance that is meant is found or the error says which there are."""

import ast
import glob
import inspect
import os
import re
import subprocess
import sys

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _mta
from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Capabilities, Instance
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import detect as _sendmail_driver
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import discover as _sendmail_instance

HERE = os.path.dirname(_mta.__file__)


#: What the parts of a driver are asked for, as far as no test of the part itself says it.
ACCESS = (
    "CONTINUES",
    "NEW_MODE",
    "REMOVE_EMPTY",
    "ask",
    "compiled",
    "compiled_names",
    "facts",
    "finish",
    "make",
    "names",
    "place",
    "read_at_start",
    "refuse_unfit",
    "reload_reasons",
    "type_in_use",
    "wire",
)


@pytest.mark.parametrize("name", ["installed", *_mta.FILES])
def test_the_twins_have_the_same_function_with_the_same_parameters(name):
    postfix, sendmail = (getattr(driver, name) for driver in _mta.DRIVERS.values())
    assert list(inspect.signature(postfix).parameters) == list(inspect.signature(sendmail).parameters)


@pytest.mark.parametrize("name", ACCESS)
def test_access_is_the_same_in_both(name):
    one, other = (getattr(driver.access, name) for driver in _mta.DRIVERS.values())
    assert callable(one) == callable(other)
    if callable(one):
        assert list(inspect.signature(one).parameters) == list(inspect.signature(other).parameters)


@pytest.mark.parametrize("part", _mta.PARTS)
def test_what_both_twins_have_of_a_part_needs_the_same_parameters(part):
    both = [dict(inspect.getmembers(getattr(driver, part), inspect.isfunction)) for driver in _mta.DRIVERS.values()]
    shared = {name for name in both[0] if name in both[1] and not name.startswith("_")}
    own = {name for name in shared if both[0][name].__module__ != both[1][name].__module__}
    assert own
    for name in own:
        one, other = (_needed(functions[name]) for functions in both)
        assert one == other, name


def _needed(function):
    return [one.name for one in inspect.signature(function).parameters.values() if one.default is one.empty]


_ASKED = re.compile(r"\b(?:driver|_mta\.postfix|_mta\.sendmail|_mta\.DRIVERS\[mta\])\.([a-z_]+)")


@pytest.mark.parametrize("path", sorted(glob.glob(os.path.join(HERE, "_module", "*.py"))), ids=os.path.basename)
def test_what_is_asked_of_a_driver_is_named_for_the_packer(path):
    """Ansible sends to the host what is imported by name, and a driver's files are read by importlib."""
    with open(path, encoding="utf-8") as stream:
        text = stream.read()
    known = dict(_mta.FILES, **_mta.PARTS)
    files = {known[name] for name in _ASKED.findall(text) if name in known}
    for file in files - {"discover"}:
        for mta in _mta.DRIVERS:
            assert re.search(rf"from \.\._{mta} import {file} as", text), (mta, file)


def test_a_driver_has_nothing_else():
    with pytest.raises(AttributeError):
        getattr(_mta.postfix, "sausage")  # noqa: B009 - asking for it is the test


def _read_by(program):
    """The files of ours that a Python reads for a program, in which {0} is our package."""
    package = _mta.__name__.rpartition(".")[0]
    path = os.pathsep.join(place for place in sys.path if place)
    told = "; import sys; print([one for one in sys.modules if '{0}.' in one])"
    done = subprocess.run(
        [sys.executable, "-c", (program + told).format(package)],
        stdout=subprocess.PIPE,
        env=dict(os.environ, PYTHONPATH=path),
        check=True,
    )
    return {name[len(package) + 1 :] for name in ast.literal_eval(done.stdout.decode())}


def test_what_the_other_mta_needs_is_not_read():
    """Python compiles at every run what a module imports: a block on Postfix must not read sendmail's part."""
    read = _read_by("from {0}._module import access; from {0} import _mta; _mta.postfix.access")
    assert "_postfix.access" in read
    needless = {
        "_model.policy",
        "_smtp",
        "_smtp.verify_rules",
        "_module.access_files",
        "_postfix.render",
        "_postfix.check",
        "_postfix.master_cf",
    }
    assert not needless & read
    assert {name for name in read if name.startswith("_sendmail")} <= {"_sendmail", "_sendmail.detect"}


def test_all_of_a_driver_is_read_and_nothing_of_one_that_is_not_there():
    """A thread must not be the first to read a file: see _mta.read_all."""
    read = _read_by(
        "from {0} import _mta; _mta.postfix.installed = lambda runner: True; "
        "_mta.sendmail.installed = lambda runner: False; _mta.read_all(None)"
    )
    there = {name[:-3] for name in os.listdir(os.path.join(HERE, "_postfix")) if name.endswith(".py")} - {"__init__"}
    assert there <= {name[len("_postfix.") :] for name in read if name.startswith("_postfix.")}
    assert {name for name in read if name.startswith("_sendmail.")} <= {"_sendmail.detect"}


def test_a_sendmail_is_known_by_what_its_layouts_need():
    assert list(_sendmail_driver.SOURCES) == [one.cf_m4 for one in _sendmail_instance.LAYOUTS]


def test_the_twins_keep_the_same_things_in_the_same_files():
    postfix, sendmail = (set(os.listdir(os.path.join(HERE, "_" + mta))) for mta in _mta.DRIVERS)
    for shared in ("discover.py", "daemon.py", "tables.py", "render.py", "read.py", "check.py"):
        assert shared in postfix and shared in sendmail


class FakeDriver:
    """A driver that finds what it is told to find."""

    def __init__(self, *instances):
        self.found = instances

    def installed(self, runner):
        return bool(self.found)

    def instances(self, runner):
        return self.found

    def capabilities(self, runner, instance):
        return Capabilities((1,), "1", ("hash",), "hash")


PRIMARY = Instance("postfix", "postfix", "/etc/postfix", ("/var/spool/postfix",))
SECOND = Instance("postfix", "postfix-EXT", "/etc/postfixEXT", ("/var/spool/postfixEXT",), primary=False)
SENDMAIL = Instance("sendmail", "sendmail", "/etc/mail", ("/var/spool/mqueue",))


@pytest.fixture(name="drivers")
def _drivers(monkeypatch):
    def use(postfix=(), sendmail=()):
        drivers = {"postfix": FakeDriver(*postfix), "sendmail": FakeDriver(*sendmail)}
        monkeypatch.setattr(_mta, "DRIVERS", drivers)

    return use


def test_the_primary_instance_is_the_default(drivers):
    drivers(postfix=[PRIMARY, SECOND])
    assert _mta.find(None).instance == PRIMARY


@pytest.mark.parametrize("name", ["postfix-EXT", "/etc/postfixEXT", "/etc/postfixEXT/"])
def test_an_instance_is_found_by_name_and_by_directory(drivers, name):
    drivers(postfix=[PRIMARY, SECOND])
    assert _mta.find(None, "postfix", name).instance == SECOND


def test_two_mtas_must_be_told_apart(drivers):
    drivers(postfix=[PRIMARY], sendmail=[SENDMAIL])
    with pytest.raises(OptionError, match="more than one MTA is installed"):
        _mta.find(None)
    assert _mta.find(None, "sendmail").instance == SENDMAIL


def test_what_is_not_there_is_named_with_what_is(drivers):
    drivers(postfix=[PRIMARY])
    with pytest.raises(OptionError, match=r"instance: postfix-X: no such instance; known: postfix \(/etc/postfix\)"):
        _mta.find(None, "auto", "postfix-X")
    with pytest.raises(OptionError, match="sendmail is not installed here"):
        _mta.find(None, "sendmail")
