# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import socket
import ssl
import time

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._smtp import dialogue as _smtp
from ansible_collections.postmaster.mta.plugins.module_utils._smtp.dialogue import (
    Dialogue,
    MalformedReply,
    dot_stuffed,
    ehlo_keywords,
    parse_reply,
    printable,
    step_facts,
    take_reply,
    tls_context,
)
from ansible_collections.postmaster.mta.tests.unit.smtp_peer import Script, self_signed

READ = ("read", 1)


# --- replies ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data, code, enhanced, text",
    [
        (b"220 relay.test ESMTP\r\n", 220, "", "relay.test ESMTP"),
        (b"250\r\n", 250, "", ""),
        (b"250 \r\n", 250, "", ""),
        (b"554 5.7.1 <v@third.test>: Relay access denied\r\n", 554, "5.7.1", "<v@third.test>: Relay access denied"),
        (b"550-5.1.1 first\r\n550 5.1.1 second\r\n", 550, "5.1.1", "first second"),
        (b"250-relay.test\r\n250-SIZE 100\r\n250 DSN\r\n", 250, "", "relay.test SIZE 100 DSN"),
        (b"250 2.0.0 Ok\n", 250, "2.0.0", "Ok"),
        # The class must agree with the code; a version number is no status; four numbers are an address.
        (b"554 2.0.0 odd\r\n", 554, "", "2.0.0 odd"),
        (b"250 2.0.0.1 x\r\n", 250, "", "2.0.0.1 x"),
        (b"550 5.1 x\r\n", 550, "", "5.1 x"),
        (b"550 5.7.1x y\r\n", 550, "", "5.7.1x y"),
        (b"550 caf\xe9 \x00\r\n", 550, "", "caf\\xe9 \\x00"),
    ],
)
def test_parse_reply(data, code, enhanced, text):
    reply = parse_reply(data)
    assert (reply.code, reply.enhanced, reply.text) == (code, enhanced, text)
    assert reply.family == code // 100


@pytest.mark.parametrize("data", [b"", b"2", b"250 ok", b"250-more\r\n", b"250-a\r\n250-b\r\n250 c"])
def test_an_incomplete_reply_is_awaited(data):
    assert take_reply(data) is None


def test_take_reply_leaves_the_rest():
    first, rest = take_reply(b"250-a\r\n250 b\r\n354 go\r\n55")
    assert first.lines == ("a", "b")
    second, rest = take_reply(rest)
    assert (second.code, rest) == (354, b"55")


@pytest.mark.parametrize(
    "data",
    [
        b"hello\r\n",
        b"\r\n",
        b"25 ok\r\n",
        b"2500 ok\r\n",
        b"150 ok\r\n",
        b"650 ok\r\n",
        b"250-a\r\n550 b\r\n",
        b"250_a\r\n",
        "\u0662\u0665\u0660 ok\r\n".encode(),
    ],
)
def test_malformed_replies(data):
    with pytest.raises(MalformedReply):
        take_reply(data)


def test_parse_reply_wants_exactly_one():
    with pytest.raises(MalformedReply, match="not exactly one SMTP reply: 250 a"):
        parse_reply(b"250 a\r\n250 b\r\n")


def test_replies_show_themselves():
    assert str(parse_reply(b"554 5.7.1 no\r\n")) == "554 5.7.1 no"
    assert str(parse_reply(b"250\r\n")) == "250"


# --- bytes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content, wire",
    [
        (b"a\r\nb\r\n", b"a\r\nb\r\n.\r\n"),
        (b"a\nb", b"a\r\nb\r\n.\r\n"),
        (b"a\rb", b"a\r\nb\r\n.\r\n"),
        (b".\r\n..x\r\n.y", b"..\r\n...x\r\n..y\r\n.\r\n"),
        (b"a\r\n\r\n", b"a\r\n\r\n.\r\n"),
        (b"", b"\r\n.\r\n"),
    ],
)
def test_dot_stuffed(content, wire):
    assert dot_stuffed(content) == wire


def test_printable():
    assert printable(b"b\xc3\xbccher \xff\x00\x1b\r\n\t") == "b\u00fccher \\xff\\x00\\x1b\r\n\t"


def test_ehlo_keywords():
    reply = parse_reply(
        b"250-relay.test at your service\r\n250-SIZE 100\r\n250-auth PLAIN LOGIN\r\n250-\r\n250 DSN\r\n"
    )
    assert ehlo_keywords(reply) == {"SIZE": "100", "AUTH": "PLAIN LOGIN", "DSN": ""}
    assert ehlo_keywords(parse_reply(b"502 no\r\n")) == {}
    assert ehlo_keywords(None) == {}


# --- the conversation ---------------------------------------------------------------------------------------------


def test_a_whole_conversation():
    acts = [b"220 relay.test ESMTP\r\n", READ, b"250-relay.test\r\n250 SIZE 100\r\n", READ, b"250 2.1.0 Ok\r\n"]
    acts += [READ, b"250 2.1.5 Ok\r\n", READ, b"354 go\r\n", ("read", 4), b"250 2.0.0 queued\r\n", READ, b"221 bye\r\n"]
    with Script(*acts) as peer, Dialogue("127.0.0.1", peer.port, timeout=5) as dialogue:
        assert str(dialogue.connect()) == "220 relay.test ESMTP"
        dialogue.ehlo("client.test")
        assert dialogue.keywords == {"SIZE": "100"}
        dialogue.mail("a@client.test", "SIZE=50")
        dialogue.rcpt("b@served.test")
        dialogue.data()
        assert dialogue.message(b"Subject: x\n\n.dot").reply.enhanced == "2.0.0"
        assert dialogue.quit().code == 221
        assert not dialogue.is_open
    assert peer.received == (
        b"EHLO client.test\r\nMAIL FROM:<a@client.test> SIZE=50\r\nRCPT TO:<b@served.test>\r\nDATA\r\n"
        b"Subject: x\r\n\r\n..dot\r\n.\r\nQUIT\r\n"
    )
    assert [step.name for step in dialogue.steps] == ["connect", "ehlo", "mail", "rcpt", "data", "message", "quit"]
    assert all(step.outcome == _smtp.ANSWERED and 0 <= step.seconds < 5 for step in dialogue.steps)


def test_exact_bytes_go_out_as_they_are():
    with Script(b"220 x\r\n", READ, b"500 no\r\n", READ, b"500 no\r\n") as peer:
        with Dialogue("127.0.0.1", peer.port, timeout=5) as dialogue:
            dialogue.connect()
            dialogue.command("RCPT TO:<b\u00fccher\x00@x>")
            dialogue.exchange(b"\r.\rABC\n", "odd")
    assert peer.received == b"RCPT TO:<b\xc3\xbccher\x00@x>\r\n\r.\rABC\n"
    assert [step.name for step in dialogue.steps] == ["connect", "rcpt", "odd"]


def test_pipelined_lines_go_out_in_one_write_and_each_gets_its_reply():
    with Script(b"220 x\r\n", ("read", 3), b"250 one\r\n250-two\r\n250 three\r\n", b"354 four\r\n") as peer:
        with Dialogue("127.0.0.1", peer.port, timeout=5) as dialogue:
            dialogue.connect()
            steps = dialogue.pipeline(["EHLO a", b"MAIL FROM:<>", "DATA"])
    assert [str(step) for step in steps] == ["250 one", "250 two three", "354 four"]
    assert [step.sent for step in steps] == [b"EHLO a\r\n", b"MAIL FROM:<>\r\n", b"DATA\r\n"]


def test_a_late_further_reply_can_be_awaited_without_ending_the_conversation():
    with Script(b"220 x\r\n", ("wait", 0.4), b"250 late\r\n") as peer:
        with Dialogue("127.0.0.1", peer.port, timeout=5) as dialogue:
            dialogue.connect()
            assert dialogue.receive("more", 0.05).outcome == _smtp.TIMEOUT
            assert dialogue.is_open
            assert dialogue.receive("more", 5).code == 250


def test_a_slow_drip_does_not_outlast_the_limit():
    drip = [act for dummy in range(200) for act in (b"2", ("wait", 0.1))]
    with Script(*drip) as peer, Dialogue("127.0.0.1", peer.port, timeout=0.5) as dialogue:
        assert dialogue.connect().outcome in (_smtp.TIMEOUT, _smtp.MALFORMED)
        assert peer.played < len(drip), "it was listened to, to the end"


def test_an_endless_reply_is_cut():
    with Script(b"250-more\r\n" * 60000) as peer, Dialogue("127.0.0.1", peer.port, timeout=30) as dialogue:
        step = dialogue.connect()
    assert step.outcome == _smtp.MALFORMED
    assert "bytes" in step.detail


@pytest.mark.parametrize(
    "acts, outcome",
    [
        ([("close",)], _smtp.CLOSED),
        ([("reset",)], _smtp.CLOSED),
        ([], _smtp.TIMEOUT),
        ([b"220-half\r\n"], _smtp.TIMEOUT),
        ([b"SSH-2.0-OpenSSH\r\n"], _smtp.MALFORMED),
        ([b"421 4.3.2 too many connections\r\n", ("close",)], _smtp.SERVICE_CLOSING),
    ],
)
def test_trouble_has_a_name_and_ends_the_conversation(acts, outcome):
    with Script(*acts) as peer, Dialogue("127.0.0.1", peer.port, timeout=0.4) as dialogue:
        assert dialogue.connect().outcome == outcome
        assert not dialogue.is_open
        assert dialogue.ehlo("x").outcome == _smtp.NOT_SENT
        assert dialogue.pipeline(["A", "B"])[1].outcome == _smtp.NOT_SENT
        assert dialogue.receive("more").outcome == _smtp.NOT_SENT


def test_a_421_keeps_its_text():
    with Script(b"421 4.7.0 too fast\r\n") as peer, Dialogue("127.0.0.1", peer.port, timeout=5) as dialogue:
        assert str(dialogue.connect()) == "421 4.7.0 too fast"


def test_a_reply_said_before_hanging_up_is_heard():
    with Script(b"220 x\r\n", b"554 5.7.1 bye\r\n", ("close",)) as peer:
        with Dialogue("127.0.0.1", peer.port, timeout=5) as dialogue:
            dialogue.connect()
            time.sleep(0.1)
            assert dialogue.exchange(b"x" * 1000000 + b"\r\n", "message").code == 554


def test_nobody_listens():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with Dialogue("127.0.0.1", taken.getsockname()[1], timeout=5) as dialogue:
            assert dialogue.connect().outcome == _smtp.REFUSED


def test_a_name_without_address():
    with Dialogue("no-such-host.invalid", timeout=5) as dialogue:
        step = dialogue.connect()
    assert (step.outcome, step.detail) == (
        _smtp.UNRESOLVED,
        "no-such-host.invalid has no address",
    )


def test_a_source_that_is_not_ours():
    with Dialogue("127.0.0.1", 1, source="192.0.2.1", timeout=5) as dialogue:
        assert dialogue.connect().outcome == _smtp.NO_SOURCE


def test_the_source_address_is_bound():
    with Script(b"220 x\r\n") as peer, Dialogue("127.0.0.1", peer.port, source="127.0.0.9", timeout=5) as dialogue:
        assert dialogue.connect().code == 220
    assert peer.peer[0] == "127.0.0.9"


def test_ipv6():
    try:
        peer = Script(b"220 six\r\n", family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with peer, Dialogue("::1", peer.port, source="::1", timeout=5) as dialogue:
        assert dialogue.connect().reply.text == "six"


def test_an_early_talker_does_not_wait_for_the_greeting():
    with Script(READ, b"554 5.5.1 too early\r\n") as peer, Dialogue("127.0.0.1", peer.port, timeout=5) as dialogue:
        assert dialogue.connect(banner=False).outcome == _smtp.ANSWERED
        assert dialogue.ehlo("x").code == 554


def test_a_limit_for_one_step():
    with Script(b"220 x\r\n", READ) as peer:
        with Dialogue("127.0.0.1", peer.port, timeout=30, timeouts={"vrfy": 0.2}) as dialogue:
            dialogue.connect()
            assert dialogue.command("VRFY x").outcome == _smtp.TIMEOUT


def test_step_facts_are_plain_and_short():
    with Script(b"220 x\r\n", READ, b"250-a\r\n250 b\r\n") as peer:
        with Dialogue("127.0.0.1", peer.port, timeout=5) as dialogue:
            dialogue.connect()
            facts = step_facts(dialogue.command("X" * 1000), limit=10)
    assert facts["sent"] == "XXXXXXXXXX... (1002 bytes)"
    assert (facts["code"], facts["lines"], facts["outcome"]) == (250, ["a", "b"], "answered")


# --- TLS ----------------------------------------------------------------------------------------------------------


@pytest.fixture(name="pair", scope="module")
def fixture_pair(tmp_path_factory):
    return self_signed(tmp_path_factory.mktemp("tls"))


def server_context(pair, only=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if hasattr(ssl, "PROTOCOL_TLS_SERVER") else ssl.PROTOCOL_TLS)
    context.load_cert_chain(*pair)
    if only == "1.2":
        context.options |= ssl.OP_NO_TLSv1 | ssl.OP_NO_TLSv1_1 | getattr(ssl, "OP_NO_TLSv1_3", 0)
    return context


def starttls_acts(context, *rest):
    return [b"220 x\r\n", READ, b"250-x\r\n250 STARTTLS\r\n", READ, b"220 go\r\n", ("tls", context)] + list(rest)


def test_starttls_tells_version_cipher_and_certificate(pair):
    acts = starttls_acts(server_context(pair), READ, b"250-x\r\n250 AUTH PLAIN\r\n")
    with Script(*acts) as peer, Dialogue("127.0.0.1", peer.port, timeout=5) as dialogue:
        dialogue.connect()
        dialogue.ehlo("client.test")
        step = dialogue.starttls(tls_context("1.2"), "relay.test")
        assert (step.name, step.outcome) == ("tls", _smtp.ANSWERED)
        assert dialogue.keywords == {}
        assert dialogue.tls.version == "TLSv1.2"
        assert dialogue.tls.bits >= 128
        assert dialogue.tls.certificate.subject == "relay.test"
        dialogue.ehlo("client.test")
        assert dialogue.keywords == {"AUTH": "PLAIN"}


def test_clear_text_behind_the_220_is_thrown_away():
    acts = [b"220 x\r\n", READ, b"220 go\r\n250 injected\r\n", ("wait", 0.3), ("close",)]
    with Script(*acts) as peer, Dialogue("127.0.0.1", peer.port, timeout=5) as dialogue:
        dialogue.connect()
        dialogue.starttls(tls_context())
        assert all("injected" not in str(step) for step in dialogue.steps)


def test_a_refused_protocol_is_an_alert(pair):
    acts = starttls_acts(server_context(pair, only="1.2"))
    with Script(*acts) as peer, Dialogue("127.0.0.1", peer.port, timeout=5) as dialogue:
        dialogue.connect()
        dialogue.ehlo("x")
        step = dialogue.starttls(tls_context("1.1"))
    assert step.outcome == _smtp.TLS_REFUSED
    assert "PROTOCOL_VERSION" in step.detail


@pytest.mark.parametrize("acts, outcome", [([("close",)], "tls_failed"), ([], "timeout")])
def test_a_handshake_that_dies_is_no_refusal(acts, outcome):
    with Script(b"220 x\r\n", READ, b"220 go\r\n", *acts) as peer:
        with Dialogue("127.0.0.1", peer.port, timeout=0.5) as dialogue:
            dialogue.connect()
            assert dialogue.starttls(tls_context()).outcome == outcome


def test_starttls_refused_leaves_the_conversation_open():
    with Script(b"220 x\r\n", READ, b"454 4.7.0 not now\r\n") as peer:
        with Dialogue("127.0.0.1", peer.port, timeout=5) as dialogue:
            dialogue.connect()
            assert (dialogue.starttls(tls_context()).name, dialogue.is_open) == ("starttls", True)


def test_a_certificate_is_verified_when_an_authority_is_named(pair):
    for authority, outcome in ((pair[0], _smtp.ANSWERED), (None, _smtp.ANSWERED)):
        with Script(*starttls_acts(server_context(pair))) as peer:
            with Dialogue("127.0.0.1", peer.port, timeout=5) as dialogue:
                dialogue.connect()
                dialogue.ehlo("x")
                assert dialogue.starttls(tls_context(ca_file=authority)).outcome == outcome


@pytest.mark.parametrize("arguments", [{"version": "0.9"}, {"ciphers": "NO-SUCH-CIPHER"}])
def test_what_the_local_library_cannot_do_is_said(arguments):
    with pytest.raises(OptionError):
        tls_context(**arguments)
