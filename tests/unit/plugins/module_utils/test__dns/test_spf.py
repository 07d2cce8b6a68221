# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SPF: the terms of RFC 7208, its limits, and what it says where the DNS is silent."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._dns import spf

ZONE = {
    ("example.com", "TXT"): ["google-site-verification=x", "v=spf1 a mx ip4:192.0.2.0/24 include:send.example -all"],
    ("example.com", "A"): ["198.51.100.1"],
    ("example.com", "MX"): ["10 mx.example.com", "20 mx2.example.com"],
    ("mx.example.com", "A"): ["198.51.100.10"],
    ("mx2.example.com", "A"): ["198.51.100.11"],
    ("mx.example.com", "AAAA"): ["2001:db8::10"],
    ("send.example", "TXT"): ["v=spf1 ip6:2001:db8:1::/48 ip4:203.0.113.7 ~all"],
    ("soft.example", "TXT"): ["v=spf1 ip4:192.0.2.1 ~all"],
    ("open.example", "TXT"): ["v=spf1 +all"],
    ("says-nothing.example", "TXT"): ["v=spf1 ip4:192.0.2.1"],
    ("away.example", "TXT"): ["v=spf1 redirect=example.com"],
    ("lost.example", "TXT"): ["v=spf1 redirect=nowhere.example"],
    ("two.example", "TXT"): ["v=spf1 -all", "v=spf1 +all"],
    ("typo.example", "TXT"): ["v=spf1 ipv4:192.0.2.1 -all"],
    ("bad-network.example", "TXT"): ["v=spf1 ip4:192.0.2.300 -all"],
    ("loop.example", "TXT"): ["v=spf1 include:loop.example -all"],
    ("many.example", "TXT"): ["v=spf1 " + " ".join(f"a:h{n}.example" for n in range(11)) + " -all"],
    ("wide.example", "TXT"): ["v=spf1 a/24//64 -all"],
    ("wide.example", "A"): ["192.0.2.200"],
    ("wide.example", "AAAA"): ["2001:db8:5::1"],
    ("macro.example", "TXT"): ["v=spf1 exists:%{ir}.%{v}._spf.%{d2} -all"],
    ("1.2.0.192.in-addr._spf.macro.example", "A"): ["127.0.0.2"],
    ("ptr.example", "TXT"): ["v=spf1 ptr -all"],
    ("1.2.0.192.in-addr.arpa", "PTR"): ["host.ptr.example"],
    ("host.ptr.example", "A"): ["192.0.2.1"],
    ("spf10.example", "TXT"): ["v=spf10 +all"],
    **{(f"h{n}.example", "A"): ["192.0.2.99"] for n in range(11)},
}


def ask(name, kind):
    if name == "silent.example":
        return spf.Records((), failed=True)
    return spf.Records(tuple(ZONE.get((name, kind), ())))


@pytest.mark.parametrize(
    ("address", "domain", "result", "term"),
    [
        ("198.51.100.1", "example.com", spf.PASS, "a"),
        ("198.51.100.11", "example.com", spf.PASS, "mx"),
        ("2001:db8::10", "example.com", spf.PASS, "mx"),
        ("192.0.2.77", "example.com", spf.PASS, "ip4:192.0.2.0/24"),
        ("203.0.113.7", "example.com", spf.PASS, "include:send.example"),
        ("2001:db8:1::5", "example.com", spf.PASS, "include:send.example"),
        ("203.0.113.8", "example.com", spf.FAIL, "-all"),
        ("203.0.113.8", "soft.example", spf.SOFTFAIL, "~all"),
        ("203.0.113.8", "open.example", spf.PASS, "+all"),
        ("203.0.113.8", "says-nothing.example", spf.NEUTRAL, ""),
        ("203.0.113.8", "nowhere.example", spf.NONE, ""),
        ("203.0.113.8", "spf10.example", spf.NONE, ""),
        ("198.51.100.1", "away.example", spf.PASS, "a"),
        ("203.0.113.8", "away.example", spf.FAIL, "-all"),
        ("192.0.2.1", "wide.example", spf.PASS, "a/24//64"),
        ("2001:db8:5::ffff", "wide.example", spf.PASS, "a/24//64"),
        ("2001:db8:6::1", "wide.example", spf.FAIL, "-all"),
        ("192.0.2.1", "macro.example", spf.PASS, "exists:%{ir}.%{v}._spf.%{d2}"),
        ("192.0.2.2", "macro.example", spf.FAIL, "-all"),
        ("192.0.2.1", "ptr.example", spf.PASS, "ptr"),
        ("192.0.2.2", "ptr.example", spf.FAIL, "-all"),
    ],
)
def test_the_record_decides(address, domain, result, term):
    verdict = spf.check(address, domain, ask)
    assert (verdict.result, verdict.term) == (result, term)


@pytest.mark.parametrize(
    ("domain", "why"),
    [
        ("two.example", "two.example: more than one SPF record"),
        ("typo.example", "typo.example: ipv4:192.0.2.1: not a term of RFC 7208"),
        ("bad-network.example", "bad-network.example: ip4:192.0.2.300: not a network"),
        ("lost.example", "lost.example: redirect=nowhere.example: that domain has no SPF record"),
        ("loop.example", "loop.example: include:loop.example: more than 10 terms that ask the DNS"),
        ("many.example", "many.example: a:h10.example: more than 10 terms that ask the DNS"),
    ],
)
def test_a_broken_record_is_an_error_that_says_why(domain, why):
    verdict = spf.check("203.0.113.8", domain, ask)
    assert (verdict.result, verdict.why) == (spf.PERMERROR, why)


def test_a_silent_dns_decides_nothing():
    assert spf.check("203.0.113.8", "silent.example", ask).result == spf.TEMPERROR


def test_too_many_empty_answers_are_an_error():
    zone = {("void.example", "TXT"): ["v=spf1 a:x.example a:y.example a:z.example -all"]}
    verdict = spf.check(
        "203.0.113.8", "void.example", lambda name, kind: spf.Records(tuple(zone.get((name, kind), ())))
    )
    assert (verdict.result, verdict.why) == (spf.PERMERROR, "a:z.example: more than 2 questions without an answer")


def test_what_is_no_address_is_refused():
    with pytest.raises(ValueError, match="mx1"):
        spf.check("mx1", "example.com", ask)
