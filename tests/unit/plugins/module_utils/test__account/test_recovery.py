# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that died: its record follows the live files."""

import os

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._account import generations, recovery
from ansible_collections.postmaster.mta.plugins.module_utils._account.generations import ROLLED_BACK
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__account.sites import prepare


@pytest.mark.parametrize("live", [True, False])
def test_a_prepared_record_follows_the_live_files(site, live):
    prepare(site, {"main.cf": (b"old\n", b"new\n")})
    if live:
        (site / "live" / "main.cf").write_bytes(b"new\n")
    place = generations.place_of(str(site / "live"))
    with open(os.path.join(place, "000009.json.postmaster-new"), "w"):
        pass
    recovery.repair(str(site / "live"))
    assert sorted(os.listdir(place)) == (["000001.files", "000001.json"] if live else [])


def test_a_killed_change_is_told_as_rolled_back(site):
    prepare(site, {"main.cf": (b"old\n", b"new\n")})
    recovery.repair(str(site / "live"), "killed")
    record = generations.load(str(site / "live"), 1)
    assert (record["ended"], record["reason"]) == (ROLLED_BACK, "killed")
    assert generations.newest(str(site / "live")) == {}
