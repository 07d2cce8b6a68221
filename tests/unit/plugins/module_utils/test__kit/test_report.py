# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a relay about itself: nothing twice, nothing lost, whatever kills a run."""

import json
import os
import random
import time

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._kit import memory, post, report
from ansible_collections.postmaster.mta.tests.unit import share

#: The last hour of a year. The stamps of a traditional log have no year.
NEW_YEAR_S_EVE = 1798757000.0


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


class Mortal:
    """Kills a run before or after one of its steps."""

    def __init__(self):
        self.steps_left = 0

    def __call__(self, function):
        def run(*arguments, **named):
            self._step()
            result = function(*arguments, **named)
            self._step()
            return result

        return run

    def _step(self):
        self.steps_left -= 1
        if self.steps_left == 0:
            raise Killed


@pytest.fixture(name="mortal")
def _mortal(log, mailbox, monkeypatch):
    """Runs that can be killed, and a traditional log that goes on into the next year and is rotated again and again."""
    mortal = Mortal()
    for place, name in ((memory, "save"), (report, "_write_files"), (report.post, "send")):
        monkeypatch.setattr(place, name, mortal(getattr(place, name)))

    def write(tag, text):
        stamp = time.strftime("%b %d %H:%M:%S", time.localtime(log.now)).replace(" 0", "  ", 1)
        with log.path.open("a") as stream:
            stream.write(f"{stamp} mx1 postfix/{tag}: {text}\n")
        os.utime(str(log.path), (log.now, log.now))

    def rotate():
        for number in range(9, 0, -1):
            older = log.path.with_name(f"{log.path.name}.{number}")
            if older.exists():
                older.rename(log.path.with_name(f"{log.path.name}.{number + 1}"))
        log.path.rename(log.path.with_name(f"{log.path.name}.1"))
        log.path.write_text("")
        os.utime(str(log.path), (log.now, log.now))

    monkeypatch.setattr(log, "write", write)
    monkeypatch.setattr(log, "rotate", rotate)
    log.now = NEW_YEAR_S_EVE
    return mortal


@pytest.mark.parametrize("seed", range(103 if share.WHOLE else 3))
def test_nothing_twice_and_nothing_lost_whatever_happens(root, log, part, mailbox, mortal, seed):
    some = random.Random(seed)
    part.update(keep=1000, formats=["json"])
    # From here on: what an older file holds is before the time of the first report.
    run(part, log)
    delivered = 0
    for dummy in range(12):
        number = some.randrange(4)
        log.deliver(number, seconds=97)
        delivered += number
        if some.random() < 0.25:
            log.rotate()
        # So many steps has a run that finishes another one: most are killed somewhere, some go through.
        mortal.steps_left = some.randrange(1, 24)
        try:
            run(part, log, later=some.randrange(1, 900))
        except Killed:
            pass
    mortal.steps_left = 0
    run(part, log)
    run(part, log)
    ids = [content.split(b"Message-ID: ")[1].split(b"\r\n")[0] for _envelope, content in mailbox.mails]
    assert sum(sent(part, root)) == delivered
    assert len(ids) == len(set(ids)) == len(sent(part, root))
