# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import collections
import json
import pathlib

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._log import deliveries as _logview
from ansible_collections.postmaster.mta.plugins.module_utils._log import join as _maillog
from ansible_collections.postmaster.mta.plugins.module_utils._log.stamps import Clock
from ansible_collections.postmaster.mta.tests.fuzz.mutations import mutations

CORPUS = pathlib.Path(__file__).parents[4] / "corpus" / "maillog"
NOW = 1795334400  # 2026-11-22T08:00:00Z


def lines_of(name):
    return (CORPUS / name).read_bytes().splitlines(True)


def joined(lines, attempts="all", keep=False, join=None):
    """All deliveries of some lines as records."""
    join = join or _maillog.Join(keep=keep)
    join.feed(lines)
    join.finish()
    raws = join.take()
    if attempts == "last":
        last = _maillog.LastAttempts()
        raws = list(last.feed(raws)) + list(last.finish())
    return [_logview.delivery(raw, Clock(NOW), None) for raw in raws]


def by_status(deliveries):
    return dict(collections.Counter(one.status for one in deliveries))


# --- the recorded runs: what grep counts in the files -------------------------------------------------------------------


@pytest.mark.parametrize("style", ["iso", "traditional"])
def test_every_recipient_of_the_postfix_run_has_its_fate(style):
    found = joined(lines_of("postfix-3.7-{}.log".format(style)))
    assert by_status(found) == {
        "sent": 35,
        "forwarded": 1,
        "deferred": 6,
        "bounced": 5,
        "rejected": 7,
        "discarded": 1,
        "held": 1,
    }
    assert all(one.sender for one in found)


def test_an_attacked_sendmail_tells_every_refusal_once():
    # grep: 80 reject=, 12 refused addresses, a bare line feed and a NUL byte after DATA.
    found = joined(lines_of("sendmail-8.18-lab.log"))
    counts = by_status(found)
    assert (counts["sent"], counts["rejected"]) == (4, 80 + 12 + 2)
    assert {one.reason for one in found if one.status == "rejected" and "allowed" in one.reason} == {
        "NUL byte not allowed",
        "Bare linefeed (LF) not allowed",
    }
    assert all(one.sender == "probe@stranger.test" for one in found if "Bare" in one.reason)


@pytest.mark.parametrize("style", ["iso", "traditional"])
def test_every_recipient_of_the_sendmail_run_has_its_fate(style):
    found = joined(lines_of("sendmail-8.17-loglevel9-{}.log".format(style)))
    assert by_status(found) == {
        "sent": 31,
        "deferred": 8,
        "bounced": 5,
        "expired": 2,
        "rejected": 6,
        "discarded": 1,
        "held": 1,
        "unfinished": 2,
    }
    # Who is rejected for his address has no sender in the log.
    assert [one.reason for one in found if one.sender is None] == ["550 5.7.1 Access denied"]


@pytest.mark.parametrize("name", ["postfix-3.7", "sendmail-8.17-loglevel9"])
def test_both_styles_of_time_stamps_say_the_same(name):
    def without_time(style):
        return [one._replace(time="", received="") for one in joined(lines_of(name + "-" + style + ".log"))]

    assert without_time("iso") == without_time("traditional")


def test_the_last_attempt_is_the_fate():
    found = joined(lines_of("sendmail-8.17-loglevel9-iso.log"), attempts="last")
    fates = {(one.sender, one.recipient): one.status for one in found}
    assert fates["seven@sender.test", "tmp@partial.test"] == "expired"
    assert fates["five@sender.test", "u@refused.test"] == "deferred"
    assert fates["seven@sender.test", "u@partial.test"] == "sent"
    assert len(found) == 56 - 7


def test_a_long_list_of_recipients_is_split_over_lines():
    found = joined(lines_of("sendmail-40-recipients.log"))
    assert len({one.recipient for one in found}) == len(found) == 40


def test_a_postfix_delivery_in_full():
    (found,) = [one for one in joined(lines_of("postfix-3.7-iso.log")) if one.sender == "ten@sender.test"]
    assert found._asdict() == {
        "time": "2026-11-22T07:39:31.549841+00:00".replace("31.549841", found.time[17:26]),
        "received": found.received,
        "mta": "postfix",
        "host": "relay1",
        "instance": "postfix-EXT",
        "queue_id": "E12DC284029",
        "message_id": "<1311811168@sender.test>",
        "client": "client2.lab.test[127.0.0.2]",
        "client_address": "127.0.0.2",
        "sender": "ten@sender.test",
        "recipient": "u@tls.test",
        "original_recipient": "",
        "size": 449,
        "direction": None,
        "relay": "mx.tls.test[127.0.0.23]:25",
        "relay_address": "127.0.0.23",
        "delay": 0.2,
        "delays": [0.0, 0.0, 0.14, 0.05],
        "tls_in": "TLSv1.3",
        "tls_out": "TLSv1.3",
        "status": "sent",
        "status_code": "2.0.0",
        "reason": "250 2.0.0 Ok: queued as SINK31586",
        "subject": "",
    }


def test_a_sendmail_delivery_in_full():
    (found,) = [one for one in joined(lines_of("sendmail-8.17-loglevel9-iso.log")) if one.sender == "ten@sender.test"]
    assert (found.mta, found.instance, found.queue_id) == ("sendmail", "sendmail", "6AM7IlFY021454")
    assert (found.size, found.message_id) == (88, "<2615324196@sender.test>")
    assert (found.client, found.relay) == ("client2.lab.test[127.0.0.2]", "mx.tls.test[127.0.0.23]")
    assert (found.tls_in, found.tls_out, found.status_code) == ("TLSv1.3", "TLSv1.3", "2.0.0")
    assert (found.delay, found.delays, found.reason) == (0.0, [0.0], "Sent (Ok: queued as SINK31307)")


def test_a_notice_has_the_null_sender_and_comes_from_here():
    for name in ("postfix-3.7-iso.log", "sendmail-8.17-loglevel9-iso.log"):
        (notice,) = [one for one in joined(lines_of(name)) if one.recipient == "six@sender.test"]
        assert (notice.sender, notice.client) == ("<>", "local")


def test_quoted_local_parts_hold_commas_and_blanks():
    for name in ("postfix-3.7-iso.log", "sendmail-8.17-loglevel9-iso.log"):
        (found,) = [one for one in joined(lines_of(name)) if one.sender == '"odd, user"@sender.test']
        assert (found.recipient, found.status) == ('"quoted user"@ok.test', "sent")


# --- single matters ---------------------------------------------------------------------------------------------------


def test_a_reused_connection_without_its_tls_line_is_unknown():
    assert [one.tls_out for one in joined(lines_of("postfix-conn_use.log"))] == [None, None, None]


def test_both_mtas_and_several_instances_in_one_file():
    lines = lines_of("postfix-3.7-iso.log") + lines_of("sendmail-8.17-loglevel9-iso.log")
    other = [line.replace(b"postfix-EXT", b"postfix-two") for line in lines_of("postfix-3.7-iso.log")]
    mixed = [line for pair in zip(lines, other) for line in pair] + lines[len(other) :]
    found = joined(mixed)
    counts = collections.Counter(one.instance for one in found)
    assert counts == {"postfix-EXT": 56, "postfix-two": 56, "sendmail": 56}
    assert by_status(found)["sent"] == 35 + 35 + 31


def test_a_queue_id_that_is_used_again_is_another_message():
    head = b"Nov 22 07:39:%02d relay1 postfix/%s[1]: 6E41028402: %s\n"
    lines = [
        head % (1, b"smtpd", b"client=a.example[192.0.2.1]"),
        head % (1, b"qmgr", b"from=<a@a.example>, size=1, nrcpt=1 (queue active)"),
        head % (2, b"qmgr", b"removed"),
        head % (3, b"smtpd", b"client=b.example[192.0.2.2]"),
        head % (3, b"qmgr", b"from=<b@b.example>, size=2, nrcpt=1 (queue active)"),
        head % (4, b"smtp", b"to=<c@c.example>, relay=none, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (ok)"),
    ]
    (found,) = joined(lines)
    assert (found.sender, found.client, found.size) == ("b@b.example", "b.example[192.0.2.2]", 2)


def test_what_the_queue_manager_has_not_said_is_unknown():
    head = b"Nov 22 07:39:01 relay1 postfix/%s[1]: AAAAAA0001: %s\n"
    lines = [
        head % (b"smtpd", b"client=a.example[192.0.2.1]"),
        head % (b"smtp", b"to=<c@c.example>, relay=none, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (ok)"),
    ]
    assert [(one.client_address, one.sender, one.size) for one in joined(lines)] == [("192.0.2.1", None, None)]


def test_a_message_that_postsuper_requeues_keeps_its_client():
    head = b"Nov 22 07:39:01 relay1 postfix/%s[1]: %s\n"
    lines = [
        head % (b"smtpd", b"AAAAAA0001: client=a.example[192.0.2.1]"),
        head % (b"pickup", b"BBBBBB0001: uid=0 from=<a@a.example> orig_id=AAAAAA0001"),
        head % (b"qmgr", b"BBBBBB0001: from=<a@a.example>, size=1, nrcpt=1 (queue active)"),
        head
        % (b"smtp", b"BBBBBB0001: to=<c@c.example>, relay=none, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (ok)"),
    ]
    assert [one.client for one in joined(lines)] == ["a.example[192.0.2.1]"]


def test_a_postfix_message_expires_for_those_who_still_wait():
    head = b"Nov 22 07:39:01 relay1 postfix/%s[1]: AAAAAA0001: %s\n"
    deferred = b"to=<%s@c.example>, relay=none, delay=1, delays=1/0/0/0, dsn=4.4.1, status=%s (why)"
    lines = [
        head % (b"smtpd", b"client=a.example[192.0.2.1]"),
        head % (b"qmgr", b"from=<a@a.example>, size=1, nrcpt=2 (queue active)"),
        head % (b"smtp", deferred % (b"one", b"deferred")),
        head % (b"smtp", deferred % (b"two", b"deferred")),
        head % (b"smtp", deferred % (b"two", b"sent")),
        head % (b"qmgr", b"from=<a@a.example>, status=expired, returned to sender"),
    ]
    found = joined(lines, attempts="last")
    assert [(one.recipient, one.status) for one in found] == [("two@c.example", "sent"), ("one@c.example", "expired")]
    assert found[1].reason == "expired, returned to sender; last: why"


EXPIRING = {
    "postfix": (
        b"Nov 22 07:39:01 r postfix/smtpd[1]: AAAAAA0001: client=a.example[192.0.2.1]\n",
        b"Nov 22 07:39:01 r postfix/qmgr[1]: AAAAAA0001: from=<a@a.example>, size=1, nrcpt=1 (queue active)\n",
        b"Nov 22 07:39:02 r postfix/smtp[1]: AAAAAA0001: to=<b@b.example>, orig_to=<c@b.example>, relay=mx[192.0.2.9]:25, "
        b"delay=7, delays=1/2/3/4, dsn=4.7.1, status=deferred (host mx[192.0.2.9] said: 451 later)\n",
        b"Nov 27 07:39:03 r postfix/qmgr[1]: AAAAAA0001: from=<a@a.example>, status=expired, returned to sender\n",
    ),
    "sendmail": (
        b"Nov 22 07:39:01 r sm-mta[1]: 6AM7IiFX020956: from=<a@a.example>, size=1, class=0, nrcpts=1, msgid=<1@a>, "
        b"proto=ESMTP, daemon=x, relay=a.example [192.0.2.1]\n",
        b"Nov 22 07:39:02 r sm-mta[1]: 6AM7IiFX020956: to=<b@b.example>, delay=00:00:07, xdelay=00:00:01, mailer=esmtp, "
        b"pri=3, relay=mx [192.0.2.9], dsn=4.7.1, stat=Deferred: 451 later\n",
        b"Nov 27 07:39:03 r sm-mta[1]: 6AM7IiFX020956: 6AR7IiFX020957: DSN: Cannot send message for 5 days\n",
    ),
}


@pytest.mark.parametrize("mta", sorted(EXPIRING))
@pytest.mark.parametrize("between", [False, True])
def test_what_expires_tells_of_its_last_attempt_even_when_that_was_read_in_an_earlier_run(mta, between):
    *before, last = EXPIRING[mta]
    join = _maillog.Join()
    join.feed(before)
    attempt = _logview.delivery(join.take()[-1], Clock(NOW), None)
    if between:
        dumped, join = join.dump(), _maillog.Join()
        join.load(dumped)
    (found,) = joined([last], join=join)
    assert (attempt.status, found.status) == ("deferred", "expired")
    assert found.reason.endswith("; last: " + attempt.reason) and "451 later" in found.reason
    for name in ("sender", "recipient", "original_recipient", "relay", "relay_address", "delay", "delays", "tls_out"):
        assert getattr(found, name) == getattr(attempt, name)


def test_a_notice_of_expiry_alone_is_told_once():
    (found,) = [one for one in joined(lines_of("sendmail-8.17-extra.log")) if one.queue_id == "6AM7F1Zn014623"]
    assert (found.status, found.recipient, found.reason) == ("expired", "", "Cannot send message for 3 days")


def test_a_clone_is_the_same_message_from_the_list_owner():
    head = b"Jun 26 12:02:38 relay1 sendmail[23292]: "
    lines = [
        head
        + b"h5QG2YLj023291: from=<a@a.example>, size=9, class=0, nrcpts=2, msgid=<1@a>, proto=SMTP, daemon=x, relay=a [192.0.2.1]\n",
        head + b"h5QG2YLj023291: h5QG2cLj023292: clone: owner=owner-list\n",
        head
        + b"h5QG2cLj023292: to=<b@b.example>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=3, relay=b [192.0.2.2], dsn=2.0.0, stat=Sent\n",
    ]
    (found,) = joined(lines)
    assert (found.sender, found.client, found.message_id, found.size) == ("owner-list", "a[192.0.2.1]", "<1@a>", 9)


def test_an_orphan_has_a_recipient_and_no_sender():
    (found,) = joined(
        [
            b"Nov 22 07:18:45 r sm-mta[1]: 6AM7IiFX020956: to=<a@ok.test>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, "
            b"pri=30080, relay=mx.ok.test. [127.0.0.21], dsn=2.0.0, stat=Sent (Ok)\n"
        ]
    )
    assert (found.sender, found.received, found.recipient, found.status) == (None, None, "a@ok.test", "sent")


def test_a_name_that_a_client_chose_does_not_become_a_line():
    lines = [
        b"Nov 22 07:39:01 relay1 postfix/smtpd[1]: improper command pipelining after DATA from x[192.0.2.1]: client=y[192.0.2.2]\n",
        b"Nov 22 07:39:01 relay1 postfix/smtp[1]: warning: x: to=<a@b>, relay=c, delay=1, delays=1, dsn=2.0.0, status=sent (no)\n",
        b'Nov 22 07:39:01 relay1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from x[192.0.2.1]: 554 5.7.1 <"; from=<v@v> to=<w@w>"@x.example>: '
        b'Sender address rejected: no; from=<"; from=<v@v> to=<w@w>"@x.example> to=<r@r.example> proto=ESMTP helo=<h; from=<f@f> to=<g@g>>\n',
    ]
    (found,) = joined(lines)
    assert (found.sender, found.recipient) == ('"; from=<v@v> to=<w@w>"@x.example', "r@r.example")


def test_what_cleanup_refuses_and_what_only_warns():
    head = b"2026-11-23T06:56:37.249394+00:00 pf12 postfix/"
    lines = [
        head + b"smtpd[406]: warning: reject: ETRN third.test... from stranger38.stranger.test[10.25.0.138]\n",
        head
        + b"cleanup[968]: 4jXxdg4X1VzHTYQ: reject: content a from stranger30.stranger.test[10.25.0.130]; from=<probe@stranger.test> "
        b"to=<user@served.test> proto=ESMTP helo=<client.stranger.test>: 5.7.1 disallowed character\n",
        head
        + b"cleanup[968]: 4jXxdg4X1VzHTYR: milter-reject: END-OF-MESSAGE from x[192.0.2.1]: 5.7.1 virus; from=<a@b> to=<c@d> proto=ESMTP helo=<x>\n",
    ]
    found = [(one.sender, one.recipient, one.client_address, one.status_code, one.reason) for one in joined(lines)]
    assert found == [
        ("probe@stranger.test", "user@served.test", "10.25.0.130", "5.7.1", "5.7.1 disallowed character"),
        ("a@b", "c@d", "192.0.2.1", "5.7.1", "5.7.1 virus"),
    ]


def test_the_subject_that_a_header_check_logs():
    head = b"Nov 22 07:39:01 relay1 postfix/%s[1]: AAAAAA0001: %s\n"
    lines = [
        head % (b"smtpd", b"client=a.example[192.0.2.1]"),
        head
        % (
            b"cleanup",
            b"info: header Subject: Mail from the bank from a.example[192.0.2.1]; from=<a@a> to=<b@b> proto=ESMTP helo=<a>",
        ),
        head % (b"qmgr", b"from=<a@a.example>, size=1, nrcpt=1 (queue active)"),
        head % (b"smtp", b"to=<c@c.example>, relay=none, delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (ok)"),
    ]
    assert [one.subject for one in joined(lines)] == ["Mail from the bank"]


def test_every_line_of_a_message_is_kept_when_they_are_wanted():
    join = _maillog.Join(keep=True)
    join.feed(lines_of("postfix-3.7-iso.log"))
    (raw,) = [raw for raw in join.take() if raw[3][3] == b"ten@sender.test"]
    assert [b"E12DC284029" in line for line in raw[3][9]] == [True] * 5


@pytest.mark.parametrize("name", ["postfix-3.7-iso.log", "sendmail-8.17-loglevel9-iso.log"])
@pytest.mark.parametrize("cut", [20, 45, 60, 90])
def test_a_reading_goes_on_where_another_ended(name, cut):
    lines = lines_of(name)
    first, second = _maillog.Join(), _maillog.Join()
    first.feed(lines[:cut])
    found = [_logview.delivery(raw, Clock(NOW), None) for raw in first.take()]
    dumped = first.dump()
    json.loads(dumped)
    second.load(dumped)
    found += joined(lines[cut:], join=second)
    whole = joined(lines)
    assert [one.recipient + one.status for one in found] == [one.recipient + one.status for one in whole]
    assert [one.sender for one in found if "postfix" in name] == [one.sender for one in whole if "postfix" in name]


def test_memory_is_bounded_by_messages_in_flight():
    join = _maillog.Join()
    line = (
        b"Nov 22 07:18:44 r sm-mta[1]: 6AM%05dFX020956: from=<a@b.test>, size=80, class=0, nrcpts=1, msgid=<1@b>, "
        b"proto=ESMTP, daemon=sm-mta, relay=c [127.0.0.2]\n"
        b"Nov 22 07:18:45 r sm-mta[1]: 6AM%05dFX020956: to=<a@ok.test>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, "
        b"pri=30080, relay=mx.ok.test. [127.0.0.21], dsn=2.0.0, stat=Sent (Ok)\n"
    )
    for start in range(0, 60000, 500):
        join.feed(b"".join(line % (number, number) for number in range(start, start + 500)).splitlines(True))
        assert all(
            one.sender == "a@b.test" for one in (_logview.delivery(raw, Clock(NOW), None) for raw in join.take()[:3])
        )
    assert sum(len(ledger.messages) for ledger in join._ledgers.values()) <= 21000


def test_memory_does_not_grow_with_the_number_of_processes():
    join = _maillog.Join()
    join.feed([b"Nov 22 07:39:01 r postfix/smtpd[%d]: AAAAAA0001: client=a\n" % process for process in range(20000)])
    assert len(join._handlers) <= 5001 and join.counts() == (20000, 0)


# --- damage ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_damaged_lines_never_stop_the_reading(seed):
    good = [line for path in sorted(CORPUS.glob("*.log")) for line in path.read_bytes().splitlines(True)]
    join = _maillog.Join()
    join.feed(list(mutations(good, 4000, seed)))
    join.finish()
    shown = 0
    for raw in join.take():
        try:
            _logview.delivery(raw, Clock(NOW), None)
            shown += 1
        except (ValueError, IndexError, OverflowError):
            continue
    assert join.counts().lines == 4000
    assert join.counts().skipped > 100 and shown > 100


@pytest.mark.parametrize("before", [[], [b"Nov 22 07:39:25 r postfix/qmgr[3]: 4AB: removed\n"]])
def test_a_session_is_known_whatever_the_line_before_it_was(before):
    # Of another MTA, with a stamp of another length, or there was none.
    head = b"2026-11-22T07:39:26.1+00:00 r sm-mta[7]: "
    to = b"6AM7IlFY000007: to=<a@b.test>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=1, relay=mx.test. [10.0.0.1], "
    lines = [
        head + b"STARTTLS=client, relay=mx.test., version=TLSv1.2, verify=NO\n",
        head + to + b"dsn=2.0.0, stat=Sent (ok)\n",
        head.replace(b"[7]", b"[8]") + to + b"dsn=2.0.0, stat=Sent (ok)\n",
    ]
    assert [one.tls_out for one in joined(before + lines)] == ["TLSv1.2", ""]


def test_what_is_no_log_line_is_counted():
    join = _maillog.Join()
    join.feed([b"\n", b"\x00\xff\xfe\n", b"x" * 1000000 + b"\n", b"Nov 22 07:39:25 r dovecot: fine\n", b": : :\n"])
    assert join.counts() == (5, 4)
    join.feed(
        [b"Nov 22 07:39:25 r systemd[1]: Started: x: y\n", b"Nov 22 07:39:25 r postfix/anvil[1]: statistics: x: y\n"]
    )
    assert join.counts() == (7, 4)
    # The rest of a line whose beginning is lost.
    join.feed([b"Nov 22 07:39:2x.test. [192.0.2.1], dsn=2.0.0, stat=Sent (Ok: queued as 7)\n", b"C: 'RCPT TO'\n"])
    assert join.counts() == (9, 6)
