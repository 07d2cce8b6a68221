# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was checked, for programs that read JUnit files or the line of a Nagios plugin."""

from xml.etree import ElementTree

from ansible_collections.postmaster.mta.plugins.plugin_utils import _answers, _checks, _harden
from ansible_collections.postmaster.mta.plugins.plugin_utils._checks import Check

CHECKS = [
    Check("mx1", "status"),
    Check("mx2", "status", "a message has waited | <for> \x1b[31m300 minutes"),
    Check("mx3", "status", "unreachable", unknown=True),
]


def test_a_suite_for_each_host_and_a_case_for_each_check():
    root = ElementTree.fromstring(_checks.junit("status", CHECKS))
    suites = {suite.get("name"): suite for suite in root}
    assert [(name, suite.get("failures"), suite.get("errors")) for name, suite in suites.items()] == [
        ("mx1", "0", "0"),
        ("mx2", "1", "0"),
        ("mx3", "0", "1"),
    ]
    assert "<for> ?[31m300" in suites["mx2"].find("testcase/failure").get("message")
    assert suites["mx3"].find("testcase/error").text == "unreachable"


def test_the_line_of_a_nagios_plugin():
    assert _checks.nagios("RELAYS", CHECKS[:1]) == "RELAYS OK: 1 of 1 | failed=0;;0;0;1"
    line = _checks.nagios("RELAYS", CHECKS)
    assert line.startswith("RELAYS CRITICAL: mx2: a message has waited / <for>") and line.count("|") == 1
    assert line.endswith("mx3: unreachable | failed=2;;0;0;3")
    assert _checks.nagios("RELAYS", []) == "RELAYS CRITICAL: nothing was checked | failed=0;;0;0;0"
    assert len(_checks.nagios("RELAYS", [Check("mx", "x", "long " * 1000)])) < 500


def test_the_answers_of_a_play_are_checks():
    results = {"mx1": {"instances": [], "canaries": [], "trouble": []}, "mx2": {"unreachable": True, "msg": "no route"}}
    report = _answers.report("status", results, "status")
    assert _answers.checks("status", results, report) == [
        Check("mx1", "status"),
        Check("mx2", "status", "no route", unknown=True),
    ]


def test_each_group_of_probes_is_a_check():
    failure = {"probe": "O15", "group": "relay", "trick": "percent hack", "judgement": "open", "reason": "250 Ok"}
    audit = {"groups": {"relay": {"total": 2, "good": 1}, "tls": {"total": 3, "good": 3}}, "failures": [failure]}
    relays = [
        _harden.Relay("mx1", _harden.UNFINISHED, "it was configured, but not proven", {}, "4 of 5", audit=audit),
        _harden.Relay("mx2", _harden.UNREACHABLE, "no route", {}, "-"),
        _harden.Relay("mx3", _harden.HARDENED, "", {}, "-"),
    ]
    assert _harden.checks(relays) == [
        Check("mx1", "relay", "1 of 2; O15 percent hack: open (250 Ok)"),
        Check("mx1", "tls"),
        Check("mx1", "hardened", "it was configured, but not proven"),
        Check("mx2", "hardened", "no route", unknown=True),
        Check("mx3", "hardened"),
    ]


def test_directories_are_made(tmp_path):
    _checks.write(str(tmp_path / "new" / "audit.xml"), "x")
    assert (tmp_path / "new" / "audit.xml").read_text() == "x"
