# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part that asks the MTA about a candidate."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _mta
from ansible_collections.postmaster.mta.plugins.module_utils._driver import check
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Rendering
from ansible_collections.postmaster.mta.plugins.module_utils._model.policy_record import SILENT
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__driver.contract import check_contract


@pytest.mark.parametrize("mta", _mta.MTAS)
def test_the_doors_keep_the_contract(mta):
    check_contract(check, mta)


@pytest.mark.parametrize("mta", _mta.MTAS)
def test_a_defect_names_the_setting(mta, make_host, tmp_path):
    (tmp_path / "main.cf").write_text("= 1\n")
    (tmp_path / "master.cf").write_text("")
    (tmp_path / "sendmail.cf").write_text("O MaxMessageSize=1\n")
    rendering = Rendering({}, {"confMAX_MESSAGE_SIZE": "2"})
    defects = check.check_of(mta).check(make_host(mta), str(tmp_path), SILENT, rendering)
    assert len(defects) == 1
    assert {"postfix": "main.cf", "sendmail": "confMAX_MESSAGE_SIZE"}[mta] in defects[0]
