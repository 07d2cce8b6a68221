# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part that knows the daemon of an instance."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _mta
from ansible_collections.postmaster.mta.plugins.module_utils._driver import daemon
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import NOTHING, File, Rendering
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__driver.contract import check_contract


@pytest.mark.parametrize("mta", _mta.MTAS)
def test_the_doors_keep_the_contract(mta):
    check_contract(daemon, mta)


@pytest.mark.parametrize("mta", _mta.MTAS)
def test_what_changes_no_file_needs_no_reload(mta, make_host):
    live = {"main.cf": b"compatibility_level = 3.6\n", "sendmail.cf": b"V10/Berkeley\n"}
    same = Rendering({name: File(content) for name, content in live.items()}, {})
    assert daemon.daemon_of(mta).activation(make_host(mta), live.get, same).kind == NOTHING
