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
        "",
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


def routed(served, **routes):
    return _policy.parse({"relay": {"domains": list(served)}, "routes": routes}, "none")


@pytest.mark.parametrize(
    "routes, went",
    [
        ({"domains": [{"domain": "a.test", "action": "reject"}]}, ("a.test",)),
        ({"domains": [{"domain": "test", "subdomains": True, "action": "reject"}]}, ("a.test", "b.test")),
        ({"addresses": [{"address": "postmaster@a.test", "action": "reject"}]}, ("a.test",)),
        (
            {
                "domains": [{"domain": "a.test", "action": "reject"}],
                "addresses": [{"address": "postmaster@a.test", "host": "mx.test"}],
            },
            (),
        ),
        ({"domains": [{"domain": "a.test", "action": "discard"}]}, ()),
        ({"addresses": [{"address": "other@a.test", "action": "reject"}]}, ()),
    ],
)
def test_what_a_route_of_the_policy_refuses_must_be_refused_and_taken_again_without_it(routes, went):
    before, after = routed(("a.test", "b.test")), routed(("a.test", "b.test"), **routes)
    assert _changes.changes(before, after).went == went
    assert _changes.changes(after, before).came == went


CHANGE = _changes.Domains(("kept.test",), ("new.test",), ("old.test",))


@pytest.mark.parametrize(
    "now, said",
    [
        (answers(new=TAKEN, old=DENIED), ""),
        (answers(new=UNKNOWN, old=UNKNOWN), ""),
        (answers(kept=step(550, "its address has no name in DNS"), new=UNKNOWN, old=UNKNOWN), ""),
        (answers(new=DENIED, old=DENIED), "new.test is served now, but postmaster@new.test gets: 554"),
        (answers(new=TAKEN, old=TAKEN), "mail to old.test must be refused now, but postmaster@old.test is taken"),
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
    assert _changes.settled(STRANGER, CHANGE, answers()).findings == []
    assert replies == [TAKEN] and asked[-1] == list(_changes.foreign(["kept.test"]))


def test_what_stays_wrong_is_told_after_a_while(monkeypatch):
    monkeypatch.setattr(_changes, "SETTLING", 0)
    monkeypatch.setattr(_changes, "ask", lambda place, questions: answers(new=DENIED, old=DENIED))
    assert "new.test" in _changes.settled(STRANGER, CHANGE, answers()).findings[0]


def test_the_questions_of_one_connection_are_few(monkeypatch):
    sessions = []

    def session(place, questions):
        sessions.append(len(questions))
        return [(question, TAKEN) for question in questions]

    monkeypatch.setattr(_changes, "_session", session)
    questions = [_changes.legitimate(f"d{number}.test") for number in range(7)]
    assert set(_changes.ask(STRANGER, questions)) == set(questions) and sessions == [2, 2, 2, 1]


def test_what_was_verified_says_where_and_when():
    said = _changes.told(STRANGER, CHANGE, answers(), _changes.Settled([], 0.26, answers(new=TAKEN, old=DENIED)))
    assert said == [
        "mail to new.test is taken: 10.0.0.9:25 (stranger), 0.3 s after the change",
        "mail to old.test is refused: 10.0.0.9:25 (stranger), 0.3 s after the change",
        "legitimate mail to kept.test is taken: 10.0.0.9:25 (stranger)",
    ]


def test_what_is_not_taken_is_not_called_taken():
    """A milter that nobody answers at, on another host: 451 for all, and the module said that mail is taken."""
    unsure = _changes.Settled([], 0.26, answers(new=step(450, "4.7.1 greylisted"), old=DENIED))
    assert _changes.told(STRANGER, CHANGE, answers(), unsure)[0].startswith(
        "new.test is served, postmaster@new.test gets 450"
    )


@pytest.mark.parametrize(
    "kept, came, said",
    [
        ((), step(451, "4.3.2 try again"), "new.test is served now, but postmaster@new.test gets: 451"),
        ((), step(450, "4.7.1 greylisted"), ""),
    ],
)
def test_a_refusal_of_the_mta_itself_is_a_finding_where_nothing_was_taken_before(kept, came, said):
    change = _changes.Domains(kept, ("new.test",), ())
    findings = _changes.wrong(change, answers(), answers(new=came))
    assert said in findings[0] if said else not findings


def test_a_relay_that_takes_no_mail_at_all_is_dead():
    early = TAKEN._replace(name="mail", reply=Reply(451, "", ("4.3.2 try again",)))
    silent = dict.fromkeys(answers(new=TAKEN), early)
    nothing = _changes.Domains((), (), ())
    assert _changes.wrong(nothing, answers(), silent) == ["no mail is taken at all: " + str(early)]
    assert not _changes.wrong(nothing, silent, silent), "it was so before"


def test_a_host_without_a_name_in_dns_is_no_dead_relay():
    """The policy can demand a name of every client, and with greeting delays Postfix refuses at the greeting."""
    refusal = Reply(550, "", ("5.7.1 Client host rejected: cannot find your reverse hostname, [10.0.0.9]",))
    nameless = dict.fromkeys(answers(), TAKEN._replace(name="connect", reply=refusal))
    assert not _changes.wrong(_changes.Domains(("kept.test",), (), ()), answers(), nameless)


OPEN, SHUT = policy("a.test", networks=["10.0.0.0/24"]), policy("a.test", networks=["10.9.0.0/24"])


@pytest.mark.parametrize(
    "before, after, trust, foreign, said",
    [
        (SHUT, OPEN, "came", DENIED, "this client may relay now, but postmaster@foreign.example gets: 554"),
        (SHUT, OPEN, "came", TAKEN, ""),
        (OPEN, SHUT, "went", TAKEN, "this client may not relay any more, but postmaster@foreign.example is taken"),
        (OPEN, SHUT, "went", DENIED, ""),
        (OPEN, OPEN, "", DENIED, ""),
    ],
)
def test_a_network_that_comes_or_goes_is_asked_where_the_host_is_in_it(before, after, trust, foreign, said):
    assert _changes.trust_of(STRANGER, before, after) == trust
    change = _changes.Domains((), (), (), trust)
    findings = _changes.wrong(change, answers(foreign=foreign), answers(foreign=foreign))
    assert said in findings[0] if said else not findings


def test_loopback_proves_nothing_about_strangers():
    local = STRANGER._replace(client=_changes.TRUSTED, address="127.0.0.1")
    assert _changes.trust_of(local, SHUT, OPEN) == _changes.TRUSTED
    change = CHANGE._replace(trust=_changes.TRUSTED)
    assert not _changes.wrong(change, answers(), answers(foreign=TAKEN, new=TAKEN, old=TAKEN))
    told = _changes.told(local, change, answers(), _changes.Settled([], 0.1, answers(new=TAKEN, old=TAKEN)))
    assert not any("refused" in sentence for sentence in told)


def test_the_hosts_own_names_are_no_domains_that_go():
    before = _policy.parse(
        {"relay": {"domains": ["a.test"]}, "identity": {"local_domains": ["localhost", "mx.a.test"]}}, "none"
    )
    assert _changes.changes(before, policy("a.test"), short="mx").went == ()


def test_a_relay_that_took_nothing_was_not_closed_to_strangers():
    """From a dead milter back to the policy: sendmail relays for its own addresses, and that was called an open relay."""
    dead = dict.fromkeys(answers(), step(451, "4.3.2 try again")._replace(name="mail"))
    assert not _changes.wrong(_changes.Domains((), (), ()), dead, answers(foreign=TAKEN))


def test_where_own_addresses_always_relay_a_stranger_comes_from_loopback():
    assert _changes.places([("0.0.0.0", 25)], OWN)[-1].source == ""
    *others, last = _changes.places([("0.0.0.0", 25)], OWN, relays_for_own=True)
    assert last == (_changes.STRANGER, "127.0.0.1", 25, "127.0.0.2") and len(others) == 2
    assert _changes.trust_of(STRANGER, OPEN, SHUT, relays_for_own=True) == ""


def test_a_client_of_each_network_that_changed_is_asked_for():
    assert _changes.networks(OPEN, SHUT) == [("10.0.0.1", False), ("10.9.0.1", True)]
    wider = policy("a.test", networks=["10.0.0.0/8"])
    assert _changes.networks(OPEN, wider) == [("10.0.0.1", True), ("10.0.0.1", True)]
    assert _changes.networks(policy("a.test"), _policy.parse({}, "none")) == []
