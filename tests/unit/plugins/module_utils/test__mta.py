# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The drivers are twins, and the one instance that is meant is found or the error says which there are."""

import inspect
import os

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _mta, _queues, _routes
from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._records import Capabilities, Instance

HERE = os.path.dirname(_mta.__file__)


@pytest.mark.parametrize("name", _mta.DRIVER_FUNCTIONS)
def test_the_twins_have_the_same_function_with_the_same_parameters(name):
    postfix, sendmail = (getattr(driver, name) for driver in _mta.DRIVERS.values())
    assert list(inspect.signature(postfix).parameters) == list(inspect.signature(sendmail).parameters)


def test_the_twins_keep_the_same_things_in_the_same_files():
    postfix, sendmail = (set(os.listdir(os.path.join(HERE, "_" + mta))) for mta in _mta.DRIVERS)
    for shared in ("instance.py", "tables.py", "render.py", "read.py", "check.py"):
        assert shared in postfix and shared in sendmail


@pytest.mark.parametrize("family, name", [(_queues, "queue"), (_routes, "route")])
def test_a_part_is_that_of_the_driver(family, name):
    """And those who ask for it import both, without which Ansible would not bring them to the host."""
    assert (_mta.part("postfix", name), _mta.part("sendmail", name)) == family.TWINS


class FakeDriver:
    """A driver that finds what it is told to find."""

    def __init__(self, *instances):
        self.found = instances

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
