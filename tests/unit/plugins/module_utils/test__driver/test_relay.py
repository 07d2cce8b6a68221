# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part that writes configuration."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _mta
from ansible_collections.postmaster.mta.plugins.module_utils._driver import relay
from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Native
from ansible_collections.postmaster.mta.plugins.module_utils._model.policy_record import SILENT
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__driver.contract import check_contract


@pytest.mark.parametrize("mta", _mta.MTAS)
def test_the_doors_keep_the_contract(mta):
    check_contract(relay, mta)


@pytest.mark.parametrize("mta", _mta.MTAS)
def test_the_native_settings_of_another_mta_are_refused_by_name(mta, make_host):
    option = {"postfix": "mc", "sendmail": "main"}[mta]
    native = Native(**{option: {"relayhost": "[192.0.2.1]"}})
    with pytest.raises(OptionError, match=option):
        relay.render_of(mta).render(make_host(mta), SILENT, native, lambda name: None)
