# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of a report: well formed, complete, and nothing in it but text."""

import html.parser
import re

from ansible_collections.postmaster.mta.plugins.module_utils._report import page, plots
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__report import report_sample as sample

VOID = {"meta", "rect", "line", "path", "circle"}


class Outline(html.parser.HTMLParser):
    """Collects the elements, and sees that each is closed in order."""

    def __init__(self):
        super().__init__()
        self.open, self.names, self.values = [], [], []

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.values += [value for name, value in attrs if name == "data-value"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.names.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


def outline(text):
    parser = Outline()
    parser.feed(text.replace("<!DOCTYPE html>", ""))
    assert parser.open == []
    return parser


def test_the_page_is_well_formed_and_asks_for_nothing():
    text = page.page(sample.sample())
    found = outline(text)
    assert not {"script", "link", "img", "iframe"} & set(found.names)
    assert not re.search(r"(?:src|href)=|url\((?!#)|@import", text)


def test_the_pictures_have_the_values_of_the_data():
    values = outline(page.page(sample.sample())).values
    assert [value for value in values if value == "gap"] == ["gap"]
    numbers = sorted(int(value) for value in values if value != "gap")
    assert numbers == sorted([38, 5, 100, 30, 7, 41, 10, 100, 30, 10, 7, 1, 1, 2])


def test_what_strangers_wrote_is_only_text():
    text = page.page(sample.sample(sample.HOSTILE))
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    outline(text)


def test_what_is_missing_is_said_first():
    text = page.page(sample.sample())
    assert "mx3 could not be asked" in text
    assert text.index("mx3 could not be asked") < text.index('id="totals"')


def test_an_axis_reads_well():
    for value, top in ((0, 4), (4, 4), (5, 8), (9, 20), (21, 40), (1001, 2000)):
        assert plots._round_up(value) == top


def test_no_data_is_no_division_by_zero():
    empty = plots.Chart("x", "Empty", "things", [], [plots.Series("a", [])])
    assert plots.svg(empty).endswith("</svg>")
