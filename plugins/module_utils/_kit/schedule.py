# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a job of the kit runs: a calendar expression of systemd, or an interval; and the same for cron.

Private to the collection: it can change at any time.
"""

import re
import typing as t

from .._errors import OptionError
from .._model import kinds
from .._runner import Runner

_CALENDAR = re.compile(r"[A-Za-z0-9 ,:*/.~+_-]{1,100}\Z")
_CLOCK = re.compile(r"(?:\*-\*-\* )?([01]?[0-9]|2[0-3]):([0-5][0-9])(?::00)?\Z")
_MINUTES = re.compile(r"\*:0{1,2}/([1-9][0-9]?)\Z")
_CRON_WORDS = {
    "minutely": "* * * * *",
    "hourly": "0 * * * *",
    "daily": "0 0 * * *",
    "weekly": "0 0 * * 1",
    "monthly": "0 0 1 * *",
}
SHORTEST, LONGEST = 10, 7 * 86400


class Schedule(t.NamedTuple):
    """When a job runs: I(calendar), or every I(seconds) where that is 0 no more."""

    calendar: str = ""
    seconds: int = 0


def calendar(option: str, value: str) -> Schedule:
    """Return the schedule of a calendar expression, as systemd.time(7) describes it.

    :raises OptionError: it holds what no calendar expression does.
    """
    text = value.strip()
    if not _CALENDAR.match(text):
        raise OptionError(option, value, "expected a calendar expression of systemd, like hourly or *-*-* 06:30")
    return Schedule(calendar=text)


def interval(option: str, value: str) -> Schedule:
    """Return the schedule of a duration such as C(5m).

    :raises OptionError: no duration, or one that is too short or too long.
    """
    try:
        seconds = kinds.duration(value)
    except ValueError as problem:
        raise OptionError(option, value, str(problem))
    if not SHORTEST <= seconds <= LONGEST:
        raise OptionError(option, value, "from 10 seconds to 7 days")
    return Schedule(seconds=seconds)


def check(runner: Runner, option: str, schedule: Schedule) -> None:
    """Ask systemd whether it knows a calendar expression.

    :raises OptionError: it does not.
    """
    if schedule.calendar and runner.which("systemd-analyze"):
        answer = runner.run(["systemd-analyze", "calendar", schedule.calendar], check=False)
        if answer.rc:
            reason = (answer.err or answer.out).strip().splitlines() or ["systemd does not know it"]
            raise OptionError(option, schedule.calendar, reason[-1])


def timer_lines(schedule: Schedule) -> t.Tuple[str, ...]:
    """Return the lines of the section Timer. An interval is measured by a clock that nobody can set."""
    if schedule.calendar:
        return f"OnCalendar={schedule.calendar}", "AccuracySec=30s", "Persistent=true"
    return f"OnBootSec={schedule.seconds}s", f"OnUnitActiveSec={schedule.seconds}s", "AccuracySec=1s"


def cron_fields(option: str, schedule: Schedule) -> str:
    """Return the five fields of a line of cron.

    :raises OptionError: cron cannot say it.
    """
    fields = _every(schedule.seconds) or _CRON_WORDS.get(schedule.calendar) or _at(schedule.calendar)
    if not fields:
        known = "hourly, daily, weekly, monthly, HH:MM, *:0/MINUTES, or minutes that divide an hour"
        raise OptionError(option, schedule.calendar or f"{schedule.seconds}s", f"cron, not systemd, runs here: {known}")
    return fields


def _every(seconds: int) -> str:
    minutes = seconds // 60
    if seconds % 60 or not minutes:
        return ""
    if minutes < 60 and 60 % minutes == 0:
        return f"*/{minutes} * * * *"
    hours = minutes // 60
    if minutes % 60 or 24 % hours:
        return ""
    return f"0 */{hours} * * *"


def _at(expression: str) -> str:
    clock, minutes = _CLOCK.match(expression), _MINUTES.match(expression)
    if clock:
        return f"{int(clock.group(2))} {int(clock.group(1))} * * *"
    if minutes and 60 % int(minutes.group(1)) == 0:
        return f"*/{minutes.group(1)} * * * *"
    return ""


__all__ = ("Schedule", "calendar", "check", "cron_fields", "interval", "timer_lines")
