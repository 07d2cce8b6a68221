# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mail through the relays: what must arrive does, what must be refused is."""

from __future__ import annotations

import json
import time
import uuid

import pytest
from labhosts import WORLD, conversation

PATIENCE = 30


def say(relay, who, sender, recipient, subject):
    """One message; returns the replies to RCPT and to the final dot."""
    message = f"From: <{sender}>\r\nTo: <{recipient}>\r\nSubject: {subject}\r\nMessage-ID: <{subject}@stranger.test>\r\n\r\nhello\r\n."
    name = "trusted.lab.test" if who == "trusted" else "client.stranger.test"
    lines = [f"EHLO {name}", f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>", "DATA", message, "QUIT"]
    replies = conversation(WORLD, relay, who, lines)
    return replies[3], replies[5]


def arrived(sink, subject, patience=PATIENCE):
    """Whether a message of that subject comes to the sink; waits for it."""
    deadline = time.monotonic() + patience
    while True:
        for line in WORLD.run(f"sinkctl messages {sink}").splitlines():
            if subject in WORLD.run(f"head -c 4000 {json.loads(line)['path']}"):
                return True
        if time.monotonic() > deadline:
            return False
        time.sleep(1)


@pytest.fixture(name="subject")
def _subject():
    """A subject that no other message has."""
    return uuid.uuid4().hex


def test_a_trusted_client_may_send_anywhere(relay, subject):
    rcpt, end = say(relay, "trusted", "user@lab.test", "user@ok.test", subject)
    assert (rcpt["code"], end["code"]) == (250, 250)
    assert arrived("ok.test", subject)


def test_a_stranger_may_send_to_the_domain_that_we_serve(relay, subject):
    rcpt, end = say(relay, "stranger", "someone@stranger.test", "user@served.test", subject)
    assert (rcpt["code"], end["code"]) == (250, 250)
    assert arrived("served.test", subject)


def test_a_bounce_for_the_domain_that_we_serve_is_taken(relay, subject):
    rcpt, end = say(relay, "stranger", "", "user@served.test", subject)
    assert (rcpt["code"], end["code"]) == (250, 250)
    assert arrived("served.test", subject)


def test_a_stranger_may_not_send_to_a_third_party(relay, subject):
    rcpt, dummy = say(relay, "stranger", "someone@stranger.test", "victim@third.test", subject)
    assert rcpt["code"] // 100 == 5
    assert rcpt["enhanced"] == "5.7.1"
    assert not arrived("third.test", subject, patience=1)
