# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of _diagnosis.py: each story of the posts, and the fleet that is well."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._diagnosis import verdict as _diagnosis
from ansible_collections.postmaster.mta.plugins.module_utils._model.finding import (
    ERROR,
    NOTICE,
    WARNING,
    Finding,
    as_facts,
)

TALK = {
    "host": "mx1.ok.test",
    "port": 25,
    "why": "MX 10",
    "accepted": True,
    "findings": [],
    "steps": ["rcpt: 250"],
    "last": "250 ok",
}


def finding(code, severity=ERROR, about="x", what="it is wrong", **more):
    return as_facts(Finding(code, severity, about, what, **more))


def report(**changes):
    values = {
        "domain": "ok.test",
        "names": {"findings": [], "mail_exchangers": [{"name": "mx1.ok.test", "libc": ["10.25.0.51"]}]},
        "route": {
            "verdict": "remote",
            "hops": [{"name": "ok.test", "port": 25, "by_mx": True}],
            "decided_by": None,
            "nexthop": "ok.test",
        },
        "talk": [TALK],
        "host": {"findings": [], "instances": [{"closes_quotes": False}]},
        "queue": {"messages": 0},
        "problems": {},
        "greeting": {"findings": []},
    }
    return dict(values, **changes)


def failed(code, last="451 4.7.1 later", severity=ERROR):
    return dict(TALK, accepted=False, last=last, findings=[finding(code, severity)])


def verdict(missing=None, **reports):
    return _diagnosis.judge("ok.test", reports, missing or {})


def codes(what):
    return [(case.finding.severity, case.finding.code) for case in what.cases]


def test_a_fleet_that_is_well():
    found = verdict(a=report(), b=report())
    assert found.cases == ()
    assert found.healthy
    assert found.asked == ("a", "b")


def test_an_old_address_explains_that_nobody_answers():
    stale = report(
        names={"findings": [finding("stale_address", remedy="ansible {hosts} -m x")], "mail_exchangers": []},
        talk=[failed("no_connection", "no_answer")],
    )
    found = verdict(a=stale, b=stale, c=report())
    assert codes(found) == [("error", "stale_address")]
    assert found.cases[0].hosts == ("a", "b")
    assert found.cases[0].finding.remedy == "ansible a,b -m x"


def test_a_destination_that_defers_since_a_known_time():
    waiting = {"messages": 7, "oldest": "2026-11-23T06:00:00Z", "reason": "host mx1.ok.test said: 451", "id": "4X"}
    found = verdict(a=report(talk=[failed("deferred")], queue=waiting))
    assert codes(found)[0] == ("error", "destination_defers")
    what = found.cases[0].finding.what
    assert (
        "mx1.ok.test" in what and "451 4.7.1 later" in what and "7 messages" in what and "2026-11-23T06:00:00Z" in what
    )


def test_a_wrong_entry_outranks_what_its_target_does():
    entry = {"role": "mailertable", "table": "hash:/etc/mail/mailertable", "key": "ok.test", "value": "esmtp:[10.0.0.9]",
             "source": "/etc/mail/mailertable:3"}  # fmt: skip
    route = {"verdict": "remote", "hops": [], "decided_by": entry, "nexthop": "[10.0.0.9]"}
    found = verdict(a=report(route=route, talk=[failed("no_conversation", "refused")]))
    assert codes(found) == [("error", "wrong_route")]
    assert "/etc/mail/mailertable:3" in found.cases[0].finding.what


@pytest.mark.parametrize("changes", [{"talk": [TALK]}, {"talk": []}])
def test_an_entry_whose_target_takes_the_mail_is_not_wrong(changes):
    entry = {"role": "transport_maps", "table": "hash:/x", "key": "ok.test", "value": "smtp:[10.0.0.9]", "source": ""}
    route = {"verdict": "remote", "hops": [], "decided_by": entry, "nexthop": "[10.0.0.9]"}
    assert codes(verdict(a=report(route=route, **changes))) == []


@pytest.mark.parametrize("word, does", [("error", "refuses"), ("discard", "throws away")])
def test_a_route_that_refuses(word, does):
    route = {
        "verdict": word,
        "hops": [],
        "because": "transport_maps hash:/x: ok.test -> error:no",
        "transport": "error",
        "nexthop": "no",
    }
    found = verdict(a=report(route=route, talk=[]))
    assert codes(found) == [("error", "route_refuses")]
    assert does in found.cases[0].finding.what


def test_a_full_disk_comes_before_everything_else():
    full = report(host={"findings": [finding("queue_disk_full")], "instances": []}, talk=[failed("deferred")])
    assert codes(verdict(a=full)) == [("error", "queue_disk_full"), ("error", "destination_defers")]


def test_a_letter_that_is_lost_only_where_quotes_are_closed():
    message = {"open_quotes": [{"line": 19, "field": "Content-Disposition", "text": 'filename="a.htm'}]}
    sendmail = report(message=message, host={"findings": [], "instances": [{"closes_quotes": True}]})
    found = verdict(sm=sendmail, pf=report(message=message))
    assert codes(found) == [("error", "lost_letter"), ("warning", "open_quote")]
    assert found.cases[0].hosts == ("sm",)
    assert "confMAX_MIME_HEADER_LENGTH" in found.cases[0].finding.remedy


def test_a_silent_name_server_and_the_greeting_that_waits_for_it():
    slow = report(
        host={"findings": [finding("first_resolver_silent", about="10.0.0.1")], "instances": []},
        names={
            "findings": [finding("first_resolver_silent", about="10.0.0.1", evidence=("a", "b"))],
            "mail_exchangers": [],
        },
        greeting={"findings": [finding("slow_greeting", WARNING)]},
    )
    found = verdict(a=slow)
    assert codes(found) == [("error", "first_resolver_silent"), ("warning", "slow_greeting")]
    assert found.cases[0].finding.evidence == ("a", "b")


def test_a_host_that_cannot_be_reached_from_outside():
    found = verdict(a=report(greeting={"findings": [finding("no_connection")]}))
    assert codes(found) == [("error", "relay_unreachable")]


@pytest.mark.parametrize(
    "code, says", [("no_greeting", "does not greet"), ("no_conversation", "breaks the conversation off")]
)
def test_a_host_that_can_be_reached_and_does_not_talk(code, says):
    found = verdict(a=report(greeting={"findings": [finding(code)]}))
    assert codes(found) == [("error", "relay_silent")]
    assert says in found.cases[0].finding.what


@pytest.mark.parametrize("code, expected, says", [
    ("no_connection", "destination_unreachable", "cannot be connected to: no_answer to the connection request"),
    ("no_greeting", "destination_silent", "accepts the connection and does not greet: timeout"),
    ("no_conversation", "destination_breaks_off", "breaks the conversation off: closed"),
])  # fmt: skip
def test_a_firewall_and_a_sick_server_are_two_verdicts(code, expected, says):
    found = verdict(a=report(talk=[failed(code, says.partition(": ")[2])]))
    assert codes(found) == [("error", expected)]
    assert says in found.cases[0].finding.what


def test_a_second_exchanger_that_takes_the_mail_is_in_the_verdict():
    second = dict(TALK, host="mx2.ok.test", why="MX 20")
    found = verdict(a=report(talk=[failed("no_connection", "no_answer", WARNING), second]))
    assert codes(found) == [("warning", "destination_unreachable")]
    assert found.cases[0].finding.what.endswith("; mx2.ok.test (MX 20) takes the mail")


def waiting(messages, oldest):
    return {"messages": messages, "oldest": oldest, "reason": "timed out", "id": "4X"}


def test_what_waits_is_counted_on_each_relay_of_the_case():
    first = report(talk=[failed("deferred")], queue=waiting(11, "2026-11-23T06:00:00Z"))
    second = report(talk=[failed("deferred")], queue=waiting(7, "2026-11-23T05:00:00Z"))
    found = verdict(mx1=first, mx2=second, mx3=report(talk=[failed("deferred")]), mx4=report(queue=waiting(1, "x")))
    case = found.cases[0]
    assert case.hosts == ("mx1", "mx2", "mx3")
    assert case.finding.what.endswith(
        "; 18 messages of the domain wait (11 on mx1, 7 on mx2), the oldest since 2026-11-23T05:00:00Z"
    )
    assert found.cases[-1].finding.code == "waiting"
    assert "19 messages of the domain wait (11 on mx1, 7 on mx2, 1 on mx4)" in found.cases[-1].finding.what


def test_the_number_of_one_host_is_not_told_of_another():
    def busy(load):
        return report(
            host={"findings": [finding("load", about="sendmail", what=f"the load is {load}")], "instances": []}
        )

    case = verdict(a=busy("8.1"), b=busy("31.0")).cases[0]
    assert case.hosts == ("a", "b")
    assert case.finding.what == "the load is 8.1 (on a)"
    assert case.finding.evidence == ("b: the load is 31.0",)


def test_mail_that_waits_although_nothing_is_wrong():
    found = verdict(a=report(queue={"messages": 1, "oldest": "t", "id": "4X", "reason": "r"}))
    assert codes(found) == [("notice", "waiting")]
    assert found.healthy
    assert found.cases[0].finding.remedy.startswith("ansible a -m postmaster.mta.queue")
    assert found.cases[0].finding.what == "1 message of the domain waits, the oldest since t"


class TestFleet:
    def other(self, address="10.25.0.99"):
        return report(names={"findings": [], "mail_exchangers": [{"name": "mx1.ok.test", "libc": [address]}]})

    def test_one_of_eight_resolves_differently(self):
        hosts = {f"h{number}": report() for number in range(7)}
        found = verdict(**dict(hosts, odd=self.other()))
        assert codes(found) == [("warning", "resolves_differently")]
        assert found.cases[0].hosts == ("odd",)
        assert "10.25.0.99" in found.cases[0].finding.what and "7 others" in found.cases[0].finding.what

    def test_one_routes_differently(self):
        odd = report(
            route={"verdict": "remote", "hops": [{"name": "10.0.0.9", "port": 25, "by_mx": False}], "decided_by": None}
        )
        found = verdict(a=report(), b=report(), odd=odd)
        assert codes(found) == [("warning", "routes_differently")]

    def test_no_majority_no_finding(self):
        assert codes(verdict(a=report(), b=self.other())) == []

    def test_addresses_that_take_turns_are_no_difference(self):
        def some(*addresses):
            return report(names={"findings": [], "mail_exchangers": [{"name": "mx1.ok.test", "libc": list(addresses)}]})

        assert codes(verdict(a=some("1", "2"), b=some("1", "2"), c=some("2", "3"))) == []

    def test_a_host_that_is_explained_is_not_blamed_twice(self):
        odd = dict(self.other(), host={"findings": [finding("queue_disk_full")], "instances": []})
        assert codes(verdict(a=report(), b=report(), c=odd)) == [("error", "queue_disk_full")]

    def test_a_host_without_answer_is_not_healthy(self):
        found = verdict({"dead": "unreachable"}, a=report())
        assert found.cases == () and not found.healthy

    def test_a_check_that_was_not_done_is_told(self):
        found = verdict(a=report(names=None, problems={"names": "no dnspython"}), b=report())
        assert found.unchecked == {"names: no dnspython": ("a",)}

    def test_a_host_whose_checks_all_failed_does_no_harm(self):
        empty = {
            "domain": "ok.test",
            "names": None,
            "route": None,
            "talk": [],
            "host": None,
            "queue": None,
            "problems": {"x": "y"},
        }
        assert codes(verdict(a=empty)) == []


def test_what_explains_most_comes_first_and_notices_last():
    several = report(
        names={"findings": [finding("slow_server", WARNING), finding("stale_address")], "mail_exchangers": []},
        host={"findings": [finding("recently_changed", NOTICE), finding("mta_down")], "instances": []},
    )
    assert codes(verdict(a=several)) == [
        ("error", "mta_down"), ("error", "stale_address"), ("warning", "slow_server"), ("notice", "recently_changed"),
    ]  # fmt: skip
