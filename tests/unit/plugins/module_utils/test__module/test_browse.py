# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module browse: a door that opens once, closes, and leaves nothing when it fails."""

import json
import os
import types

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import (
    CommandError,
    NotPermitted,
    OptionError,
    PostmasterError,
)
from ansible_collections.postmaster.mta.plugins.module_utils._module import browse
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.scripted_runner import ScriptedRunner

UNIT = "postmaster-mta-browse-7"


class Runner(ScriptedRunner):
    """A systemd that keeps one unit, and removes its directory with it."""

    def __init__(self, directory):
        super().__init__({("systemctl", ...): self._systemctl, ("systemd-run", ...): self._start})
        self.directory, self.active, self.broken = directory, False, False

    def is_root(self):
        return True

    def _systemctl(self, argv):
        if argv[1] == "stop":
            self.active = False
        return Result(argv, 0 if self.active else 3, "", "")

    def _start(self, argv):
        self.active = not self.broken
        return Result(argv, 1 if self.broken else 0, "", "Job failed")


@pytest.fixture(name="systemd")
def _systemd(tmp_path, monkeypatch):
    monkeypatch.setattr(browse, "RUN", str(tmp_path))
    monkeypatch.setattr(browse.install, "has_systemd", lambda runner: True)
    monkeypatch.setattr(browse._zipapp, "content", lambda package, module: f"{package} {module}".encode())
    monkeypatch.setattr(browse.sources, "identity", lambda runner, params: {"send_from": ["127.0.0.5"]})
    monkeypatch.setattr(browse, "time", types.SimpleNamespace(time=lambda: 0.0, **_of_time("strftime", "gmtime")))
    return Runner(tmp_path)


def _of_time(*names):
    return {name: getattr(browse.time, name) for name in names}


def run(runner, check_mode=False, **given):
    params = {name: spec.get("default") for name, spec in browse.ARGUMENT_SPEC.items()}
    return browse.run({**params, "uid": 7, **given}, check_mode, runner)


def test_it_opens_once_and_says_until_when(systemd, tmp_path):
    answer = run(systemd, duration="30m")
    assert answer == {
        "changed": True,
        "actions": [f"start {UNIT}.service"],
        "open": True,
        "addresses": ["127.0.0.5"],
        "until": "1970-01-01T00:30:00Z",
        "socket": f"{tmp_path}/{UNIT}/door.sock",
        "ended_by": f"{tmp_path}/{UNIT}/open",
    }
    assert (tmp_path / UNIT / "door.pyz").read_bytes() == b"_kit door"
    started = systemd.calls[-1]
    assert "--property=RuntimeMaxSec=1815" in started and "--collect" in started
    assert started[-4:] == (f"{tmp_path}/{UNIT}", "7", "1800", "127.0.0.5")
    # The time of one that is open stays.
    again = run(systemd, duration="2h")
    assert (again["changed"], again["until"]) == (False, answer["until"])


def test_another_address_is_another_door(systemd):
    run(systemd)
    answer = run(systemd, addresses=["127.0.0.6"])
    assert answer["actions"] == [f"stop {UNIT}.service", f"start {UNIT}.service"]
    assert run(systemd, addresses=["127.0.0.6"])["changed"] is False


def test_one_of_which_nothing_is_known_is_closed_first(systemd, tmp_path):
    run(systemd)
    (tmp_path / UNIT / "door.json").write_text("[")
    assert run(systemd)["actions"] == [f"stop {UNIT}.service", f"start {UNIT}.service"]


def test_it_closes_once(systemd, tmp_path):
    run(systemd)
    assert run(systemd, state="closed") == {"changed": True, "actions": [f"stop {UNIT}.service"], "open": False}
    assert os.listdir(str(tmp_path)) == []
    assert run(systemd, state="closed")["changed"] is False


def test_check_mode_changes_nothing(systemd, tmp_path):
    assert run(systemd, check_mode=True)["actions"] == [f"start {UNIT}.service"]
    assert os.listdir(str(tmp_path)) == [] and not systemd.active
    run(systemd)
    assert run(systemd, check_mode=True, state="closed")["changed"] and systemd.active


def test_one_that_does_not_start_leaves_nothing(systemd, tmp_path):
    systemd.broken = True
    with pytest.raises(CommandError, match="Job failed"):
        run(systemd)
    assert os.listdir(str(tmp_path)) == []


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"duration": "soon"}, "duration"),
        ({"duration": "25h"}, "duration"),
        ({"duration": "0"}, "duration"),
        ({"addresses": ["mx1"]}, "addresses"),
        ({"addresses": ["192.0.2.1"]}, "addresses"),
        ({"addresses": ["127.0.0.5", "127.0.0.6"]}, "addresses"),
    ],
)
def test_a_bad_value_is_named(systemd, given, option):
    with pytest.raises(OptionError, match=option):
        run(systemd, **given)


def test_who_may_not_and_where_nothing_would_close_it(systemd, monkeypatch):
    monkeypatch.setattr(browse.install, "has_systemd", lambda runner: False)
    with pytest.raises(PostmasterError, match="systemd does not run this host"):
        run(systemd)

    def refuse(runner):
        raise NotPermitted("anything")

    monkeypatch.setattr(browse._mta, "insist_on_root", refuse)
    with pytest.raises(NotPermitted):
        run(systemd)


def test_without_a_number_it_is_the_user_behind_sudo(systemd, monkeypatch):
    monkeypatch.setenv("SUDO_UID", "1001")
    assert run(systemd, uid=None)["socket"].endswith("browse-1001/door.sock")
    monkeypatch.delenv("SUDO_UID")
    assert run(systemd, uid=None)["socket"].endswith("browse-0/door.sock")


def test_what_is_remembered_is_plain(systemd, tmp_path):
    run(systemd, duration="1m")
    assert json.loads((tmp_path / UNIT / "door.json").read_text()) == {"sources": ["127.0.0.5"], "until": 60.0}
