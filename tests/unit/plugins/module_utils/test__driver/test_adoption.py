# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part that says a host in the options of the module relay."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _mta
from ansible_collections.postmaster.mta.plugins.module_utils._driver import adoption
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__driver.contract import check_contract


@pytest.mark.parametrize("mta", _mta.MTAS)
def test_the_doors_keep_the_contract(mta):
    check_contract(adoption, mta)


@pytest.mark.parametrize("mta", _mta.MTAS)
def test_of_a_host_that_cannot_be_read_the_policy_stays_and_the_reason_is_named(mta, make_host):
    live = {"policy": {"identity": {"hostname": "mx1.example.net"}}, "unexpressed": {}}
    adopted = adoption.adoption_of(mta).adopt(make_host(mta), live, True)
    assert adopted.policy == live["policy"]
    assert adopted.unexpressed
