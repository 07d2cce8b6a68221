# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from ansible_collections.postmaster.mta.plugins.module_utils import _queue_trace

LINES = b"""\
Nov 23 06:46:33 pf postfix/qmgr[472]: 3B2C51C629A: from=<"q r"@s.test>, size=258, nrcpt=1 (queue active)
Nov 23 06:46:33 pf postfix/smtp[584]: 3B2C51C629A: to=<u@a.test>, relay=mx, delay=1, dsn=4.7.1, status=deferred (said: 451)
Nov 23 06:46:34 pf postfix/qmgr[472]: 13B2C51C629A1: removed
Nov 23 06:43:18 sm sm-mta[177]: 6AN6hHZY000175: to=<u@b.test>,<v@b.test>, mailer=x, dsn=4.3.0, reply=451 x, y, stat=Deferred: x, y
Nov 23 06:46:35 pf postfix/qmgr[472]: 3B2C51C629A: removed
"""


class Runner:
    def __init__(self, lines=()):
        self.journal = list(lines)
        self.argv = None

    def which(self, name):
        return "/usr/bin/journalctl" if self.journal else None

    def lines(self, argv, timeout=600):
        self.argv = argv
        return iter(self.journal)


def test_lines_about_one_message(tmp_path):
    log = tmp_path / "mail.log"
    log.write_bytes(LINES)
    found = _queue_trace.lines(Runner(), _queue_trace.whole([str(log)], 0), "3B2C51C629A", 10)
    assert [line.split()[4] for line in found] == ["postfix/qmgr[472]:", "postfix/smtp[584]:", "postfix/qmgr[472]:"]
    assert found[-1].endswith("3B2C51C629A: removed")
    last = _queue_trace.lines(Runner(), _queue_trace.whole([str(log)], 0), "3B2C51C629A", 1)
    assert last == found[-1:]


def test_only_what_is_new(tmp_path):
    log = tmp_path / "mail.log"
    log.write_bytes(LINES + b"\n")
    trace = _queue_trace.from_here([str(log), str(tmp_path / "none")], 5)
    assert _queue_trace.lines(Runner(), trace, "3B2C51C629A", 10) == ()
    with log.open("ab") as more:
        more.write(b"x: 3B2C51C629A: again\n")
    assert _queue_trace.lines(Runner(), trace, "3B2C51C629A", 10) == ("x: 3B2C51C629A: again",)


def test_a_log_that_was_rotated(tmp_path):
    log = tmp_path / "mail.log"
    log.write_bytes(LINES)
    trace = _queue_trace.from_here([str(log)], 5)
    log.write_bytes(b"x: 3B2C51C629A: fresh\n")
    assert _queue_trace.lines(Runner(), trace, "3B2C51C629A", 10) == ("x: 3B2C51C629A: fresh",)
    log.write_bytes(b"")
    assert _queue_trace.lines(Runner(), trace, "3B2C51C629A", 10) == ()


def test_the_journal_where_there_is_no_file():
    runner = Runner([b"a: 3B2C51C629A: one\n", b"a: 13B2C51C629A: other\n"])
    found = _queue_trace.lines(runner, _queue_trace.whole([], 1795331701.5), "3B2C51C629A", 10)
    assert found == ("a: 3B2C51C629A: one",)
    assert "--since=@1795331701" in runner.argv


def test_neither_file_nor_journal():
    assert _queue_trace.lines(Runner(), _queue_trace.whole([], 0), "3B2C51C629A", 10) == ()


def test_attempts():
    found = _queue_trace.attempts(LINES.decode().splitlines())
    assert found == (
        _queue_trace.Attempt("<u@a.test>", "4.7.1", "deferred (said: 451)"),
        _queue_trace.Attempt("<u@b.test>,<v@b.test>", "4.3.0", "Deferred: x, y"),
    )


def test_which_log(tmp_path, monkeypatch):
    assert _queue_trace.files(str(tmp_path / "none")) == ()
    own = tmp_path / "postfix.log"
    own.write_bytes(b"")
    assert _queue_trace.files(str(own)) == (str(own),)
    (tmp_path / "postfix.log.1").write_bytes(b"")
    monkeypatch.setattr(_queue_trace, "SYSLOG_FILES", (str(tmp_path / "none"), str(own)))
    assert _queue_trace.files("") == (str(own) + ".1", str(own))


def test_why_messages_were_put_on_hold(tmp_path):
    log = tmp_path / "mail.log"
    log.write_text(
        "mx postfix/smtpd[1]: NOQUEUE: hold: RCPT from c[192.0.2.2]: <h@x.test>: Sender address held; from=<h@x.test> to=<a@b.test>\n"
        "mx postfix/smtpd[2]: 4AAAAAAA: client=other[192.0.2.3]\n"
        "mx postfix/smtpd[1]: 4BBBBBBB: client=c[192.0.2.2]\n"
        "mx postfix/smtpd[1]: 4CCCCCCC: client=c[192.0.2.2]\n"
        "mx postfix/cleanup[3]: 4DDDDDDD: hold: header Subject: lottery from c[192.0.2.2]; from=<x@y.test> to=<a@b.test>\n"
        "mx postfix/postsuper[4]: 4EEEEEEE: placed on hold\n"
        "mx postfix/smtpd[1]: NOQUEUE: reject: RCPT from c[192.0.2.2]: 550 on hold forever\n"
    )
    assert _queue_trace.hold_reasons([str(log)]) == {
        "4BBBBBBB": "<h@x.test>: Sender address held",
        "4DDDDDDD": "header Subject: lottery from c[192.0.2.2]",
        "4EEEEEEE": "put on hold with postsuper",
    }


def test_a_line_that_is_being_written_is_none_yet(tmp_path):
    log = tmp_path / "mail.log"
    log.write_bytes(
        LINES + b"Nov 23 06:47:00 pf postfix/smtp[9]: 3B2C51C629A: to=<u@a.test>, relay=mx, dsn=2.0.0, status=sent"
    )
    found = _queue_trace.lines(Runner(), _queue_trace.whole([str(log)], 0), "3B2C51C629A", 10)
    assert len(found) == 3
