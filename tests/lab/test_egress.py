# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the outside sees a relay: sendmail as the echo, real SPF records, a blocklist of the lab's own."""

from __future__ import annotations

import json
import shlex
import typing as t

import pytest
from labhosts import DNS, HOSTS, REMOTE, Host

ECHO = "10.25.0.13"
DOMAIN, LIST = "spf.ok.test", "list.ok.test"
#: The echo is a relay, too, and both relays have the same names looked up.
pytestmark = pytest.mark.lab(group="egress", uses=["pf13", "sm12", "sm13"])
RELAYS = [HOSTS["pf13"], HOSTS["sm13"]]
#: Runs on the host: calls the module with the options that it reads.
DOORWAY = """
import json, sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.postmaster.mta.plugins.module_utils._module import egress_info
json.dump(egress_info.run(json.load(sys.stdin)), sys.stdout)
"""
#: A list that works: it has its test point.
POINT = f"2.0.0.127.{LIST}"


@pytest.fixture(name="zone", scope="module")
def _zone() -> t.Iterator[t.Callable[[str, str, str], None]]:
    """Set a record; all of them are gone afterwards."""
    names = set()

    def record(name: str, kind: str, value: str) -> None:
        names.add(name)
        DNS.run(f"labdns set {name} {kind} '{value}' 1")

    yield record
    for name in names:
        DNS.run(f"labdns delete {name}")


def egress(host: Host, **params: t.Any) -> t.Dict[str, t.Any]:
    spec = {"mta": "auto", "instance": None, "addresses": [host.address], "smtp": ECHO, "http": None, "hello": None}
    lists = [{"zone": LIST, "answers": []}]
    spec.update({"domains": [DOMAIN], "blocklists": lists, "timeout": 30.0}, **params)
    host.install()
    return json.loads(host.run(f"{host.python} -c {shlex.quote(DOORWAY)} {REMOTE}", json.dumps(spec)))


@pytest.mark.parametrize("host", RELAYS, ids=str)
def test_the_outside_sees_the_address_the_name_the_policy_and_the_list(host: Host, zone: t.Any) -> None:
    zone(DOMAIN, "TXT", f'"v=spf1 ip4:{host.address} -all"')
    zone(POINT, "A", "127.0.0.2")
    answer = egress(host)
    (address,) = answer["addresses"]
    assert (address["outside"], address["confirmed"]) == (host.address, True)
    assert address["echoes"][0]["address"] == host.address
    assert address["spf"][0]["result"] == "pass"
    assert address["listings"][0]["status"] == "not listed"
    assert [finding for finding in answer["findings"] if finding["severity"] == "error"] == []


@pytest.mark.parametrize("host", RELAYS, ids=str)
def test_a_listing_is_told_from_an_error(host: Host, zone: t.Any) -> None:
    zone(DOMAIN, "TXT", '"v=spf1 -all"')
    zone(POINT, "A", "127.0.0.2")
    name = ".".join(reversed(host.address.split("."))) + f".{LIST}"
    zone(name, "A", "127.0.0.4")
    codes = [finding["code"] for finding in egress(host)["findings"]]
    assert {"spf_does_not_cover", "blocklisted"} <= set(codes)
    zone(name, "A", "127.255.255.254")
    codes = [finding["code"] for finding in egress(host)["findings"]]
    assert "blocklisted" not in codes
    assert "blocklist_unusable" in codes
