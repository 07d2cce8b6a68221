# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import json

import pytest

from ansible_collections.postmaster.mta.plugins.action import playbook_log_report, playbook_queue_report
from ansible_collections.postmaster.mta.plugins.module_utils._model import queue_summary
from ansible_collections.postmaster.mta.plugins.module_utils._model.queue import Message, Recipient
from ansible_collections.postmaster.mta.plugins.plugin_utils import _action, _queue_report

NOW = 1795335010


def found(*messages, **more):
    tally = queue_summary.Tally(NOW)
    for one in messages:
        tally.add(one)
    return dict({"summary": tally.summary(0), "unreadable": []}, **more)


def message(name, domain, age, status="deferred", reason="connect to mx.test[192.0.2.1]:25: Connection timed out"):
    to = (Recipient("u@" + domain, reason),)
    return Message(name, "postfix", status, status, NOW - age, 2048, "s@sender.test", to)


RESULTS = {
    "relay2": found(message("BBBBBB1", "yahoo.example", 3700), message("BBBBBB2", "ok.test", 5, "hold", "")),
    "relay1": found(message("AAAAAA1", "yahoo.example", 7322), message("AAAAAA2", "yahoo.example", 90000 // 1000)),
    "relay3": {"failed": True, "msg": "Failed to connect to the host"},
}


def test_report():
    text = _queue_report.report(RESULTS, NOW, 10)
    assert text == [
        "HOST    MESSAGES  ACTIVE  DEFERRED  ON HOLD  RECIPIENTS    SIZE  OLDEST",
        "relay1         2       0         2        0           2  4.0 kB   2h 2m",
        "relay2         2       0         1        1           2  4.0 kB   1h 1m",
        "all            4       0         3        1           4  8.0 kB   2h 2m",
        "",
        "DOMAIN         MESSAGES  RECIPIENTS  OLDEST  SINCE (UTC)          HOST    ID",
        "yahoo.example         3           3   2h 2m  2026-11-22 06:08:08  relay1  AAAAAA1",
        "    connect to mx.test[192.0.2.1]:25: Connection timed out",
        "ok.test               1           1      5s  2026-11-22 08:10:05  relay2  BBBBBB2",
        "    (none recorded)",
        "",
        "MINUTES, UP TO  5  10  20  40  80  160  320  640  1280  1280+",
        "all             2   0   0   0   1    1    0    0     0      0",
        "yahoo.example   1   0   0   0   1    1    0    0     0      0",
        "ok.test         1   0   0   0   0    0    0    0     0      0",
        "",
        "MESSAGES  RECIPIENTS  WHY",
        "       3           3  Connection timed out",
        "       1           1  (none recorded)",
        "",
        "MESSAGES  RECIPIENTS  NEXT HOP",
        "       3           3  mx.test",
        "       1           1  ok.test",
        "",
        "MESSAGES  RECIPIENTS  SENDER",
        "       4           4  s@sender.test",
        "",
        "MESSAGES  RECIPIENTS  RECIPIENT",
        "       3           3  u@yahoo.example",
        "       1           1  u@ok.test",
        "",
        "Not counted:",
        "  relay3: Failed to connect to the host",
    ]


def test_an_empty_fleet_is_one_line_for_each_host():
    assert _queue_report.report({"relay1": found()}, NOW, 10) == [
        "HOST    MESSAGES  ACTIVE  DEFERRED  ON HOLD  RECIPIENTS  SIZE  OLDEST",
        "relay1         0       0         0        0           0   0 B       -",
    ]


def test_rows_beyond_the_top_are_counted():
    text = _queue_report.report(RESULTS, NOW, 1)
    assert "... and 1 more domains" in text and "... and 1 more rows" in text


def test_a_top_of_nought_is_every_row():
    assert _queue_report.report(RESULTS, NOW, 0) == _queue_report.report(RESULTS, NOW, 10)


def test_files_that_could_not_be_read_are_named():
    broken = found(unreadable=[{"path": "/var/spool/mqueue/qfX", "why": "the file is cut off"}])
    assert (
        _queue_report.report({"relay1": broken}, NOW, 5)[-1] == "  relay1: /var/spool/mqueue/qfX: the file is cut off"
    )


def test_long_texts_are_cut():
    wide = found(message("A" * 20, "a" * 60 + ".test", 5, reason="x" * 500))
    text = _queue_report.report({"relay1": wide}, NOW, 5)
    assert max(map(len, text)) == 100 and "...  " in "\n".join(text)
    assert "A" * 20 in "\n".join(text), "a queue ID is never cut"


def row(name, arrival=NOW - 60, outcome="done", why=""):
    return {
        "id": name,
        "instance": "postfix" if arrival else "",
        "status": "hold" if arrival else "",
        "arrival": arrival,
        "size": 10,
        "sender": "a@b.test",
        "outcome": outcome,
        "why": why,
    }


def test_listing():
    assert _queue_report.listing([dict(row("ABCDEF1", why="it is on hold"), host="relay1")], NOW) == [
        "HOST    ID       STATUS  OUTCOME    AGE  SIZE  SENDER",
        "relay1  ABCDEF1  hold    done     1m 0s  10 B  a@b.test",
        "    it is on hold",
    ]
    assert _queue_report.listing([], NOW) == []


def test_listing_names_the_instance_where_a_host_has_several():
    rows = [dict(row("ABCDEF1"), host="relay1"), dict(row("ABCDEF2"), host="relay1", instance="postfix-second")]
    assert _queue_report.listing(rows, NOW)[2].split()[:3] == ["relay1", "postfix-second", "ABCDEF2"]


class Play:
    """What Ansible gives an action plugin, as far as this one looks."""

    def __init__(self, **found):
        self.variables = {
            "ansible_play_hosts_all": sorted(found),
            "hostvars": {host: {"queue_result": result} if result else {} for host, result in found.items()},
        }
        self.printed = []

    def run(self, monkeypatch, **options):
        plugin = playbook_queue_report.ActionModule.__new__(playbook_queue_report.ActionModule)
        given = dict({name: spec.get("default") for name, spec in playbook_queue_report._SPEC.items()}, **options)
        monkeypatch.setattr(_action.ActionBase, "run", lambda self, tmp, variables: {})
        monkeypatch.setattr(plugin, "validate_argument_spec", lambda spec: (None, given), raising=False)
        monkeypatch.setattr(playbook_queue_report.display, "display", self.printed.append)
        monkeypatch.setattr(playbook_queue_report.time, "time", lambda: NOW)
        return plugin.run(None, self.variables)


def test_action_merges_and_prints(monkeypatch):
    play = Play(**RESULTS, relay4=None)
    result = play.run(monkeypatch)
    assert result["summary"]["total"]["messages"] == 4
    assert "relay4: it was not asked" in play.printed[0]
    assert result["changed"] is False


def test_action_prints_json_on_request(monkeypatch):
    play = Play(**RESULTS)
    result = play.run(monkeypatch, format="json")
    printed = json.loads(play.printed[0])
    assert printed["summary"] == result["summary"]
    assert printed["not_asked"] == {"relay3": "Failed to connect to the host"} and result["failed"]


def test_action_shows_messages_and_what_was_said(monkeypatch):
    play = Play(
        relay1={"affected": 1, "messages": [row("ABCDEF1")], "transcript": ["220 hello"]},
        relay2={"affected": 0, "messages": [row("ABCDEF1", 0, "gone"), row("ABCDEF9", 0, "gone")]},
        relay3={"failed": True, "msg": "max: 1: 5 messages are selected; nothing was done"},
        relay4={"skipped": True, "skip_reason": "Conditional result was False"},
    )
    result = play.run(monkeypatch, show="messages")
    assert [(one["id"], one["outcome"]) for one in result["messages"]] == [("ABCDEF1", "done"), ("ABCDEF9", "gone")]
    assert play.printed[0].strip().splitlines()[3:] == [
        "1 message",
        "",
        "relay1:",
        "  220 hello",
        "",
        "relay3:",
        "  max: 1: 5 messages are selected; nothing was done",
    ]


def test_action_shows_as_many_as_wanted(monkeypatch):
    play = Play(relay1={"affected": 3, "messages": [row("ABCDEF1"), row("ABCDEF2"), row("ABCDEF3")]})
    play.run(monkeypatch, show="messages", top=2)
    assert play.printed[0].strip().splitlines()[-1] == "3 messages; 2 of 3 are shown"


def test_where_nobody_answered_nobody_said_that_there_is_none(monkeypatch):
    lines = Play(relay1={"failed": True, "msg": "not permitted"}).run(monkeypatch, show="messages")["lines"]
    assert lines == ["No relay has answered.", "", "relay1:", "  not permitted"]
    assert playbook_log_report._lines({}, "table", 20, True) == []


def test_what_is_not_listed_is_counted_at_its_host(monkeypatch):
    """A host lists 1000 messages at most, whatever it did."""
    rows = [row("ABCDEF1"), row("ABCDEF2", outcome="skipped")]
    relays = {
        "relay1": {"affected": 5000, "skipped_count": 7, "messages": rows},
        "relay2": {"affected": 3000, "messages": [row("ABCDEF3"), row("ABCDEF4", outcome="gone")]},
    }
    said = "8000 messages (relay1 5000, relay2 3000); 7 skipped; 1 gone; 4 of 8008 are shown"
    assert Play(**relays).run(monkeypatch, show="messages")["lines"][-1] == said


def test_an_id_that_no_relay_knows_fails(monkeypatch):
    why = "neither the queue nor the log has this ID; 4AAAAAAB is in the queue"
    relays = {host: {"affected": 0, "messages": [row("4AAAAAA", 0, "unknown", why)]} for host in ("relay1", "relay2")}
    play = Play(**relays)
    result = play.run(monkeypatch, show="messages")
    assert result["failed"]
    assert result["msg"] == "4AAAAAA: no such message on any relay; 4AAAAAAB is in the queue"
    assert result["msg"] in play.printed[0]


@pytest.mark.parametrize("other", [row("4AAAAAA", 0, "gone"), row("4AAAAAA")])
def test_an_id_that_one_relay_knows_is_none_of_the_others(monkeypatch, other):
    unknown = {"affected": 0, "messages": [row("4AAAAAA", 0, "unknown")]}
    result = Play(relay1=unknown, relay2={"affected": 1, "messages": [other]}, relay3=unknown).run(
        monkeypatch, show="messages"
    )
    assert "failed" not in result
    assert [message["outcome"] for message in result["messages"]] == [other["outcome"]]


@pytest.mark.parametrize("action, failed", [("deliver", True), ("release", False)])
def test_a_message_on_hold_that_was_to_be_delivered_is_a_failure(monkeypatch, action, failed):
    rows = [row("4AAAAAA", outcome="skipped", why="it is on hold")]
    result = Play(relay1={"action": action, "affected": 0, "messages": rows}).run(monkeypatch, show="messages")
    assert bool(result.get("failed")) is failed
    assert not failed or result["msg"] == "relay1: 4AAAAAA: not tried: it is on hold"


def test_an_id_that_no_relay_knows_fails_after_a_question_too(monkeypatch):
    """queue_delete and queue_expire select first; where nothing was selected, nothing is deleted, and that step is skipped."""
    nowhere = {"affected": 0, "messages": [row("4AAAAAA", 0, "unknown", "neither the queue nor the log has this ID")]}
    mixed = {"affected": 1, "messages": [row("4BBBBBB"), row("4AAAAAA", 0, "unknown")]}
    play = Play(relay1={"skipped": True}, relay2={"affected": 1, "messages": [row("4BBBBBB")]})
    for host, earlier in (("relay1", nowhere), ("relay2", mixed)):
        play.variables["hostvars"][host]["queue_selected"] = earlier
    result = play.run(monkeypatch, show="messages", before="queue_selected")
    assert result["failed"]
    assert result["msg"] == "4AAAAAA: no such message on any relay"
    assert result["count"] == 1
