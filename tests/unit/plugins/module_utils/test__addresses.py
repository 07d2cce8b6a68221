# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names, addresses, networks: what passes and in which form, and what does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.postmaster.mta.plugins.module_utils import _addresses


@pytest.mark.parametrize(
    "text, normal",
    [
        ("Example.TEST", "example.test"),
        ("example.test.", "example.test"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("_dmarc.example.test", "_dmarc.example.test"),
        ("a" * 63 + ".test", "a" * 63 + ".test"),
    ],
)
def test_domains_are_normalised(text, normal):
    assert _addresses.domain(text) == normal


@pytest.mark.parametrize(
    "text",
    ["", ".", ".test", "a..test", "a b", "a\n", "a\0b", "*.test", "-a.test", "a-.test", "a" * 64 + ".test"]
    + ["x." * 127 + "test", "10.1.2.3", "a/b", "a@b", "\u2028.test", "a。test\n"],
)
def test_what_is_no_domain_is_refused(text):
    with pytest.raises(ValueError):
        _addresses.domain(text)


@pytest.mark.parametrize(
    "text, normal",
    [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.25.0.60", "10.25.0.60/32"),
        ("[2001:db8::]/32", "2001:db8::/32"),
        ("2001:DB8:0::1", "2001:db8::1/128"),
    ],
)
def test_networks_are_normalised(text, normal):
    assert str(_addresses.network(text)) == normal


def test_host_bits_are_refused_with_the_network_that_was_meant():
    with pytest.raises(ValueError, match="10.0.0.0/8"):
        _addresses.network("10.0.0.5/8")


@pytest.mark.parametrize("text", ["10.0.0.0/33", "10.1", "all", "10.0.0.0/8 ", "", "::/129", "10.0.0.0/-1"])
def test_what_is_no_network_is_refused(text):
    with pytest.raises(ValueError):
        _addresses.network(text)


def test_mail_addresses():
    assert _addresses.mail_address("John.Doe+x@Example.TEST") == "John.Doe+x@example.test"
    for text in ("john", "@a.test", "a b@c.test", '"a b"@c.test', "a..b@c.test", "a@b@c.test", "a" * 65 + "@b.test"):
        with pytest.raises(ValueError):
            _addresses.mail_address(text)


@given(st.text(max_size=300))
def test_what_passes_is_stable_and_clean(text):
    for parse in (_addresses.domain, _addresses.hostname, _addresses.mail_address):
        try:
            normal = parse(text)
        except ValueError:
            continue
        assert parse(normal) == normal
        assert normal.isprintable() and " " not in normal


@pytest.mark.parametrize("text", ["192.0.2.1", "2001:db8::1", "::"])
def test_an_address_as_it_stands(text):
    assert _addresses.is_address(text)


@pytest.mark.parametrize(
    "text", ["", "1", "192.0.2", "192.0.2.1/32", "[192.0.2.1]", "fe80::1%eth0", "a.test", "192.0.2.1 "]
)
def test_what_is_no_address(text):
    assert not _addresses.is_address(text)
