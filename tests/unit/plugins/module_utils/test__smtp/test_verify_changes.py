# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked after a change, and what an answer says about it."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._smtp import verify_changes as _changes
from ansible_collections.postmaster.mta.plugins.module_utils._smtp.dialogue import Reply, Step

OWN = ("127.0.0.1", "10.0.0.9", "::1", "fd00::9")
STRANGER = _changes.Place(_changes.STRANGER, "10.0.0.9", 25)


def policy(*domains, **relay):
    return _policy.parse({"relay": dict({"domains": list(domains)}, **relay)}, "none")


def step(code, text="ok"):
    return Step("rcpt", b"", Reply(code, "", (text,)), "answered", 0.0)


TAKEN, DENIED, UNKNOWN = step(250), step(554, "Relay access denied"), step(550, "User unknown")


def answers(kept=TAKEN, foreign=DENIED, **changed):
    given = {_changes.legitimate("kept.test"): kept}
    given.update({question: foreign for question in _changes.foreign(["kept.test"])})
    given.update({_changes.legitimate(f"{name}.test"): answer for name, answer in changed.items()})
    return given


def test_every_listener_is_asked_by_a_trusted_client_and_by_strangers_of_both_families():
    places = _changes.places([("0.0.0.0", 587), ("::", 25), ("10.0.0.9", 2525), ("0.0.0.0", 465)], OWN)
    assert [(place.client.split()[0], str(place)) for place in places] == [
        ("trusted", "127.0.0.1:25"),
        ("stranger", "10.0.0.9:25"),
        ("trusted", "::1:25"),
        ("stranger", "fd00::9:25"),
        ("trusted", "127.0.0.1:587"),
        ("stranger", "10.0.0.9:587"),
        ("stranger", "10.0.0.9:2525"),
    ]


def test_a_change_is_about_what_came_and_what_went():
    assert _changes.changes(policy("kept.test", "old.test"), policy("kept.test", "new.test")) == (
        ("kept.test",),
        ("new.test",),
        ("old.test",),
    )


@pytest.mark.parametrize(
    "before, after, elsewhere",
    [
        (policy("a.test", "b.a.test"), policy("a.test", subdomains=True), False),
        (policy("a.test", "b.test"), policy("a.test"), True),
        (policy("a.test", "b.test"), _policy.parse({}, "none"), False),
    ],
    ids=["a subdomain of what is served", "taken by its MX", "a list that cannot be read"],
)
def test_what_may_be_taken_still_is_not_asked(before, after, elsewhere):
    assert _changes.changes(before, after, elsewhere).went == ()


CHANGE = _changes.Domains(("kept.test",), ("new.test",), ("old.test",))


@pytest.mark.parametrize(
    "now, said",
    [
        (answers(new=TAKEN, old=DENIED), ""),
        (answers(new=UNKNOWN, old=UNKNOWN), ""),
        (answers(new=DENIED, old=DENIED), "new.test is served now, but postmaster@new.test gets: 554"),
        (answers(new=TAKEN, old=TAKEN), "old.test is not served any more, but postmaster@old.test is taken"),
        (answers(kept=step(451), new=TAKEN, old=DENIED), "legitimate mail to kept.test was taken before"),
        (answers(foreign=TAKEN, new=TAKEN, old=DENIED), "an open relay: from <> to postmaster@foreign.example"),
    ],
)
def test_both_directions_are_judged(now, said):
    findings = _changes.wrong(CHANGE, answers(), now)
    assert (said in findings[0]) if said else not findings


def test_a_client_that_may_relay_proves_nothing_about_what_went():
    assert not _changes.wrong(CHANGE, answers(foreign=TAKEN), answers(foreign=TAKEN, new=TAKEN, old=TAKEN))


def test_a_listener_that_took_nothing_before_is_not_asked_for_what_came():
    assert not _changes.wrong(CHANGE, answers(kept=DENIED), answers(kept=DENIED, new=DENIED, old=DENIED))


def test_nothing_is_right_before_it_is_right_twice(monkeypatch):
    replies = [DENIED, TAKEN, DENIED, TAKEN, TAKEN, TAKEN]
    asked = []

    def ask(place, questions):
        asked.append(questions)
        if _changes.legitimate("new.test") not in questions:
            return {}
        return answers(old=DENIED, new=replies.pop(0))

    monkeypatch.setattr(_changes, "ask", ask)
    monkeypatch.setattr(_changes, "_PAUSE", 0)
    assert _changes.settled(STRANGER, CHANGE, answers())[0] == []
    assert replies == [TAKEN] and asked[-1] == list(_changes.foreign(["kept.test"]))


def test_what_stays_wrong_is_told_after_a_while(monkeypatch):
    monkeypatch.setattr(_changes, "SETTLING", 0)
    monkeypatch.setattr(_changes, "ask", lambda place, questions: answers(new=DENIED, old=DENIED))
    assert "new.test" in _changes.settled(STRANGER, CHANGE, answers())[0][0]


def test_the_questions_of_one_connection_are_few(monkeypatch):
    sessions = []

    def session(place, questions):
        sessions.append(len(questions))
        return [(question, TAKEN) for question in questions]

    monkeypatch.setattr(_changes, "_session", session)
    questions = [_changes.legitimate(f"d{number}.test") for number in range(7)]
    assert set(_changes.ask(STRANGER, questions)) == set(questions) and sessions == [3, 3, 1]


def test_what_was_verified_says_where_and_when():
    said = _changes.told(STRANGER, CHANGE, answers(), 0.26)
    assert said == [
        "mail to new.test is taken: 10.0.0.9:25 (stranger), 0.3 s after the change",
        "mail to old.test is refused: 10.0.0.9:25 (stranger), 0.3 s after the change",
        "legitimate mail to kept.test is taken: 10.0.0.9:25 (stranger)",
    ]
