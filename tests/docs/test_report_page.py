# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of a report in a real browser: on a phone and on a screen, light and dark, nothing but what it has itself."""

from __future__ import annotations

import os
import pathlib
import shutil
import typing as t

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._report import page
from ansible_collections.postmaster.mta.tests.docs.chromium import Browser
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__report import report_sample

WIDTHS = [360, 1440]
#: Write the pictures of the documentation here.
PICTURES = os.environ.get("REPORT_PICTURES", "")
BARS = """[...document.querySelectorAll('svg[role=img]')].map(plot => ({
  key: plot.id, bars: [...plot.querySelectorAll('[data-value]')].map(bar => {
    const box = bar.getBoundingClientRect();
    return {value: bar.dataset.value, height: box.height, left: box.left, right: box.right};
  }), left: plot.getBoundingClientRect().left, right: plot.getBoundingClientRect().right,
  words: [...plot.querySelectorAll('text')].map(text => {
    const box = text.getBoundingClientRect();
    return {text: text.textContent, width: box.width, height: box.height, left: box.left, right: box.right};
  })}))"""


@pytest.fixture(name="browser", scope="module")
def _browser(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not program:
        pytest.skip("NOT RUN: no Chromium on this machine")
    browser = Browser(program, tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(name="report", scope="module")
def _report(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(page.page(report_sample.sample(report_sample.HOSTILE)), encoding="utf-8")
    return path


@pytest.mark.parametrize("width", WIDTHS)
def test_it_asks_for_nothing_and_complains_of_nothing(browser: Browser, report: pathlib.Path, width: int) -> None:
    browser.open(report, width)
    assert browser.evaluate("document.title") == "Mail of the night"
    assert browser.requests() == [report.as_uri()]
    assert browser.complaints() == []
    assert browser.evaluate("document.scripts.length") == 0


@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_the_screen(browser: Browser, report: pathlib.Path, width: int) -> None:
    browser.open(report, width)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_bars_are_as_high_as_their_numbers(browser: Browser, report: pathlib.Path, width: int) -> None:
    browser.open(report, width)
    plots = browser.evaluate(BARS)
    assert [plot["key"] for plot in plots] == ["plot-traffic", "plot-delay", "plot-age"]
    for plot in plots:
        bars = [column for column in plot["bars"] if column["value"] != "gap"]
        highest = max(bars, key=lambda column: int(column["value"]))
        for column in bars:
            share = int(column["value"]) / int(highest["value"])
            assert column["height"] == pytest.approx(highest["height"] * share, abs=1.5)
            assert plot["left"] <= column["left"] < column["right"] <= plot["right"] + 1


@pytest.mark.parametrize("width", WIDTHS)
def test_axes_have_words_that_can_be_read(browser: Browser, report: pathlib.Path, width: int) -> None:
    browser.open(report, width)
    for plot in browser.evaluate(BARS):
        assert len(plot["words"]) >= 7
        assert {"deliveries", "recipients"} & {word["text"] for word in plot["words"]}
        for word in plot["words"]:
            assert word["width"] > 0 and word["height"] >= 8, word
            assert plot["left"] - 2 <= word["left"] and word["right"] <= plot["right"] + 2, word


@pytest.mark.parametrize("dark", [False, True])
def test_ink_and_paper_differ_in_light_and_dark(browser: Browser, report: pathlib.Path, dark: bool) -> None:
    browser.open(report, 1440, dark)
    ink, paper = (
        sum(int(part) for part in browser.evaluate(f"getComputedStyle(document.body).{name}")[4:-1].split(","))
        for name in ("color", "backgroundColor")
    )
    assert (ink > paper) == dark and abs(ink - paper) > 500


@pytest.mark.skipif(not PICTURES, reason="only where pictures are asked for (REPORT_PICTURES)")
@pytest.mark.parametrize("width", WIDTHS)
def test_pictures_for_the_documentation(browser: Browser, tmp_path: pathlib.Path, width: int) -> None:
    path = tmp_path / "report.html"
    path.write_text(page.page(report_sample.sample()), encoding="utf-8")
    browser.open(path, width)
    pathlib.Path(PICTURES, f"report-{width}.png").write_bytes(browser.picture())
