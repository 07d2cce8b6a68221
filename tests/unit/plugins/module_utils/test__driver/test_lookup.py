# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part that asks the tables and reads their answers."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _mta
from ansible_collections.postmaster.mta.plugins.module_utils._driver import lookup
from ansible_collections.postmaster.mta.plugins.module_utils._model.access import REJECT
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__driver.contract import check_contract


@pytest.mark.parametrize("mta", _mta.MTAS)
def test_the_doors_keep_the_contract(mta):
    check_contract(lookup, mta)


@pytest.mark.parametrize("mta", _mta.MTAS)
def test_a_rejection_has_code_status_and_text_and_other_words_no_action(mta):
    part = lookup.lookup_of(mta)
    value = {"postfix": "550 5.7.1 Go away", "sendmail": "ERROR:5.7.1:550 Go away"}[mta]
    assert part.meaning(value, "from") == (REJECT, 550, "5.7.1", "Go away")
    assert part.meaning("dummy-word", "from")[0] == ""
