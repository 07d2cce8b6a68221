# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much of a log an answer comes from, also where two processes read it."""

import types

from ansible_collections.postmaster.mta.plugins.module_utils._log import collected
from ansible_collections.postmaster.mta.plugins.module_utils._log.syslog import TOO_LONG, UNFINISHED


def read(lines, kinds, overlong=0, begin=0.0, end=0.0, unfinished=0):
    part = collected.Collected()
    part.note_read(
        types.SimpleNamespace(lines=lines, skipped_by_kind=kinds),
        types.SimpleNamespace(overlong=overlong, unfinished=unfinished, begin=begin, end=end),
    )
    return part


def test_lines_and_what_was_skipped_are_counted():
    part = read(10, {"no_time": 2}, overlong=1, begin=1795300000.0, end=1795300060.0, unfinished=1)
    assert (part.lines, part.skipped) == (10, 4)
    assert part.skipped_by_kind == {"no_time": 2, TOO_LONG: 1, UNFINISHED: 1}
    assert (part.read()["begin"][:10], part.read()["lines"]) == ("2026-11-21", 10)


def test_the_span_is_that_of_both_processes():
    first, second = read(1, {"a": 1}, begin=50.0, end=60.0), read(1, {"a": 2, "b": 1}, begin=40.0, end=55.0)
    first.add_read_parts(second.read_parts())
    assert (first.begin, first.end) == (40.0, 60.0)
    assert first.skipped_by_kind == {"a": 3, "b": 1}


def test_a_log_without_a_time_has_no_span():
    assert read(3, {}).read()["begin"] is None
