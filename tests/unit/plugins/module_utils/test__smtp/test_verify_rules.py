# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rule should look like on the wire, and where it is asked."""

import datetime

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model import access as _access
from ansible_collections.postmaster.mta.plugins.module_utils._smtp import verify_rules as _accesswire
from ansible_collections.postmaster.mta.plugins.module_utils._smtp.dialogue import Step, parse_reply

NOW = datetime.datetime(2026, 11, 23)


def rule(where, pattern, **words):
    return _access.parse("rules[0]", {where: [pattern]}, words, NOW)[0]


def step(line):
    return Step("rcpt", b"", parse_reply(line + b"\r\n"), "answered", 0.0)


@pytest.mark.parametrize(
    "words, line, good",
    [
        ({"text": "No"}, b"550 5.7.1 <x@a.example>: Sender address rejected: No", True),
        ({"text": "No"}, b"550 5.7.1 <r@b>... No", True),
        ({"text": "No"}, b"554 5.7.1 No", False),
        ({"text": "No"}, b"550 5.1.8 No", False),
        ({"text": "No"}, b"550 5.7.1 Other", False),
        ({"text": "No"}, b"250 2.1.5 Ok", False),
        ({"action": "discard"}, b"250 2.1.5 Ok", True),
        ({"action": "discard"}, b"550 5.7.1 No", False),
        ({"action": "skip"}, b"550 5.1.8 No", True),
    ],
)
def test_judge(words, line, good):
    assert (_accesswire.judge(rule("from", "a.example", **words), step(line), "") == "") is good


def test_examples():
    assert _accesswire.example(rule("from", "a.example")) == ("postmaster-mta-probe@a.example", "")
    assert _accesswire.example(rule("from", "u@")) == ("u@postmaster-mta-probe.example", "")
    assert _accesswire.example(rule("to", "u@a.example")) == ("", "u@a.example")
    assert _accesswire.example(rule("connect", "192.0.2.1")) is None


def test_places():
    assert _accesswire.place([("10.0.0.1", 25), ("0.0.0.0", 25), ("0.0.0.0", 587)]) == ("127.0.0.1", 25)
    assert _accesswire.place([("10.0.0.1", 2525)]) == ("10.0.0.1", 2525)
    assert _accesswire.place([]) is None
    assert _accesswire.prove((), [rule("from", "a.example")], True, ()).findings == ()


def test_of_many_rules_the_first_and_the_last_are_tried():
    rules = [rule("from", "a%d.example" % number) for number in range(50)]
    assert len(_accesswire.chosen(rules)) == _accesswire.MOST
    assert _accesswire.chosen(rules)[-1] == rules[-1]


@pytest.mark.parametrize("old_answers, findings", [(0, 0), (2, 0), (1000, 1)])
def test_an_old_process_may_answer_for_a_moment_after_a_reload(monkeypatch, old_answers, findings):
    answers = iter([b"250 2.1.5 Ok"] * old_answers + [b"550 5.7.1 " + _access.TEXT.encode()])
    monkeypatch.setattr(_accesswire, "SETTLING", 0.5)
    monkeypatch.setattr(_accesswire, "try_pair", lambda where, pair: (step(next(answers)), "mx"))
    report = _accesswire.prove([("127.0.0.1", 25)], [rule("from", "a.example")], True, ())
    assert (len(report.findings), len(report.verified)) == (findings, 1 - findings)
