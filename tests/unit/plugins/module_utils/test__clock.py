# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._clock import comes_true, utc


@pytest.mark.parametrize("seconds,text", [(0, "1970-01-01T00:00:00Z"), (1795331701.9, "2026-11-22T07:15:01Z")])
def test_an_instant_is_shown_in_utc_whatever_the_time_zone(monkeypatch, seconds, text):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert utc(seconds) == text


def test_waiting_ends_when_it_is_true_and_looks_once_without_patience():
    answers = [False, False, True]
    assert comes_true(lambda: answers.pop(0), 30, 0)
    assert answers == []
    assert comes_true(lambda: True, 0, 30)
    assert not comes_true(lambda: False, 0, 0)
