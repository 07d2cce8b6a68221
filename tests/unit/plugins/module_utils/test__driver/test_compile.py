# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part that compiles one table."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _mta
from ansible_collections.postmaster.mta.plugins.module_utils._driver import compile as compiling
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import COMPILED_SUFFIXES
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__driver.contract import check_contract


@pytest.mark.parametrize("mta", _mta.MTAS)
def test_the_doors_keep_the_contract(mta):
    check_contract(compiling, mta)


@pytest.mark.parametrize("mta", _mta.MTAS)
def test_the_compiled_files_of_a_table_stand_beside_its_source(mta):
    for kind, suffixes in COMPILED_SUFFIXES.items():
        assert compiling.compile_of(mta).compiled_names(kind, "access") == tuple(
            "access" + suffix for suffix in suffixes
        )
