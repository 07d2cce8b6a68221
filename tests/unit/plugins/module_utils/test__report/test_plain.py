# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text, CSV and JSON of a report: they fit, they are only text, and they say the same."""

import csv
import io
import json

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._report import plain, words
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__report import report_sample as sample


def test_the_text_fits_a_terminal():
    lines = plain.text(sample.sample("x" * 300)).splitlines()
    assert max(len(line) for line in lines) <= plain.WIDTH
    assert any(line.startswith("NOT ASKED: mx3") for line in lines)
    assert any("not in the log" in line for line in lines)


def test_what_strangers_wrote_is_only_text():
    for form in (plain.text, plain.table_csv):
        shown = form(sample.sample(sample.HOSTILE))
        assert "\x1b" not in shown
        assert "\u202e" not in shown


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1+2", "@SUM(A1)", "\t=1"])
def test_no_cell_is_a_formula(name):
    rows = list(csv.reader(io.StringIO(plain.table_csv(sample.sample(name)))))
    senders = [row for row in rows if row[0] == "senders"]
    assert len(senders) == 2
    assert all(not cell.startswith(("=", "+", "-", "@", "\t")) for row in rows for cell in row)


def test_numbers_are_numbers_for_a_spreadsheet():
    rows = list(csv.reader(io.StringIO(plain.table_csv(sample.sample()))))
    assert ["senders", "12", "34567", "anna@example.com"] in rows
    assert ["totals", "Messages received", "170", "5000000"] in rows
    assert ["delays", "95 % of deliveries within", "61.0"] in rows


def test_json_has_every_figure():
    found = json.loads(plain.as_json(sample.sample()))
    assert found["slots"][2]["counts"]["rejected"] == 41
    assert found["log"]["totals"]["sent"] == 148
    assert found["period"] == ["2026-11-29T22:00:00+00:00", "2026-11-30T04:00:00+00:00"]


def test_an_empty_report_says_so():
    empty = sample.sample(campaigns=(), changes=(), classes={}, queue={})
    shown = plain.text(empty)
    assert "None was noticed." in shown
    assert "Nothing was changed." in shown
    assert "The queues were not asked." in shown


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "-"), (0.42, "0.42 s"), (61, "1 min 1 s"), (3600, "1 h"), (90061, "1 d 1 h")]
)
def test_a_span_has_two_units_at_most(seconds, text):
    assert words.span(seconds) == text


@pytest.mark.parametrize(("octets", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 kB"), (34567, "34 kB")])
def test_a_size_has_a_unit(octets, text):
    assert words.size(octets) == text
