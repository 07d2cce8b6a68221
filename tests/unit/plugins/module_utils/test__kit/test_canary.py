# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The canary: what fails is seen within two intervals, and what does not is never taken for a failure."""

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


def test_many_rounds_and_no_false_alarm(relay):
    for number in range(40):
        relay.clock_error = (number % 7) * 3600 - 10800
        if number % 10 == 5:
            relay.log.rotate()
        relay.round()
    remembered = memory.load("canary-own")
    assert (remembered["rounds"], remembered.get("failed", 0), relay.alerts) == (39, 0, [])


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
