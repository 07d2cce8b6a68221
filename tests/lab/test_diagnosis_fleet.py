# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Diagnosis of the whole fleet: the lab's five relays and three of our own at the same time."""

from __future__ import annotations

import functools
import typing as t

import diagnosishosts
import pytest
from diagnosishosts import EVERYWHERE, Diagnosis, assert_nothing_is_wrong, diagnose
from labhosts import RELAYS, Host, of_each_kind

pytestmark = pytest.mark.lab(group="fleet", uses=[diagnosishosts.USES, *(host.name for host in RELAYS)])
OTHER = "10.25.0.56"
#: The five of the lab and the three of our own.
EIGHT = len(RELAYS) + len(diagnosishosts.RELAYS)
#: The seconds after which a relay gives up a conversation with a destination that says nothing.
TALK = 15


@pytest.fixture(scope="module", name="fleet")
def _fleet(hardened: None) -> t.Iterator[t.Dict[str, Host]]:
    with diagnosishosts.relays_of_our_own() as hosts:
        yield hosts


@functools.lru_cache
def of_all(domain: str) -> Diagnosis:
    """Return what all eight relays say about a domain, asked once."""
    return diagnose(domain, hosts="relays,diag")


@pytest.mark.parametrize("domain", of_each_kind(EVERYWHERE, {"ok.test", "served.test"}))
def test_no_false_alarm(fleet, domain):
    assert_nothing_is_wrong(of_all(domain), EIGHT)


@pytest.mark.long
def test_relays_that_are_exchangers_themselves(fleet):
    """The fleet is the last resort for mxloop.test: none of it talks to itself, or to another of the same preference."""
    found = diagnose("mxloop.test", hosts="relays")
    assert found.healthy, found.text


@pytest.mark.long
def test_eight_relays_wait_for_the_slowest_check_at_the_same_time(fleet):
    """The slowest check is the conversation with a destination that never greets. Ansible has the forks of its default.

    A run in which nobody waits says what Ansible and the machine take: what comes on top of it is the wait.
    """
    quick = of_all("ok.test")
    found = diagnose("stall.test", hosts="relays,diag", talk_timeout=str(TALK))
    assert found.first()["code"] == "destination_silent"
    assert len(found.first()["hosts"]) == EIGHT
    assert found.seconds - quick.seconds < 1.4 * TALK, (found.seconds, quick.seconds)


def test_one_of_eight_resolves_differently(fleet):
    """A name server of its own tells one relay another address; seven agree."""
    liar, host = fleet["diag-pf"], fleet["diag-sm"]
    host.run(f"sed -i '/mx1.ok.test/d' /etc/hosts; echo '{OTHER} mx1.ok.test' >> /etc/hosts")
    try:
        found = diagnose("ok.test", hosts="relays,diag")
        case = found.first()
        assert case["hosts"] == ["diag-sm"] and case["code"] == "hosts_file", found.text
        assert OTHER in case["what"] + " ".join(case["evidence"])
    finally:
        host.run("sed '/mx1.ok.test/d' /etc/hosts > /tmp/hosts && cat /tmp/hosts > /etc/hosts")
    assert liar.run("getent hosts mx1.ok.test").split()[0] != OTHER
