# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The drivers are twins, and the one instance that is meant is found or the error says which there are."""

import ast
import os
import subprocess
import sys

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _mta
from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError, PostmasterError
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Capabilities, Instance
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Runner
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import detect as _sendmail_driver
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import discover as _sendmail_instance

HERE = os.path.dirname(_mta.__file__)


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
    read = _read_by(
        "from {0}._module import access; "
        "[door('postfix') for door in (access.access_of, access.compile_of, access.daemon_of, access.discover_of)]"
    )
    assert "_postfix.access" in read
    needless = {
        "_model.policy",
        "_smtp",
        "_smtp.verify_rules",
        "_module.access_files",
        "_driver.check",
        "_driver.relay",
        "_postfix.render",
        "_postfix.check",
        "_postfix.master_cf",
    }
    assert not needless & read
    assert not {name for name in read if name.startswith("_sendmail")}


def test_what_threads_use_of_a_driver_is_read_ahead_and_nothing_of_the_other():
    """A thread must not be the first to read a file: see host_info.read_ahead."""
    read = _read_by(
        "from {0}._module import host_info, queue_info; host_info.read_ahead(['postfix']); queue_info.read_ahead(['postfix'])"
    )
    assert {"_postfix.daemon", "_postfix.discover", "_postfix.queue", "_postfix.read", "_postfix.route"} <= read
    assert not {name for name in read if name.startswith("_sendmail.")}


def test_a_sendmail_is_known_by_what_its_layouts_need():
    assert list(_sendmail_driver.SOURCES) == [one.cf_m4 for one in _sendmail_instance.LAYOUTS]


def test_the_twins_keep_the_same_things_in_the_same_files():
    postfix, sendmail = (set(os.listdir(os.path.join(HERE, "_" + mta))) for mta in _mta.MTAS)
    for shared in ("discover.py", "daemon.py", "tables.py", "render.py", "read.py", "check.py"):
        assert shared in postfix and shared in sendmail


class FakeDriver:
    """A driver that finds what it is told to find."""

    def __init__(self, *instances):
        self.found = instances
        self.asked = 0

    def installed(self, runner):
        return bool(self.found)

    def instances(self, runner):
        return self.found

    def capabilities(self, runner, instance):
        self.asked += 1
        return Capabilities((1,), "1", ("hash",), "hash")


PRIMARY = Instance("postfix", "postfix", "/etc/postfix", ("/var/spool/postfix",))
SECOND = Instance("postfix", "postfix-EXT", "/etc/postfixEXT", ("/var/spool/postfixEXT",), primary=False)
SENDMAIL = Instance("sendmail", "sendmail", "/etc/mail", ("/var/spool/mqueue",))


@pytest.fixture(name="drivers")
def _drivers(monkeypatch):
    def use(postfix=(), sendmail=()):
        drivers = {"postfix": FakeDriver(*postfix), "sendmail": FakeDriver(*sendmail)}
        monkeypatch.setattr(_mta, "detect_of", drivers.get)
        monkeypatch.setattr(_mta, "discover_of", drivers.get)

        return drivers

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


def test_what_the_mta_can_do_is_asked_once_and_not_before_somebody_wants_it(drivers):
    postfix = drivers(postfix=[PRIMARY])["postfix"]
    host = _mta.find(None)
    assert postfix.asked == 0
    assert host.capabilities == host.capabilities == Capabilities((1,), "1", ("hash",), "hash")
    assert postfix.asked == 1


def test_the_instances_of_a_module_that_acts(drivers):
    drivers(postfix=[PRIMARY, SECOND])
    names = [[host.instance.name for host in _mta.chosen(None, "auto", name)] for name in (None, "all", "postfix-EXT")]
    assert names == [["postfix"], ["postfix", "postfix-EXT"], ["postfix-EXT"]]
    drivers()
    for name in (None, "all"):
        with pytest.raises(OptionError, match="no MTA is installed here"):
            _mta.chosen(None, "auto", name)


def test_the_instances_of_a_module_that_looks(drivers):
    drivers(postfix=[PRIMARY, SECOND])
    names = [[host.instance.name for host in _mta.present(None, "auto", name)] for name in (None, "all", "postfix-EXT")]
    assert names == [["postfix", "postfix-EXT"], ["postfix", "postfix-EXT"], ["postfix-EXT"]]
    drivers()
    assert _mta.present(None, "auto", None) == _mta.present(None, "auto", "all") == ()
    with pytest.raises(OptionError, match="no MTA is installed here"):
        _mta.present(None, "auto", "postfix-EXT")


def test_who_is_not_root_is_told_so_before_anything_else(drivers):
    drivers(postfix=[PRIMARY])

    class Stranger(Runner):
        def is_root(self):
            return False

    for look in (_mta.find, _mta.find_all):
        with pytest.raises(PostmasterError, match="not permitted: .*become root"):
            look(Stranger())
    for name in (None, "all", "postfix"):
        with pytest.raises(PostmasterError, match="not permitted"):
            _mta.chosen(Stranger(), "auto", name)
