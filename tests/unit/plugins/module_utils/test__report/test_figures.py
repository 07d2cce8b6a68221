# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The figures of a report: every hour is there, and what no log covers is a gap."""

import datetime

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._report import figures
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__report import report_sample as sample


def test_every_hour_of_the_period_is_there():
    slots = sample.sample().slots
    assert [slot.label for slot in slots] == [
        "2026-11-29 22:00",
        "2026-11-29 23:00",
        "2026-11-30 00:00",
        "2026-11-30 01:00",
        "2026-11-30 02:00",
        "2026-11-30 03:00",
    ]
    assert [slot.covered for slot in slots] == [0, 1, 1, 2, 2, 2]
    assert [slot.counts["sent"] for slot in slots] == [0, 38, 100, 0, 10, 0]


def test_an_hour_that_is_covered_in_part_is_not_covered():
    begin = datetime.datetime(2026, 11, 30, 5, tzinfo=sample.UTC)
    period = figures.Period(begin, begin + datetime.timedelta(hours=1))
    late = figures.Period(begin + datetime.timedelta(minutes=70), period.end)
    assert figures.slots([], period, [late])[0].covered == 0


def test_a_long_period_is_drawn_by_day_across_new_year():
    begin = datetime.datetime(2026, 12, 28, tzinfo=sample.UTC)
    period = figures.Period(begin, begin + datetime.timedelta(days=8))
    slots = figures.slots([{"hour": "2027-01-01T00+00:00", "sent": 3}], period, [period])
    assert [slot.label for slot in slots][3:5] == ["2026-12-31", "2027-01-01"]
    assert sum(slot.counts["sent"] for slot in slots) == 3
    assert len(slots) == 8


def test_a_delay_on_the_limit_belongs_to_the_class_below():
    assert figures.delay_classes({1.0: 2, 1.01: 3, 86400.0: 4, 86401.0: 5}) == (2, 3, 0, 0, 0, 0, 0, 0, 4, 5)


@pytest.mark.parametrize("text", ["2026-11-30T07:00:00Z", "2026-11-30T08:00:00+01:00", "2026-11-30T07+00:00"])
def test_a_time_is_read_in_utc(text):
    assert figures.time_of(text) == datetime.datetime(2026, 11, 30, 7, tzinfo=sample.UTC)


def test_what_is_no_time_is_refused():
    with pytest.raises(ValueError, match="unknown: not a time"):
        figures.time_of("unknown")
