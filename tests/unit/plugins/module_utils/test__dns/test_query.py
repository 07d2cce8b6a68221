# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of _dns.py: every answer, however hostile, ends in a record within its time."""

import os
import random

import dns.flags
import dns.message
import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._dns import query as _dns
from ansible_collections.postmaster.mta.tests.unit.dns_peer import Peer, response, zone
from ansible_collections.postmaster.mta.tests.unit.patience import AT_ONCE, ends_within

OK = zone("ok.test. 60 MX 10 MX1.ok.test.", 'ok.test. 60 TXT "v=spf1" " -all"', "mx1.ok.test. 30 A 10.25.0.51")


def ask(answering, name="ok.test", kind="MX", limit=AT_ONCE, tcp=True):
    with Peer(answering, tcp) as peer:
        with ends_within(limit):
            return _dns.Asker(limit, peer.port).ask(peer.address, name, kind)


def raw(data):
    """A server that sends these bytes behind the right ID."""
    return lambda query, tcp: query.to_wire()[:2] + data


class TestHonest:
    def test_an_answer(self):
        answer = ask(OK)
        assert (answer.status, answer.records, answer.ttl) == ("NOERROR", ("10 mx1.ok.test",), 60)
        assert "aa" in answer.flags and answer.good and answer.heard

    def test_texts_are_joined(self):
        assert ask(OK, kind="TXT").records == ("v=spf1 -all",)

    def test_no_such_name(self):
        answer = ask(OK, "gone.test")
        assert (answer.status, answer.records, answer.good) == ("NXDOMAIN", (), True)

    def test_an_alias_is_followed_inside_the_answer(self):
        answer = ask(
            lambda query, tcp: response(
                query, "ok.test. 60 CNAME real.test.", "real.test. 20 MX 5 mx.real.test."
            ).to_wire()
        )
        assert (answer.aliases, answer.records, answer.ttl) == (("real.test",), ("5 mx.real.test",), 20)

    @pytest.mark.parametrize("rcode, status", [(2, "SERVFAIL"), (5, "REFUSED"), (4, "NOTIMP")])
    def test_errors_keep_their_names(self, rcode, status):
        answer = ask(lambda query, tcp: response(query, rcode=rcode).to_wire())
        assert (answer.status, answer.good, answer.heard) == (status, False, True)

    def test_a_truncated_answer_is_fetched_by_tcp(self):
        def answering(query, tcp):
            reply = response(query, "ok.test. 60 MX 10 mx1.ok.test." if tcp else "ok.test. 60 MX 99 half.test.")
            reply.flags |= 0 if tcp else dns.flags.TC
            return reply.to_wire()

        answer = ask(answering)
        assert answer.records == ("10 mx1.ok.test",)
        assert "tcp" in answer.flags

    def test_a_lost_packet_is_asked_for_again(self):
        lost = []

        def answering(query, tcp):
            lost.append(1)
            return OK(query, tcp) if len(lost) > 1 else None

        assert ask(answering, limit=4.0).records == ("10 mx1.ok.test",)


class TestHostile:
    def test_silence(self):
        answer = ask(lambda query, tcp: None, limit=0.4)
        assert (answer.status, answer.heard) == ("timeout", False)
        assert answer.seconds > 0.3

    def test_nobody_listens(self):
        with Peer(OK) as peer:
            port = peer.port
        assert _dns.Asker(1.0, port).ask("127.0.0.1", "ok.test", "MX").status == "dead"

    def test_truncated_without_tcp(self):
        def answering(query, tcp):
            reply = response(query)
            reply.flags |= dns.flags.TC
            return reply.to_wire()

        assert ask(answering, tcp=False).status == "truncated"

    def test_a_tcp_answer_that_never_ends(self):
        def answering(query, tcp):
            reply = response(query)
            reply.flags |= dns.flags.TC
            return None if tcp else reply.to_wire()

        assert ask(answering, limit=0.5).status == "truncated"

    def test_aliases_in_a_circle(self):
        answer = ask(
            lambda query, tcp: response(query, "ok.test. 60 CNAME b.test.", "b.test. 60 CNAME ok.test.").to_wire()
        )
        assert answer.status == "loop"

    def test_a_long_chain_of_aliases(self):
        links = ["ok.test. 60 CNAME a0.test."] + [f"a{n}.test. 60 CNAME a{n + 1}.test." for n in range(60)]
        answer = ask(lambda query, tcp: response(query, *links).to_wire())
        assert answer.status == "loop"
        assert len(answer.aliases) <= 16

    def test_64_kilobytes(self):
        many = [f"ok.test. 60 MX {n} {'x' * 50}{n}.test." for n in range(700)]

        def answering(query, tcp):
            reply = response(query, *(many if tcp else ()))
            reply.flags |= 0 if tcp else dns.flags.TC
            return reply.to_wire(max_size=65535)

        answer = ask(answering)
        assert answer.status == "NOERROR"
        assert len(answer.records) == 100

    def test_the_answer_to_another_question(self):
        other = dns.message.make_query("other.test.", "MX")

        def answering(query, tcp):
            other.id = query.id
            return response(other, "other.test. 60 MX 10 evil.test.").to_wire()

        assert ask(answering).status == "malformed"

    def test_a_stranger_with_another_id_is_not_listened_to(self):
        def answering(query, tcp):
            return bytes([query.to_wire()[0] ^ 1]) + OK(query, tcp)[1:]

        assert ask(answering, limit=0.4).status == "timeout"

    def test_names_with_control_characters_are_escaped(self):
        answer = ask(lambda query, tcp: response(query, "ok.test. 60 MX 10 mx\\010\\027[31m.test.").to_wire())
        assert answer.records == ("10 mx\\010\\027[31m.test",)

    def test_texts_with_control_characters_are_escaped(self):
        answer = ask(lambda query, tcp: response(query, 'ok.test. 60 TXT "a\\010\\027[2Jb"').to_wire(), kind="TXT")
        assert all(record.isprintable() for record in answer.records)

    @pytest.mark.parametrize("data", [
        b"", b"\0", b"\x81\x80", b"\x81\x80\0\1\0\1\0\0\0\0", b"\x81\x80\xff\xff\xff\xff\xff\xff\xff\xff" + b"\xc0\x0c" * 200,
        b"\x81\x80\0\0\0\1\0\0\0\0\xc0\x0c\0\x0f\0\1\0\0\0\0\0\4\0\1\xc0\x0c", b"\x81\x80\0\1\0\0\0\0\0\0\xc0\x0c\0\x0f\0\1",
    ])  # fmt: skip
    def test_malformed_messages(self, data):
        assert ask(raw(data), limit=0.5).status in ("malformed", "NOERROR", "timeout")
        assert ask(raw(data), limit=0.5).records == ()

    def test_noise(self):
        noise = random.Random(7)
        query = dns.message.make_query("ok.test.", "MX")
        honest = OK(query, False)
        blank = _dns.Answer("x", "ok.test", "MX", "timeout")
        for dummy in range(2000):
            broken = bytearray(honest)
            for dummy_too in range(noise.randint(1, 6)):
                broken[noise.randrange(2, len(broken))] = noise.randrange(256)
            answer = _dns.read_answer(bytes(broken[: noise.randint(0, len(broken))]), query, blank)
            assert isinstance(answer.status, str)
        assert _dns.read_answer(os.urandom(600), query, blank).status == "malformed"

    @pytest.mark.parametrize("name", ["a" * 64 + ".test", "x." * 200 + "test", "a..test", "\x00.test"])
    def test_names_that_are_none(self, name):
        assert _dns.Asker(0.3, 9).ask("127.0.0.1", name, "MX").status in ("malformed", "dead")

    def test_no_route(self):
        assert _dns.Asker(0.3, 53).ask("255.255.255.255", "ok.test", "MX").status == "unreachable"


class TestWalk:
    ZONE = ("ok.test. 60 NS ns.ok.test.", "ns.ok.test. 60 A 127.0.0.1")

    def walk(self, answering, seconds=AT_ONCE, limit=AT_ONCE, domain="ok.test"):
        with Peer(answering) as peer:
            return _dns.walk(_dns.Asker(limit, peer.port), domain, ["127.0.0.1"], ["127.0.0.1"], seconds)

    def test_the_root_answers_itself(self):
        found = self.walk(zone(*self.ZONE))
        assert (found.zone, found.servers, found.problem) == ("ok.test", (("ns.ok.test", "127.0.0.1"),), "")

    def test_referrals_are_followed(self):
        def answering(query, tcp):
            steps = {1: "test.", 2: "ok.test."}
            count.append(1)
            if len(count) in steps:
                below = steps[len(count)]
                return response(
                    query, authority=[f"{below} 60 NS ns.test."], additional=["ns.test. 60 A 127.0.0.1"], flags=0
                ).to_wire()
            return response(query, "ok.test. 60 NS ns.test.", additional=["ns.test. 60 A 127.0.0.1"]).to_wire()

        count = []
        found = self.walk(answering)
        assert (found.zone, found.servers) == ("ok.test", (("ns.test", "127.0.0.1"),))
        assert len(found.trail) == 3

    def test_a_referral_to_itself_ends(self):
        def answering(query, tcp):
            return response(
                query, authority=["test. 60 NS ns.test."], additional=["ns.test. 60 A 127.0.0.1"], flags=0
            ).to_wire()

        found = self.walk(answering)
        assert found.servers == ()
        assert "lame" in found.problem

    def test_a_referral_upwards_ends(self):
        def answering(query, tcp):
            return response(
                query, authority=["other. 60 NS ns.test."], additional=["ns.test. 60 A 127.0.0.1"], flags=0
            ).to_wire()

        assert "lame" in self.walk(answering).problem

    def test_silence_ends_in_time(self):
        with ends_within(1.0):
            found = self.walk(lambda query, tcp: None, seconds=1.0, limit=0.4)
        assert "answers" in found.problem

    def test_a_failing_server_is_named(self):
        found = self.walk(lambda query, tcp: response(query, rcode=2).to_wire())
        assert "SERVFAIL" in found.problem

    def test_a_name_inside_a_zone(self):
        def answering(query, tcp):
            soa = "ok.test. 60 SOA ns.ok.test. root.ok.test. 1 2 3 4 5"
            return response(query, authority=[soa]).to_wire()

        found = self.walk(answering, domain="mx1.ok.test")
        assert (found.zone, found.servers) == ("ok.test", (("127.0.0.1", "127.0.0.1"),))


def test_mail_exchangers_are_sorted_by_preference():
    assert _dns.mail_exchangers(("20 b.test", "5 c.test", "10 a.test"))[0] == (5, "c.test")
