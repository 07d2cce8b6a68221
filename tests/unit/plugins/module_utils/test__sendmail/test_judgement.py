# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What makes a configuration open or dead; sendmail's test mode is played by a function."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import cf, judgement, rulesets

REFUSED = "$# error $@ 5.7.1 $: 550 5.7.1 Relaying denied"
CF = """
O DaemonPortOptions=Name=MTA, Port=25
Djmx.example.com
DS
Mrelay, P=[IPC], A=TCP $h
Mesmtp, P=[IPC], A=TCP $h
Mdiscard, P=[FILE], A=FILE /dev/null
Scheck_rcpt
SLocal_check_rcpt
R$* $: $1 $| $&f
R$* $| < $* @ friend.test > $# OK
"""


def codes(
    monkeypatch,
    text="",
    accept=lambda asked: False,
    classes=None,
    access=(),
    mailertable=(),
    listening=(25,),
    verdict="OK",
    default="",
):
    def ask_all(host, path, ruleset, questions):
        return tuple(verdict if accept(asked) else REFUSED for asked in questions) if ruleset == "check_rcpt" else ()

    monkeypatch.setattr(rulesets, "ask_all", ask_all)
    whole = CF + text
    known = cf.parse(whole)
    facts = judgement.Facts(
        None,
        "/x",
        whole,
        known,
        dict({"w": ("localhost", "mx.example.com"), "R": ("10",), "m": ("example.com",)}, **(classes or {})),
        tuple(access),
        tuple(mailertable),
        ("127.0.0.1", "192.0.2.25"),
        frozenset(listening),
        lambda name: "." not in name,
        default,
    )
    return [(finding.code, finding.about) for finding in judgement.judged(facts)]


def test_a_usual_relay_has_no_finding(monkeypatch):
    assert codes(monkeypatch, access=[("To:served.test", "RELAY"), ("Connect:192.0.2", "RELAY")]) == []


@pytest.mark.parametrize(
    "accept, classes, code",
    [
        (lambda asked: True, {}, "permits_everybody"),
        (lambda asked: asked.sender == "postmaster@mx.example.com", {}, "believes_claims"),
        (lambda asked: asked.sender == "a@friend.test", {}, "believes_claims"),
        (lambda asked: "%" in asked.recipient, {}, "routes_for_everybody"),
        (lambda asked: asked.recipient.endswith(".test"), {"R": ("test",)}, "serves_everybody"),
        (lambda asked: asked.resolved, {"R": ("com",)}, "trusts_everybody"),
        (lambda asked: asked.client.startswith("44."), {"R": ("44",)}, "trusts_everybody"),
        (lambda asked: asked.client.startswith("9."), {}, "trusts_everybody"),
    ],
)
def test_what_lets_strangers_relay_is_a_finding(monkeypatch, accept, classes, code):
    assert code in [known for known, dummy in codes(monkeypatch, accept=accept, classes=classes)]


@pytest.mark.parametrize("key", ["From:partner.test", "partner.test", "from:boss@partner.test", "From:boss@"])
def test_a_sender_whose_mail_is_relayed_is_a_finding(monkeypatch, key):
    senders = ("a@partner.test", "boss@partner.test", "boss@stranger.example")
    seen = codes(monkeypatch, access=[(key, "RELAY")], accept=lambda asked: asked.sender in senders)
    assert ("believes_claims", "access") in seen


def test_rules_that_are_narrow_can_be_the_internet_together(monkeypatch):
    access = [(f"Connect:{first}.{second}", "RELAY") for first in (20, 21) for second in range(256)]
    assert codes(monkeypatch, access=access, accept=lambda asked: asked.client.startswith(("20.", "21."))) == [
        ("trusts_everybody", "networks")
    ]


@pytest.mark.parametrize(
    "text, mailertable, code",
    [
        ("DSrelay:[127.0.0.1]\n", (), "sends_to_itself"),
        ("DSmx.example.com\n", (), "sends_to_itself"),
        ("DSgone:[192.0.2.1]\n", (), "undefined_service"),
        ("", [(".", "discard:")], "discards_everything"),
        ("", [("a.test", "gone:[192.0.2.1]")], "undefined_service"),
        ("O InputMailFilters=f\nXf, S=inet:8891@127.0.0.1, F=T\n", (), "nobody_listens"),
        ("O InputMailFilters=f\nXf, S=local:/run/none.sock, F=R\n", (), "nobody_listens"),
        ("O ClientPortOptions=Family=inet, Addr=198.51.100.7\n", (), "foreign_address"),
    ],
)
def test_what_stops_all_mail_is_a_finding(monkeypatch, text, mailertable, code):
    assert code in [known for known, dummy in codes(monkeypatch, text, mailertable=mailertable)]


def test_what_goes_elsewhere_is_no_finding(monkeypatch):
    text = "O ClientPortOptions=Family=inet6, Addr=::ffff:127.0.0.1\nDSrelay:[192.0.2.1]\nO InputMailFilters=f\nXf, S=inet:8891@filter.example.com, F=T\n"
    assert codes(monkeypatch, text, mailertable=[("a.test", "esmtp:[127.0.0.1]"), (".", "relay:[192.0.2.26]")]) == []


@pytest.mark.parametrize(
    "files, only",
    [
        ({"routes.postmaster": b"default error:5.7.1:no\n"}, "error:5.7.1:no"),
        ({"routes.postmaster": b"default error:5.7.1:no\nto:a.test esmtp:[192.0.2.1]\n"}, ""),
        ({"routes.postmaster": b"default error:5.7.1:no\n", "mailertable": b"a.test esmtp:[192.0.2.1]\n"}, ""),
    ],
)
def test_a_refusal_of_all_mail_is_a_finding_where_no_other_mail_has_a_route(monkeypatch, tmp_path, files, only):
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    assert judgement._only_route(str(tmp_path)) == only
    found = codes(monkeypatch, default=only)
    assert found == ([("refuses_everybody", "routes.postmaster: default")] if only else [])
