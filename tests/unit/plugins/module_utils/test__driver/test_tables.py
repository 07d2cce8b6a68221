# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part that knows which tables a configuration has."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _mta
from ansible_collections.postmaster.mta.plugins.module_utils._driver import tables
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__driver.contract import check_contract


@pytest.mark.parametrize("mta", _mta.MTAS)
def test_the_doors_keep_the_contract(mta):
    check_contract(tables, mta)


@pytest.mark.parametrize("mta", _mta.MTAS)
def test_the_type_of_a_table_is_the_one_by_which_the_configuration_refers_to_it(mta, make_host, tmp_path):
    (tmp_path / "main.cf").write_text(f"transport_maps = hash:{tmp_path}/routes\n")
    (tmp_path / "sendmail.cf").write_text(f"Kmailertable hash -o {tmp_path}/routes\n")
    part = tables.tables_of(mta)
    assert part.type_in_use(make_host(mta), "routes") == "hash"
    assert part.type_in_use(make_host(mta), "other") == ""
