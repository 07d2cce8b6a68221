# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the checks of the features share: mail from a trusted client, and what arrives of it at the sinks."""

from __future__ import annotations

import json
import time
import typing as t
import uuid

from labhosts import WORLD, Host, conversation

HELLO = "EHLO trusted.lab.test"
Envelope = t.Dict[str, t.Any]


class Client:
    """The clients of one relay: the trusted one, and strangers."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.policy: t.Dict[str, t.Any] = {}

    @property
    def name(self) -> str:
        """Return the host name by which the relay greets."""
        return str(self.policy["identity"]["hostname"])

    def say(self, who: str, *lines: str) -> t.Dict[str, t.Any]:
        """Return the reply to the last line; who is trusted, or a stranger."""
        return conversation(WORLD, self.host, who, [*lines, "QUIT"])[-2]

    def send(
        self, sender: str, recipients: t.Sequence[str], body: str = "Subject: feature\r\n\r\nx"
    ) -> t.Dict[str, t.Any]:
        """Send a message as the trusted client; return the reply to its end."""
        lines = [HELLO, f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{name}>" for name in recipients), "DATA", f"{body}\r\n."]
        return self.say("trusted", *lines)


def unique(domain: str) -> str:
    """Return a mail address of this domain that nobody had before."""
    return f"f{uuid.uuid4().hex[:10]}@{domain}"


def envelopes(sink: str) -> t.List[Envelope]:
    """Return the envelopes of the messages that a sink keeps."""
    return [json.loads(line) for line in WORLD.run(f"sinkctl messages {sink}").splitlines()]


def arrival(sink: str, recipient: str, seconds: float = 90) -> Envelope:
    """Return the envelope of the message for a recipient, as soon as a sink has it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for envelope in envelopes(sink):
            if recipient in envelope["rcpt_to"]:
                return envelope
        time.sleep(0.5)
    raise AssertionError(f"no message for {recipient} at {sink}")


def until(holds: t.Callable[[], t.Any], what: str, seconds: float = 120) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.5)


def content(envelope: t.Mapping[str, t.Any]) -> str:
    """Return a message as a sink has it."""
    return WORLD.run(f"cat /var/spool/sink/{envelope['sink']}/{envelope['name']}.eml")


def has(reply: t.Mapping[str, t.Any], code: int, status: str = "", words: str = "") -> None:
    """Compare a reply: its code, its enhanced status and some of its words."""
    assert (reply["code"], status in (reply["enhanced"] or ""), words in " ".join(map(str, reply.values()))) == (
        code,
        True,
        True,
    ), reply
