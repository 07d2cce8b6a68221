# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts answered, in words."""

from ansible_collections.postmaster.mta.plugins.plugin_utils import _answers

DEAD = {"unreachable": True, "msg": "no route"}
FINDING = {"severity": "error", "code": "x", "what": "it is wrong", "evidence": ["a line"], "remedy": "do this"}


def test_a_host_that_could_not_be_asked_is_named_and_makes_it_fail():
    for kind in _answers._KINDS:
        report = _answers.report(kind, {"mx1": DEAD}, "ok.test")
        assert report.wrong == {"mx1": "no route"} and report.lines[-1] == "  mx1: no route", kind


def test_dns():
    good = _answers.report("dns", {"a": {"findings": []}, "b": {"findings": []}}, "ok.test")
    assert (good.lines, good.wrong) == (["ok.test: nothing is wrong on a, b"], {})
    bad = _answers.report("dns", {"a": {"findings": [FINDING]}, "b": {"findings": [FINDING]}}, "ok.test")
    assert bad.lines == ["ERROR: it is wrong", "    on a, b", "    observed: a line", "    fix: do this"]
    assert set(bad.wrong) == {"a", "b"}


def test_route():
    answer = {
        "verdict": "remote",
        "transport": "smtp",
        "nexthop": "ok.test",
        "because": "no table names it",
        "answer": "554",
    }
    lines = _answers.report("route", {"a": answer}, "u@ok.test").lines
    assert lines[0] == "u@ok.test:" and "because: no table names it" in lines[3]
    assert lines[-1] == "a: the client would be told: 554"


def test_a_delivery_that_fails_shows_every_step_and_why():
    steps = [
        {"step": "ehlo", "sent": "EHLO x", "code": 250, "enhanced": "", "text": "x", "outcome": "answered"},
        {"step": "mail", "sent": "MAIL FROM:<>", "code": 550, "enhanced": "5.1.8", "text": "no", "outcome": "answered"},
    ]
    report = _answers.report("delivery", {"a": {"steps": steps, "delivered": False, "host": "mx"}}, "u@ok.test")
    assert report.wrong == {"a": "not delivered: mail 550 5.1.8 no"}
    assert any("EHLO x" in line for line in report.lines) and any("550 5.1.8" in line for line in report.lines)


def test_a_message_that_nobody_has_is_a_sentence_and_a_failure():
    report = _answers.report("message", {"a": {"exists": False}, "b": {"exists": False}}, "ABCDEF1")
    assert report.lines == ["ABCDEF1: no such message in the queues of a, b"] and set(report.wrong) == {"a", "b"}


def test_campaigns_of_several_hosts_are_told_once():
    results = {
        "a": {"campaigns": [campaign(12, "x.example", "y.example")], "notes": []},
        "b": {"campaigns": [campaign(30, "y.example", "z.example")], "notes": ["bursts are not judged"]},
    }
    report = _answers.report("campaigns", results, "campaigns")
    assert report.lines[1:4] == [
        "a, b: shape news@{brand}.example: 42 messages from 3 domains",
        "  a: 12 messages to 3 recipients, first 10:00, last 11:00, delivered 2, refused 12",
        "  b: 30 messages to 3 recipients, first 10:00, last 11:00, delivered 2, refused 30",
    ]
    assert "block_domains -e block_domain=x.example,y.example,z.example" in report.lines[6]
    assert report.lines[-1] == "  b: bursts are not judged"
    assert _answers.campaign_domains(results) == ["x.example", "y.example", "z.example"]


def campaign(count, *domains):
    return {
        "kind": "shape",
        "key": "news@{brand}.example",
        "text": "a campaign\nline 2",
        "rules": [{"from": domain} for domain in domains],
        "first_seen": "10:00",
        "last_seen": "11:00",
        "count": count,
        "recipient_count": 3,
        "delivered": 2,
        "refused": count,
        "sample": "a line",
        "new": True,
    }


def test_the_campaign_of_one_host_is_told_in_its_words():
    report = _answers.report("campaigns", {"a": {"campaigns": [campaign(12, "x.example")]}}, "campaigns")
    assert report.lines[1:] == ["a: a campaign", "line 2"]


def test_a_campaign_that_was_told_before_is_not_called_none():
    assert _answers.report("campaigns", {"a": {"campaigns": [], "known": 0}}, "c").lines == ["no new campaign on a"]
    words = " ".join(_answers.report("campaigns", {"a": {"campaigns": [], "known": 2}}, "c").lines)
    assert "told before, and not refused yet: a 2" in words and "campaign_block=true" in words


def test_egress_without_an_address_is_a_sentence():
    report = _answers.report("egress", {"a": {"addresses": [], "undone": {}, "findings": []}}, "egress")
    assert report.lines[0] == "egress: no address to ask about on a"


def test_egress_shows_what_the_outside_sees_and_fails_on_errors():
    address = {
        "source": "10.0.0.5",
        "outside": "192.0.2.1",
        "echoes": [{"how": "smtp", "address": "192.0.2.1", "text": ""}],
        "name": "mx1.example.com",
        "confirmed": False,
        "spf": [{"domain": "example.com", "result": "fail"}],
        "listings": [{"zone": "list.example", "status": "listed"}, {"zone": "dead.example", "status": "broken"}],
    }
    answers = {"a": {"addresses": [address], "undone": {}, "findings": [FINDING]}}
    report = _answers.report("egress", answers, "egress")
    words = " ".join(report.lines)
    assert "192.0.2.1" in words and "example.com fail" in words and "list.example" in words
    assert "dead.example" not in words and "(not confirmed)" in words
    assert report.wrong == {"a": "it is wrong"}
    undone = {"a": {"addresses": [], "undone": {"10.0.0.5": "it did not end in time"}, "findings": []}}
    assert _answers.report("egress", undone, "egress").wrong == {"a": "10.0.0.5: it did not end in time"}
