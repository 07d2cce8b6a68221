# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._diagnosis.certificate import (
    is_name,
    judge_certificate,
    timestamp,
)
from ansible_collections.postmaster.mta.plugins.module_utils._smtp.certificate import Certificate


class TestCertificates:
    NOW = 1_700_000_000

    def judge(self, name="mx.test", **changes):
        facts = {"subject": "mx.test", "issuer": "ca", "names": ("mx.test", "*.b.test"), "not_before": "2020-01-01T00:00:00Z",
                 "not_after": "2030-01-01T00:00:00Z", "serial": "1", "sha256": "", "self_signed": False}  # fmt: skip
        facts.update(changes)
        return [finding.code for finding in judge_certificate(Certificate(**facts), name, "x", self.NOW)]

    def test_a_good_one(self):
        assert self.judge() == []
        assert self.judge("a.b.test") == []
        assert self.judge("10.0.0.1") == []

    @pytest.mark.parametrize("changes, code", [
        ({"not_after": "2021-01-01T00:00:00Z"}, "certificate_expired"), ({"not_after": "2023-11-20T00:00:00Z"}, "certificate_ends_soon"),
        ({"not_before": "2029-01-01T00:00:00Z"}, "certificate_not_yet"), ({"name": "other.test"}, "certificate_name"),
        ({"name": "x.a.b.test"}, "certificate_name"),
    ])  # fmt: skip
    def test_bad_ones(self, changes, code):
        assert self.judge(**changes) == [code]


@pytest.mark.parametrize(
    "host, expected", [("mx.test", True), ("10.0.0.1", False), ("2001:db8::1", False), ("", False)]
)
def test_an_address_is_no_name(host, expected):
    assert is_name(host) is expected


def test_a_time_is_utc():
    assert timestamp("2026-11-23T06:12:01Z") == 1795414321
