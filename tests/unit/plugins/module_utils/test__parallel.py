# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of _together.py."""

import os
import threading

from ansible_collections.postmaster.mta.plugins.module_utils import _parallel as _together
from ansible_collections.postmaster.mta.tests.unit.patience import AT_ONCE


def test_jobs_run_side_by_side_and_keep_their_values():
    everybody = threading.Barrier(20)
    jobs = {number: lambda number=number: (everybody.wait(AT_ONCE), number)[1] for number in range(20)}
    assert _together.values(jobs, AT_ONCE) == {number: number for number in range(20)}


def test_an_exception_is_kept():
    outcomes = _together.together({"bad": lambda: 1 / 0, "good": lambda: 1}, 5)
    assert isinstance(outcomes["bad"].problem, ZeroDivisionError)
    assert outcomes["good"].value == 1
    assert _together.values({"bad": lambda: 1 / 0}, 5) == {}


def test_what_went_wrong_in_words():
    jobs = {"bad": lambda: 1 / 0, "gone": lambda: os.stat("/nothing/there"), "good": lambda: 1}
    outcomes = _together.together(jobs, 5)
    told = {name: _together.trouble(outcomes.get(name)) for name in (*jobs, "late")}
    assert told == {
        "bad": "ZeroDivisionError: division by zero",
        "gone": "[Errno 2] No such file or directory: '/nothing/there'",
        "good": "",
        "late": "it did not end in time",
    }


def _raise(problem):
    raise problem


def test_an_error_without_words_is_no_value():
    outcomes = _together.together({"mute": lambda: _raise(ConnectionError())}, 5)
    assert _together.trouble(outcomes["mute"]) == "ConnectionError: "


def test_nobody_waits_for_what_is_late():
    release, ended = threading.Event(), []
    jobs = {"late": lambda: (release.wait(AT_ONCE), ended.append(1)), "soon": lambda: 1}
    assert _together.values(jobs, 2) == {"soon": 1}
    assert not ended
    release.set()


def test_no_jobs():
    assert _together.together({}, 1) == {}
