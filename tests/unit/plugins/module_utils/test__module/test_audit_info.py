# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import threading

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._audit import prober as _prober
from ansible_collections.postmaster.mta.plugins.module_utils._audit.catalogue import Names
from ansible_collections.postmaster.mta.plugins.module_utils._audit.prober import (
    Expectations,
    ProbedRelay,
    Prober,
    ProbeResult,
    judge_copies,
)
from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._module import audit_info as _audit
from ansible_collections.postmaster.mta.plugins.module_utils._smtp.sink import Sinks
from ansible_collections.postmaster.mta.tests.unit.patience import ends_within
from ansible_collections.postmaster.mta.tests.unit.smtp_peer import Server

NAMES = Names(
    relay="relay.test",
    address="127.0.0.1",
    served="served.test",
    third_party="third.test",
    third_party_address="198.51.100.7",
    client="client.test",
    mx_loop="mxloop.third.test",
    recipient="postmaster@served.test",
)
SERVED = b"RCPT TO:<postmaster@served.test>"
EHLO = b"250-relay.test\r\n250-PIPELINING\r\n250 SIZE 1000\r\n"


class Relay:
    """A peer that answers as a relay would; what differs from a hardened one is given by name."""

    def __init__(
        self, rcpt=b"554 5.7.1 no relaying\r\n", greeting=b"220 relay.test ESMTP\r\n", throttled=0, final=b"", store=""
    ):
        self.rcpt, self.greeting, self.throttled, self.final, self.store = rcpt, greeting, throttled, final, store
        self.sources = set()
        self.lock = threading.Lock()

    def __call__(self, connection, number):
        self.sources.add(connection.getpeername()[0])
        if number <= self.throttled:
            connection.sendall(b"421 4.7.0 too many connections\r\n")
            return
        connection.sendall(self.greeting)
        state = {"helo": False, "mail": False, "rcpts": 0}
        buffer = b""
        while True:
            while b"\r\n" not in buffer:
                received = connection.recv(65536)
                if not received:
                    return
                buffer += received
            line, buffer = buffer.split(b"\r\n", 1)
            if line == b"DATA" and state["rcpts"]:
                connection.sendall(b"354 go\r\n")
                content = buffer
                while not content.endswith(b"\r\n.\r\n"):
                    content += connection.recv(65536)
                buffer = b""
                if self.store:
                    (self.store / ("%d.eml" % number)).write_bytes(content)
                connection.sendall(self.final or b"250 2.0.0 queued\r\n")
                continue
            connection.sendall(self.answer(line, state))

    def answer(self, line, state):
        verb = line.split(b" ")[0].upper()
        if verb in (b"EHLO", b"HELO"):
            state["helo"] = True
            return EHLO if verb == b"EHLO" else b"250 relay.test\r\n"
        if verb == b"MAIL":
            if b"SIZE=1001" in line:
                return b"552 5.3.4 too big\r\n"
            state["mail"] = state["helo"]
            return b"250 2.1.0 Ok\r\n" if state["helo"] else b"503 5.5.1 HELO first\r\n"
        if verb == b"RCPT":
            return self.recipient(line, state)
        if verb in (b"RSET", b"NOOP"):
            return b"250 2.0.0 Ok\r\n"
        return b"221 2.0.0 bye\r\n" if verb == b"QUIT" else b"502 5.5.1 not implemented\r\n"

    def recipient(self, line, state):
        if not state["mail"]:
            return b"503 5.5.1 MAIL first\r\n"
        if state["rcpts"] == 3:
            return b"452 4.5.3 too many recipients\r\n"
        answer = b"250 2.1.5 Ok\r\n" if line == SERVED else self.rcpt
        state["rcpts"] += answer.startswith(b"2")
        return answer


def probe(relay, groups=("relay", "session"), pauses=(0.01, 0.01, 0.01), **options):
    """Run an audit on a peer; returns what the module would return, and the server."""
    given = dict(expected=Expectations(tls_offered=False), sources=["127.0.0.%d" % n for n in range(2, 8)], quiet=0.1)
    given.update(options)
    with Server(relay) as server:
        prober = Prober(ProbedRelay("127.0.0.1", server.port, 3.0), NAMES, pauses=pauses, **given)
        report = prober.run(groups)
    return _audit.report_facts(report), server


def test_a_closed_relay_passes():
    relay = Relay()
    answer, server = probe(relay)
    assert answer["summary"] == "80/80 probes refused, 2/2 checks passed (v4)"
    assert answer["verdict"] == "passed"
    assert answer["failures"] == []
    assert [one["probe"] for one in answer["probes"]][:3] == ["C01", "C02", "O01"]
    assert server.connections == 82
    assert relay.sources == {"127.0.0.%d" % n for n in range(2, 8)}


def test_a_relay_that_puts_everybody_off_is_weak():
    answer, dummy = probe(Relay(rcpt=b"454 4.7.1 Relay access denied\r\n"))
    assert answer["verdict"] == "failed"
    assert answer["groups"]["relay"] == {"total": 64, "good": 0}
    assert answer["counts"]["weak"] >= 64 and answer["counts"]["not_tested"] == 0


def test_an_open_relay_is_open():
    answer, dummy = probe(Relay(rcpt=b"250 2.1.5 Ok\r\n"))
    assert answer["counts"]["open"] >= 64
    first = answer["failures"][0]
    assert (first["probe"], first["judgement"], first["reason"]) == ("O01", "open", "rcpt: 250 2.1.5 Ok")
    assert [step["step"] for step in first["dialogue"]] == ["connect", "ehlo", "mail", "rcpt"]
    assert "open: O01 O02 O03" in answer["summary"]


def test_nothing_is_sent_without_a_sink(tmp_path):
    probe(Relay(rcpt=b"250 2.1.5 Ok\r\n", store=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_copy_at_the_third_party_proves_it_open(tmp_path):
    answer, dummy = probe(Relay(rcpt=b"250 Ok\r\n", store=tmp_path), sinks=Sinks(str(tmp_path), patience=5))
    first = answer["failures"][0]
    assert first["judgement"] == "open" and first["reason"].endswith("1 delivered to the third party")


def test_accepted_and_never_seen_again_is_suspicious(tmp_path):
    answer, dummy = probe(Relay(rcpt=b"250 Ok\r\n"), sinks=Sinks(str(tmp_path), patience=0.1))
    assert answer["counts"]["suspicious"] >= 64 and answer["counts"]["open"] == 0
    assert answer["verdict"] == "failed"


def test_a_421_is_tried_again_from_another_address():
    answer, server = probe(Relay(throttled=5), pauses=(0.01,) * 6)
    assert answer["verdict"] == "passed"
    assert server.connections == 82 + 5


def test_a_relay_that_says_421_to_everybody_is_not_tested():
    answer, server = probe(Relay(throttled=10**6))
    assert answer["verdict"] == "failed"
    assert answer["counts"]["not_tested"] == 82 and answer["counts"]["closed"] == 0
    assert server.connections < 20


def test_a_relay_that_stops_talking_to_us_on_the_way_is_left_alone():
    """From the 20th connection on it says 421 to everybody."""

    class Weary(Relay):
        def __call__(self, connection, number):
            self.throttled = number if number > 20 else 0
            Relay.__call__(self, connection, number)

    answer, server = probe(Weary())
    assert answer["counts"]["not_tested"] >= 60
    assert server.connections < 20 + 4 * (_prober.REFUSED_PROBES + 20)


def test_a_relay_that_greets_and_then_hangs_up_is_not_tested():
    def serve(connection, number):
        connection.sendall(b"220 relay.test ESMTP\r\n")

    answer, server = probe(serve)
    assert answer["counts"]["not_tested"] == 82
    assert server.connections == 4


def test_a_rate_limit_is_waited_for():
    """Only every third connection is let in, for each of many: no probe is lost."""

    class Limited(Relay):
        def __call__(self, connection, number):
            self.throttled = number if number % 3 else 0
            Relay.__call__(self, connection, number)

    answer, dummy = probe(Limited(), pauses=(0.01,) * 60, concurrency=1)
    assert answer["verdict"] == "passed", answer["summary"]


def test_a_relay_that_refuses_us_altogether_is_not_closed():
    answer, dummy = probe(Relay(greeting=b"554 5.7.1 go away\r\n"))
    assert answer["verdict"] == "failed" and answer["counts"]["closed"] == 0


def test_the_audit_gives_up_when_the_relay_dies_on_the_way():
    """It answers the controls and the first probes, then nobody is greeted any more."""

    class Dying(Relay):
        def __call__(self, connection, number):
            if number <= 20:
                Relay.__call__(self, connection, number)

    with ends_within(30):
        answer, server = probe(Dying(), pauses=(0.01,) * 6)
    assert answer["verdict"] == "failed"
    assert answer["counts"]["not_tested"] >= 60
    assert server.connections < 20 + _prober.SILENT_ATTEMPTS + 30


def test_nobody_there():
    with Server(Relay()) as server:
        port = server.port
    prober = Prober(ProbedRelay("127.0.0.1", port, 3.0), NAMES, Expectations(), pauses=(0.01,) * 6)
    with ends_within(5):
        answer = _audit.report_facts(prober.run(("relay",)))
    assert answer["counts"]["not_tested"] == 66
    assert answer["relay"]["greeting"].startswith("refused")


def test_refusing_the_served_domain_fails_the_control():
    relay = Relay()
    relay.recipient = lambda line, state: b"550 5.1.1 no\r\n"
    answer, dummy = probe(relay)
    assert answer["verdict"] == "failed"
    assert [one["probe"] for one in answer["failures"]] == ["C01", "C02"]


def test_limits():
    expected = Expectations(message_size=1000, recipients_per_message=3, tls_offered=False)
    answer, dummy = probe(Relay(), ("limits",), expected=expected)
    results = {one["probe"]: one["judgement"] for one in answer["probes"]}
    assert results == {
        "C01": "passed",
        "C02": "passed",
        "L01": "passed",
        "L02": "passed",
        # The peer does not look at the sender's domain, and does not mind commands ahead of their turn.
        "L03": "failed",
        "L04": "passed",
        "L05": "passed",
        "L06": "passed",
        "L07": "failed",
        "L08": "passed",
        "L09": "passed",
        "L10": "passed",
        "L11": "passed",
    }


def test_what_the_policy_does_not_promise_is_not_checked():
    answer, dummy = probe(Relay(), ("limits",), expected=Expectations(vrfy=True, tls_offered=False))
    assert {"L08", "L09", "L10", "L11", "L12"} & {one["probe"] for one in answer["probes"]} == set()
    answer, dummy = probe(Relay(), ("session",), expected=Expectations(vrfy=True, tls_offered=False))
    assert answer["groups"]["session"]["total"] == 15


@pytest.mark.parametrize("offered, total", [(True, 12), (False, 0)])
def test_tls_is_looked_at_where_it_must_be_offered(offered, total):
    answer, dummy = probe(Relay(), ("tls",), expected=Expectations(tls_offered=offered))
    assert answer["groups"].get("tls", {"total": 0})["total"] == total
    if offered:
        assert answer["failures"][0]["reason"] == "STARTTLS is not offered"


@pytest.mark.parametrize(
    "final, judgement",
    [
        (b"250 2.0.0 queued\r\n", "closed"),
        (b"550 5.5.2 bare <LF>\r\n", "closed"),
        (b"250 a\r\n250 b\r\n250 c\r\n354 d\r\n250 e\r\n", "open"),
    ],
)
def test_smuggling(final, judgement):
    answer, dummy = probe(Relay(final=final), ("smuggling",), expected=Expectations(smuggling="normalize"))
    assert {one["judgement"] for one in answer["probes"] if one["group"] == "smuggling"} == {judgement}
    assert answer["groups"]["smuggling"]["total"] == 12


def test_what_arrives_at_the_next_hop_is_looked_at(tmp_path):
    """The peer says that it took one message, but passes the lone line ends on."""
    answer, dummy = probe(Relay(store=tmp_path), ("smuggling",), sinks=Sinks("", str(tmp_path), patience=0.2))
    reasons = {one["probe"]: one["reason"] for one in answer["failures"]}
    assert "a lone LF was passed on" in reasons["E01"]
    assert "a lone CR was passed on" in reasons["E04"]
    assert "a lone NUL was passed on" in reasons["E09"]
    assert reasons["E00"].startswith("message: 250")


def test_copies():
    assert judge_copies([]) is None
    assert judge_copies([b"a\r\nb\r\n"]) is None
    assert judge_copies([b"a", b"b"]).judgement == "open"
    assert judge_copies([b"a\r\r\nb\0\n"]).reason == "a lone CR and LF and NUL was passed on"


# --- options ------------------------------------------------------------------------------------------------------


def options(**given):
    """The options of the module with their defaults."""
    expect = {name: one.get("default") for name, one in _audit.ARGUMENT_SPEC["expect"]["options"].items()}
    sink = {name: one.get("default") for name, one in _audit.ARGUMENT_SPEC["sink"]["options"].items()}
    filled = {name: one.get("default") for name, one in _audit.ARGUMENT_SPEC.items()}
    filled.update(
        host="127.0.0.1", relay_name="relay.test", served_domain="served.test", third_party_domain="third.test"
    )
    filled.update(client_domain="client.test", expect=dict(expect, **given.pop("expect", {})), sink=sink)
    filled.update(given)
    return filled


def test_the_whole_way_from_options_to_the_answer():
    with Server(Relay()) as server:
        answer = _audit.run(
            options(port=server.port, probes=["session"], source_addresses=["127.0.0.5", "::1"], timeout=3.0), False
        )
    assert answer["verdict"] == "passed"
    assert answer["relay"]["keywords"] == {"PIPELINING": "", "SIZE": "1000"}


def test_names_have_defaults():
    names = _audit.names(options(host="Relay.Test", relay_name=None), "127.0.0.1")
    assert (names.relay, names.recipient, names.mx_loop) == (
        "relay.test",
        "postmaster@served.test",
        "mxloop.third.test",
    )


def test_expectations_are_read_as_in_the_policy():
    expected = _audit.expectations(options(expect={"message_size": "25M", "greeting_delay": "5s"})["expect"])
    assert (expected.message_size, expected.greeting_delay) == (26214400, 5)


@pytest.mark.parametrize("sources, address", [([], "::1"), (["127.0.0.2"], "127.0.0.1"), (["127.0.0.2", "::2"], "::1")])
def test_the_address_must_fit_the_sources(monkeypatch, sources, address):
    monkeypatch.setattr(_audit, "resolve", lambda host, port, family: ["::1", "127.0.0.1"])
    assert _audit.target_address("relay.test", 25, "auto", sources) == address


@pytest.mark.parametrize(
    "given, named",
    [
        ({"host": "no-such-host.invalid"}, "host: no-such-host.invalid"),
        ({"relay_name": None}, "relay_name: 127.0.0.1"),
        ({"served_domain": "a b"}, "served_domain: a b"),
        ({"third_party_address": "::1"}, "third_party_address: ::1"),
        ({"served_recipient": "nobody"}, "served_recipient: nobody"),
        ({"source_addresses": ["10.0.0.300"]}, "source_addresses: 10.0.0.300"),
        ({"source_addresses": ["::1"]}, "source_addresses: ::1: none of them fits 127.0.0.1"),
        ({"concurrency": 0}, "concurrency: 0"),
        ({"timeout": -1.0}, "timeout: -1.0"),
        ({"expect": {"message_size": "big"}}, "expect.message_size: big"),
        ({"expect": {"greeting_delay": "soon"}}, "expect.greeting_delay: soon"),
    ],
)
def test_errors_name_the_option(given, named):
    with pytest.raises(OptionError, match=named.replace(".", r"\.")):
        _audit.run(options(**given), False)


@pytest.mark.parametrize(
    "attempts, words",
    [
        ((1, 1), ""),
        ((1, 2), "1 probe was sent again, for up to 1 s"),
        ((3, 5), "2 probes were sent again, for up to 22 s"),
    ],
)
def test_what_was_waited_for_is_told(attempts, words):
    results = [ProbeResult("O01", "relay", "x", "refused", "", "", number, ()) for number in attempts]
    notes = _audit._waits(results)
    assert (words in notes[0]) if words else notes == []


def test_what_the_configuration_says_is_audited_too():
    """Probes ask as some strangers; a relay that is open for others only has passed them all."""
    risk = {"code": "trusts_everybody", "severity": "error", "what": "mynetworks = 8.0.0.0/8", "remedy": "name yours"}
    accepted = dict(risk, code="foreign_address", accepted="it comes on Monday")
    failed, passed = _audit.judged([risk, dict(risk, severity="notice"), accepted])
    assert (failed.number, failed.group, failed.judgement) == ("J01", "configuration", "failed")
    assert failed.reason == "mynetworks = 8.0.0.0/8; name yours"
    assert passed.judgement == "passed" and passed.reason.endswith("(accepted: it comes on Monday)")
