# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.postmaster.mta.plugins.filter.expectations import FilterModule

expectations = FilterModule().filters()["expectations"]


def test_the_baseline_expectations():
    assert expectations({}) == {
        "message_size": "26214400",
        "recipients_per_message": 100,
        "tls_minimum": "TLSv1.2",
        "tls_offered": False,
        "vrfy": False,
        "smuggling": "reject",
    }


def test_what_the_policy_says_is_expected():
    policy = {
        "limits": {"message_size": "30M", "recipients_per_message": "200"},
        "session": {"vrfy": True, "bare_newline": "normalize", "greeting_delay": "5s"},
        "tls": {"server": {"certificate": "/etc/ssl/c.pem", "key": "/etc/ssl/k.pem", "minimum": "TLSv1.3"}},
    }
    assert expectations(policy) == {
        "message_size": "31457280",
        "recipients_per_message": 200,
        "tls_minimum": "TLSv1.3",
        "tls_offered": True,
        "vrfy": True,
        "smuggling": "normalize",
        "greeting_delay": "5s",
    }


def test_what_is_left_open_is_not_expected():
    assert expectations({}, "none") == {"tls_offered": False}
    assert "message_size" not in expectations({"limits": {"message_size": "0"}})
    assert "smuggling" not in expectations({"session": {"bare_newline": "accept"}})
    assert not expectations({"tls": {"server": {"certificate": "/c", "key": "/k", "level": "none"}}})["tls_offered"]


@pytest.mark.parametrize("policy", [{"limits": {"message_size": "huge"}}, {"no_such": {}}, "text"])
def test_a_policy_that_the_module_refuses_is_refused(policy):
    with pytest.raises(AnsibleFilterError, match="expectations: "):
        expectations(policy)
