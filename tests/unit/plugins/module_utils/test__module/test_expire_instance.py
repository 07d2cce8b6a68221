# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change of an additional instance that nobody confirms: it is again what it was, or gone."""

import contextlib

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._account import generations, watch
from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError, RolledBack
from ansible_collections.postmaster.mta.plugins.module_utils._module import expire_instance
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__module import test_instance
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__module.test_instance import (
    Twin,
    _run,  # noqa: F401 - the fixture run
)

PRIMARY = "/etc/postfix"


@pytest.fixture(name="armed")
def _armed(monkeypatch):
    """The generations for which a timer runs."""
    armed = []
    monkeypatch.setattr(test_instance._instances, "_places", lambda *given: frozenset())
    monkeypatch.setattr(watch, "refuse_without_systemd", lambda *given: None)
    monkeypatch.setattr(watch, "arm", lambda runner, mta, directory, number, *more: armed.append(number))
    monkeypatch.setattr(watch, "disarm", lambda runner, directory, number: armed.remove(number))
    return armed


@pytest.fixture(name="expire")
def _expire(monkeypatch, run):
    """The watcher wakes up."""

    def expire(twin, number):
        monkeypatch.setattr(expire_instance, "instances_of", lambda mta: twin)
        return expire_instance.expire(object(), "postfix", PRIMARY, number)

    return expire


def state_of(twin):
    return [twin.there, twin.registered, twin.registered and twin.enabled, twin.pid]


@pytest.mark.parametrize(
    "before, wish",
    [
        ({}, {"state": "started"}),
        ({"there": True, "registered": True, "enabled": True, "pid": 7}, {"state": "stopped"}),
        ({"there": True, "registered": True}, {"state": "started"}),
        ({"there": True, "registered": True, "enabled": True}, {"state": "started"}),
        ({"there": True}, {"state": "present"}),
        ({"there": True, "registered": True, "enabled": True, "pid": 7}, {"state": "absent", "mail": "keep"}),
    ],
)
def test_nobody_confirms(run, armed, expire, before, wish):
    twin = Twin(**before)
    was = state_of(twin)
    answer = run(twin, confirm="10m", **wish)
    assert answer["confirm_by"] and armed == [answer["generation"]] and state_of(twin) != was
    assert "rolled back" in expire(twin, answer["generation"])
    assert state_of(twin) == was and armed == []
    assert watch.waiting(PRIMARY) == []


def test_a_change_that_is_confirmed_stays(run, armed, expire):
    twin = Twin()
    number = run(twin, confirm="10m")["generation"]
    record = dict(generations.load(PRIMARY, number), ended=generations.CONFIRMED)
    generations.write(generations.place_of(PRIMARY), record)
    assert "does not wait" in expire(twin, number)
    assert twin.pid


def test_mail_that_came_in_meanwhile_is_kept(run, armed, expire):
    twin = Twin()
    number = run(twin, confirm="10m")["generation"]
    twin.waiting = 2
    expire(twin, number)
    assert state_of(twin) == [True, False, False, None] and "keep" in twin.done


def test_a_change_that_fails_waits_for_nobody(run, armed):
    twin = Twin()
    twin.breaks = "register"
    with pytest.raises(RolledBack):
        run(twin, confirm="10m")
    assert armed == [] and watch.waiting(PRIMARY) == []
    assert generations.load(PRIMARY, 1)["ended"] == generations.ROLLED_BACK


def test_a_run_that_is_killed_half_way_is_rolled_back(run, armed, expire, monkeypatch):
    twin = Twin()

    def killed(steps):
        steps[0].do()
        raise KeyboardInterrupt

    monkeypatch.setattr(test_instance._instances, "_perform", killed)
    with contextlib.suppress(KeyboardInterrupt):
        run(twin, confirm="10m")
    assert twin.there and armed == [1]
    monkeypatch.setattr(test_instance._instances, "_perform", lambda steps: [step.do() for step in steps])
    expire(twin, 1)
    assert not twin.there and watch.waiting(PRIMARY) == []


def test_what_is_removed_does_not_come_back(run, armed):
    with pytest.raises(OptionError, match="confirm: .*mail: keep"):
        run(Twin(there=True, registered=True), state="absent", confirm="10m")
