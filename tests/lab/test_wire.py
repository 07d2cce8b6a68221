# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One policy, the same answers: every relay of the lab is asked the same things by the same clients.

The expected answer is a class (the first digit) and an enhanced status code (RFC 3463). What both have written into their
programs differently is a second table here, EXCEPTIONS, which is tested too: a change of either is noticed. Both tables
stand with their reasons in docs/docsite/rst/wire_guide.rst.
"""

from __future__ import annotations

import typing as t

import labhosts
import pytest
from labhosts import RELAYS, TALK, WORLD, conversation

EHLO = "EHLO client.stranger.test"
MAIL = "MAIL FROM:<probe@stranger.test>"
DOT = "\r\n.\r\n"
HEADER = "From: probe@stranger.test\r\nTo: user@served.test\r\nSubject: test\r\n\r\n"


class Situation(t.NamedTuple):
    """What a client says, and what the last word is answered with.

    :param lines: each is sent with CRLF added, and its reply awaited; C({R}) is the relay's name.
    """

    name: str
    lines: t.Tuple[str, ...]
    family: int
    status: str


def _rcpt(name: str, recipient: str, family: int, status: str, mail: str = MAIL, ehlo: str = EHLO) -> Situation:
    return Situation(name, (ehlo, mail, f"RCPT TO:{recipient}"), family, status)


STRANGER = (
    Situation("EHLO", (EHLO,), 2, ""),
    Situation("MAIL", (EHLO, MAIL), 2, "2.1.0"),
    _rcpt("a served recipient", "<user@served.test>", 2, "2.1.5"),
    _rcpt("the null sender", "<user@served.test>", 2, "2.1.5", mail="MAIL FROM:<>"),
    _rcpt("the postmaster", "<postmaster@{R}>", 2, "2.1.5"),
    _rcpt("a foreign recipient", "<victim@third.test>", 5, "5.7.1"),
    _rcpt("a subdomain of a served domain", "<user@sub.served.test>", 5, "5.7.1"),
    _rcpt("the percent hack", "<victim%third.test@{R}>", 5, "5.7.1"),
    _rcpt("a bang path", "<third.test!victim>", 5, "5.7.1"),
    _rcpt("a source route", "<@{R}:victim@third.test>", 5, "5.7.1"),
    _rcpt("a quoted address", '<"victim@third.test"@{R}>', 5, "5.7.1"),
    _rcpt("an address literal", "<victim@[192.0.2.7]>", 5, "5.7.1"),
    _rcpt("an unknown local user", "<nobody-of-that-name@{R}>", 5, "5.1.1"),
    _rcpt("a sender domain that does not exist", "<user@served.test>", 5, "5.1.8", mail="MAIL FROM:<a@no-such.invalid>"),
    _rcpt("an unqualified sender", "<user@served.test>", 5, "5.5.2", mail="MAIL FROM:<probe>"),
    _rcpt("HELO as localhost", "<user@served.test>", 5, "5.7.1", ehlo="HELO localhost"),
    _rcpt("HELO as the relay", "<user@served.test>", 5, "5.7.1", ehlo="EHLO {R}"),
    Situation("VRFY", (EHLO, "VRFY postmaster"), 5, "5.5.1"),
    Situation("TURN", (EHLO, "TURN"), 5, "5.5.1"),
    Situation("an unknown command", (EHLO, "DEBUG"), 5, "5.5.1"),
    Situation("BDAT", (EHLO, "BDAT 5 LAST"), 5, "5.5.1"),
    Situation("a sender that is no address", (EHLO, "MAIL FROM: foo bar"), 5, "5.5.4"),
    Situation("NOOP", (EHLO, "NOOP"), 2, "2.0.0"),
    Situation("RSET", (EHLO, MAIL, "RSET"), 2, "2.0.0"),
    Situation("QUIT", (EHLO, "QUIT"), 2, "2.0.0"),
    Situation("SMTPUTF8", (EHLO, MAIL + " SMTPUTF8"), 5, "5.5.4"),
    Situation("SIZE= too large", (EHLO, MAIL + " SIZE=99999999"), 5, "5.3.4"),
    Situation(
        "one recipient too many",
        (EHLO, MAIL, *(f"RCPT TO:<user{number}@served.test>" for number in range(101))),
        4,
        "4.5.3",
    ),
    Situation("a message", (EHLO, MAIL, "RCPT TO:<user@served.test>", "DATA", HEADER + "hello\r\n."), 2, "2.0.0"),
)  # fmt: skip

TRUSTED = (
    _rcpt("a sender whose domain only the inside knows", "<user@ok.test>", 2, "2.1.5", mail="MAIL FROM:<root@host.internal>"),
    _rcpt("a sender without a domain", "<user@served.test>", 2, "2.1.5", mail="MAIL FROM:<root>"),
    _rcpt("a foreign recipient", "<user@ok.test>", 2, "2.1.5", mail="MAIL FROM:<user@lab.test>", ehlo="EHLO trusted.lab.test"),
)  # fmt: skip


class Difference(t.NamedTuple):
    """A situation in which the two cannot be brought to one answer: class and status of each."""

    name: str
    lines: t.Tuple[str, ...]
    postfix: t.Tuple[int, str]
    sendmail: t.Tuple[int, str]


TO = "RCPT TO:<user@served.test>"

EXCEPTIONS = (
    Difference("MAIL before HELO", (MAIL,), (5, "5.5.1"), (5, "5.0.0")),
    Difference("RCPT before MAIL", (EHLO, TO), (5, "5.5.1"), (5, "5.0.0")),
    Difference("DATA before RCPT", (EHLO, MAIL, "DATA"), (5, "5.5.1"), (5, "5.0.0")),
    Difference("DATA after refused recipients", (EHLO, MAIL, "RCPT TO:<v@third.test>", "DATA"), (5, "5.5.1"), (5, "5.0.0")),
    Difference("a second MAIL", (EHLO, MAIL, MAIL), (5, "5.5.1"), (5, "5.5.0")),
    Difference("EHLO without a name", ("EHLO",), (5, ""), (5, "5.0.0")),
    Difference("a HELO name with forbidden characters", ("EHLO a_b!",), (2, ""), (5, "5.0.0")),
    Difference("EXPN", (EHLO, "EXPN postmaster"), (5, "5.5.1"), (5, "5.7.0")),
    Difference("ETRN", (EHLO, "ETRN third.test"), (5, "5.7.1"), (5, "5.7.0")),
    Difference("AUTH when it is off", (EHLO, "AUTH PLAIN AGEAYg=="), (5, "5.5.1"), (5, "5.3.3")),
    Difference("STARTTLS with an argument", (EHLO, "STARTTLS x"), (5, "5.5.4"), (5, "5.5.2")),
    Difference("MAIL without a sender", (EHLO, "MAIL"), (5, "5.5.4"), (5, "5.5.2")),
    Difference("a sender with two @", (EHLO, "MAIL FROM:<a@@b>"), (2, "2.1.0"), (5, "5.1.3")),
    Difference("a recipient with two @", (EHLO, MAIL, "RCPT TO:<v@third.test@served.test>"), (5, "5.7.1"), (5, "5.1.3")),
    Difference("an empty recipient", (EHLO, MAIL, "RCPT TO:<>"), (5, "5.1.3"), (5, "5.0.0")),
    Difference("SIZE= beyond all numbers", (EHLO, MAIL + " SIZE=" + 23 * "9"), (5, "5.3.4"), (5, "5.2.3")),
    Difference("SIZE= below nothing", (EHLO, MAIL + " SIZE=-1"), (5, "5.5.4"), (5, "5.2.3")),
    Difference("too large after DATA", (EHLO, MAIL, TO, "DATA", HEADER + "{BIG}."), (5, "5.3.4"), (5, "5.2.3")),
    Difference("a command line of 3000 bytes", (EHLO, "NOOP " + 3000 * "x"), (2, "2.0.0"), (4, "4.7.0")),
    Difference("a bare LF", (EHLO, MAIL, TO, "DATA", HEADER + "a\n.\nMAIL FROM:<b@c.test>" + DOT), (5, "5.5.2"), (4, "4.5.0")),
    Difference("a bare CR", (EHLO, MAIL, TO, "DATA", HEADER + "a\rb\r\n."), (2, "2.0.0"), (4, "4.5.0")),
    Difference("a NUL", (EHLO, MAIL, TO, "DATA", HEADER + "a\0b\r\n."), (5, "5.7.1"), (5, "5.6.1")),
    Difference("one connection too many", ("{CROWD}",), (4, "4.7.0"), (4, "4.3.2")),
)  # fmt: skip

#: The lab's policy lets a client have this many connections at a time.
CONNECTIONS = 20
#: Runs on world instead of a plain conversation: more bytes than would go through a command line, more connections than one.
BIG = TALK.replace("command(line)", r"command(line.replace('{BIG}', ('x' * 998 + '\r\n') * 27000))")
CROWD = TALK.replace(
    "with dialogue",
    f"""import socket
crowd = []
for number in range({CONNECTIONS}):
    one = socket.create_connection((call["address"], 25), 30, (call["source"], 0))
    one.recv(9)
    crowd.append(one)
call["lines"] = []
with dialogue""",
)


@pytest.mark.parametrize("situation", EXCEPTIONS, ids=lambda one: one.name.replace(" ", "_"))
@pytest.mark.parametrize("host", RELAYS, ids=str)
def test_what_cannot_be_made_alike_is_what_the_guide_says(hardened, host, situation, monkeypatch):
    """The answer is that of the MTA, on every version of it that the lab has."""
    script = {"{CROWD}": CROWD}.get(situation.lines[-1], BIG)
    monkeypatch.setattr(labhosts, "TALK", script)
    reply = conversation(WORLD, host, "stranger", situation.lines)[-1]
    wanted = {"postfix": situation.postfix, "sendmail": situation.sendmail}[host.mta]
    assert ((reply["code"] or 0) // 100, reply["enhanced"]) == wanted, reply


def _cases() -> t.Iterator[t.Any]:
    for client, situations in (("stranger", STRANGER), ("trusted", TRUSTED)):
        for host in RELAYS:
            for situation in situations:
                yield pytest.param(host, client, situation, id=f"{host}-{client}-{situation.name}".replace(" ", "_"))


@pytest.mark.parametrize("host, client, situation", list(_cases()))
def test_every_relay_answers_alike(hardened, host, client, situation):
    """The reply class and the enhanced status are those of the table, on Postfix and on sendmail."""
    lines = [line.replace("{R}", f"{host}.lab.test") for line in situation.lines]
    reply = conversation(WORLD, host, client, lines)[-1]
    assert (reply["code"] or 0) // 100 == situation.family, reply
    assert reply["enhanced"] == situation.status, reply


@pytest.mark.parametrize("host", RELAYS, ids=str)
def test_the_greeting_names_the_relay_and_nothing_else(hardened, host):
    """C(220 hostname ESMTP): no product, no version."""
    greeting = conversation(WORLD, host, "stranger", [])[0]
    assert greeting["code"] == 220 and greeting["lines"][0].split()[:2] == [f"{host}.lab.test", "ESMTP"]
    assert not {"postfix", "sendmail", "debian", "8.1", "3.7"} & set(greeting["text"].lower().replace("/", " ").split())
