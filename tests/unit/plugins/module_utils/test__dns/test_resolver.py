# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of _resolver.py."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._dns import resolver as _resolver


def test_resolv_conf():
    text = "# x\nnameserver 10.0.0.1 # first\nnameserver fe80::1%eth0\nnameserver nonsense\nsearch A.test b.test\noptions timeout:2 attempts:1 rotate\n"
    found = _resolver.parse_resolv_conf(text)
    assert found == _resolver.ResolvConf(("10.0.0.1", "fe80::1%eth0"), ("a.test", "b.test"), 2, 1)


def test_resolv_conf_has_three_servers_at_most_and_one_at_least():
    assert len(_resolver.parse_resolv_conf("".join(f"nameserver 10.0.0.{n}\n" for n in range(1, 9))).servers) == 3
    assert _resolver.parse_resolv_conf("").servers == ("127.0.0.1",)
    assert _resolver.parse_resolv_conf("options timeout:900\n").timeout == 30


@pytest.mark.parametrize("text, wanted", [
    ("hosts: files dns\n", ("files", "dns")),
    ("passwd: compat\nhosts:\tfiles mdns4_minimal [NOTFOUND=return] resolve dns # x\n", ("files", "mdns4_minimal", "resolve", "dns")),
    ("", ("files", "dns")),
])  # fmt: skip
def test_sources_of_hosts(text, wanted):
    assert _resolver.sources_of_hosts(text) == wanted


def test_hosts_file():
    found = _resolver.parse_hosts("127.0.0.1 localhost\n10.0.0.1 A.test a # c\n::1 localhost\nnonsense x\n\n")
    assert found == {"localhost": ("127.0.0.1", "::1"), "a.test": ("10.0.0.1",), "a": ("10.0.0.1",)}


def test_the_c_library_is_asked_in_every_way():
    found = _resolver.by_libc("localhost")
    assert "127.0.0.1" in found.all
    assert len(found.addresses) == 3


def test_what_the_c_library_does_not_know_is_empty():
    assert _resolver.by_libc("x" * 70).all == frozenset()
