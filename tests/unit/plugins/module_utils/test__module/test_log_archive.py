# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mail log is kept, and other logs rotate as before."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError, Refused
from ansible_collections.postmaster.mta.plugins.module_utils._module import log_archive
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.scripted_runner import ScriptedRunner
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__model.test_logrotate import DEBIAN

PARAMS = {"state": "present", "keep_days": 92, "compress": True, "owner": None, "path": ["/var/log/mail.log"]}


@pytest.fixture(name="etc")
def _etc(tmp_path, monkeypatch):
    (tmp_path / "d").mkdir()
    monkeypatch.setattr(log_archive, "DIRECTORY", str(tmp_path / "d"))
    monkeypatch.setattr(log_archive, "CONFIGURATION", str(tmp_path / "conf"))
    monkeypatch.setattr(log_archive, "JOURNAL_FILE", str(tmp_path / "journald" / "own.conf"))
    monkeypatch.setattr(log_archive, "STATE", str(tmp_path / "state.json"))
    (tmp_path / "conf").write_text(f"include {tmp_path / 'd'}\n")
    (tmp_path / "d" / "rsyslog").write_text(DEBIAN)
    return tmp_path


@pytest.fixture(name="runner")
def _runner():
    return ScriptedRunner({("logrotate", ...): ""}, ["logrotate"])


def run(runner, check_mode=False, **changes):
    return log_archive.run(dict(PARAMS, **changes), check_mode, runner)


def test_the_log_moves_to_a_stanza_of_its_own_and_back(etc, runner):
    predicted = run(runner, check_mode=True)
    assert (etc / "d" / "rsyslog").read_text() == DEBIAN
    assert run(runner)["actions"] == predicted["actions"]
    assert (etc / "d" / "rsyslog").read_text() == DEBIAN.replace("/var/log/mail.log\n", "")
    own = (etc / "d" / "postmaster-mta").read_text()
    assert "rotate 92" in own and "rsyslog-rotate" in own
    assert not run(runner)["changed"]
    assert run(runner, keep_days=10)["changed"] and "rsyslog-rotate" in (etc / "d" / "postmaster-mta").read_text()
    run(runner, state="absent")
    assert (etc / "d" / "rsyslog").read_text() == DEBIAN
    assert sorted(path.name for path in etc.rglob("*") if path.is_file()) == ["conf", "rsyslog"]
    assert not run(runner, state="absent")["changed"]


def test_a_file_that_was_changed_since_stays_its_owner_s(etc, runner):
    run(runner)
    (etc / "d" / "rsyslog").write_text("# mine\n")
    answer = run(runner, state="absent")
    assert "it was changed since" in answer["notes"][0] and (etc / "d" / "rsyslog").read_text() == "# mine\n"


def test_what_logrotate_would_not_take_changes_nothing(etc, runner):
    answers = iter(["error: postmaster-mta:1 duplicate log entry for /var/log/mail.log\n", ""])
    runner.script = {("logrotate", ...): lambda argv: Result(argv, 1, "", next(answers))}
    with pytest.raises(Refused, match="duplicate log entry"):
        run(runner)
    assert (etc / "d" / "rsyslog").read_text() == DEBIAN and not (etc / "d" / "postmaster-mta").exists()


def test_an_error_that_was_there_before_is_no_reason(etc, runner):
    runner.script = {("logrotate", ...): lambda argv: Result(argv, 1, "", "error: other:1 unknown option\n")}
    assert run(runner)["changed"]


def test_the_journal_gets_a_file_of_its_own(etc):
    runner = ScriptedRunner({("systemctl", "restart", "systemd-journald"): ""})
    run(runner, path=["journald"])
    assert "MaxRetentionSec=92day" in (etc / "journald" / "own.conf").read_text()
    run(runner, path=["journald"], state="absent")
    assert not (etc / "journald" / "own.conf").exists()


@pytest.mark.parametrize("change", [{"keep_days": 0}, {"owner": "root"}, {"owner": "root:adm\n}"}])
def test_an_option_that_makes_no_sense_is_refused(etc, runner, change):
    with pytest.raises(OptionError):
        run(runner, **change)


def test_a_host_without_logrotate_is_told_so(etc):
    with pytest.raises(OptionError, match="logrotate is not installed"):
        run(ScriptedRunner({}))
