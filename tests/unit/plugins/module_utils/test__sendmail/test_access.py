# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""sendmail: which lines a rule becomes, and how the access map is found and hooked in."""

import datetime

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import Refused, Unsupported
from ansible_collections.postmaster.mta.plugins.module_utils._model import access as _access
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Capabilities, Host, Instance
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import access, rulesets

NOW = datetime.datetime(2026, 11, 23)
FACTS = access.Facts("hash", (("access", "hash"),), True, True)


def host(directory="/nowhere"):
    return Host(
        None, Instance("sendmail", "sendmail", str(directory), ()), lambda: Capabilities((8, 17), "8.17", (), "hash")
    )


def lines(where, pattern, **words):
    return access.place(FACTS, _access.parse("rules[0]", {where: [pattern]}, words, NOW)[0])["access"]


@pytest.mark.parametrize(
    "where, pattern, words, wanted",
    [
        ("from", "a.example", {"text": "No; go"}, ('From:a.example\tERROR:5.7.1:"550 No; go"',)),
        ("from", "spam@", {"action": "discard"}, ("From:spam@\tDISCARD",)),
        ("to", "u@x.example", {"action": "defer", "text": "Later"}, ('To:u@x.example\tERROR:4.7.1:"450 Later"',)),
        ("to", "x.example", {"action": "hold", "text": "why"}, ("To:x.example\tQUARANTINE:why",)),
        ("to", "u@x.example", {"action": "drop"}, ("Drop:u@x.example\tDROP",)),
        ("to", "x.example", {"action": "drop"}, ("Drop:x.example\tDROP",)),
        ("connect", "192.0.2.0/24", {"action": "relay"}, ("Connect:192.0.2\tRELAY",)),
        ("connect", "192.0.2.4/31", {"action": "ok"}, ("Connect:192.0.2.4\tOK", "Connect:192.0.2.5\tOK")),
        ("connect", "2001:db8::/32", {"action": "skip"}, ("Connect:IPv6:2001:db8\tSKIP",)),
        ("connect", "2001:db8::1", {"action": "ok"}, ("Connect:IPv6:2001:db8:0:0:0:0:0:1\tOK",)),
    ],
)
def test_lines(where, pattern, words, wanted):
    assert lines(where, pattern, **words) == wanted


def test_a_domain_that_the_policy_serves_is_refused_where_recipients_are_parsed(tmp_path):
    (tmp_path / "access.postmaster").write_text("# ours\nTo:served.test\tRELAY\nTo:more.test\tRELAY\n")
    known = cf(tmp_path, "")

    def placed(pattern, **words):
        rule = _access.parse("rules[0]", {"to": [pattern]}, words, NOW)[0]
        return access.place(known, rule)["access"][0].partition(":")[0], access.is_routed(known, rule)

    assert placed("served.test") == placed("more.test", action="defer") == ("Refuse", True)
    assert placed("other.test") == placed("ed.test") == placed("a@served.test") == ("To", False)
    assert placed("served.test", action="ok") == ("To", False)


@pytest.mark.parametrize(
    "where, pattern, words", [("from", "a.example", {"subdomains": False}), ("connect", "2001::/20", {})]
)
def test_what_it_cannot_do_is_refused_with_the_nearest(where, pattern, words):
    with pytest.raises(Unsupported) as caught:
        lines(where, pattern, **words)
    assert pattern in str(caught.value) and "nearest" in str(caught.value)


def cf(tmp_path, text):
    (tmp_path / "sendmail.cf").write_text(text.replace("/etc/mail", str(tmp_path)))
    return access.facts(host(tmp_path))


#: What checkrcpt answered for a stranger, as recorded: a domain that the relay serves, a foreign one, one that a table throws away.
VERDICTS = {
    "served.test": "RELAY",
    "third.test": "$# error $@ 5.7.1 $: 550 5.7.1 Relaying denied",
    "gone.test": "$# discard $: discard",
}


@pytest.mark.parametrize(
    "pattern, action, stays",
    [
        ("trap@served.test", "discard", True),
        ("trap@served.test", "hold", True),
        ("x@third.test", "discard", False),
        ("x@third.test", "hold", False),
        ("x@gone.test", "hold", False),
        ("served.test", "discard", False),
        ("third.test", "reject", True),
        ("third.test", "ok", True),
    ],
)
def test_what_takes_mail_in_for_recipients_keeps_the_relay_closed(tmp_path, monkeypatch, pattern, action, stays):
    """To: is asked before the relay control: a stranger would get 250 for any recipient."""
    (tmp_path / "sendmail.cf").write_text("V10\nScheckrcpt\nR$*\t$@ OK\n")

    def ask(host, path, ruleset, client, recipients):
        assert ruleset == "checkrcpt"
        return {address: VERDICTS[address.partition("@")[2]] for address in recipients}

    monkeypatch.setattr(rulesets, "ask", ask)
    rules = _access.parse("rules[0]", {"to": [pattern]}, {"action": action}, NOW)
    if stays:
        access.refuse_unfit(host(tmp_path), FACTS, rules)
        return
    with pytest.raises(Unsupported, match=f"{action} for to {pattern}"):
        access.refuse_unfit(host(tmp_path), FACTS, rules)


@pytest.mark.parametrize("pattern, refused", [("served.test", True), ("x@served.test", False), ("third.test", False)])
def test_a_domain_that_the_policy_serves_cannot_be_a_rule(monkeypatch, pattern, refused):
    """Its own table comes first, so that the line would be there and count for nothing."""
    known = access.Facts("hash", (("access.postmaster", "hash"), ("access", "hash")), True, True)

    def ask(host, directory, name, kind, keys):
        assert name == "access.postmaster"
        return {key: "RELAY" for key in keys if key == "To:served.test"}

    monkeypatch.setattr(access, "ask", ask)
    rules = _access.parse("rules[0]", {"to": [pattern]}, {}, NOW)
    if not refused:
        access.refuse_unfit(host(), known, rules)
        return
    with pytest.raises(Unsupported, match="to served.test.*access.postmaster has To:served.test RELAY"):
        access.refuse_unfit(host(), known, rules)


def test_the_map_is_found_alone_and_in_a_sequence(tmp_path):
    assert cf(tmp_path, "Kaccess hash -T<TMPF> -o /etc/mail/access\n").maps == (("access", "hash"),)
    text = "Kp hash /etc/mail/x\nKaccess_policy hash -T<TMPF> /etc/mail/access.postmaster\nKaccess_local btree -o /etc/mail/access\n"
    known = cf(
        tmp_path, text + "Kaccess sequence access_policy access_local\nR<?> $| $>SearchList <+ To> $|\nR<SKIP> x\n"
    )
    assert known.maps == (("access.postmaster", "hash"), ("access", "btree"))
    assert known.blocklist and known.skip and known.type_of("access") == "btree"
    assert cf(tmp_path, "").maps == ()


def test_what_is_wired_stays(tmp_path):
    assert access.wire(host(tmp_path), FACTS, {"access": True}, {"from", "to"}) == {}


def test_features_come_where_m4_needs_them(tmp_path):
    (tmp_path / "sendmail.mc").write_text("x")
    stock = [
        "OSTYPE(`debian')dnl",
        "FEATURE(`access_db', , `skip')dnl",
        "FEATURE(`greet_pause', `1000')dnl",
        "MAILER(`smtp')dnl",
    ]
    found = access._with_features(host(tmp_path), "/etc/mail/sendmail.mc", stock)
    assert found == stock[:2] + ["FEATURE(`blocklist_recipients')dnl"] + stock[2:]
    bare = ["FEATURE(`greet_pause', `1000')dnl", "MAILER(`smtp')dnl"]
    found = access._with_features(host(tmp_path), "/etc/mail/sendmail.mc", bare)
    assert found[0] == "FEATURE(`access_db', `hash -T<TMPF> -o /etc/mail/access', `skip')dnl" and found[2:] == bare
    with pytest.raises(Refused):
        access._with_features(host(tmp_path), "/etc/mail/sendmail.mc", ["dnl nothing"])
