# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses that are not here, that another instance claims, that another program has."""

import socket

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Host, Instance
from ansible_collections.postmaster.mta.plugins.module_utils._module import instance_listeners as _listen


class Driver:
    """A driver whose instance listens where it is told to."""

    def __init__(self, identity, listens=True):
        self.identity, self.is_listening = identity, listens

    def listens(self, host):
        return self.is_listening

    def read(self, host):
        return {"policy": {"identity": self.identity}}


@pytest.fixture(name="other")
def _other(monkeypatch):
    def make(is_listening=True, **identity):
        """Another instance."""
        driver = Driver(identity, is_listening)
        monkeypatch.setattr(_listen, "discover_of", lambda mta: driver)
        monkeypatch.setattr(_listen, "read_of", lambda mta: driver)
        return Host(None, Instance("postfix", "postfix", "/etc/postfix", ("/var/spool/postfix",)), None)

    return make


@pytest.mark.parametrize(
    ("one", "two", "clash"),
    [
        (("10.0.0.1", 25), ("10.0.0.1", 25), True),
        (("10.0.0.1", 25), ("10.0.0.1", 2525), False),
        (("10.0.0.1", 25), ("10.0.0.2", 25), False),
        (("10.0.0.1", 25), ("all", 25), True),
        (("all", 25), ("2001:db8::1", 25), True),
        (("loopback", 25), ("127.0.0.1", 25), True),
        (("loopback", 25), ("10.0.0.1", 25), False),
        (("0.0.0.0", 25), ("10.0.0.1", 25), True),
        (("0.0.0.0", 25), ("2001:db8::1", 25), False),
        (("::", 25), ("10.0.0.1", 25), True),
    ],
)
def test_two_sockets_meet(one, two, clash):
    assert _listen.meet(one, two) is clash and _listen.meet(two, one) is clash


def test_another_instance_claims_the_address(other):
    found = _listen.problems([("127.0.0.1", 12525)], [other(listen=["all"], port=12525)], None)
    assert found == [
        "listen: 127.0.0.1:12525: the instance postfix listens on all:12525; give it addresses of its own first"
    ]
    assert _listen.problems([("127.0.0.1", 12525)], [other(listen=["all"])], None) == []


def test_an_instance_without_tcp_services_claims_nothing(other):
    silent = other(is_listening=False, listen=["all"], port=12525)
    assert _listen.problems([("127.0.0.1", 12525)], [silent], None) == []


def test_an_address_that_this_host_does_not_have():
    (found,) = _listen.problems([("192.0.2.9", 12525)], [], None)
    assert found == "listen: 192.0.2.9:12525: no interface of this host has the address"


def test_ipv6_where_there_is_none(monkeypatch):
    monkeypatch.setattr(_listen._proc, "has_ipv6", lambda: False)
    (found,) = _listen.problems([("2001:db8::1", 12525)], [], None)
    assert "this host has no IPv6" in found


def test_a_port_that_another_program_has():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        (found,) = _listen.problems([("127.0.0.1", port)], [], None)
    assert f"listens on 127.0.0.1:{port}" in found and "(process " in found
    assert _listen.problems([("127.0.0.1", port)], [], None) == []


@pytest.mark.parametrize("ipv6, same", [(True, False), (False, True)])
def test_loopback_is_one_address_where_there_is_no_ipv6(monkeypatch, ipv6, same):
    monkeypatch.setattr(_listen._proc, "has_ipv6", lambda: ipv6)
    assert (_listen.addresses([("loopback", 25)]) == _listen.addresses([("127.0.0.1", 25)])) is same
