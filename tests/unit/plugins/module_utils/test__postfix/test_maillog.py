# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Single lines of Postfix as the reader takes them; whole logs are read in test__log."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model import log
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import maillog


def ledger():
    return log.Ledger(log.Place("postfix", b"relay", b"postfix", b"q"), log.Outbox(), False)


def read(tag, queue_id, text, known=None):
    """Read one line, and return what it says of deliveries."""
    known = known or ledger()
    line = b"Jan  1 00:00:00 relay %b[7]: %b: %b" % (tag, queue_id, text)
    maillog.handler(known, tag)(line, line[:20], b"%b[7]" % tag, queue_id, text)
    return known.deliveries


@pytest.mark.parametrize(
    "tag, managers, instance",
    [
        (b"postfix/smtp", (), b"postfix"),
        (b"postfix-out/smtpd", (), b"postfix-out"),
        (b"postfix/submission/smtpd", (b"postfix",), b"postfix"),
        (b"odd/name/smtpd", (b"odd/name",), b"odd/name"),
        (b"postfix", (), b"postfix"),
        (b"sshd", (), None),
    ],
)
def test_the_instance_that_a_tag_names(tag, managers, instance):
    assert maillog.instance_of(tag, managers.__contains__) == instance


def test_a_queue_id_means_something_in_its_own_queue_only():
    assert maillog.queue_of(b"relay", b"postfix") != maillog.queue_of(b"relay", b"postfix-out")
    assert maillog.queue_of(b"relay", b"postfix") != maillog.queue_of(b"other", b"postfix")


def test_a_refusal_at_rcpt():
    text = b"reject: RCPT from mail.test[192.0.2.1]: 554 5.7.1 <b@c.test>: Relay access denied; from=<a@b.test> to=<b@c.test> proto=ESMTP helo=<x>\n"
    (raw,) = read(b"postfix/smtpd", b"NOQUEUE", text)
    assert (raw[log.STATUS], raw[log.RECIPIENT]) == (log.REJECTED, b"b@c.test")
    assert raw[log.STATUS_CODE] == b"dsn=5.7.1"
    assert raw[log.MESSAGE][log.SENDER] == b"a@b.test" and raw[log.MESSAGE][log.CLIENT] == b"mail.test[192.0.2.1]"


def test_a_header_check_that_only_notes_is_no_delivery():
    known = ledger()
    known.messages[b"4AAAA"] = log.new_message(b"head", b"mail.test[192.0.2.1]")
    text = (
        b"info: header Subject: Hello from mail.test[192.0.2.1]; from=<a@b.test> to=<b@c.test> proto=ESMTP helo=<x>\n"
    )
    assert read(b"postfix/cleanup", b"4AAAA", text, known) == []
    assert known.messages[b"4AAAA"][log.SUBJECT] == b"Hello"


@pytest.mark.parametrize(
    "queue_id, text",
    [(b"warning", b"4AAAA: what no version writes\n"), (b"4AAAA", b"what no version writes: at all\n")],
)
def test_a_line_that_says_nothing_of_a_delivery_leaves_no_trace(queue_id, text):
    assert read(b"postfix/cleanup", queue_id, text) == []
