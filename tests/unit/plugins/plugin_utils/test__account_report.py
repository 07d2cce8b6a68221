# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account of a fleet as a person reads it."""

import pytest

pytest.importorskip("ansible.utils.display", reason="a controller is needed")

from ansible_collections.postmaster.mta.plugins.plugin_utils import _answers  # noqa: E402

GENERATION = {
    "number": 17,
    "time": "2026-11-30T08:20:00Z",
    "module": "relay",
    "by": "anna",
    "ticket": "T-7",
    "files": ["main.cf"],
    "ended": "rolled back",
    "reason": "no greeting",
}
DRIFT = {
    "file": "/etc/postfix/main.cf",
    "setting": "relayhost",
    "written": None,
    "live": "[hand.example]",
    "since": "2026-11-30T08:20:00Z",
}


def shown(kind, **results):
    report = _answers.report(kind, results, kind)
    return "\n".join(report.lines), report.wrong


def test_a_generation_is_a_row_and_its_reason_stands_below():
    text, wrong = shown("history", mx1={"instances": [{"name": "postfix", "generations": [GENERATION]}]})
    assert not wrong and "no greeting" in text
    assert text.splitlines()[1].split()[:7] == ["mx1", "postfix", "17", "2026-11-30", "08:20:00", "relay", "anna"]


def test_no_account_is_a_sentence():
    assert shown("history", mx1={"instances": []}) == ("No relay has an account of a change yet.", {})


def test_what_differs_is_a_row_and_a_failure():
    text, wrong = shown("drift", mx1={"instances": [{"drift": [DRIFT]}]}, mx2={"instances": [{"drift": []}]})
    assert "relayhost" in text and "(not set)" in text and "[hand.example]" in text
    assert wrong == {"mx1": "it was changed since"}


def test_no_drift_is_a_sentence():
    ours, others = {"instances": [{"generation": 4, "drift": []}]}, {"instances": [{"generation": 0, "drift": []}]}
    assert shown("drift", mx1=ours) == ("Nothing differs from what was last written on mx1.", {})
    text, wrong = shown("drift", mx1=ours, mx2=others)
    assert text.endswith("Nothing was ever written here by this collection: mx2.") and "mx2" not in text.splitlines()[0]
    assert not wrong


def test_what_an_undo_brought_back():
    result = {
        "instance": "postfix",
        "to": 16,
        "undone": [17],
        "actions": ["edit /etc/postfix/main.cf"],
        "notes": ["main.cf: x"],
    }
    text, dummy = shown("undo", mx1=result, mx2={"failed": True, "msg": "refused"})
    assert "/etc/postfix/main.cf" in text and "mx1: main.cf: x" in text and "mx2: refused" in " ".join(text.split())
