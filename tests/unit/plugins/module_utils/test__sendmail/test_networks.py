# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import ipaddress

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as some

from ansible_collections.postmaster.mta.plugins.module_utils._sendmail.networks import networks, prefixes


@pytest.mark.parametrize(
    "network, keys",
    [
        ("10.0.0.0/8", ("10",)),
        ("10.1.0.0/16", ("10.1",)),
        ("192.0.2.0/24", ("192.0.2",)),
        ("192.0.2.7/32", ("192.0.2.7",)),
        ("10.98.0.0/22", ("10.98.0", "10.98.1", "10.98.2", "10.98.3")),
        ("192.0.2.4/31", ("192.0.2.4", "192.0.2.5")),
        ("2001:db8::/32", ("IPv6:2001:db8",)),
        ("2001:db8:1::/48", ("IPv6:2001:db8:1",)),
        ("2001:db8::/64", ("IPv6:2001:db8:0:0",)),
        ("2001:db8::1/128", ("IPv6:2001:db8:0:0:0:0:0:1",)),
        ("2001:db8:0:10::/63", ("IPv6:2001:db8:0:10", "IPv6:2001:db8:0:11")),
    ],
)
def test_networks_become_whole_octets_or_groups(network, keys):
    assert prefixes(ipaddress.ip_network(network)) == keys


@pytest.mark.parametrize(
    "network, why",
    [("0.0.0.0/0", "open relay"), ("::/0", "open relay"), ("2001:db8::/52", "/48 or /64"), ("2001:db8::/33", "32768")],
)
def test_networks_that_would_need_too_many_entries_are_refused(network, why):
    with pytest.raises(ValueError) as caught:
        prefixes(ipaddress.ip_network(network))
    assert why in str(caught.value)


@for_all(some.integers(min_value=0, max_value=2**32 - 1), some.integers(min_value=1, max_value=32))
def test_every_ipv4_network_comes_back(address, length):
    network = ipaddress.IPv4Network((address, 32)).supernet(new_prefix=length)
    keys = prefixes(network)
    assert len(keys) <= 128
    assert networks(keys) == (network,)


@for_all(
    some.integers(min_value=0, max_value=2**128 - 1), some.sampled_from([16, 24, 32, 40, 48, 56, 60, 64, 112, 120, 128])
)
def test_ipv6_networks_come_back(address, length):
    network = ipaddress.IPv6Network((address, 128)).supernet(new_prefix=length)
    assert networks(prefixes(network)) == (network,)


def test_the_order_of_networks_is_kept():
    keys = ["10.99.0.60", "10.98.1", "10.98.0", "IPv6:2001:db8", "no.network", "IPv6:::1"]
    assert [str(one) for one in networks(keys)] == ["10.99.0.60/32", "10.98.0.0/23", "2001:db8::/32", "::1/128"]
