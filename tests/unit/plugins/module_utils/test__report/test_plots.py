# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pictures of a report: well formed, readable by programs, with gaps where nothing is known."""

from xml.etree import ElementTree

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._report import plots

CHART = plots.Chart(
    "hours", "Mail <by> hour", "messages", ("00", "01", "02"), (plots.Series("sent", (3, 0, 1)), plots.Series("bounced", (1, 0, 0))),
    (False, True, False),
)  # fmt: skip


def test_every_value_can_be_read_from_the_picture():
    root = ElementTree.fromstring(plots.svg(CHART))
    values = [bar.get("data-value") for bar in root.iter("rect") if bar.get("data-value")]
    assert values == ["3", "1", "gap", "1"]
    assert root.get("aria-label") == "Mail <by> hour"
    assert "01: not in the log" in [title.text for title in root.iter("title")]


def test_an_empty_chart_is_drawn():
    empty = plots.Chart("x", "Nothing", "messages", (), ())
    assert ElementTree.fromstring(plots.svg(empty)).get("role") == "img"


def test_the_legend_names_each_series_and_the_gap():
    legend = plots.legend(CHART)
    assert legend.count("<li>") == 3
    assert "not in the log" in legend and "not in the log" not in plots.legend(CHART._replace(gaps=()))


@pytest.mark.parametrize("value, top", [(0, 4), (4, 4), (5, 8), (9, 20), (21, 40), (999, 2000)])
def test_the_axis_ends_at_a_round_number(value, top):
    assert plots._round_up(value) == top
