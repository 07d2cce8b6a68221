# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a relay about itself: nothing twice, nothing lost, whatever kills a run."""

import json

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._kit import memory, post, report


class Killed(BaseException):
    """A run ends in the middle."""


class Mailbox:
    """Takes mail, refuses it, or takes it and kills the sender."""

    def __init__(self, log):
        self.log = log
        self.mails = []
        self.mood = ""

    def send(self, _where, envelope, content, timeout=60):
        if self.mood == "refuse":
            raise post.NotSent("127.0.0.1:25: rcpt: 451 later")
        self.mails.append((envelope, content))
        message_id = content.split(b"Message-ID: ")[1].split(b"\r\n")[0].strip().decode()
        self.log.write("cleanup[2]", f"4F00: message-id={message_id}")
        if self.mood == "kill":
            raise Killed


@pytest.fixture(name="mailbox")
def _mailbox(log, monkeypatch):
    mailbox = Mailbox(log)
    monkeypatch.setattr(report.post, "send", mailbox.send)
    monkeypatch.setattr(report.post, "addresses", lambda _host: [("127.0.0.1", 25)])
    monkeypatch.setattr(report, "_sender_instance", lambda _runner, _part: None)
    monkeypatch.setattr(report, "_QUESTIONS", {})
    return mailbox


@pytest.fixture(name="part")
def _part(root):
    (root / "reports").mkdir()
    return {
        "name": "hourly",
        "mail_to": ["anna@ok.test"],
        "directory": str(root / "reports"),
        "formats": ["json", "html"],
        "keep": 3,
        "title": "Mail report",
        "top": 10,
        "instance": "all",
    }


def sent(part, root):
    """Return the deliveries that each report tells of, the oldest first."""
    paths = sorted((root / "reports").glob("hourly-*.json"))
    return [json.loads(path.read_text())["log"]["totals"]["sent"] for path in paths]


def run(part, log, later=3600):
    log.now += later
    return report.run(None, part, log.now)


def test_each_report_tells_what_is_new(root, log, part, mailbox):
    for number in (3, 2, 0):
        log.deliver(number)
        run(part, log)
    assert sent(part, root) == [3, 2, 0]
    assert len(mailbox.mails) == 3
    assert b"3 sent" not in mailbox.mails[1][1] and b'filename="hourly-' in mailbox.mails[0][1]


def test_a_run_killed_after_the_mail_is_not_told_twice(root, log, part, mailbox):
    log.deliver(3)
    mailbox.mood = "kill"
    with pytest.raises(Killed):
        run(part, log)
    mailbox.mood = ""
    log.deliver(2)
    assert "an earlier run" in run(part, log)
    assert sent(part, root) == [3, 2] and len(mailbox.mails) == 2


def test_a_run_killed_before_the_mail_is_made_up_for(root, log, part, mailbox, monkeypatch):
    log.deliver(3)
    whole = report._finish

    def killed(*_arguments, **_named):
        raise Killed

    monkeypatch.setattr(report, "_finish", killed)
    with pytest.raises(Killed):
        run(part, log)
    monkeypatch.setattr(report, "_finish", whole)
    log.deliver(2)
    run(part, log)
    assert sent(part, root) == [3, 2] and len(mailbox.mails) == 2


def test_a_relay_that_takes_no_mail_gets_the_report_later(root, log, part, mailbox):
    log.deliver(3)
    mailbox.mood = "refuse"
    for dummy in range(2):
        with pytest.raises(post.NotSent):
            run(part, log)
    mailbox.mood = ""
    log.deliver(1)
    run(part, log)
    assert sent(part, root) == [3, 1] and len(mailbox.mails) == 2


def test_a_gap_is_a_gap(root, log, part, mailbox):
    log.deliver(1)
    run(part, log)
    log.path.write_text("")
    log.now += 3 * 3600
    log.deliver(1)
    run(part, log)
    last = json.loads(sorted((root / "reports").glob("*.json"))[-1].read_text())
    assert [slot["covered"] for slot in last["slots"]][:3] == [0, 0, 0]
    assert any("lines between are missing" in note for note in last["notes"])


def test_only_the_newest_files_are_kept(root, log, part, mailbox):
    (root / "reports" / "hourly-2026-notes.json").write_text("mine")
    for dummy in range(5):
        run(part, log)
    assert len(list((root / "reports").glob("hourly-*Z.json"))) == 3
    assert (root / "reports" / "hourly-2026-notes.json").read_text() == "mine"


def test_a_directory_that_is_not_there_is_named(log, part, mailbox):
    with pytest.raises(OptionError, match="reports.directory: /nonexistent: no such directory"):
        run(dict(part, directory="/nonexistent"), log)
    assert memory.load("report-hourly")["pending"]


def test_a_part_that_cannot_be_read_is_a_note(root, log, part, mailbox, monkeypatch):
    def ask(_runner, _part):
        raise OptionError("queue", "postfix", "it is locked")

    monkeypatch.setattr(report, "_QUESTIONS", {"queue": ask})
    run(part, log)
    (path,) = (root / "reports").glob("*.json")
    assert "it is locked" in json.loads(path.read_text())["notes"][0]


def test_the_subject_is_a_template(log, part, mailbox):
    log.deliver(3)
    run(dict(part, subject="{sent} sent\r\nBcc: x@y.z"), log)
    assert b"Subject: 3 sent" in mailbox.mails[0][1] and b"\r\nBcc:" not in mailbox.mails[0][1]
    assert set(report.PLACEHOLDERS) == {"title", "host", "begin", "end", "sent", "deferred", "bounced", "rejected"}
