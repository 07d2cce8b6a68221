# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module kit."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._kit import install, places
from ansible_collections.postmaster.mta.plugins.module_utils._module import kit
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.scripted_runner import ScriptedRunner

PARAMS = {
    "state": "present",
    "expiry": {"state": "present", "on_calendar": "hourly", "instance": "all"},
}


@pytest.fixture(name="runner")
def _runner(tmp_path, monkeypatch):
    for name in ("UNITS", "STAMPS"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(places, name, str(tmp_path / name))
    (tmp_path / "cron.d").mkdir()
    monkeypatch.setattr(places, "CRON", str(tmp_path / "cron.d" / "kit"))
    monkeypatch.setattr(places, "ROOT", str(tmp_path / "kit"))
    monkeypatch.setattr(install, "has_systemd", lambda _runner: False)
    return ScriptedRunner({})


def test_check_mode_says_what_the_run_does(runner, tmp_path):
    predicted = kit.run(PARAMS, True, runner)
    assert not (tmp_path / "kit").exists()
    assert kit.run(PARAMS, False, runner) == predicted
    assert predicted["changed"] and predicted["jobs"][0]["when"] == "hourly"
    assert not kit.run(PARAMS, False, runner)["changed"]


def test_the_diff_shows_settings_and_schedules(runner):
    texts = {diff["after_header"]: diff["after"] for diff in kit.run(PARAMS, True, runner)["diff"]}
    assert set(texts) == {places.settings(), places.CRON}
    assert "root" in texts[places.CRON]


def test_absent_removes_it(runner, tmp_path):
    kit.run(PARAMS, False, runner)
    assert kit.run(dict(PARAMS, state="absent"), False, runner)["changed"]
    assert not (tmp_path / "kit").exists() and not (tmp_path / "cron.d" / "kit").exists()
    assert not kit.run(dict(PARAMS, state="absent"), False, runner)["changed"]
