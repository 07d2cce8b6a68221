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


def usual(names, text, macros):
    """What the rulesets of an ordinary relay say."""
    user, dummy, domain = text.partition("@")
    return f"$# esmtp $@ {domain} . $: {user} < @ {domain} . >" if names == "canonify,parse" else "OK"


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
    routed=False,
    told=usual,
    switch=(),
    interval="5m",
    severity=False,
):
    def ask_all(host, path, ruleset, questions):
        return tuple(verdict if accept(asked) else REFUSED for asked in questions) if ruleset == "check_rcpt" else ()

    def ask_each(host, path, queries):
        return {
            query: told(query.names.replace("PostmasterDelimited,", ""), query.text, dict(query.macros))
            for query in queries
        }

    monkeypatch.setattr(rulesets, "ask_all", ask_all)
    monkeypatch.setattr(rulesets, "ask_each", ask_each)
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
        routed,
        interval,
        tuple(switch),
        10**12,
    )
    parts = ("code", "about", "severity") if severity else ("code", "about")
    return [tuple(getattr(finding, part) for part in parts) for finding in judgement.judged(facts)]


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
        ("", [("a.test", "esmtp:[127.0.0.1]")], "sends_to_itself"),
        ("DH[127.0.0.1]\n", (), "sends_to_itself"),
        ("O FallbackMXhost=[127.0.0.1]\n", (), "sends_to_itself"),
        ("O ConnectOnlyTo=127.0.0.1\n", (), "sends_to_itself"),
        ("O MaxHopCount=1\n", (), "too_tight"),
        ("O MaxMessageSize=10\n", (), "too_tight"),
        ("O MinFreeBlocks=999999999999\n", (), "too_tight"),
        ("O Timeout.command=1s\n", (), "too_tight"),
        ("O Timeout.queuereturn=0\n", (), "too_tight"),
        ("O RefuseLA=1\n", (), "too_tight"),
        ("O DeliveryMode=queueonly\n", (), "holds_everything"),
        ("O DeliveryMode=d\n", (), "holds_everything"),
        ("O QueueLA=0\n", (), "holds_everything"),
        ("O DaemonPortOptions=Name=MTA, Port=25, M=a\n", (), "refuses_everybody"),
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
    assert codes(monkeypatch, text, mailertable=[("a.test", "esmtp:[192.0.2.77]"), (".", "relay:[192.0.2.26]")]) == []


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
    told = saying(("canonify,parse", EVERY, ERROR))
    found = codes(monkeypatch, default=only, routed=not only, told=told)
    assert found == ([("refuses_everybody", "routes.postmaster: default")] if only else [])


def saying(*rows):
    """What the rulesets say: the verdict of the first row whose ruleset and macro fit, else the usual one."""

    def told(names, text, macros):
        for name, macro, verdict in rows:
            if name == names and (not macro or macros.get(macro[0]) in macro[1:]):
                return verdict
        return usual(names, text, macros)

    return told


ERROR = "$# error $@ 5.7.1 $: 550 no"
NO, UNVERIFIED, EVERY = ("{verify}", "NO"), ("{verify}", "NO", "NOT", "FAIL"), ()


@pytest.mark.parametrize(
    "text, rows, expected",
    [
        ("Scheck_data\n", [("check_data", EVERY, ERROR)], ("refuses_everybody", "check_data")),
        ("Scheck_eoh\n", [("check_eoh", EVERY, "$# discard $: x")], ("discards_everything", "check_eoh")),
        ("Scheck_eom\n", [("check_eom", EVERY, "$# error $@ quarantine $: held")], ("holds_everything", "check_eom")),
        ("HSubject: $>CkS\nSCkS\n", [("CkS", EVERY, ERROR)], ("refuses_everybody", "HSubject")),
        ("Sgreet_pause\n", [("greet_pause", EVERY, "$# 600000")], ("refuses_everybody", "greet_pause")),
        ("Stls_server\n", [("tls_server", EVERY, ERROR)], ("refuses_everybody", "tls_server")),
        ("Stls_server\n", [("tls_server", UNVERIFIED, ERROR)], ("demands_encryption", "tls_server")),
        ("Stls_client\n", [("tls_client", NO, ERROR)], ("refuses_everybody", "tls_client")),
        (
            "O ServerCertFile=/c\nStls_client\n",
            [("tls_client", UNVERIFIED, ERROR)],
            ("refuses_everybody", "tls_client"),
        ),
        ("", [("canonify,parse", EVERY, "$# error $@ 5.1.2 $: no")], ("refuses_everybody", "parse")),
        ("", [("canonify,parse", EVERY, "$# discard $: x")], ("discards_everything", "parse")),
        (
            "",
            [("canonify,parse", EVERY, "$# gone $@ a . test . $: b < @ c . test . >")],
            ("undefined_service", "parse"),
        ),
        (
            "",
            [("canonify,parse", EVERY, "$# relay $@ h . test $: b < @ c . test . >")],
            ("rewrites_everything", "parse"),
        ),
        (
            "",
            [("canonify,parse", EVERY, "$# relay $@ [ 127 . 0 . 0 . 1 ] $: b < @ c . d >")],
            ("sends_to_itself", "parse"),
        ),
    ],
)
def test_what_rulesets_do_with_ordinary_mail_is_a_finding(monkeypatch, text, rows, expected):
    assert expected in codes(monkeypatch, text, told=saying(*rows))


@pytest.mark.parametrize("name, certificate", [("tls_server", ""), ("tls_client", "O ServerCertFile=/c\n")])
def test_a_demand_of_encryption_that_many_can_meet_is_told_and_stops_nothing(monkeypatch, name, certificate):
    seen = codes(monkeypatch, f"{certificate}S{name}\n", told=saying((name, NO, ERROR)), severity=True)
    assert seen == [("demands_encryption", name, "notice")]


@pytest.mark.parametrize("interval, severity", [("", "error"), ("10m", "warning"), (None, "warning")])
def test_mail_that_is_only_queued_stays_where_nobody_runs_the_queue(monkeypatch, interval, severity):
    seen = codes(monkeypatch, "O DeliveryMode=q\n", interval=interval, severity=True)
    assert seen == [("holds_everything", "DeliveryMode", severity)]


def test_hosts_that_are_looked_up_without_dns_are_not_found(monkeypatch):
    switch = ["passwd files", "hosts files # dns"]
    assert codes(monkeypatch, switch=switch) == [("finds_no_route", "ServiceSwitchFile")]
    assert codes(monkeypatch, "DSrelay:[192.0.2.26]\n", switch=switch) == []
    assert codes(monkeypatch, switch=["hosts files dns"]) == []


@pytest.mark.parametrize(
    "text",
    [
        "O MaxHopCount=25\nO MaxMessageSize=0\nO MinFreeBlocks=100\nO Timeout.command=1\nO RefuseLA=0\nO QueueLA=12\n",
        "O DaemonPortOptions=Name=MSA, Port=587, M=Ea\n",
        "O DaemonPortOptions=Name=Local, Port=25, Addr=127.0.0.1, M=a\n",
        "HReceived: $?sfrom $s $.by $j\nHX-Spam: $>CkX\nSCkX\n",
    ],
)
def test_what_only_looks_like_it_is_no_finding(monkeypatch, text):
    assert codes(monkeypatch, text, told=saying(("CkX", EVERY, ERROR))) == []
