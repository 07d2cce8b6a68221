# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kit does, as options and as its own file."""

import json

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._kit import places, settings

EXPIRY = {"state": "present", "on_calendar": "daily", "instance": "all"}


def test_a_part_that_is_left_out_stays():
    live = settings.merged({}, {"expiry": EXPIRY})
    assert settings.merged(live, {"expiry": None}) == live == {"expiry": {"on_calendar": "daily", "instance": "all"}}


def test_a_part_can_go():
    assert settings.merged({"expiry": {"on_calendar": "daily"}}, {"expiry": dict(EXPIRY, state="absent")}) == {}


def test_each_part_becomes_a_job():
    (job,) = settings.jobs(settings.merged({}, {"expiry": EXPIRY}))
    assert (job.name, job.arguments, job.schedule.calendar) == ("expiry", ("expiry",), "daily")


def test_what_is_written_is_read(root):
    wanted = settings.merged({}, {"expiry": EXPIRY})
    (root / "kit").mkdir()
    (root / "kit" / "kit.json").write_bytes(settings.content(wanted))
    assert settings.load() == wanted
    assert json.loads(settings.content(wanted))["version"] == places.VERSION


REPORT = {
    "name": "hourly",
    "on_calendar": "hourly",
    "mail_to": ["anna@ok.test"],
    "formats": ["html"],
    "keep": 100,
    "title": "Mail report",
    "top": 10,
    "instance": "all",
}


def test_each_report_is_a_job_of_its_own():
    wanted = settings.merged({}, {"reports": [REPORT, dict(REPORT, name="daily", on_calendar="daily")]})
    assert [(job.name, job.arguments) for job in settings.jobs(wanted)] == [
        ("report-hourly", ("report", "hourly")),
        ("report-daily", ("report", "daily")),
    ]


def test_an_empty_list_removes_the_reports():
    assert settings.jobs(settings.merged({"reports": [REPORT]}, {"reports": []})) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mail_to": None}, "expected mail_to, directory or both"),
        ({"mail_to": ["nobody"]}, r"reports\[0\].mail_to"),
        ({"mail_from": "a@b\nX: y"}, r"reports\[0\].mail_from"),
        ({"subject": "{nosuch}"}, "{nosuch} is not known"),
        ({"keep": 0}, "1 or more"),
        ({"internal": {"networks": ["nonsense"]}}, "nonsense"),
        ({"name": "a/b"}, "small letters"),
    ],
)
def test_a_report_that_makes_no_sense_is_refused(change, message):
    with pytest.raises(OptionError, match=message):
        settings.jobs({"reports": [dict(REPORT, **change)]})


def test_two_reports_of_one_name_are_refused():
    with pytest.raises(OptionError, match="two parts have this name"):
        settings.jobs({"reports": [REPORT, REPORT]})


@pytest.mark.parametrize("name", ["", "A", "a/b", "../x", "a b", "-a", "x" * 50, "a\n"])
def test_a_name_is_fit_for_a_unit_and_a_file(name):
    with pytest.raises(OptionError, match="small letters"):
        settings.name_of("o", name)
