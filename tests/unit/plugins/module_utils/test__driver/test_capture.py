# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part that knows the routes of a capture."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _mta
from ansible_collections.postmaster.mta.plugins.module_utils._driver import capture
from ansible_collections.postmaster.mta.plugins.module_utils._model.capture import Endpoint, Envelope
from ansible_collections.postmaster.mta.plugins.module_utils._model.policy import parse
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__driver.contract import check_contract


@pytest.mark.parametrize("mta", _mta.MTAS)
def test_the_doors_keep_the_contract(mta):
    check_contract(capture, mta)


@pytest.mark.parametrize("mta", _mta.MTAS)
def test_an_instance_for_capture_listens_where_the_routes_lead_and_takes_what_this_host_sends(mta):
    about = Envelope(("127.0.0.0/8",), Endpoint("127.0.0.9", 2525), Endpoint("127.0.0.1", 25), "capture.example.net")
    options = capture.capture_of(mta).settings(about)
    policy = parse(options["policy"], options["baseline"])
    assert (policy.identity.listen, policy.identity.port) == (("127.0.0.9",), 2525)
    assert policy.relay.networks == ("127.0.0.0/8",)
