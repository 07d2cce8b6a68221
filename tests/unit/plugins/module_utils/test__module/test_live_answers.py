# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proof after a change: a daemon that refuses connections by its own limits is no failure."""

import types

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Running
from ansible_collections.postmaster.mta.plugins.module_utils._module import live_answers

REFUSES = "rejecting connections on daemon MTA-1: load average: 9"


@pytest.mark.parametrize(
    "running, findings, verified",
    [
        (
            Running(7, 1, (), REFUSES),
            (),
            f"nothing could be verified, by its own configuration the MTA refuses: {REFUSES}",
        ),
        (
            Running(7, 1, (("::", 25),)),
            ("127.0.0.1:25: Connection refused",),
            "127.0.0.1:25 answers as its configuration says",
        ),
    ],
)
def test_a_daemon_that_refuses_because_of_the_load_is_no_failure(monkeypatch, running, findings, verified):
    daemon = types.SimpleNamespace(running=lambda host: running)
    reader = types.SimpleNamespace(read=lambda host: {"policy": {}, "unexpressed": {}})
    monkeypatch.setattr(live_answers, "daemon_of", lambda mta: daemon)
    monkeypatch.setattr(live_answers, "read_of", lambda mta: reader)
    monkeypatch.setattr(live_answers.verify_policy, "settled", lambda *dummy: ("Connection refused",))
    answers = live_answers.LiveAnswers(types.SimpleNamespace(mta="sendmail"))
    assert tuple(answers.findings()) == findings
    assert answers.verified == [verified]


def test_what_a_route_refuses_is_no_question_for_a_ruleset(monkeypatch):
    """It stands in the lists still: the wire says that it is refused, the ruleset about recipients does not."""
    asked = []
    judge = types.SimpleNamespace(RELAYS_FOR_OWN=True, may_send=lambda host, questions: asked.extend(questions) or [])
    daemon = types.SimpleNamespace(running=lambda host: Running(7, 1, ()))
    monkeypatch.setattr(live_answers, "judgement_of", lambda mta: judge)
    monkeypatch.setattr(live_answers, "daemon_of", lambda mta: daemon)
    answers = live_answers.LiveAnswers(types.SimpleNamespace(mta="sendmail"))
    before = _policy.parse({"relay": {"domains": ["a.test"], "networks": []}}, "none")
    routes = {"domains": [{"domain": "a.test", "action": "reject"}]}
    after = _policy.parse({"relay": {"domains": ["a.test"], "networks": []}, "routes": routes}, "none")
    domains = live_answers.verify_changes.changes(before, after)
    assert domains.went == ("a.test",)
    assert (answers._asked_of_the_mta(before, after, domains), asked) == ([], [])


@pytest.mark.parametrize("answer", [False, True])
def test_what_went_is_asked_of_the_mta(monkeypatch, answer):
    judge = types.SimpleNamespace(RELAYS_FOR_OWN=True, may_send=lambda host, questions: [answer] * len(questions))
    daemon = types.SimpleNamespace(running=lambda host: Running(7, 1, ()))
    monkeypatch.setattr(live_answers, "judgement_of", lambda mta: judge)
    monkeypatch.setattr(live_answers, "daemon_of", lambda mta: daemon)
    answers = live_answers.LiveAnswers(types.SimpleNamespace(mta="sendmail"))
    before, after = (_policy.parse({"relay": {"networks": names}}, "none") for names in (["10.0.0.0/8"], []))
    domains = live_answers.verify_changes.Domains((), (), ("gone.test",))
    findings = answers._asked_of_the_mta(before, after, domains)
    words = ["10.0.0.1 may not relay any more", "mail to gone.test is refused"]
    assert findings == ([f"{word}, but the MTA says otherwise" for word in words] if answer else [])
    assert answers.verified == ([] if answer else [f"{word}: the MTA's own answer" for word in words])
