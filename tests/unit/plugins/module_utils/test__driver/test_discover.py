# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts that say whether an MTA is there, and which instances it has."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _mta
from ansible_collections.postmaster.mta.plugins.module_utils._driver import discover
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.scripted_runner import ScriptedRunner
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__driver.contract import check_contract


@pytest.mark.parametrize("mta", _mta.MTAS)
def test_the_doors_keep_the_contract(mta):
    check_contract(discover, mta)


@pytest.mark.parametrize("mta", _mta.MTAS)
def test_whether_it_is_installed_needs_no_command(mta):
    runner = ScriptedRunner({})
    assert discover.detect_of(mta).installed(runner) in (True, False)
    assert runner.calls == []
