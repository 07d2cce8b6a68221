# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Single lines of sendmail as the reader takes them; whole logs are read in test__log."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model import log
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import maillog

QID = b"7BUA1234567890"


def ledger():
    return log.Ledger(log.Place("sendmail", b"relay", b"sendmail", b"q"), log.Outbox(), False)


def read(text, queue_id=QID, known=None):
    """Read one line, and return the ledger with what it says."""
    known = known or ledger()
    line = b"Jan  1 00:00:00 relay sendmail[7]: %b: %b" % (queue_id, text)
    maillog.handler(known, b"sendmail")(line, line[:20], b"sendmail[7]", queue_id, text)
    return known


@pytest.mark.parametrize("tag, instance", [(b"sendmail", b"sendmail"), (b"sm-mta", b"sm-mta"), (b"postfix/smtp", None)])
def test_the_instance_that_a_tag_names(tag, instance):
    assert maillog.instance_of(tag, lambda name: False) == instance


def test_all_programs_of_a_host_write_about_one_queue():
    assert maillog.queue_of(b"relay", b"sm-mta") == maillog.queue_of(b"relay", b"sm-msp-queue")


def test_a_delivery_with_its_sender():
    known = read(
        b"from=<a@b.test>, size=100, class=0, nrcpts=1, msgid=<m@b.test>, proto=ESMTP, daemon=MTA, relay=mail.test [192.0.2.1]\n"
    )
    known = read(
        b"to=<b@c.test>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=30, relay=mx.c.test. [192.0.2.9], dsn=2.0.0, stat=Sent (ok)\n",
        known=known,
    )
    (raw,) = known.deliveries
    assert (raw[log.STATUS], raw[log.RECIPIENT]) == (log.SENT, b"b@c.test")
    assert raw[log.MESSAGE][log.SENDER] == b"a@b.test"
    assert maillog.closed(raw[log.MESSAGE])


def test_a_rejected_recipient_waits_for_its_sender():
    text = b"ruleset=check_rcpt, arg1=<b@c.test>, relay=mail.test [192.0.2.1], reject=550 5.7.1 <b@c.test>... Relaying denied\n"
    known = read(text)
    assert known.deliveries == []
    maillog.flush(known)
    (raw,) = known.deliveries
    assert (raw[log.STATUS], raw[log.RECIPIENT]) == (log.REJECTED, b"b@c.test")
    assert raw[log.STATUS_CODE] == b"dsn=5.7.1"


def test_a_rejected_connection_has_no_queue_id():
    known = ledger()
    text = b"ruleset=check_relay, arg1=mail.test, arg2=192.0.2.1, relay=mail.test [192.0.2.1], reject=550 5.7.1 Access denied\n"
    maillog.session(known, b"head", b"sendmail[7]", text)
    (raw,) = known.deliveries
    assert raw[log.STATUS] == log.REJECTED and raw[log.RECIPIENT] == b""


@pytest.mark.parametrize(
    "text, recipient, why",
    [
        (b"<b@c.test>... User unknown\n", b"b@c.test", b"User unknown"),
        (b"collect: premature EOM: Connection reset, info=lost, where=collect\n", b"", b"lost"),
    ],
)
def test_a_complaint_about_a_recipient_or_a_message(text, recipient, why):
    known = read(text)
    maillog.flush(known)
    (raw,) = known.deliveries
    assert (raw[log.STATUS], raw[log.RECIPIENT]) == (log.REJECTED, recipient)
    assert raw[log.REASON].startswith(why)


@pytest.mark.parametrize(
    "text", [b"what no version writes\n", b"Milter: connect to filters\n", b"SYSERR(root): other\n"]
)
def test_a_line_that_says_nothing_of_a_delivery_leaves_no_trace(text):
    known = read(text)
    maillog.flush(known)
    assert known.deliveries == []
