# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of _verdict.py: what a postmaster reads."""

from __future__ import annotations

from ansible_collections.postmaster.mta.plugins.module_utils._diagnosis.verdict import Case, FleetVerdict
from ansible_collections.postmaster.mta.plugins.module_utils._model.finding import ERROR, NOTICE, Finding
from ansible_collections.postmaster.mta.plugins.plugin_utils import _verdict

REPORT = {
    "route": {"mta": "postfix", "transport": "smtp", "nexthop": "ok.test"},
    "names": {"mail_exchangers": [{"name": "mx1.ok.test", "libc": ["10.25.0.51"]}]},
    "talk": [{"host": "mx1.ok.test", "last": "250 2.1.5 Ok"}],
    "queue": {"messages": 2},
    "seconds": 1.25,
}
STALE = Case(
    Finding("stale_address", ERROR, "mx", "nscd serves an old address", ("one", "two"), "ansible a -m x"), ("a",)
)


def shown(*cases, asked=("a", "b"), missing=None, unchecked=None):
    verdict = FleetVerdict("ok.test", cases, asked, missing or {}, unchecked or {})
    return _verdict.lines(verdict, {host: REPORT for host in asked})


def test_nothing_is_wrong_and_what_was_checked():
    lines = shown()
    assert lines[0] == "VERDICT for ok.test: nothing is wrong on 2 relays (a, b)"
    assert "  name service, route, next hop, greeting, host, queue" in lines
    assert any(
        line.startswith("  a: postfix sends it by smtp to ok.test; MX mx1.ok.test (10.25.0.51)") for line in lines
    )


def test_the_verdict_stands_first_with_hosts_evidence_and_remedy():
    lines = shown(STALE)
    assert lines[0] == "VERDICT for ok.test: nscd serves an old address"
    assert lines[1:5] == ["    on a (not on b)", "    observed: one", "    observed: two", "    fix: ansible a -m x"]


def test_what_else_is_wrong_and_what_is_only_worth_knowing():
    second = Case(Finding("slow", ERROR, "x", "it is slow"), ("a", "b"))
    notice = Case(Finding("changed", NOTICE, "x", "it was changed", ("1", "2", "3")), ("a",))
    lines = shown(STALE, second, notice)
    assert (
        lines.index("ALSO WRONG")
        < lines.index("  - it is slow")
        < lines.index("WORTH KNOWING")
        < lines.index("  - it was changed")
    )
    assert "    on every relay: a, b" in lines
    assert "    observed: 3" not in lines


def test_a_command_is_never_broken():
    remedy = "ansible " + ",".join(f"relay{number}" for number in range(60)) + " -m x"
    case = STALE._replace(finding=STALE.finding._replace(remedy=remedy))
    assert f"    fix: {remedy}" in shown(case)
    assert all(len(line) <= 100 for line in shown(case) if "fix: " not in line)


def test_what_could_not_be_checked_is_said():
    lines = shown(missing={"c": "unreachable"}, unchecked={"names: no dnspython": ("b",)})
    assert "see below" in " ".join(" ".join(lines[:2]).split())
    assert "  not checked on b: names: no dnspython" in lines
    assert "  not asked: c: unreachable" in lines


def test_nobody_could_be_asked():
    assert shown(asked=(), missing={"a": "unreachable"})[0] == "VERDICT for ok.test: nobody could be asked"
