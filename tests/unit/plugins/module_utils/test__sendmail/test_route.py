# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of _sendmail/route.py, against recorded sessions of sendmail -bt."""

import pathlib
import types

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model.route import Hop, RouteQuestion
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import cf, discover, route

CORPUS = pathlib.Path(__file__).parents[4] / "corpus" / "route"
MAILER = (
    "Mesmtp, P=[IPC], F=mDFMuXa, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP, E=\\r\\n, L=990, T=DNS/RFC822/SMTP, A=TCP $h\n"
)
CF = cf.parse(
    "Kmailertable hash -o {directory}/mailertable\nKaccess_policy hash -T<TMPF> /etc/mail/access.postmaster\n"
    "Kaccess_local hash -T<TMPF> -o /etc/mail/access\nKaccess sequence access_policy access_local\n" + MAILER
)


def recorded(name, version="8.17"):
    return (CORPUS / f"sendmail-{version}" / f"{name}.txt").read_text()


def step(steps, rule):
    return next((one.given, one.result) for one in steps if one.rule == rule)


class TestTranscript:
    def test_a_parsed_address(self):
        said = route.read_transcript(recorded("bt-parse"))
        assert (said.mailer, said.host, said.user) == ("esmtp", "[127.0.0.31]", "user@ok.test")
        assert step(said.parsed, "Parse0") == ("user<@ok.test.>", "user<@ok.test.>")
        assert step(said.parsed, "parse") == ("user<@ok.test.>", "$# esmtp $@[127.0.0.31]$:user<@ok.test.>")

    def test_calls_are_in_order_and_complete(self):
        said = route.read_transcript(recorded("bt-parse"))
        rules = [one.rule for one in said.parsed]
        assert rules[:7] == ["canonify", "Canonify2", "parse", "Parse0", "Parse1", "Mailertable", "Mailertable"]
        assert all(one.result for one in said.parsed)

    def test_the_canonification_of_the_story_is_seen(self):
        steps = route.read_steps(recorded("bt-3,0").splitlines())
        changed = [
            one for one in steps if one.rule == "Canonify2" and one.given + "." not in one.result.replace(">", "")
        ]
        assert ("test<@cname.test>", "test<@real.ok.test.>") in [(one.given, one.result) for one in steps]
        assert changed

    def test_lookups(self):
        said = route.read_transcript(recorded("bt-misc"))
        assert said.lookups[("mailertable", "mt-ip.test")] == "esmtp:[127.0.0.30]"
        assert said.lookups[("access", "from:discard@sender.test")] == "DISCARD"
        assert ("access", "nokey") not in said.lookups
        assert said.complaints == ('Map named "nosuchmap" not found',)

    @pytest.mark.parametrize("name, version", [("lab-sm12", "8.17"), ("lab-sm13", "8.18")])
    def test_both_versions_read_alike(self, name, version):
        found = route.route_of(
            RouteQuestion("anna@served.test", "a@stranger.test", "10.25.0.120"),
            route.read_transcript(recorded(name, version)),
            route.parse_maps(CF.maps),
            CF,
        )
        assert (found.verdict, found.transport, found.nexthop) == ("remote", "esmtp", "served.test")
        assert found.hops == (Hop("served.test", 25, True),)
        assert found.answer == "550 5.7.1 Relaying denied"
        assert [(entry.role, entry.key, entry.value) for entry in found.entries] == [
            ("access", "To:served.test", "RELAY")
        ]
        assert found.decided_by is None
        assert "MX" in found.because

    def test_the_check_of_a_recipient(self):
        steps = route.read_steps(line.lstrip("> ") for line in recorded("bt-check").splitlines())
        assert any(one.rule == "check_rcpt" and one.result for one in steps)

    @pytest.mark.parametrize("path", sorted(CORPUS.glob("sendmail-*/*.txt")), ids=lambda path: path.stem)
    def test_cut_sessions_do_no_harm(self, path):
        lines = path.read_text().splitlines()
        for end in range(0, len(lines), 7):
            route.read_transcript("\n".join(lines[:end]))

    def test_no_session_at_all(self):
        found = route.route_of(RouteQuestion("a@b.test"), route.read_transcript(""), {}, CF)
        assert found.verdict == "unknown"


class TestRoute:
    def found(self, text, **more):
        asked = RouteQuestion("u@wrong.test")
        return route.route_of(
            asked, route.read_transcript(text), more.get("maps", route.parse_maps(CF.maps)), more.get("cf", CF)
        )

    def test_an_entry_of_the_mailertable_decides(self, tmp_path):
        table = tmp_path / "mailertable"
        table.write_text("# comment\nother.test\tesmtp:[x]\nwrong.test\tesmtp:[10.25.0.99]\n")
        known = cf.parse(f"Kmailertable hash -o {table}\n" + MAILER)
        said = (
            "parse              input: u < @ wrong . test >\n"
            "parse            returns: $# esmtp $@ [ 10 . 25 . 0 . 99 ] $: u < @ wrong . test >\n"
            "mailer esmtp, host [10.25.0.99], user u@wrong.test\n"
            "map_lookup: mailertable (wrong.test) returns esmtp:[10.25.0.99] (0)\n"
        )
        found = self.found(said, maps=route.parse_maps(known.maps), cf=known)
        assert found.decided_by is not None
        assert (found.decided_by.role, found.decided_by.key) == ("mailertable", "wrong.test")
        assert found.decided_by.source == f"{table}:3"
        assert found.hops == (Hop("10.25.0.99", 25, False),)
        assert found.because.startswith("mailertable hash:")

    def test_two_hosts_in_turn(self):
        said = "parse            returns: $# esmtp\nmailer esmtp, host [a.test]:b.test, user u@x.test\n"
        assert self.found(said).hops == (Hop("a.test", 25, False), Hop("b.test", 25, True))

    @pytest.mark.parametrize("mailer", ["discard", "postmaster_discard", "postmaster_drop"])
    def test_what_is_thrown_away_goes_to_no_host(self, mailer):
        said = f"parse            returns: $# {mailer} $@ nowhere\nmailer {mailer}, host nowhere, user u@x.test\n"
        assert (self.found(said).verdict, self.found(said).hops) == ("discard", ())

    def test_the_port_of_a_mailer(self):
        assert cf.mailer_port("Mx, P=[IPC], A=TCP $h 2527") == 2527
        assert cf.mailer_port("Mx, P=[IPC], A=TCP $h") == 25

    def test_local(self):
        found = self.found("parse            returns: $# local $: root\nmailer local, user root\n")
        assert (found.verdict, found.recipient, found.hops) == ("local", "root", ())
        assert "class w" in found.because

    def test_an_error(self):
        said = (
            "parse              input: u < @ x . test >\n"
            'parse            returns: $# error $@ 5 . 1 . 2 $: "550 no such place"\nmailer *error*, host 5.1.2, user 550 no such place\n'
        )
        found = self.found(said)
        assert found.verdict == "error"
        assert "550 5.1.2 no such place" in found.because

    def test_a_smart_host(self):
        known = cf.parse("DSesmtp:[10.25.0.57]\n" + MAILER)
        said = "parse            returns: $# esmtp\nmailer esmtp, host [10.25.0.57], user u@x.test\n"
        assert self.found(said, maps={}, cf=known).because == "SMART_HOST: esmtp:[10.25.0.57]"


class TestSession:
    def test_what_is_typed(self):
        lines = route.session(RouteQuestion("u@b.a.test", "s@x.test", "10.0.0.1"), route.parse_maps(CF.maps))
        assert lines[3] == "/parse u@b.a.test"
        assert [line for line in lines if "mailertable" in line] == [
            "/map mailertable b.a.test", "/map mailertable .a.test", "/map mailertable .test", "/map mailertable .",
        ]  # fmt: skip
        assert "/map access_local To:a.test" in lines
        assert ".D{client_addr}10.0.0.1" in lines
        assert lines[-1] == "check_rcpt u@b.a.test"

    def test_without_a_client_nothing_is_checked(self):
        assert not any("check_rcpt" in line for line in route.session(RouteQuestion("u@a.test"), {}))

    def test_quoted_texts_keep_their_blanks(self):
        assert (
            route.joined('$# error $@ 5 . 7 . 1 $: "550 Relaying denied. Sorry"')
            == '$# error $@5.7.1 $:"550 Relaying denied. Sorry"'
        )


@pytest.mark.parametrize("text, wanted", [("12", 12.0), ("0", None), ("", None), (None, None), ("x", None)])
def test_a_load_limit_of_nought_is_none(text, wanted):
    assert route._number(text) == wanted


class TestWhatDecides:
    """What decides must be known before the address is parsed."""

    @staticmethod
    def before_parse(sender, client):
        lines = route.session(RouteQuestion("u@x.test", sender, client), {})
        return lines[: lines.index("/parse u@x.test")]

    def test_a_route_may_depend_on_the_sender(self):
        assert self.before_parse("b@ok.test", "") == [".Dfb@ok.test", ".D{mail_from}b@ok.test"]

    @pytest.mark.parametrize("client, written", [("192.0.2.1", "192.0.2.1"), ("::1", "IPv6:0:0:0:0:0:0:0:1")])
    def test_a_route_may_depend_on_the_client(self, client, written):
        assert self.before_parse("", client) == [f".D_[{written}]"]

    def test_without_both_nothing_is_set(self):
        assert self.before_parse("", "") == []

    def test_a_rule_that_decides_is_said(self):
        said = "parse            returns: $# esmtp\nmailer esmtp, host mx6.third.test, user u@ok.test\n"
        found = route.route_of(RouteQuestion("u@ok.test"), route.read_transcript(said), {}, CF)
        assert found.because == "no table has an entry: a rule of sendmail.cf sends it to mx6.third.test"


def test_a_refused_address_is_an_answer(monkeypatch):
    """sendmail -bt ends with the status of the refusal; a route with the action reject could not be asked."""
    monkeypatch.setattr(discover, "the_layout", lambda: types.SimpleNamespace(program="sendmail"))
    said = "ADDRESS TEST MODE (ruleset 3 NOT automatically invoked)\nEnter <ruleset> <address>\n> "
    runner = types.SimpleNamespace(run=lambda argv, **dummy: Result(argv, 65, said, ""))
    host = types.SimpleNamespace(runner=runner, instance=types.SimpleNamespace(config_directory="/nowhere"))
    assert route.trace(host, RouteQuestion("a@no.test")).address == "a@no.test"
