# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of _dnslook.py and _dnsinfo.py: a whole look at a domain, through name servers that are honest, silent or hostile."""

import json
import os

import dns.flags
import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._dns import lookups as _dnslook
from ansible_collections.postmaster.mta.plugins.module_utils._dns import query as _dns
from ansible_collections.postmaster.mta.plugins.module_utils._dns import resolver as _resolver
from ansible_collections.postmaster.mta.plugins.module_utils._dns.resolver import ByLibc
from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._module import dns_info as _dnsinfo
from ansible_collections.postmaster.mta.plugins.module_utils._runner import NOT_FOUND, Result
from ansible_collections.postmaster.mta.tests.unit.dns_peer import Peer, response, zone
from ansible_collections.postmaster.mta.tests.unit.patience import ends_within

RECORDS = (
    ". 60 NS ns.ok.test.",
    "ok.test. 60 NS ns.ok.test.",
    "ns.ok.test. 60 A 127.0.0.1",
    "ok.test. 60 MX 10 mx1.ok.test.",
    'ok.test. 60 TXT "v=spf1 -all"',
    '_dmarc.ok.test. 60 TXT "v=DMARC1; p=none"',
    "mx1.ok.test. 60 A 127.0.0.9",
    "_25._tcp.mx1.ok.test. 60 TLSA 3 1 1 " + "ab" * 32,
)


class NoPrograms:
    """A host without systemctl and nscd."""

    def run(self, argv, **dummy):
        return Result(tuple(argv), NOT_FOUND, "", "")


@pytest.fixture(name="look")
def _look(tmp_path, monkeypatch):
    """Look at ok.test with one name server on loopback; the C library is replaced."""
    resolv = tmp_path / "resolv.conf"
    resolv.write_text("nameserver 127.0.0.1\n")
    monkeypatch.setattr(_resolver, "RESOLV_CONF", str(resolv))
    monkeypatch.setattr(_resolver, "HOSTS", "/nowhere")
    monkeypatch.setattr(_resolver, "NSSWITCH_CONF", "/nowhere")
    monkeypatch.setattr(_dnslook, "SECOND_LOOK", 0.1)
    monkeypatch.setattr(_resolver, "name_of", lambda address: "me.test")

    def look(answering, libc=("127.0.0.9",), tcp=True, limit=1.5, domain="ok.test"):
        def by_libc(name):
            return ByLibc(name, {"x": ("127.0.0.1",) if name == "me.test" else libc})

        monkeypatch.setattr(_resolver, "by_libc", by_libc)
        with Peer(answering, tcp) as peer, ends_within(10):
            question = _dnslook.Question(domain, hints=("127.0.0.1",), limit=limit, patience=8.0)
            picture = _dnslook.look(NoPrograms(), _dns.Asker(limit, peer.port), question)
        facts = _dnsinfo.facts(picture)
        json.dumps(facts)
        return facts

    return look


def codes(facts):
    return [finding["code"] for finding in facts["findings"] if finding["severity"] != "notice"]


def test_an_honest_server_leaves_nothing_to_say(look):
    facts = look(zone(*RECORDS))
    assert codes(facts) == []
    assert facts["mail_exchangers"][0]["name"] == "mx1.ok.test"
    assert facts["mail_exchangers"][0]["tlsa"][0].startswith("3 1 1 abab")
    assert facts["policies"]["spf"] == ["v=spf1 -all"]
    assert facts["policies"]["dmarc"] == ["v=DMARC1; p=none"]
    assert facts["authoritative"]["zone"] == "ok.test"
    assert facts["own_addresses"] == [{"address": "127.0.0.1", "name": "me.test", "confirmed": True}]


def test_a_cache_with_an_old_address(look):
    assert codes(look(zone(*RECORDS), libc=("127.0.0.88",))) == ["stale_address"]


def test_addresses_that_take_turns_are_no_old_ones(look):
    turns = []

    def answering(query, tcp):
        name, kind = query.question[0].name.to_text(), query.question[0].rdtype
        if (name, kind) == ("mx1.ok.test.", 1):
            turns.append(1)
            address = "127.0.0.8" if len(turns) < 2 else "127.0.0.9"
            return response(query, f"{name} 60 A {address}").to_wire()
        return zone(*RECORDS)(query, tcp)

    assert "stale_address" not in codes(look(answering))


def test_silence(look):
    assert codes(look(lambda query, tcp: None, libc=())) == ["no_resolver"]


def test_no_domain(look):
    assert "no_such_domain" in codes(look(zone(". 60 NS ns.ok.test.", "ns.ok.test. 60 A 127.0.0.1"), libc=()))


def _circle(query, tcp):
    name = query.question[0].name.to_text()
    return response(query, f"{name} 60 CNAME b.test.", f"b.test. 60 CNAME {name}").to_wire()


def _noise(query, tcp):
    return query.to_wire()[:2] + os.urandom(200)


def _stub(query, tcp):
    reply = response(query)
    reply.flags |= dns.flags.TC
    return None if tcp else reply.to_wire()


def _many(query, tcp):
    name = query.question[0].name.to_text()
    reply = response(query, *([f"{name} 60 MX {number} mx{number}.x.test." for number in range(800)] if tcp else []))
    reply.flags |= 0 if tcp else dns.flags.TC
    return reply.to_wire(max_size=65535)


def _control(query, tcp):
    name = query.question[0].name.to_text()
    records = [f"{name} 60 MX 10 evil\\010\\027[2J.test.", f"{name} 60 MX 20 127.0.0.1."]
    return response(query, *records).to_wire()


def _referrals(query, tcp):
    return response(
        query, authority=["test. 60 NS ns.test."], additional=["ns.test. 60 A 127.0.0.1"], flags=0
    ).to_wire()


@pytest.mark.parametrize(
    "answering", [_circle, _noise, _stub, _many, _control, _referrals], ids=lambda one: one.__name__
)
def test_hostile_servers_end_in_a_finding_in_time(look, answering):
    facts = look(answering, limit=0.5)
    assert facts["findings"]
    assert all(line.isprintable() for finding in facts["findings"] for line in [finding["what"], *finding["evidence"]])


@pytest.mark.parametrize(
    "changes", [{"domain": "a b"}, {"domain": ""}, {"hints": ["x"]}, {"public_resolvers": ["10.0.0.1; rm"]}]
)
def test_options_that_cannot_be_meant(changes):
    params = {name: spec.get("default") for name, spec in _dnsinfo.ARGUMENT_SPEC.items()}
    with pytest.raises(OptionError):
        _dnslook.question_of(dict(dict(params, domain="ok.test"), **changes))


def test_of_an_address_the_domain_is_taken():
    params = {name: spec.get("default") for name, spec in _dnsinfo.ARGUMENT_SPEC.items()}
    assert _dnslook.question_of(dict(params, domain="Anna@OK.test")).domain == "ok.test"
