# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model import adopted

POLICY = {"relay": {"networks": ["192.0.2.0/24"]}, "tls": {"server": {"level": "may"}}}


@pytest.mark.parametrize(
    "option, path",
    [
        ("policy.relay.networks", ("relay", "networks")),
        ("policy.routes.domains[3].mx", ("routes", "domains")),
        ("policy.tls.server.level", ("tls", "server", "level")),
    ],
)
def test_the_option_that_an_error_names(option, path):
    assert adopted.path_of(option) == path


def test_a_section_that_is_empty_goes_with_its_last_option():
    assert adopted.without(POLICY, ("tls", "server", "level")) == {"relay": {"networks": ["192.0.2.0/24"]}}
    assert adopted.without(POLICY, ("queue", "lifetime")) == POLICY
    assert POLICY["tls"], "what was given stays as it is"


def test_only_what_is_beyond_the_beginning():
    assert adopted.beyond(POLICY, {"relay": {"networks": []}, "tls": {"server": {"level": "may"}}}) == {
        "relay": {"networks": ["192.0.2.0/24"]}
    }
    assert adopted.beyond({"relay": {"networks": []}}, {"relay": {"networks": ["10.0.0.0/8"]}}) == {
        "relay": {"networks": []}
    }


def test_the_value_of_an_option():
    assert adopted.value_at(POLICY, ("tls", "server", "level")) == "may"
    assert adopted.value_at(POLICY, ("tls", "server", "level", "more")) is None
