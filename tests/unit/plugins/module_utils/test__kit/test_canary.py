# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The canary: what fails is seen within two intervals, and what does not is never taken for a failure."""

import os
import re

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._kit import canary, memory, post

PART = {
    "name": "own",
    "recipient": "canary@ok.test",
    "subject": "canary",
    "template": canary.SUBJECT,
    "interval_seconds": 300,
    "timeout_seconds": 300,
    "alert": {"mail_to": ["anna@ok.test"], "after": 3, "again_seconds": 3600},
}


class Relay:
    """A relay with its log; I(mood) is what it does with a message."""

    def __init__(self, log):
        self.log = log
        self.mood = "deliver"
        self.alerts = []
        self.steady = 1000.0
        self.clock_error = 0.0

    def send(self, _where, envelope, content, timeout=60):
        if b"postmaster.mta.alert" in content:
            self.alerts.append(content)
            return
        if self.mood == "stopped":
            raise post.NotSent("127.0.0.1:25: connect: refused")
        self.last = re.search(rb"Message-ID: <([^>]+)>", content).group(1).decode()
        self.arrive(self.last)
        return "250 2.0.0 Ok: queued as 4FB7C30001"

    def arrive(self, message_id):
        if self.mood == "deliver":
            self.log.deliver(1, 1, message_id)
        elif self.mood == "defer":
            self.log.deliver(1, 1, message_id, "deferred (connect to mx[192.0.2.2]:25: Connection timed out)")
        elif self.mood == "bounce":
            self.log.deliver(1, 1, message_id, "bounced (550 5.1.1 no such user)")

    def round(self, part=None, seconds=300):
        """One interval passes, and the timer runs the job."""
        self.steady += seconds
        self.log.now += seconds
        now = canary.Instant(self.log.now + self.clock_error, self.steady, "boot-1")
        return canary.run(None, part or PART, now)


@pytest.fixture(name="relay")
def _relay(log, monkeypatch):
    relay = Relay(log)
    monkeypatch.setattr(canary.post, "send", relay.send)
    monkeypatch.setattr(canary, "_where", lambda _runner, _part: ("127.0.0.1", 25))
    return relay


def failures():
    return memory.load("canary-own")["failures"]


def test_a_message_that_arrives_is_a_success(relay):
    assert relay.round() == "sent, no round has ended yet"
    assert relay.round() == "the last message took 2.5 seconds"
    assert memory.load("canary-own")["rounds"] == 1 and failures() == 0


@pytest.mark.parametrize("rounds", [40, pytest.param(1001, marks=pytest.mark.long)])
def test_many_rounds_and_no_false_alarm(relay, rounds):
    for number in range(rounds):
        relay.clock_error = (number % 7) * 3600 - 10800
        if number % 10 == 5:
            relay.log.rotate()
        relay.round()
    remembered = memory.load("canary-own")
    assert (remembered["rounds"], remembered.get("failed", 0), relay.alerts) == (rounds - 1, 0, [])


@pytest.mark.parametrize(
    ("mood", "reason"),
    [
        ("defer", "Connection timed out"),
        ("bounce", "550 5.1.1 no such user"),
        ("stopped", "connect: refused"),
        ("swallow", "the log does not say that it arrived"),
    ],
)
def test_a_failure_is_seen_within_two_intervals(relay, mood, reason):
    for dummy in range(3):
        relay.round()
    relay.mood = mood
    relay.round()
    relay.round(seconds=299)
    relay.round(seconds=301)
    assert failures() >= 1 and reason in memory.load("canary-own")["reason"]
    relay.mood = "deliver"
    for dummy in range(3):
        relay.round()
    assert failures() == 0


def test_a_clock_that_jumps_is_no_failure(relay):
    relay.mood = "swallow"
    relay.round()
    relay.clock_error = 5 * 3600
    relay.round(seconds=1)
    assert not memory.load("canary-own").get("failures")


def test_after_a_restart_the_wall_clock_counts(relay):
    relay.mood = "swallow"
    relay.round()
    now = canary.Instant(relay.log.now + 400, 5.0, "boot-2")
    canary.run(None, PART, now)
    assert failures() == 1


def test_somebody_is_told_after_n_failures_again_after_a_while_and_at_the_end(relay):
    relay.mood = "stopped"
    for dummy in range(2):
        relay.round()
    assert relay.alerts == []
    relay.round()
    assert len(relay.alerts) == 1 and b"3 messages of the canary own have failed" in relay.alerts[0]
    for dummy in range(11):
        relay.round()
    assert len(relay.alerts) == 1
    for dummy in range(2):
        relay.round()
    assert len(relay.alerts) == 2
    relay.mood = "deliver"
    for dummy in range(3):
        relay.round()
    assert len(relay.alerts) == 3 and b"arrives again" in relay.alerts[2]


def test_without_an_alert_nobody_is_told(relay):
    relay.mood = "stopped"
    for dummy in range(10):
        relay.round({name: value for name, value in PART.items() if name != "alert"})
    assert relay.alerts == [] and failures() == 10


def test_the_subject_is_a_template():
    now = canary.Instant(1796018400.0, 1.0, "")
    assert canary.subject(PART, "mx1", 7, now) == "canary mx1 2026-11-30T06:00:00Z 7"
    hostile = dict(PART, subject="a\r\nBcc: b@c.d")
    assert "\n" not in canary.subject(hostile, "mx1", 7, now)


@pytest.mark.parametrize("value", ["a b", "mx:0", "mx:99999", "[::1", "mx:25:25", "-", ""])
def test_a_server_is_a_host_and_a_port(value):
    assert post.endpoint("o", "[::1]:2525") == ("::1", 2525)
    assert post.endpoint("o", "mx.ok.test") == ("mx.ok.test", 25)
    with pytest.raises(OptionError):
        post.endpoint("o", value)


# --- which relay has it, and why ---------------------------------------------------------------------------------------


def reason():
    return memory.load("canary-own")["reason"]


@pytest.mark.parametrize(
    ("mood", "story"),
    [
        ("defer", "mx1.a.test has it, next hop mx[192.0.2.2]:25: connect to mx[192.0.2.2]:25: Connection timed out"),
        ("bounce", "mx1.a.test gave it up, next hop mx[192.0.2.2]:25: 550 5.1.1 no such user"),
    ],
)
def test_a_failure_says_which_relay_has_it_and_why(relay, monkeypatch, mood, story):
    monkeypatch.setattr(canary.socket, "getfqdn", lambda: "mx1.a.test")
    relay.mood = mood
    for dummy in range(3):
        relay.round(seconds=301)
    assert story in reason()


def test_a_message_in_the_queue_says_what_it_waits_for(relay, monkeypatch):
    asked = []

    def waiting(options, _check_mode, _runner):
        asked.append(options["id"])
        return {"exists": True, "waits_for": "It is held."}

    monkeypatch.setattr(canary.socket, "getfqdn", lambda: "mx1.a.test")
    monkeypatch.setattr(canary.message_info, "run", waiting)
    relay.mood = "swallow"
    for dummy in range(2):
        relay.round(seconds=301)
    assert asked == ["4FB7C30001"] and reason().endswith("mx1.a.test has it in its queue as 4FB7C30001: It is held.")


def test_the_last_word_counts_where_instances_hand_on(relay):
    """An instance that hands the message to the next one has not delivered it."""
    relay.mood = "swallow"
    relay.round()
    queue_id = "4FAAAAAAAA"
    relay.log.write("cleanup[2]", f"{queue_id}: message-id=<{relay.last}>")
    relay.log.write(
        "smtp[4]",
        f"{queue_id}: to=<canary@ok.test>, relay=127.0.0.1[127.0.0.1]:10025, delay=1, dsn=2.0.0, status=sent (250 queued as 4FBB)",
    )
    relay.round(seconds=100)
    assert memory.load("canary-own").get("rounds", 0) == 0
    relay.log.deliver(1, 1, canary_of(relay, 1), "deferred (connect to mx[192.0.2.2]:25: Connection timed out)")
    relay.round(seconds=250)
    assert "Connection timed out" in reason()


def canary_of(_relay, number):
    """The Message-ID of a round that is open."""
    return next(
        round_["id"] for round_ in memory.load("canary-own")["open"] if f".canary.own.{number}." in round_["id"]
    )


# --- a mailbox to which it comes back ----------------------------------------------------------------------------------


@pytest.fixture(name="box", params=["maildir", "mbox"])
def _box(request, tmp_path):
    path = tmp_path / request.param
    if request.param == "maildir":
        for name in ("new", "cur", "tmp"):
            (path / name).mkdir(parents=True)
    else:
        path.write_text("")
    return path


def comes_back(box, message_id, written):
    text = f"From canary\nSubject: Re: canary\nIn-Reply-To: <{message_id}>\n\nback\n"
    target = box / "new" / "1" if box.is_dir() else box
    target.write_text(text)
    os.utime(str(target), (written, written))


def test_a_message_is_a_success_when_it_is_back(relay, box):
    part = dict(PART, mailbox=str(box))
    relay.round(part)
    sent = relay.log.now
    relay.round(part, seconds=60)
    assert memory.load("canary-own").get("rounds", 0) == 0, "delivered, and not back yet"
    comes_back(box, canary_of(relay, 1), sent + 42)
    assert relay.round(part, seconds=60) == "the last message took 43.0 seconds"
    assert memory.load("canary-own")["rounds"] == 1


def test_a_message_that_does_not_come_back_is_at_the_next_hop(relay, box):
    part = dict(PART, mailbox=str(box))
    for dummy in range(2):
        relay.round(part, seconds=301)
    assert "not back after 300 seconds: mx[192.0.2.2]:25 has it" in reason() and reason().endswith("250 ok")


def test_a_mailbox_that_is_not_there_is_said(relay, tmp_path):
    part = dict(PART, mailbox=str(tmp_path / "none"))
    for dummy in range(2):
        relay.round(part, seconds=301)
    assert "none: No such file or directory" in reason()
