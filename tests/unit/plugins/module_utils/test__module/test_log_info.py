# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import json
import os
import pathlib
import shutil

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._module import log_info as _logread
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result, Runner

CORPUS = pathlib.Path(__file__).parents[4] / "corpus" / "maillog"
NOW = 1795334400


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """log_info on recorded logs."""
    monkeypatch.setattr(_logread, "STATE_DIRECTORY", str(tmp_path / "state"))

    def answer(*names, check_mode=False, **options):
        params = {name: spec.get("default") for name, spec in _logread.ARGUMENT_SPEC.items()}
        params["path"] = [str(CORPUS / name) for name in names] or ["/none"]
        params.update(options)
        return _logread.run(params, check_mode, Runner(), NOW)

    return answer


def test_records_are_in_order_of_time_and_limited_to_the_newest(ask):
    found = ask("postfix-3.7-iso.log", "sendmail-8.17-loglevel9-iso.log", limit=5)
    assert found["count"] == 55 - 3 + 56 - 2 - 6 - 1
    times = [one["time"] for one in found["deliveries"]]
    assert times == sorted(times) and len(times) == 5
    assert times[-1] == "2026-11-22T07:39:56.882971+00:00"
    assert found["read"] == {
        "lines": 378,
        "skipped": 0,
        "skipped_by_kind": {},
        "begin": "2026-11-22T07:18:43Z",
        "end": "2026-11-22T07:39:56Z",
        "sources": [str(CORPUS / name) for name in ("postfix-3.7-iso.log", "sendmail-8.17-loglevel9-iso.log")],
    }


def test_every_attempt_when_wanted(ask):
    assert ask("sendmail-8.17-loglevel9-iso.log", attempts="all")["count"] == 54


def test_lines(ask):
    found = ask("sendmail-8.17-loglevel9-iso.log", format="lines", select={"sender": ["*@emalsrv.mailbrand.test"]})
    assert found["lines"] == ["22.11.2026|07:18:53|88||updates@emalsrv.mailbrand.test|alice@ok.test|client2.lab.test"]


def test_the_lines_of_the_log_when_wanted(ask):
    (found,) = ask("sendmail-8.17-loglevel9-iso.log", full=True, select={"sender": ["six@sender.test"]})["deliveries"]
    assert len(found["raw"]) == 4
    assert all("6AM7Ik70021228" in line for line in found["raw"])


def test_a_summary_of_everything_and_of_a_selection(ask):
    whole = ask("postfix-3.7-iso.log", summary=True, tables=True)
    assert whole["summary"]["totals"]["sent"] == 35
    assert json.loads(json.dumps(whole["tables"])) == whole["tables"]
    part = ask("postfix-3.7-iso.log", summary=True, select={"domain": ["ok.test"]})["summary"]
    assert 0 < part["totals"]["sent"] < 35
    assert [one["name"] for one in part["top"]["recipient_domains"]] == ["ok.test"]
    one = ask("postfix-3.7-iso.log", summary=True, select={"sender": ["two@sender.test"]})["summary"]["totals"]
    assert (one["received"], one["sent"], one["bytes_received"], one["bytes_sent"]) == (1, 4, 252, 1008)


@pytest.mark.parametrize("cut", [5000, 12345, 20000])
def test_since_last_loses_nothing_and_repeats_nothing(ask, tmp_path, cut):
    content = (CORPUS / "postfix-3.7-iso.log").read_bytes()
    log = tmp_path / "mail.log"
    options = {"path": [str(log)], "since_last": True, "attempts": "all"}
    log.write_bytes(content[:cut])
    first = ask(**options)["deliveries"]
    shutil.move(str(log), str(tmp_path / "mail.log.1"))
    with open(str(tmp_path / "mail.log.1"), "ab") as stream:
        stream.write(content[cut : cut + 3000])
    log.write_bytes(content[cut + 3000 :])
    second = ask(**options)
    third = ask(**options)
    assert third["deliveries"] == [] and second["notes"] == []
    # A line that the rotation cuts in two is lost to both files, as it is when it is read at once.
    whole = ask(path=[str(tmp_path / "mail.log.1"), str(log)], attempts="all")
    seen = sorted(one["queue_id"] + one["recipient"] + one["status"] for one in first + second["deliveries"])
    assert seen == sorted(one["queue_id"] + one["recipient"] + one["status"] for one in whole["deliveries"])
    assert [one for one in first + second["deliveries"] if one["sender"] is None] == [
        one for one in whole["deliveries"] if one["sender"] is None
    ]


def test_check_mode_does_not_move_the_reader(ask, tmp_path):
    log = tmp_path / "mail.log"
    log.write_bytes((CORPUS / "postfix-3.7-iso.log").read_bytes())
    for _time in range(2):
        assert ask(path=[str(log)], since_last=True, check_mode=True)["count"] == 52
    assert ask(path=[str(log)], since_last=True)["count"] == 52
    assert ask(path=[str(log)], since_last=True)["count"] == 0
    assert ask(path=[str(log)], since_last=True, reader="another")["count"] == 52


BEGUN = (
    b"Nov 22 07:39:01 mx1 postfix/smtpd[1]: 0000001: client=c.foreign.example[192.0.2.9]\n"
    b"Nov 22 07:39:01 mx1 postfix/qmgr[3]: 0000001: from=<s@foreign.example>, size=1, nrcpt=1 (queue active)\n"
)
WORDS = b"Nov 22 07:39:02 mx1 postfix/smtp[4]: 0000001: to=<u@served.example>, relay=mx[192.0.2.3]:25, delay=1, dsn=2.0.0, status=sent"


@pytest.mark.parametrize("rest", [WORDS, WORDS + b" (250 ok)", WORDS[:-1], b"Nov", WORDS[:60]])
@pytest.mark.parametrize("way", ["read", "search", "window", "split"])
def test_a_last_line_that_does_not_end_is_no_record(ask, tmp_path, monkeypatch, rest, way):
    for module in {"search": ["narrow"], "window": ["window"], "split": ["split"]}.get(way, []):
        monkeypatch.setattr(getattr(_logread, module), "WORTH_IT", 0)
    path, options = tmp_path / "log", {"search": {"recipient": ["u@served.example"]}, "window": {"newer_than": "1d"}}
    path.write_bytes(BEGUN + rest)
    os.utime(str(path), (NOW, NOW))
    found = ask(path=[str(path)], select=options.get(way, {}))
    assert (found["count"], found["read"]["lines"]) == (0, 2)
    assert found["read"]["skipped_by_kind"] == {"unfinished": 1}


def test_a_line_that_is_being_written_is_read_when_it_has_ended(ask, tmp_path):
    path = tmp_path / "log"
    path.write_bytes(BEGUN + WORDS[:-3])
    first = ask(path=[str(path)], since_last=True)
    assert (first["count"], first["read"]["skipped"]) == (0, 0)
    path.write_bytes(BEGUN + WORDS + b" (250 ok)\n")
    second = ask(path=[str(path)], since_last=True)
    assert [record["status"] for record in second["deliveries"]] == ["sent"]


def test_a_damaged_state_is_as_none(ask, tmp_path):
    log = tmp_path / "mail.log"
    log.write_bytes((CORPUS / "postfix-3.7-iso.log").read_bytes())
    ask(path=[str(log)], since_last=True)
    (tmp_path / "state" / "log-log_info.json").write_text("{")
    assert ask(path=[str(log)], since_last=True)["count"] == 52


def test_open_messages_of_another_version_are_forgotten_and_said(ask, tmp_path):
    log, state = tmp_path / "mail.log", tmp_path / "state" / "log-log_info.json"
    log.write_bytes((CORPUS / "postfix-3.7-iso.log").read_bytes())
    ask(path=[str(log)], since_last=True)
    found = json.loads(state.read_text())
    found["messages"] = found["messages"].replace(", 0, 0]", ", 0]")
    assert found["messages"] != json.loads(state.read_text())["messages"]
    state.write_text(json.dumps(found))
    assert "another version" in ask(path=[str(log)], since_last=True)["notes"][0]


@pytest.mark.parametrize(
    "options, option",
    [
        ({"reader": "../x"}, "reader"),
        ({"limit": -1}, "limit"),
        ({"top": -1}, "top"),
        ({"path": ["/none/such"]}, "path"),
    ],
)
def test_options_that_cannot_be_meant(ask, options, option):
    with pytest.raises(OptionError, match=option):
        ask("postfix-3.7-iso.log", **options)


def test_a_directory_is_the_name_of_a_postfix_instance():
    class Postfix:
        def run(self, argv, **dummy):
            assert argv == ["postconf", "-c", "/etc/postfix-out", "-h", "-x", "syslog_name"]
            return Result(tuple(argv), 0, "postfix-out\n", "")

    assert _logread._instance_name(Postfix(), "/etc/postfix-out") == "postfix-out"
    assert _logread._instance_name(Postfix(), "sm-mta") == "sm-mta"
