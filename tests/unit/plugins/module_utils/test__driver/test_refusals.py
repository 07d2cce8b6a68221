# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part that asks the access tables about many senders."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _mta
from ansible_collections.postmaster.mta.plugins.module_utils._driver import refusals
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.scripted_runner import ScriptedRunner
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__driver.contract import check_contract


@pytest.mark.parametrize("mta", _mta.MTAS)
def test_the_doors_keep_the_contract(mta):
    check_contract(refusals, mta)


@pytest.mark.parametrize("mta", _mta.MTAS)
def test_where_no_table_says_so_nobody_is_refused(mta):
    runner = ScriptedRunner({("postconf", ...): "\n", ("/usr/sbin/sendmail", ...): ""})
    assert refusals.refusals_of(mta).refused_senders(runner, "/etc/mail", ["anna@served.test"]) == frozenset()
    assert runner.calls, "the MTA itself is asked"
