# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DNS blocklists: a listing is a listing, and an error is none."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._dns import blocklists
from ansible_collections.postmaster.mta.plugins.module_utils._dns.spf import Records

ZONE = "list.example"
HEALTHY = {"2.0.0.127.list.example": ["127.0.0.2"]}


def listing(zone, answers=(), address="192.0.2.1", texts=()):
    def ask(name, kind):
        if zone.get(name) == "silent":
            return Records((), failed=True)
        return Records(tuple(texts if kind == "TXT" else zone.get(name, ())))

    return blocklists.look(address, ZONE, answers, ask)


def test_a_listed_address_is_listed_with_its_text():
    found = listing({**HEALTHY, "1.2.0.192.list.example": ["127.0.0.4"]}, texts=["https://list.example/remove"])
    assert found == (ZONE, blocklists.LISTED, ("127.0.0.4",), "https://list.example/remove", "")


def test_an_ipv6_address_is_asked_by_its_nibbles():
    name = ".".join(reversed("20010db8000000000000000000000001")) + ".list.example"
    assert listing({**HEALTHY, name: ["127.0.0.3"]}, address="2001:db8::1").status == blocklists.LISTED


def test_an_address_that_is_not_there_is_not_listed():
    assert listing(HEALTHY).status == blocklists.NOT_LISTED


def test_only_the_answers_that_count_are_a_listing():
    zone = {**HEALTHY, "1.2.0.192.list.example": ["127.0.0.10"]}
    assert listing(zone, answers=["127.0.0.2"]).status == blocklists.NOT_LISTED
    assert listing(zone, answers=["127.0.0.2", "127.0.0.10"]).status == blocklists.LISTED


@pytest.mark.parametrize("error", ["127.255.255.252", "127.255.255.254", "127.255.255.255"])
def test_an_error_is_no_listing(error):
    for zone in (
        {"2.0.0.127.list.example": [error]},
        {**HEALTHY, "1.2.0.192.list.example": [error]},
        {**HEALTHY, "1.0.0.127.list.example": [error]},
    ):
        found = listing(zone)
        assert found.status == blocklists.REFUSED
        assert error in found.why


@pytest.mark.parametrize(
    "zone",
    [
        {},
        {**HEALTHY, "1.0.0.127.list.example": ["127.0.0.2"]},
        {**HEALTHY, "1.2.0.192.list.example": ["198.51.100.80"]},
    ],
    ids=["closed", "lists everything", "redirected"],
)
def test_a_broken_list_is_called_broken(zone):
    assert listing(zone).status == blocklists.BROKEN


@pytest.mark.parametrize("name", ["2.0.0.127.list.example", "1.0.0.127.list.example", "1.2.0.192.list.example"])
def test_a_silent_list_decides_nothing(name):
    assert listing({**HEALTHY, name: "silent"}).status == blocklists.UNANSWERED
