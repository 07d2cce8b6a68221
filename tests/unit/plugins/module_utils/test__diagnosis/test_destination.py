# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of destination.py: how far a conversation goes, and how two differ. What it says is tested with the module smtp."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._diagnosis import destination
from ansible_collections.postmaster.mta.plugins.module_utils._diagnosis.destination import STAGES, Talk, TalkPlan
from ansible_collections.postmaster.mta.plugins.module_utils._smtp.dialogue import Reply, Step
from ansible_collections.postmaster.mta.tests.unit.smtp_peer import Script

ANSWERS = (b"220 mx\r\n", ("read", 1), b"250 mx\r\n", ("read", 1), b"250 ok\r\n", ("read", 1), b"250 ok\r\n", ("read", 1), b"354 go\r\n",
           ("read", 4), b"250 taken\r\n", ("read", 1), b"221 bye\r\n")  # fmt: skip
STEPS = ["connect", "ehlo", "mail", "rcpt", "data", "message", "quit"]


@pytest.mark.parametrize("until, steps", [("connect", 1), ("ehlo", 2), ("mail", 3), ("rcpt", 4), ("message", 6)])
def test_a_conversation_ends_with_its_stage(until, steps):
    with Script(*ANSWERS) as peer:
        plan = TalkPlan(
            "127.0.0.1", peer.port, helo="me", until=until, recipients=("u@a.test",), content=b"A: b\r\n\r\nc\r\n"
        )
        talk = destination.talk(plan._replace(timeout=2.0))
    assert [step.name for step in talk.steps] == STEPS[:steps] + ["quit"]
    assert talk.delivered == (until == "message")


def test_a_plan_ends_where_it_says():
    plan = TalkPlan("mx", until="mail")
    assert plan.where == "mx:25"
    assert [stage for stage in STAGES if plan.goes_on_after(stage)] == ["connect", "ehlo", "starttls"]
    assert TalkPlan("mx").until == "ehlo"


def talk(*replies, **keywords):
    steps = tuple(Step(name, b"", Reply(code, "", ("x",)), "answered", 0.1) for name, code in replies)
    return Talk(TalkPlan("mx"), steps, keywords, None, (), False, 0.1)


def test_where_two_conversations_differ():
    here = talk(("connect", 220), ("ehlo", 250), ("mail", 250), SIZE="1", DSN="")
    there = talk(("connect", 220), ("ehlo", 502), ("helo", 250), SIZE="2")
    assert destination.differences(here, there) == [
        {"step": "ehlo", "here": "250 x", "there": "502 x"},
        {"step": "mail", "here": "250 x", "there": "not reached"},
        {"step": "helo", "here": "not reached", "there": "250 x"},
        {"step": "ehlo keywords", "here": "DSN", "there": ""},
    ]
    assert destination.differences(here, here) == []


def test_a_letter_that_was_lost_on_the_way():
    sent = b'Content-Type: text/plain; name="a.htm\r\n\r\nx\r\n'
    changes, findings = destination.altered(sent, sent.replace(b"a.htm", b'a.ht"'), "mx:25")
    assert [change.kind for change in changes] == ["altered"]
    assert [finding.code for finding in findings] == ["lost_letter"]
    assert destination.altered(sent, sent, "mx:25") == ((), [])


@pytest.mark.parametrize("name, full, source, expected", [
    ("mx1.example.com", "", None, "mx1.example.com"),
    ("mx1", "mx1.example.com", None, "mx1.example.com"),
    ("mx1", "mx1", "192.0.2.7", "[192.0.2.7]"),
    ("localhost", "localhost.localdomain", "2001:db8::7", "[IPv6:2001:db8::7]"),
    ("mx1", "mx1", None, "[192.0.2.9]"),
])  # fmt: skip
def test_a_host_without_a_full_name_says_its_address(monkeypatch, name, full, source, expected):
    monkeypatch.setattr(destination.socket, "gethostname", lambda: name)
    monkeypatch.setattr(destination.socket, "getfqdn", lambda: full)
    monkeypatch.setattr(destination, "_own_address", lambda peer: "192.0.2.9")
    assert destination.own_name(source) == expected


def test_a_host_without_an_address_says_the_name_that_it_has(monkeypatch):
    monkeypatch.setattr(destination.socket, "gethostname", lambda: "mx1")
    monkeypatch.setattr(destination.socket, "getfqdn", lambda: "mx1")
    monkeypatch.setattr(destination, "_own_address", lambda peer: "")
    assert destination.own_name() == "mx1"


def test_the_address_is_the_one_that_the_other_side_sees():
    assert destination._own_address("127.0.0.1") == "127.0.0.1"
