# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._clock import utc


@pytest.mark.parametrize("seconds,text", [(0, "1970-01-01T00:00:00Z"), (1795331701.9, "2026-11-22T07:15:01Z")])
def test_an_instant_is_shown_in_utc_whatever_the_time_zone(monkeypatch, seconds, text):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert utc(seconds) == text
