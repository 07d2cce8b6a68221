# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a fleet: counts add up, gaps are gaps, and who was not asked is named."""

import datetime

from ansible_collections.postmaster.mta.plugins.module_utils._report import plain
from ansible_collections.postmaster.mta.plugins.module_utils._report.figures import Period
from ansible_collections.postmaster.mta.plugins.plugin_utils import _fleet_report

UTC = datetime.timezone.utc
NOW = datetime.datetime(2026, 11, 30, 4, tzinfo=UTC)
TABLES = {
    "senders": {"anna@example.com": [3, 3000]},
    "recipients": {"bert@example.net": [3, 3000]},
    "clients": {"client=host[192.0.2.1]": [3, 3000]},
    "relays": {"relay=mx[192.0.2.2]:25": [3, 3000]},
    "delays": {"delay=0.5": 2, "delay=100": 1},
    "tls_in": {},
    "tls_out": {},
    "directions": {},
    "hours": {"2026-11-30T01+00:00": {"sent": 3, "received": 3, "deferred": 2}},
    "reasons": {"rejected": {}, "deferred": {"connection timed out": 2}, "bounced": {}},
    "bytes_received": 3000,
    "deferred_messages": 1,
    "lines": 10,
    "skipped": 0,
}
LOG = {"tables": TABLES, "read": {"begin": "2026-11-30T01:00:00Z", "end": "2026-11-30T04:00:00Z"}, "notes": []}
#: As M(postmaster.mta.history_info) returns it.
CHANGE = {"by": "anna", "module": "access", "ticket": "SPAM-7", "files": ["access_from"], "ended": "live"}


def build(log, **others):
    asked = dict({"queue": {}, "host": {}, "campaigns": {}, "history": {}}, **others)
    period = Period(NOW - datetime.timedelta(hours=4), NOW)
    return _fleet_report.build(_fleet_report.Asked(log, **asked), "Night", period, NOW, 10)


def test_two_relays_add_up():
    figures = build({"mx1": LOG, "mx2": LOG})
    assert figures.log["totals"]["sent"] == 6
    assert figures.delays[0] == 4
    assert figures.classes["deferred"][0]["name"] == "network"
    assert figures.classes["deferred"][0]["count"] == 4
    assert [slot.covered for slot in figures.slots] == [0, 2, 2, 2]


def test_who_was_not_asked_is_named_and_counts_nothing():
    figures = build({"mx1": LOG, "mx2": {"unreachable": True, "msg": "no route"}})
    assert figures.missing == {"mx2": "no route"}
    assert figures.relays == ("mx1",)
    assert figures.log["totals"]["sent"] == 3
    assert "NOT ASKED: mx2: no route" in plain.text(figures)


def test_a_log_that_begins_late_is_noted():
    late = dict(LOG, read={"begin": "2026-11-30T03:30:00Z", "end": "2026-11-30T04:00:00Z"}, notes=["a file is gone"])
    figures = build({"mx1": late})
    assert figures.notes == ("The log of mx1 begins at 2026-11-30 03:30 UTC.", "mx1: a file is gone")


def test_a_log_without_lines_is_no_quiet_night():
    figures = build({"mx1": dict(LOG, read={"lines": 0})})
    assert figures.notes == ("The log of mx1 has no line of the period.",)
    assert [slot.covered for slot in figures.slots] == [0, 0, 0, 0]


def test_certificates_have_their_days():
    certificate = {"not_after": "2026-12-10T04:00:00Z", "names": ["mx1.example.com"]}
    figures = build({"mx1": LOG}, host={"mx1": {"instances": [{"certificate": certificate}, {"certificate": None}]}})
    assert figures.certificates == ({"host": "mx1", "days": 10, "names": "mx1.example.com"},)


def test_only_changes_of_the_period_are_told():
    inside = dict(CHANGE, time="2026-11-30T02:00:00Z")
    outside = dict(CHANGE, time="2026-11-29T02:00:00Z")
    figures = build({"mx1": LOG}, history={"mx1": {"instances": [{"generations": [inside, outside]}]}})
    assert figures.changes == (
        {"time": "2026-11-30 02:00", "host": "mx1", "who": "anna", "what": "access SPAM-7 access_from live"},
    )


def test_every_form_says_the_same_number():
    figures = build({"mx1": LOG})
    for ending, form in _fleet_report.FORMS.items():
        text = form(figures)
        assert "anna@example.com" in text, ending


def test_the_log_says_null_where_it_has_no_line():
    figures = build({"mx1": dict(LOG, read={"lines": 0, "begin": None, "end": None})})
    assert figures.notes == ("The log of mx1 has no line of the period.",)
