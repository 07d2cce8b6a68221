# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part that knows routes."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _mta
from ansible_collections.postmaster.mta.plugins.module_utils._driver import route
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__driver.contract import check_contract


@pytest.mark.parametrize("mta", _mta.MTAS)
def test_the_doors_keep_the_contract(mta):
    check_contract(route, mta)


@pytest.mark.parametrize("mta", _mta.MTAS)
def test_the_free_space_that_the_mta_needs_is_in_bytes(mta, make_host, tmp_path):
    (tmp_path / "main.cf").write_text("queue_minfree = 409600\n")
    (tmp_path / "sendmail.cf").write_text("O MinFreeBlocks=100\n")
    assert route.route_of(mta).settings(make_host(mta)).needed_bytes == 409600
