# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part that takes a configuration apart, and puts parts back."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _mta
from ansible_collections.postmaster.mta.plugins.module_utils._account.ownership import Twin
from ansible_collections.postmaster.mta.plugins.module_utils._driver import ownership
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__driver.contract import check_contract


@pytest.mark.parametrize("mta", _mta.MTAS)
def test_the_doors_keep_the_contract(mta):
    check_contract(ownership, mta)


@pytest.mark.parametrize("mta", _mta.MTAS)
def test_a_configuration_taken_apart_and_put_back_is_the_same(mta, make_host):
    live = {"postfix": {"main.cf": b"relayhost = [192.0.2.1]\n"}, "sendmail": {"relay-domains": b"served.test\n"}}[mta]
    twin = ownership.ownership_of(mta).twin(make_host(mta))
    assert isinstance(twin, Twin)
    parts = twin.parts(live.get, sorted(live))
    assert parts
    for name, content in twin.edited(live.get, parts).items():
        assert content == live[name]
