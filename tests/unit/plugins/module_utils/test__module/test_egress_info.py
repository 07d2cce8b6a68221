# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module egress_info: its options, and an answer on a host without an MTA."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._dns import spf
from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._module import egress_info

PARAMS = {
    "mta": "auto",
    "instance": None,
    "addresses": ["127.0.0.1"],
    "smtp": None,
    "http": None,
    "hello": "relay.example.com",
    "domains": [],
    "blocklists": [],
    "timeout": 20.0,
}
pytestmark = pytest.mark.skipif(bool(egress_info.query.MISSING), reason="dnspython is not installed")


@pytest.fixture(autouse=True)
def _no_mta_and_no_dns(monkeypatch):
    monkeypatch.setattr(egress_info._mta, "installed", lambda runner, mta: ())
    monkeypatch.setattr(egress_info, "_asker", lambda: lambda name, kind: spf.Records(()))
    monkeypatch.setattr(egress_info.resolver, "name_of", lambda address: "")


def answer(**changes):
    return egress_info.run(dict(PARAMS, **changes))


def test_each_address_is_looked_at():
    found = answer(addresses=["127.0.0.1", "127.0.0.2", "127.0.0.1"], domains=["Example.COM"])
    assert [entry["source"] for entry in found["addresses"]] == ["127.0.0.1", "127.0.0.2"]
    assert found["addresses"][0]["spf"][0]["result"] == "none"
    assert found["addresses"][0]["spf"][0]["domain"] == "example.com"
    assert {finding["code"] for finding in found["findings"]} == {"missing_ptr", "spf_does_not_cover"}
    assert found["undone"] == {}


@pytest.mark.parametrize(
    ("changes", "option"),
    [
        ({"addresses": ["mx1"]}, "addresses"),
        ({"domains": ["a b"]}, "domains"),
        ({"blocklists": [{"zone": "", "answers": []}]}, "blocklists.zone"),
    ],
)
def test_a_bad_value_is_named(changes, option):
    with pytest.raises(OptionError, match=option):
        answer(**changes)


def test_what_does_not_end_is_undone_and_not_guessed(monkeypatch):
    monkeypatch.setattr(egress_info.resolver, "name_of", lambda address: __import__("time").sleep(5) or "")
    found = answer(timeout=0.2)
    assert found["addresses"] == []
    assert found["undone"] == {"127.0.0.1": "it did not end in time"}


@pytest.mark.parametrize(
    ("text", "place"),
    [("mx.test", ("mx.test", 25)), ("mx.test:2525", ("mx.test", 2525)), ("2001:db8::1", ("2001:db8::1", 25))],
)
def test_a_port_is_told_from_an_ipv6_address(text, place):
    assert egress_info._host_and_port(text) == place
