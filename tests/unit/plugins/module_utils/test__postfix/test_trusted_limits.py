# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The limits of clients that may relay, as Postfix counts them."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import Unsupported
from ansible_collections.postmaster.mta.plugins.module_utils._model import policy
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Native
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import read, render, trusted_limits
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix import postfix_host
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.test_read import live

RELAY = {"networks": ["10.0.0.0/8", "2001:db8::/32"]}


def _rendered(limits):
    host, current = postfix_host.make_host("3.10.13"), postfix_host.reader("3.10.13")
    return render.render(host, policy.parse({"relay": RELAY, "limits": limits}), Native(), current)


def _main(limits):
    return _rendered(limits).settings


def test_trusted_clients_are_counted_with_the_numbers_of_strangers():
    main = _main({"message_rate": 7, "trusted": {"messages": 7, "exempt": ["10.9.0.0/16", "2001:db8:9::/48"]}})
    assert main["smtpd_client_message_rate_limit"] == "7" and main["anvil_rate_time_unit"] == "1m"
    assert main[trusted_limits.EXCEPTIONS] == "127.0.0.0/8, [::1]/128, 10.9.0.0/16, [2001:db8:9::]/48"


def test_exempt_alone_leaves_the_networks_exempt():
    assert _main({"trusted": {"exempt": ["192.0.2.1/32"]}})[trusted_limits.EXCEPTIONS] == "$mynetworks, 192.0.2.1/32"
    assert _main({})[trusted_limits.EXCEPTIONS] == "$mynetworks"


@pytest.mark.parametrize("option, name", [("connections", "connection_rate"), ("recipients", "recipient_rate")])
def test_another_number_than_that_of_strangers_is_refused_with_theirs(option, name):
    with pytest.raises(Unsupported, match=f"policy.limits.trusted.{option}.*9, as policy.limits.{name}"):
        _main({name: 9, "trusted": {option: 5}})


def test_limits_that_come_along_are_noted():
    notes = _rendered({"trusted": {"messages": 5}}).notes
    assert [note for note in notes if "connection_rate 120, connections_per_client 20" in note]


@pytest.mark.parametrize(
    "trusted",
    [
        {"connections": 120},
        {"connections": 120, "messages": 5, "exempt": ["10.9.0.0/16"]},
        {"exempt": ["192.0.2.1/32", "2001:db8:9::/48"]},
    ],
)
def test_what_is_written_is_read_back(tmp_path, trusted):
    params = {"relay": RELAY, "limits": {"trusted": trusted}}
    found = read.read(live(tmp_path, "3.10.13", params, "hardened"))
    assert policy.parse(found["policy"], "none").limits.trusted.as_dict() == {
        **({"connections": 120} if len(trusted) > 1 else {}),
        **trusted,
    }
    assert trusted_limits.EXCEPTIONS not in found["unexpressed"]
