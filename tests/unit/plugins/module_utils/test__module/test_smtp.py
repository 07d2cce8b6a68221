# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of smtp.py: a conversation up to its end, judged and compared."""

import base64
import socket
import ssl

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._diagnosis import destination
from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._module import smtp
from ansible_collections.postmaster.mta.tests.unit.smtp_peer import Script, self_signed

HELLO = (b"220 mx ESMTP\r\n", ("read", 1), b"250-mx\r\n250-8BITMIME\r\n250 SIZE 100\r\n")
TAKEN = (("read", 1), b"250 2.1.0 ok\r\n", ("read", 1), b"250 2.1.5 ok\r\n")


def params(port, **changes):
    values = {name: spec.get("default") for name, spec in smtp.ARGUMENT_SPEC.items()}
    return {**values, "host": "127.0.0.1", "port": port, "helo": "me.test", "timeout": 2.0, **changes}


def run(*acts, **changes):
    with Script(*acts) as peer:
        answer = smtp.run(params(peer.port, **changes), False)
    return answer, peer.received


def names(answer):
    return [step["step"] for step in answer["steps"]]


def codes(answer):
    return [(finding["severity"], finding["code"]) for finding in answer["findings"]]


def test_it_ends_where_it_is_told_to():
    answer, received = run(b"220 mx ESMTP\r\n", ("read", 1), b"221 bye\r\n", until="connect")
    assert names(answer) == ["connect", "quit"]
    assert received == b"QUIT\r\n"
    answer, received = run(*HELLO, ("read", 1), b"221 bye\r\n", until="ehlo")
    assert names(answer) == ["connect", "ehlo", "quit"]
    assert answer["keywords"] == {"8BITMIME": "", "SIZE": "100"}
    assert answer["findings"] == []


def test_a_message_goes_out_byte_for_byte(tmp_path):
    content = b"A: b\r\n\r\n.dot\r\nbare\nlf \xff\r\n"
    path = tmp_path / "message"
    path.write_bytes(content)
    acts = (
        *HELLO,
        *TAKEN,
        ("read", 1),
        b"354 go\r\n",
        ("read", 6),
        b"250 2.0.0 taken\r\n",
        ("read", 1),
        b"221 bye\r\n",
    )
    answer, received = run(*acts, until="message", recipients=["u@ok.test"], message_path=str(path), mark=False)
    assert answer["delivered"]
    assert received.partition(b"DATA\r\n")[2].startswith(b"A: b\r\n\r\n..dot\r\nbare\nlf \xff\r\n.\r\n")
    assert b"MAIL FROM:<> BODY=8BITMIME\r\n" in received


def test_check_mode_sends_nothing():
    with Script(*HELLO, *TAKEN, ("read", 1), b"221 bye\r\n") as peer:
        answer = smtp.run(params(peer.port, until="message", recipients=["u@ok.test"]), check_mode=True)
    assert not answer["delivered"]
    assert b"DATA" not in peer.received


def test_a_deferral_and_a_refusal_are_findings():
    answer, dummy = run(
        *HELLO,
        ("read", 1),
        b"250 ok\r\n",
        ("read", 1),
        b"451 4.7.1 later\r\n",
        ("read", 1),
        b"221\r\n",
        until="rcpt",
        recipients=["u@ok.test"],
    )
    assert codes(answer) == [("error", "deferred")]
    assert "451 4.7.1 later" in answer["findings"][0]["what"]
    answer, dummy = run(b"554 5.7.1 no\r\n", ("read", 1), b"221\r\n")
    assert codes(answer) == [("error", "refused")]


def test_nobody_listens_and_nobody_speaks():
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    assert codes(smtp.run(params(port), False)) == [("error", "no_connection")]
    answer, dummy = run(timeout=0.2)
    assert codes(answer) == [("error", "no_greeting")]
    assert "accepts the connection and does not greet: timeout" in answer["findings"][0]["what"]
    answer, dummy = run(b"220 mx\r\n", ("read", 1), ("close",))
    assert codes(answer) == [("error", "no_conversation")]


def test_nobody_answers_the_connection_request():
    """A queue of connections that is full drops the request, as a firewall does."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for dummy in range(3)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(address)
        answer = smtp.run(params(address[1], timeout=0.4), False)
        for client in waiting:
            client.close()
    assert codes(answer) == [("error", "no_connection")]
    assert answer["steps"][0]["outcome"] == "no_answer"


def test_a_slow_greeting_is_a_finding(monkeypatch):
    monkeypatch.setattr(destination, "SLOW_GREETING", 0.2)
    answer, dummy = run(("wait", 0.4), *HELLO, ("read", 1), b"221\r\n")
    assert codes(answer) == [("warning", "slow_greeting")]


def test_helo_where_ehlo_is_not_known():
    answer, received = run(
        b"220 mx\r\n", ("read", 1), b"500 what\r\n", ("read", 1), b"250 mx\r\n", ("read", 1), b"221\r\n"
    )
    assert received == b"EHLO me.test\r\nHELO me.test\r\nQUIT\r\n"
    assert answer["findings"] == []


def test_tls_and_its_certificate(tmp_path):
    certificate, key = self_signed(tmp_path)
    context = ssl.SSLContext(getattr(ssl, "PROTOCOL_TLS_SERVER", ssl.PROTOCOL_TLS))
    context.load_cert_chain(certificate, key)
    acts = (b"220 mx\r\n", ("read", 1), b"250-mx\r\n250 STARTTLS\r\n", ("read", 1), b"220 go\r\n", ("tls", context), ("read", 1),
            b"250 mx\r\n", ("read", 1), b"221\r\n")  # fmt: skip
    answer, dummy = run(*acts, until="starttls")
    assert answer["tls"]["certificate"]["subject"] == "relay.test"
    assert answer["findings"] == []


def test_required_tls_that_is_not_offered():
    answer, dummy = run(*HELLO, ("read", 1), b"454 no\r\n", ("read", 1), b"221\r\n", starttls="require", until="mail")
    assert ("error", "no_tls") in codes(answer)
    assert "mail" not in names(answer)


def test_a_failing_handshake_is_a_finding():
    answer, dummy = run(
        b"220 mx\r\n",
        ("read", 1),
        b"250-mx\r\n250 STARTTLS\r\n",
        ("read", 1),
        b"220 go\r\nnonsense",
        ("close",),
        until="starttls",
    )
    assert codes(answer) == [("warning", "tls_fails")]


def test_two_servers_are_compared():
    with Script(*HELLO, ("read", 1), b"221\r\n") as one, Script(
        b"220 mx\r\n", ("read", 1), b"250-mx\r\n250 DSN\r\n", ("read", 1), b"221\r\n"
    ) as two:
        answer = smtp.run(params(one.port, compare_with={"host": "127.0.0.1", "port": two.port}), False)
    assert answer["differences"] == [{"step": "ehlo keywords", "here": "8BITMIME SIZE", "there": "DSN"}]
    assert answer["compared"]["port"] == two.port


def test_what_arrived_is_found_and_compared(tmp_path):
    content = b'Content-Type: text/plain; name="a.htm\r\n\r\nx\r\n'

    class Sinking(Script):
        def _perform(self, connection, act):
            if act == ("store",):
                wire = self.received.partition(b"DATA\r\n")[2].partition(b"\r\n.\r\n")[0] + b"\r\n"
                (tmp_path / "1.eml").write_bytes(b"Received: x\r\n" + wire.replace(b"a.htm", b'a.ht"'))
                return connection
            return super()._perform(connection, act)

    acts = (
        *HELLO,
        *TAKEN,
        ("read", 1),
        b"354 go\r\n",
        ("read", 5),
        ("store",),
        b"250 taken\r\n",
        ("read", 1),
        b"221\r\n",
    )
    with Sinking(*acts) as peer:
        answer = smtp.run(
            params(
                peer.port,
                until="message",
                recipients=["u@ok.test"],
                sink=str(tmp_path),
                sink_patience=3.0,
                message_base64=base64.b64encode(content).decode(),
            ),
            False,
        )
    assert codes(answer) == [("error", "lost_letter"), ("warning", "open_quote")]
    assert [change["kind"] for change in answer["changes"]] == ["altered"]


@pytest.mark.parametrize("changes", [
    {"recipients": ["a@b\r\nDATA"], "until": "rcpt"}, {"sender": "a\n"}, {"helo": "x\0"}, {"until": "rcpt"},
    {"until": "message", "recipients": ["a@b"], "message_base64": "***"}, {"until": "message", "recipients": ["a@b"], "message_path": "/no"},
    {"until": "message", "recipients": ["a@b"], "sink": "/no/where"},
])  # fmt: skip
def test_options_that_cannot_be_meant(changes):
    with pytest.raises(OptionError):
        smtp.run(dict(params(9), **changes), False)
