# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a job runs."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._kit import schedule
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.scripted_runner import ScriptedRunner


@pytest.mark.parametrize("text", ["hourly", "*-*-* 06:30", "Mon..Fri *-*-* 08:00:00 Europe/Berlin", "*:0/5"])
def test_a_calendar_expression_stands_in_the_timer(text):
    assert f"OnCalendar={text}" in schedule.timer_lines(schedule.calendar("o", text))


@pytest.mark.parametrize("text", ["hourly\nOnBootSec=1", "", "%i", "$(id)", "a" * 200])
def test_what_is_no_calendar_expression_is_refused(text):
    with pytest.raises(OptionError, match="expected a calendar expression"):
        schedule.calendar("o", text)


@pytest.mark.parametrize("text", ["5s", "8d", "soon"])
def test_an_interval_has_bounds(text):
    with pytest.raises(OptionError, match="^o: "):
        schedule.interval("o", text)


def test_an_interval_is_measured_by_a_clock_that_nobody_sets():
    lines = schedule.timer_lines(schedule.interval("o", "5m"))
    assert lines[:2] == ("OnBootSec=300s", "OnUnitActiveSec=300s")


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("hourly", "0 * * * *"),
        ("daily", "0 0 * * *"),
        ("*-*-* 06:30", "30 6 * * *"),
        ("00:05", "5 0 * * *"),
        ("*:0/15", "*/15 * * * *"),
    ],
)
def test_cron_says_the_same(text, fields):
    assert schedule.cron_fields("o", schedule.calendar("o", text)) == fields


@pytest.mark.parametrize(("text", "fields"), [("5m", "*/5 * * * *"), ("1h", "0 */1 * * *"), ("6h", "0 */6 * * *")])
def test_cron_knows_intervals_that_divide_an_hour_or_a_day(text, fields):
    assert schedule.cron_fields("o", schedule.interval("o", text)) == fields


@pytest.mark.parametrize(
    "when", [schedule.Schedule("Mon..Fri 08:00"), schedule.Schedule("", 90), schedule.Schedule("", 420)]
)
def test_what_cron_cannot_say_is_refused(when):
    with pytest.raises(OptionError, match="cron, not systemd, runs here"):
        schedule.cron_fields("o", when)


def test_systemd_is_asked_whether_it_knows_the_expression():
    command = ("systemd-analyze", "calendar", "tomorrowly")
    runner = ScriptedRunner({command: Result(command, 1, "", "Failed to parse\nInvalid argument")}, ["systemd-analyze"])
    with pytest.raises(OptionError, match="tomorrowly: Invalid argument"):
        schedule.check(runner, "o", schedule.calendar("o", "tomorrowly"))
