# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which recipients a policy knows."""

from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model.policy_recipients import Known, known, row_of


def test_the_postmaster_exists_in_every_domain():
    params = {
        "relay": {"domains": ["s.test", "t.test"]},
        "recipients": {"domains": [{"domain": "s.test", "users": ["Anna"]}], "tables": ["x"]},
    }
    assert known(_policy.parse(params, "none"), lambda name: True) == Known(
        ("s.test",), ("anna@s.test", "postmaster@s.test"), ("x",)
    )
    assert known(_policy.parse({}, "none"), lambda name: True) is None


def test_users_are_read_back_without_the_postmaster():
    addresses = ["b@s.test", "a@s.test", "postmaster@s.test", "@s.test", "c@other.test"]
    assert row_of("s.test", addresses) == {"domain": "s.test", "users": ["a", "b"]}
    assert row_of("none.test", addresses) == {"domain": "none.test"}
