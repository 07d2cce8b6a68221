# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order of the steps of an additional instance, what is refused before the first one, and the way back."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._account import generations
from ansible_collections.postmaster.mta.plugins.module_utils._errors import (
    OptionError,
    PostmasterError,
    Refused,
    RolledBack,
)
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Instance
from ansible_collections.postmaster.mta.plugins.module_utils._model.instance import ExistingInstance, UndoableStep
from ansible_collections.postmaster.mta.plugins.module_utils._module import instance as _instances
from ansible_collections.postmaster.mta.plugins.module_utils._module import postfix_instance

NAME, DIRECTORY = "postfix-EXT", "/etc/postfixEXT"


class Twin:
    """A driver's part that keeps in mind what it is told to do."""

    def __init__(self, there=False, registered=False, enabled=False, pid=None, waiting=0, kept=True):
        self.there, self.registered, self.enabled, self.pid = there, registered, enabled, pid
        self.waiting, self.is_kept = waiting, kept
        self.done = []
        self.found = []
        self.breaks = ""

    def check_name(self, name):
        if not name.startswith("postfix-"):
            raise OptionError("name", name, "begins with postfix-")

    def see(self, runner, wish):
        instance = Instance("postfix", NAME, DIRECTORY, ("/var/spool/EXT",), False, self.enabled)
        return ExistingInstance(instance if self.there else None, self.registered, self.pid)

    def problems(self, runner, wish, seen):
        return self.found

    def messages(self, runner, instance):
        return self.waiting

    def kept(self, runner, wish, pid):
        return self.is_kept

    def _step(self, text, **state):
        before = {name: getattr(self, name) for name in state}

        def do():
            if text == self.breaks:
                raise PostmasterError("it breaks")
            self.done.append(text)
            self.__dict__.update(state)

        def undo():
            self.done.append(f"undo {text}")
            self.__dict__.update(before)

        return UndoableStep(text, do, undo)

    def create(self, runner, wish):
        return [self._step("create", there=True)]

    def register(self, runner, wish):
        return [self._step("register", registered=True)]

    def assign(self, runner, wish, seen):
        return []

    def enable(self, runner, wish, wanted):
        return self._step("enable" if wanted else "disable", enabled=wanted)

    def start(self, runner, wish):
        self._step("start", pid=7, is_kept=True).do()

    def stop(self, runner, wish):
        self._step("stop", pid=None).do()

    def remove(self, runner, wish, seen, keep):
        return [self._step("keep" if keep else "remove", there=keep, registered=False)]


@pytest.fixture(name="run")
def _run(monkeypatch, tmp_path):
    """Run the module on a twin."""
    primary = Instance("postfix", "postfix", "/etc/postfix", ("/var/spool/postfix",))
    host = type("Found", (), {"instance": primary})
    monkeypatch.setattr(_instances._mta, "find", lambda *dummy: host)
    monkeypatch.setattr(_instances._mta, "find_all", lambda *dummy: ())
    monkeypatch.setattr(_instances._change, "LOCK_DIRECTORY", str(tmp_path))
    monkeypatch.setattr(generations, "ROOT", str(tmp_path / "var"))

    def run(twin, check_mode=False, **params):
        monkeypatch.setattr(_instances, "instances_of", lambda mta: twin)
        given = {name: spec.get("default") for name, spec in postfix_instance.ARGUMENT_SPEC.items()}
        given.update(dict({"name": NAME, "config_directory": DIRECTORY}, **params))
        return postfix_instance.run(given, check_mode, object())

    return run


def test_from_nothing_to_running(run):
    twin = Twin()
    answer = run(twin)
    assert twin.done == ["create", "register", "enable", "start"]
    assert answer["changed"] and answer["running"] and answer["enabled"] and answer["registered"]
    assert not run(twin)["changed"]


def test_check_mode_says_the_same_and_does_nothing(run):
    twin = Twin()
    said = run(twin, check_mode=True)["actions"]
    assert twin.done == []
    assert run(twin)["actions"] == said


def test_present_leaves_running_alone(run):
    twin = Twin(there=True, registered=True)
    assert not run(twin, state="present")["changed"]
    assert not run(Twin(there=True, registered=True, pid=7), state="present")["changed"]


def test_stopped_is_stopped_first_and_disabled_then(run):
    """Postfix's own commands do not stop a running instance that is disabled."""
    twin = Twin(there=True, registered=True, enabled=True, pid=7)
    run(twin, state="stopped")
    assert twin.done == ["stop", "disable"]
    left_behind = Twin(there=True, registered=True, enabled=False, pid=7)
    run(left_behind, state="stopped")
    assert left_behind.done == ["stop"]


def test_one_that_was_started_by_hand_comes_under_the_service_manager(run):
    twin = Twin(there=True, registered=True, enabled=True, pid=7, kept=False)
    run(twin)
    assert twin.done == ["stop", "start"]


def test_mail_keeps_an_instance_from_being_removed(run):
    twin = Twin(there=True, registered=True, enabled=True, pid=7, waiting=3)
    with pytest.raises(Refused, match="3 messages are in its queue"):
        run(twin, state="absent")
    assert twin.done == []
    run(twin, state="absent", mail="keep")
    assert twin.done == ["stop", "keep"]
    assert not run(twin, state="absent", mail="keep")["changed"]


def test_mail_that_comes_while_it_stops_is_seen(run):
    twin = Twin(there=True, registered=True, enabled=True, pid=7)
    counts = iter([0, 0, 1])
    twin.messages = lambda runner, instance: next(counts)
    with pytest.raises(RolledBack, match="mail came in"):
        run(twin, state="absent")
    assert twin.done == ["stop", "start"] and twin.there


def test_mail_is_deleted_only_when_told_so(run):
    twin = Twin(there=True, registered=True, enabled=True, pid=7, waiting=3)
    run(twin, state="absent", mail="delete")
    assert twin.done == ["stop", "remove"]
    assert not run(twin, state="absent")["changed"]


def test_what_stands_in_the_way_is_said_before_the_first_step(run):
    twin = Twin()
    twin.found = ["queue_directory: /var/spool/EXT: it belongs to bin and not to root"]
    with pytest.raises(Refused, match="belongs to bin"):
        run(twin)
    assert twin.done == []


def test_a_step_that_fails_takes_back_those_before_it(run):
    twin = Twin()
    twin.breaks = "enable"
    with pytest.raises(RolledBack, match="enable: it breaks") as caught:
        run(twin)
    assert caught.value.restored
    assert twin.done == ["create", "register", "undo enable", "undo register", "undo create"]
    assert not twin.there


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("name", "EXT"),
        ("name", "postfix"),
        ("config_directory", "/etc/postfix"),
        ("config_directory", "etc/x y"),
        ("queue_directory", "/var/../x"),
        ("listen", ["10.0.0.256"]),
        ("listen", ["somewhere"]),
        ("port", 0),
        ("port", 70000),
    ],
)
def test_bad_input_names_the_option_and_the_value(run, option, value):
    twin = Twin()
    with pytest.raises(OptionError) as caught:
        run(twin, **{option: value})
    shown = value[0] if isinstance(value, list) else str(value)
    assert shown in str(caught.value) or option == "config_directory"
    assert twin.done == []


def test_what_is_left_of_one_without_its_configuration_goes_too(run):
    twin = Twin(there=False, registered=True)
    assert run(twin, state="absent")["changed"] and not twin.registered
    assert not run(twin, state="absent")["changed"]


def test_what_was_done_stands_in_the_account(run):
    """By whom and under which ticket; nothing is written where nothing is done."""
    run(Twin(), by="anna", ticket="T-9")
    record = generations.newest("/etc/postfix")
    assert (record["module"], record["by"], record["ticket"]) == ("postfix_instance", "anna", "T-9")
    assert record["reason"].startswith(f"{NAME}: ") and record["files"] == []
