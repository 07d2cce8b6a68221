# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mail of the kit."""

import email
import email.policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._kit import post
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Running
from ansible_collections.postmaster.mta.tests.unit.share import examples
from ansible_collections.postmaster.mta.tests.unit.smtp_peer import Script

TO = post.Envelope("postmaster@mx1.test", ("anna@ok.test", "bert@ok.test"))
FIELDS = {"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"}


@settings(max_examples=examples(50))
@given(st.text(), st.text(), st.text())
def test_no_text_becomes_a_header_field(subject, text, attached):
    content = post.message(TO, subject, text, "1@mx1", [post.Attachment("r.html", "html", attached)])
    letter = email.message_from_bytes(content, policy=email.policy.SMTP)
    assert set(letter.keys()) == FIELDS
    assert [part.get_content_type() for part in letter.walk()] == ["multipart/mixed", "text/plain", "text/html"]
    assert max(len(line) for line in content.split(b"\r\n")) <= 998


@pytest.mark.parametrize("subject", ["a\r\nBcc: all@ok.test", "a\nX: y", "\x1b[2Jgone", "a\r\n\r\nbody"])
def test_a_hostile_subject_stays_one(subject):
    letter = email.message_from_bytes(post.message(TO, subject, "", "1@mx1"), policy=email.policy.SMTP)
    assert letter["Bcc"] is None and letter["X"] is None and "\x1b" not in letter["Subject"]


def test_a_template_is_filled_in():
    assert post.filled("o", "{host}: {sent} sent", {"host": "mx1", "sent": 3}) == "mx1: 3 sent"
    with pytest.raises(OptionError, match="{nosuch} is not known; there are {host}"):
        post.filled("o", "{nosuch}", {"host": "mx1"})
    assert post.filled("o", "{host.__class__} {0!r}", {"host": "mx1"}) == "{host.__class__} {0!r}"


@pytest.mark.parametrize("value", ["", "a", "a@b\r\nRCPT TO:<c@d>", "a b@ok.test", "<a@ok.test>"])
def test_an_address_is_one(value):
    with pytest.raises(OptionError):
        post.address("o", value)


def test_loopback_is_taken_first(monkeypatch):
    class Daemon:
        @staticmethod
        def running(_host):
            return Running(1, 1, listening)

    class Host:
        mta = "postfix"

        class instance:
            name = "postfix"

    monkeypatch.setattr(post, "daemon_of", lambda _mta: Daemon)
    listening = (("192.0.2.1", 25), ("::1", 25), ("127.0.0.1", 25))
    assert post.addresses(Host)[0] == ("127.0.0.1", 25)
    listening = (("0.0.0.0", 2525),)
    assert post.addresses(Host) == [("127.0.0.1", 2525)]
    listening = ()
    with pytest.raises(post.NotSent, match="postfix does not listen"):
        post.addresses(Host)


def replies(*lines):
    acts = []
    for line in lines:
        acts += [line + b"\r\n", ("read", 1)]
    return acts


def test_a_message_is_handed_over_with_doubled_dots():
    acts = [*replies(b"220 hi", b"250 hi", b"250 ok", b"250 ok", b"250 ok"), b"354 go\r\n", ("read", 4), b"250 ok\r\n"]
    acts += [("read", 1), b"221 bye\r\n"]
    with Script(*acts) as peer:
        post.send(("127.0.0.1", peer.port), TO, b"Subject: x\r\n\r\n.dot\r\n")
    assert b"\r\n..dot\r\n.\r\n" in peer.received and b"RCPT TO:<bert@ok.test>\r\n" in peer.received


def test_a_refusal_says_who_said_what():
    with Script(*replies(b"220 hi", b"250 hi", b"250 ok", b"554 5.7.1 Relay access denied")) as peer:
        with pytest.raises(post.NotSent, match=f"127.0.0.1:{peer.port}: rcpt: 554 5.7.1 Relay access denied"):
            post.send(("127.0.0.1", peer.port), TO, b"x")
