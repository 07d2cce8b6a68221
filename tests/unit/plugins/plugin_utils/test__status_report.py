# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the relays of a fleet are, in one table."""

import pathlib
import textwrap

from ansible_collections.postmaster.mta.plugins.plugin_utils import _answers

ROOT = pathlib.Path(__file__).resolve().parents[4]

INSTANCE = {
    "name": "postfix",
    "mta": "postfix",
    "running": True,
    "version": "3.10.5",
    "queue": {"messages": 12, "oldest": 7500, "counts": {"deferred": 11, "active": 1}},
    "certificate": {"days": 40, "fits": True},
    "disk": {"free": 55},
    "drift": 0,
    "change": {"time": "2026-11-30T11:41:02Z", "module": "access"},
    "blocks": {"soon": ["from spam.example (2026-12-01)"]},
}
RESULT = {"instances": [INSTANCE], "canaries": [{"trouble": "", "seconds": 2.0}], "trouble": []}


def words(results):
    return " ".join(" ".join(_answers.report("status", results, "status").lines).split())


def test_a_relay_is_one_row():
    assert "mx1 up postfix 3.10.5 12 2 h 5 min 40 d 55 % 0 11-30 11:41 access 1 2 s" in words({"mx1": RESULT})
    assert "from spam.example (2026-12-01)" in words({"mx1": RESULT})


def test_the_screen_of_the_guide_is_what_is_printed(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    down = dict(
        INSTANCE,
        mta="sendmail",
        version="8.18.1",
        running=False,
        queue={"messages": 0, "oldest": 0, "counts": {}},
        disk={"free": 61},
        change={"time": "2026-11-29T08:10:40Z", "module": "relay"},
        blocks={"soon": []},
    )
    canary = {"trouble": "outside: not delivered in time", "seconds": None}
    trouble = ["sendmail does not run", canary["trouble"]]
    results = {"mx1": RESULT, "mx2": {"instances": [down], "canaries": [canary], "trouble": trouble}}
    lines = [line.rstrip() for line in _answers.report("status", results, "status").lines]
    page = (ROOT / "docs/docsite/rst/unattended.rst").read_text(encoding="utf-8")
    screen = "\n".join(lines).strip("\n")
    assert textwrap.indent(screen, "   ") in page, screen


def test_trouble_is_named_and_fails_the_run():
    down = dict(RESULT, instances=[dict(INSTANCE, running=False)], trouble=["postfix does not run"])
    report = _answers.report("status", {"mx1": RESULT, "mx2": down}, "status")
    assert report.wrong == {"mx2": "postfix does not run"}
    assert "mx2 DOWN" in words({"mx1": RESULT, "mx2": down})


def test_what_could_not_be_read_is_a_dash():
    nothing = dict.fromkeys(("queue", "certificate", "disk", "drift", "change", "blocks"))
    blind = {"instances": [dict(INSTANCE, **nothing)], "canaries": [], "trouble": ["postfix: queue could not be read"]}
    assert "mx1 up postfix 3.10.5 - - - - - - - -" in words({"mx1": blind})
    figures = _answers.report("status", {"mx1": blind}, "status").figures["mx1"]
    assert [figures[name] for name in ("waiting", "deferred", "oldest", "drift")] == [None] * 4


def test_two_instances_are_added_up():
    two = dict(RESULT, instances=[INSTANCE, dict(INSTANCE, running=False, certificate={"days": 3, "fits": False})])
    assert "mx1 1/2 up postfix 3.10.5 24" in words({"mx1": two})
    assert "3 d, other name" in words({"mx1": two})


def test_the_figures_are_there_for_programs():
    figures = _answers.report("status", {"mx1": RESULT}, "status").figures["mx1"]
    assert (figures["waiting"], figures["deferred"], figures["oldest"], figures["drift"]) == (12, 11, 7500, 0)


def test_who_was_not_asked_makes_the_run_fail():
    report = _answers.report("status", {"mx1": RESULT, "mx2": {"unreachable": True, "msg": "no route"}}, "status")
    assert report.wrong == {"mx2": "no route"} and list(report.figures) == ["mx1"]
