# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log since the last run of a job."""

from ansible_collections.postmaster.mta.plugins.module_utils._kit import reading


def read(log, remembered):
    return reading.figures(None, remembered, log.now + 1)


def sent(result):
    return sum(row.get("sent", 0) for row in result.figures.hours.values())


def test_nothing_is_counted_twice_and_nothing_is_left_out(log):
    remembered, total = {}, 0
    for number in (3, 0, 5, 1):
        log.deliver(number)
        result = read(log, remembered)
        assert sent(result) == number
        remembered, total = result.after, total + sent(result)
    assert total == 9


def test_a_rotation_between_two_runs_changes_nothing(log):
    log.deliver(2)
    first = read(log, {})
    log.deliver(3)
    log.rotate()
    log.deliver(4)
    second = read(log, first.after)
    assert sent(second) == 7 and not second.notes
    assert second.begin == first.after["until"]


def test_a_file_that_is_gone_is_a_gap(log):
    log.deliver(2)
    first = read(log, {})
    log.deliver(3)
    log.path.unlink()
    log.path.write_text("")
    log.now += 7200
    log.deliver(1)
    second = read(log, first.after)
    assert sent(second) == 1 and "lines between are missing" in second.notes[0]
    assert second.begin == log.now


def test_a_quiet_hour_is_known_to_be_quiet(log):
    log.deliver(1)
    first = read(log, {})
    log.now += 3600
    assert read(log, first.after).begin == first.after["until"]


def test_a_message_id_is_found_only_in_what_is_new(log):
    log.deliver(1, message_id="report.1@mx1")
    assert reading.is_logged(None, {}, b"report.1@mx1")
    after = read(log, {}).after
    assert not reading.is_logged(None, after, b"report.1@mx1")
