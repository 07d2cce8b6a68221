# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part that judges a configuration without asking a running MTA."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _mta
from ansible_collections.postmaster.mta.plugins.module_utils._driver import judgement
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__driver.contract import check_contract


@pytest.mark.parametrize("mta", _mta.MTAS)
def test_the_doors_keep_the_contract(mta):
    check_contract(judgement, mta)


@pytest.mark.parametrize("mta", _mta.MTAS)
def test_an_instance_that_does_not_listen_is_neither_open_nor_dead(mta, make_host, tmp_path):
    (tmp_path / "main.cf").write_text("master_service_disable = inet\n")
    assert judgement.judgement_of(mta).judge(make_host(mta), str(tmp_path), lambda name: "." not in name) == ()
