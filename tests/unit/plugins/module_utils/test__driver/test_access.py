# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part that knows access rules."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _mta
from ansible_collections.postmaster.mta.plugins.module_utils._driver import access
from ansible_collections.postmaster.mta.plugins.module_utils._model.access import PLACES
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__driver.contract import check_contract


@pytest.mark.parametrize("mta", _mta.MTAS)
def test_the_doors_keep_the_contract(mta):
    check_contract(access, mta)


@pytest.mark.parametrize("mta", _mta.MTAS)
def test_every_place_has_a_table_in_the_configuration_directory(mta):
    for where in PLACES:
        names = access.access_of(mta).names(None, where)
        assert names
        assert not any(name.startswith("/") for name in names)
