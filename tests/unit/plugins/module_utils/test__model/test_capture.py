# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Capture: what the options become, how a table of ours looks and is read again, who the client of a caught message was."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._model import capture as _capture
from ansible_collections.postmaster.mta.plugins.module_utils._model.capture import CaptureRoute, Endpoint

HOP = Endpoint("192.0.2.9", 2525)


def test_the_options_become_routes_each_once():
    given = {
        "from": ["Spam.Example", "<>", "A@b.example", "spam.example"],
        "to": ["x.example"],
        "connect": ["192.0.2.0/24"],
    }
    assert [route.title for route in _capture.parse(given)] == [
        "from spam.example",
        "from <>",
        "from a@b.example",
        "to x.example",
        "connect 192.0.2.0/24",
    ]


def test_a_domain_can_be_meant_without_its_subdomains():
    (route,) = _capture.parse({"from": ["spam.example"], "subdomains": False})
    assert route == CaptureRoute("from", "spam.example", "domain", False)
    assert route.title == "from spam.example without subdomains"


@pytest.mark.parametrize(
    "option, value, why",
    [
        ("from", "spam@", "all domains"),
        ("from", "192.0.2.1", "use connect"),
        ("to", "<>", "null sender"),
        ("connect", "mail.example", "address or network"),
        ("connect", "0.0.0.0/0", "large part of the Internet"),
        ("from", "a b", "blanks"),
        ("from", "*", "domain alone"),
        ("from", "a\nb", "control characters"),
    ],
)
def test_what_cannot_be_a_route_is_refused_by_name(option, value, why):
    with pytest.raises(OptionError) as caught:
        _capture.parse({option: [value]})
    assert str(caught.value).startswith(f"{option}[0]: ") and why in str(caught.value)


@pytest.mark.parametrize(
    "address, port",
    [("all", 25), ("0.0.0.0", 25), ("::", 25), ("192.0.2.1", 0), ("192.0.2.1", 65536), ("224.0.0.1", 25)],
)
def test_a_place_that_nobody_can_listen_on_alone_is_refused(address, port):
    with pytest.raises(OptionError):
        _capture.hop(address, port)


def test_a_hop_is_written_as_both_mtas_take_it():
    assert _capture.hop("192.0.2.1", 25).text == "[192.0.2.1]:25"
    assert _capture.hop("2001:DB8::1", 2525).text == "[ipv6:2001:db8::1]:2525"


def test_a_table_says_where_it_goes_and_what_it_catches():
    routes = _capture.parse({"from": ["a.example", "b.example"]})
    content = _capture.table([(routes[0], {"a.example": "X"}), (routes[1], {"b.example": "X"})], HOP)
    assert _capture.hop_in(content) == HOP
    assert _capture.titles_in(content) == ("from a.example", "from b.example")
    assert _capture.pairs_in(content) == {"a.example": "X", "b.example": "X"}


def test_a_key_of_two_routes_stands_there_once():
    routes = _capture.parse({"connect": ["192.0.2.0/24", "192.0.2.0/25"]})
    content = _capture.table([(routes[0], {"192.0.2": "X"}), (routes[1], {"192.0.2": "X", "192.0.3": "X"})], HOP)
    assert content.count(b"\n192.0.2\t") == 1 and b"192.0.3\t" in content


def test_without_a_line_there_is_no_table():
    assert _capture.table([], HOP) is None
    assert _capture.hop_in(None) is None
    assert _capture.hop_in(b"# by hand\n") is None


def test_the_client_is_the_one_that_production_saw():
    raw = (
        b"Received: from prod (prod [10.0.0.1])\n\tby capture\nReceived: from x (name [192.0.2.7])\n\tby prod\n"
        b"Received: from forged [203.0.113.1]\n\nReceived: [198.51.100.1]\n"
    )
    assert _capture.client_of(raw) == "192.0.2.7"
    assert _capture.client_of(raw.replace(b"192.0.2.7", b"IPv6:2001:db8::7")) == "2001:db8::7"
    assert _capture.client_of(b"Received: from prod [10.0.0.1]\n\nReceived: from x [192.0.2.7]\n") == ""
