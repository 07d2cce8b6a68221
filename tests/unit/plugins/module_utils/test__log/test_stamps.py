# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import calendar
import time

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._log.stamps import Clock, seconds_of


@pytest.fixture(params=["UTC", "Europe/Berlin", "Asia/Kolkata"])
def zone(request, monkeypatch):
    """The host's time zone."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


def at(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%d %H:%M:%S"))


@pytest.mark.parametrize(
    "head, text",
    [
        (b"2026-11-22T07:39:25.366832+00:00 relay1 a[1]", "2026-11-22T07:39:25.366832+00:00"),
        (b"2026-11-22T07:39:25+0100 relay1 a[1]", "2026-11-22T07:39:25+01:00"),
        (b"2026-11-22T07:39:25Z relay1 a[1]", "2026-11-22T07:39:25+00:00"),
        (b"2026-11-22T07:39:25.123-05:30 relay1 a[1]", "2026-11-22T07:39:25.123-05:30"),
    ],
)
def test_rfc_3339_stamps_stay_what_they_are(head, text):
    assert Clock(0).text(head) == text


@pytest.mark.parametrize(
    "zone, text", [("UTC", "+00:00"), ("Europe/Berlin", "+01:00"), ("Asia/Kolkata", "+05:30")], indirect=["zone"]
)
def test_a_traditional_stamp_is_in_the_zone_of_the_host(zone, text):
    clock = Clock(at("2026-11-23 12:00:00"))
    assert clock.text(b"Nov 22 07:39:25 relay1 a[1]") == "2026-11-22T07:39:25" + text
    assert clock.text(b"Nov  2 07:39:25 relay1 a[1]") == "2026-11-02T07:39:25" + text


@pytest.mark.parametrize("zone", ["UTC"], indirect=True)
@pytest.mark.parametrize(
    "last, head, year",
    [
        ("2027-01-02 00:00:00", b"Dec 31 23:59:59 r", "2026"),
        ("2027-01-02 00:00:00", b"Jan  1 00:00:00 r", "2027"),
        ("2026-12-31 23:59:59", b"Jan  1 00:30:00 r", "2027"),  # the clock of the writer ran ahead of the file's time
        ("2026-12-31 23:59:59", b"Jan  2 00:30:00 r", "2026"),
        ("2026-03-01 00:00:00", b"Feb 29 12:00:00 r", "2024"),
    ],
)
def test_the_year_is_the_one_before_the_end_of_the_file(zone, last, head, year):
    assert Clock(at(last)).text(head)[:4] == year


def test_both_styles_are_the_same_moment(zone):
    clock = Clock(at("2026-11-23 12:00:00"))
    text = clock.text(b"Nov 22 07:39:25 relay1 a[1]")
    assert clock.epoch(b"Nov 22 07:39:25 relay1 a[1]") == clock.epoch(text.encode() + b" relay1 a[1]")
    assert Clock(0).epoch(b"2026-11-22T07:39:25.5+01:00 r") == at("2026-11-22 06:39:25") + 0.5
    assert Clock(0).epoch(b"2026-11-22T07:39:25Z r") == at("2026-11-22 07:39:25")


@pytest.mark.parametrize(
    "head",
    [
        b"2026-11-22 07:39:25 r",
        b"2026-11-22T07:39:25+1 r",
        b"Foo 22 07:39:25 r",
        b"Nov 32 07:39:25 r",
        b"Nov 22 07:39:2x r",
        b"Nov 22",
        b"2026",
    ],
)
def test_what_is_no_time_stamp_is_an_error(head):
    with pytest.raises(ValueError):
        Clock(0).text(head)


def test_the_memory_for_minutes_is_bounded():
    clock = Clock(0)
    for number in range(45000):
        clock.epoch(
            b"2026-%02d-%02dT%02d:%02d:00Z r"
            % (number // 40320 + 1, number // 1440 % 28 + 1, number // 60 % 24, number % 60)
        )
    assert len(clock._minutes) <= 20001


@pytest.mark.parametrize(
    "text, seconds", [("0.25", 0.25), ("29", 29), ("00:00:01", 1), ("4+00:00:01", 345601), ("01:02:03", 3723)]
)
def test_delays_of_both_mtas(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "x", "1:2", "+1:2:3x"])
def test_what_is_no_delay(text):
    with pytest.raises(ValueError):
        seconds_of(text)
