# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The alert rules and the dashboard: Prometheus' own checker takes them, and each figure in them is one that the kit writes."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = ROOT / "extensions/monitoring/alerts.yml"
DASHBOARD = ROOT / "extensions/monitoring/grafana-dashboard.json"
SOURCE = (ROOT / "plugins/module_utils/_kit/metrics.py").read_text(encoding="utf-8")
FIGURE = re.compile(r"postmaster_([a-z_]+)")


@pytest.fixture(name="promtool", scope="module")
def _promtool() -> str:
    path = subprocess.run([ROOT / "tools/promtool.sh"], capture_output=True, text=True, check=False).stdout.strip()
    if not path:
        pytest.skip("NOT RUN: promtool is not installed, and Debian's package is not to be had")
    return path


def test_prometheus_takes_the_rules(promtool: str) -> None:
    done = subprocess.run([promtool, "check", "rules", RULES], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_the_figures(promtool: str) -> None:
    from ansible_collections.postmaster.mta.plugins.module_utils._kit import metrics
    from ansible_collections.postmaster.mta.plugins.module_utils._log.summary import Summary

    counted = list(metrics._of_the_log(metrics._counted(Summary())))
    gauge = metrics.Metric("up", "gauge", "Whether it runs.", [({"mta_instance": 'a"\n\\b'}, 1)])
    done = subprocess.run(
        [promtool, "check", "metrics"],
        input=metrics.text([*counted, gauge]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def expressions() -> dict[str, str]:
    """Return every expression of Prometheus that we ship, by what shows or watches it."""
    rules = {rule["alert"]: rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]}
    assert all(rule["annotations"]["why"] for rule in rules.values())
    panels = json.loads(DASHBOARD.read_text())["panels"]
    shown = {f"{panel['title']} {row['refId']}": row["expr"] for panel in panels for row in panel["targets"]}
    return {**{name: rule["expr"] for name, rule in rules.items()}, **shown}


@pytest.mark.parametrize(("name", "expression"), sorted(expressions().items()))
def test_each_figure_is_one_that_the_kit_writes(name: str, expression: str) -> None:
    figures = FIGURE.findall(expression)
    assert figures
    for figure in figures:
        assert f'"{figure}"' in SOURCE or f'"{figure.replace("_bucket", "")}"' in SOURCE, figure


def test_the_dashboard_s_panels_do_not_overlap() -> None:
    places = set()
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        grid = panel["gridPos"]
        cells = {
            (x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert not cells & places and grid["x"] + grid["w"] <= 24
        places |= cells
