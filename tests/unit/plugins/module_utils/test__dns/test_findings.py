# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of _dnsjudge.py: each story of who lies, and the healthy picture that must stay clean."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._dns import findings as _dnsjudge
from ansible_collections.postmaster.mta.plugins.module_utils._dns.lookups import (
    AUTHORITY,
    PUBLIC,
    RESOLVER,
    Own,
    Picture,
    Server,
)
from ansible_collections.postmaster.mta.plugins.module_utils._dns.query import Answer, Walk
from ansible_collections.postmaster.mta.plugins.module_utils._dns.resolver import ByLibc, ResolvConf
from ansible_collections.postmaster.mta.plugins.module_utils._module import dns_info as _dnsinfo

R, R2, A = "10.25.0.2", "10.25.0.4", "10.25.0.3"
AA = frozenset(("aa",))


def answer(server, name, kind, *records, **more):
    flags = AA if server == A else frozenset()
    return Answer(
        server,
        name,
        kind,
        more.pop("status", "NOERROR"),
        records,
        ttl=more.pop("ttl", 60),
        **dict({"flags": flags}, **more),
    )


def healthy(domain="ok.test", host="mx1.ok.test", address="10.25.0.51", resolvers=(R,)):
    """What the healthy lab looks like."""
    servers = tuple(Server(one, RESOLVER) for one in resolvers) + (Server(A, AUTHORITY, "ns.lab.test"),)
    answers = {}
    for server in servers:
        for name, kind, records in (
            (domain, "MX", (f"10 {host}",)),
            (host, "A", (address,)),
            (host, "AAAA", ()),
            (".", "NS", ("ns.lab.test",)),
        ):
            answers[(server.address, name, kind)] = answer(server.address, name, kind, *records)
    zone = (servers[-1],)
    return Picture(
        domain,
        servers,
        answers,
        (host,),
        {host: ByLibc(host, {"gethostbyname(name.)": (address,)})},
        Walk(domain, (("ns.lab.test", A),)),
        {domain: zone, host: zone},
        ResolvConf(tuple(resolvers)),
        own=(Own("10.25.0.11", "pf12.lab.test", ("10.25.0.11",)),),
    )


def but(picture, *answers, **more):
    """The same picture with other answers."""
    changed = {(one.server, one.name, one.type): one for one in answers}
    return picture._replace(answers={**picture.answers, **changed}, **more)


def codes(picture):
    return [(finding.severity, finding.code) for finding in _dnsjudge.judge(picture)]


def test_the_healthy_picture_is_clean():
    assert codes(healthy()) == []


def test_nscd_serves_an_old_address():
    moved = {
        "mx1.ok.test": ByLibc("mx1.ok.test", {"gethostbyname(name.)": ("10.25.0.99",), "getaddrinfo": ("10.25.0.51",)})
    }
    finding = _dnsjudge.judge(healthy()._replace(libc=moved, cache="nscd"))[0]
    assert (finding.code, finding.severity, finding.about) == ("stale_address", "error", "mx1.ok.test")
    assert finding.what.startswith("nscd serves an old address")
    assert "10.25.0.99" in finding.what
    assert "postmaster.mta.nscd" in finding.remedy
    assert any("gethostbyname" in line for line in finding.evidence)


def test_an_old_address_without_a_known_cache_blames_no_nscd():
    moved = {"mx1.ok.test": ByLibc("mx1.ok.test", {"getaddrinfo": ("10.25.0.99",)})}
    finding = _dnsjudge.judge(healthy()._replace(libc=moved))[0]
    assert finding.code == "stale_address"
    assert "nscd" not in finding.what + finding.remedy


def test_a_fixed_address_in_the_hosts_file_is_named():
    moved = {"mx1.ok.test": ByLibc("mx1.ok.test", {"getaddrinfo": ("10.25.0.99",)})}
    fixed = {"mx1.ok.test": ("10.25.0.99",)}
    assert codes(healthy()._replace(libc=moved, cache="nscd", fixed=fixed)) == [("error", "hosts_file")]


def test_a_right_address_in_the_hosts_file_is_no_finding():
    assert codes(healthy()._replace(fixed={"mx1.ok.test": ("10.25.0.51",)})) == []


def test_a_resolver_that_answers_a_cname_for_an_mx():
    lie = answer(R, "ok.test", "MX", aliases=("ok.no-ip.test",))
    findings = _dnsjudge.judge(but(healthy(), lie))
    assert [(one.code, one.about) for one in findings] == [("cname_for_mx", R)]
    assert "lies" in findings[0].what


def test_an_alias_that_the_owner_made_is_no_lie():
    both = [answer(server, "ok.test", "MX", "10 mx1.ok.test", aliases=("real.test",)) for server in (R, A)]
    assert codes(but(healthy(), *both)) == [("warning", "cname_at_domain")]


def test_the_first_name_server_is_silent():
    picture = healthy(resolvers=(R2, R))
    silent = [one._replace(status="timeout", records=()) for one in picture.answers.values() if one.server == R2]
    finding = _dnsjudge.judge(but(picture, *silent))[0]
    assert (finding.code, finding.severity) == ("first_resolver_silent", "error")
    assert R2 in finding.remedy


def test_the_second_name_server_is_silent():
    picture = healthy(resolvers=(R, R2))
    silent = [one._replace(status="dead", records=()) for one in picture.answers.values() if one.server == R2]
    assert codes(but(picture, *silent)) == [("warning", "resolver_silent")]


def test_no_name_server_answers():
    silent = [one._replace(status="timeout", records=()) for one in healthy().answers.values() if one.server == R]
    assert codes(but(healthy(), *silent, libc={}))[0] == ("error", "no_resolver")


def test_a_resolver_with_another_address_and_an_impossible_ttl():
    other = answer(R, "mx1.ok.test", "A", "10.25.0.99", ttl=9000)
    picture = but(healthy(), other)._replace(libc={"mx1.ok.test": ByLibc("mx1.ok.test", {"x": ("10.25.0.99",)})})
    findings = _dnsjudge.judge(picture)
    assert [one.code for one in findings] == ["resolver_disagrees"]
    assert "9000 s" in findings[0].what
    assert findings[0].severity == "error"


def test_another_address_within_its_ttl_may_be_one_of_many():
    picture = but(healthy(), answer(R, "mx1.ok.test", "A", "10.25.0.99", ttl=30))
    picture = picture._replace(libc={"mx1.ok.test": ByLibc("mx1.ok.test", {"x": ("10.25.0.99",)})})
    assert codes(picture) == [("notice", "resolver_disagrees")]


def test_a_resolver_that_still_has_one_of_two_is_only_a_warning():
    picture = but(healthy(), answer(A, "ok.test", "MX", "10 mx1.ok.test", "20 mx2.ok.test"))
    assert codes(picture) == [("warning", "resolver_disagrees")]


def test_name_servers_of_resolv_conf_that_disagree_when_nobody_knows_better():
    picture = healthy(resolvers=(R, R2))._replace(authorities={}, walk=Walk("", (), (), "closed"))
    picture = but(picture, answer(R2, "ok.test", "MX", "10 other.test"))
    picture = picture._replace(answers={key: one for key, one in picture.answers.items() if key[0] != A})
    assert codes(picture) == [("warning", "resolvers_disagree"), ("notice", "authority_unasked")]


@pytest.mark.parametrize(
    "changes, code",
    [
        ({"status": "NXDOMAIN", "records": ()}, "no_such_domain"),
        ({"records": ("0 .",)}, "null_mx"),
    ],
)
def test_a_domain_that_takes_no_mail(changes, code):
    answers = [healthy().answers[(server, "ok.test", "MX")]._replace(**changes) for server in (R, A)]
    assert codes(but(healthy(), *answers, exchangers=(), libc={})) == [("error", code)]


def test_a_failing_resolver_and_a_bogus_zone_are_told_apart():
    failed = answer(R, "ok.test", "MX", status="SERVFAIL")
    assert codes(but(healthy(), failed)) == [("error", "unanswered")]
    good = answer(R, "ok.test", "MX", "10 mx1.ok.test")
    bogus = but(healthy(), failed, unvalidated={R: good})
    assert codes(bogus) == [("error", "bogus")]
    assert _dnsinfo.dnssec(bogus) == "bogus"


def test_an_exchanger_that_is_an_address_or_an_alias():
    answers = [answer(server, "ok.test", "MX", "10 mx1.ok.test", "20 192.0.2.1") for server in (R, A)]
    aliased = [answer(server, "mx1.ok.test", "A", "10.25.0.51", aliases=("real.test",)) for server in (R, A)]
    assert codes(but(healthy(), *answers)) == [("warning", "mx_is_address")]
    assert codes(but(healthy(), *aliased)) == [("notice", "mx_is_cname")]


def test_an_exchanger_without_address():
    lost = [answer(server, "mx1.ok.test", "A") for server in (R, A)]
    assert codes(but(healthy(), *lost, libc={"mx1.ok.test": ByLibc("mx1.ok.test", {})})) == [("error", "no_mail_host")]


def test_an_alias_into_another_zone_has_the_address_that_the_resolver_finds():
    """The authority of the domain knows nothing of where the alias leads to: its answer has the alias alone."""
    picture = healthy(host="ok.test", address="10.25.0.56")
    alias = {"aliases": ("mx6.third.test",)}
    answers = [answer(server, "ok.test", "MX", **alias) for server in (R, A)]
    answers += [answer(A, "ok.test", kind, **alias) for kind in ("A", "AAAA")]
    answers += [answer(R, "ok.test", "A", "10.25.0.56", **alias), answer(R, "ok.test", "AAAA", **alias)]
    found = _dnsjudge.judge(but(picture, *answers))
    assert [(finding.severity, finding.code) for finding in found] == [("warning", "cname_at_domain")]
    assert "sendmail without FEATURE(nocanonify)" in found[0].what


def test_an_alias_that_leads_to_nothing_has_no_address():
    picture = healthy(host="ok.test", address="10.25.0.56")
    nothing = [
        answer(server, "ok.test", kind, aliases=("gone.third.test",)) for server in (R, A) for kind in ("A", "AAAA")
    ]
    nothing += [answer(server, "ok.test", "MX", aliases=("gone.third.test",)) for server in (R, A)]
    assert ("error", "no_mail_host") in codes(but(picture, *nothing, libc={"ok.test": ByLibc("ok.test", {})}))


def test_a_lame_server_and_a_silent_one():
    lame = answer(A, "ok.test", "MX", status="REFUSED", flags=frozenset())
    assert ("warning", "lame_server") in codes(but(healthy(), lame))


def test_authoritative_servers_behind_a_firewall_are_no_alarm():
    silent = [
        one._replace(status="timeout", records=(), flags=frozenset())
        for one in healthy().answers.values()
        if one.server == A
    ]
    assert codes(but(healthy(), *silent)) == [("notice", "authority_unasked")]


def test_a_slow_server_is_judged_by_its_quickest_answer():
    slow = [one._replace(seconds=2.0) for one in healthy().answers.values() if one.server == R]
    assert codes(but(healthy(), *slow)) == [("warning", "slow_server")]
    assert codes(but(healthy(), *slow[:-1])) == []


def test_truncated_malformed_and_circles():
    for status, code in (
        ("truncated", "truncated_without_tcp"),
        ("malformed", "malformed_answer"),
        ("loop", "alias_loop"),
    ):
        bad = answer(R, "ok.test", "MX", status=status)
        assert codes(but(healthy(), bad)) == [("error", code)]


def test_names_of_our_own_addresses():
    assert codes(healthy()._replace(own=(Own("10.25.0.11", "", ()),))) == [("notice", "missing_ptr")]
    assert codes(healthy()._replace(own=(Own("8.8.4.4", "", ()),))) == [("warning", "missing_ptr")]
    assert codes(healthy()._replace(own=(Own("8.8.4.4", "x.test", ("1.1.1.1",)),))) == [
        ("warning", "ptr_not_confirmed")
    ]


def test_the_chroot_has_other_servers():
    assert codes(healthy()._replace(chroot=ResolvConf((R,)))) == []
    assert codes(healthy()._replace(chroot=ResolvConf((R2,)))) == [("warning", "chroot_resolv_conf")]


def test_a_silent_public_resolver_is_only_worth_knowing():
    picture = healthy()
    picture = picture._replace(servers=picture.servers + (Server("9.9.9.9", PUBLIC),))
    assert codes(but(picture, answer("9.9.9.9", "ok.test", "MX", status="timeout"))) == [("notice", "server_silent")]


def test_the_c_library_finds_nothing():
    assert codes(healthy()._replace(libc={"mx1.ok.test": ByLibc("mx1.ok.test", {"x": ()})})) == [
        ("error", "libc_fails")
    ]
    assert codes(healthy()._replace(libc={})) == [("warning", "libc_slow")]


def test_what_the_module_returns_is_plain_data():
    facts = _dnsinfo.facts(healthy())
    assert facts["mail_exchangers"][0]["addresses"] == ["10.25.0.51"]
    assert facts["findings"] == []
    assert facts["dnssec"] == "unsigned"
    assert {one["role"] for one in facts["answers"]} == {"resolver", "authority"}
