# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ports and addresses on which a candidate could not listen."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._postfix import master_cf, ports
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import (
    make_host,
)


def test_two_services_on_one_port():
    services = master_cf.parse(b"smtp inet n - n - - smtpd\n25 inet n - n - - smtpd\n").services
    found = ports.conflicts(make_host("3.7.11"), services, {"inet_interfaces": "198.51.100.1"})
    assert found == ["master.cf: 25/inet: smtp/inet listens on the same port"]


@pytest.mark.parametrize("text, number", [("25", 25), ("smtp", 25), ("submission", 587), ("no-such-service", None)])
def test_a_port_by_number_or_by_name(text, number):
    assert ports.port_number(text) == number


@pytest.mark.parametrize(
    "service, interfaces, addresses",
    [
        (b"smtp", "all", ()),
        (b"smtp", "loopback-only", ("127.0.0.1", "::1")),
        (b"smtp", "192.0.2.1, [2001:db8::1]", ("192.0.2.1", "2001:db8::1")),
        (b"[2001:db8::2]:smtp", "all", ("2001:db8::2",)),
        (b"smtp", "${broken", ()),
    ],
)
def test_the_addresses_on_which_a_service_listens(service, interfaces, addresses):
    (known,) = master_cf.parse(service + b" inet n - n - - smtpd\n").services.values()
    assert ports.addresses_of(known, {"inet_interfaces": interfaces}) == addresses


def test_an_address_that_this_host_does_not_have():
    assert ports.absent_addresses({"inet_interfaces": "loopback-only"}) == []
    assert ports.absent_addresses({"inet_interfaces": "127.0.0.1, 192.0.2.77"}) == [
        "inet_interfaces: 192.0.2.77 is no address of this host"
    ]


@pytest.mark.parametrize("disabled", ["inet", "smtp/inet, 25/inet", "smtp.inet 25.inet", "$types"])
def test_a_service_that_is_switched_off_is_in_nobodys_way(disabled):
    services = master_cf.parse(b"smtp inet n - n - - smtpd\n25 inet n - n - - smtpd\n").services
    values = {"inet_interfaces": "198.51.100.1", "master_service_disable": disabled, "types": "inet"}
    assert ports.conflicts(make_host("3.7.11"), services, values) == []
    assert ports.conflicts(make_host("3.7.11"), services, dict(values, master_service_disable="unix"))
