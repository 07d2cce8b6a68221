# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account on real relays: what the policy no longer says goes back, and a change that fails leaves the relay up."""

from __future__ import annotations

import pytest
from labhosts import POSTFIX, RELAYS


def named(value):
    """Test names that a reader understands."""
    return getattr(value, "name", None) or str(value)


def digests(host):
    """The content of every file of the configuration directory; compiled tables follow from their sources."""
    return {name: facts[0] for name, facts in host.look().items() if not name.endswith((".db", ".lmdb"))}


@pytest.mark.parametrize("host", RELAYS, ids=named)
def test_what_the_policy_no_longer_says_goes_back(host, policy):
    """B1: the default route, the address of the outgoing mail and a limit are gone when the policy has them no more."""
    routes = {**policy.get("routes", {}), "default": {"host": "mx1.ok.test"}}
    identity = {**policy.get("identity", {}), "send_from": [host.address]}
    limits = {**policy.get("limits", {}), "message_size": "12M"}
    other = {**policy, "routes": routes, "identity": identity, "limits": limits}
    host.apply(policy)
    before = digests(host)
    assert host.apply(other)["changed"]
    assert digests(host) != before
    assert host.apply(policy)["changed"]
    assert digests(host) == before


@pytest.mark.parametrize("host", POSTFIX, ids=named)
def test_a_postfix_that_does_not_start_runs_again_with_the_old_files(host, policy):
    """The reason that its own log gives stands in the message."""
    host.apply(policy)
    before = digests(host)
    answer = host.apply(policy, main={"queue_directory": "/var/spool/nosuch"})
    assert answer["failed"] and answer["restored"] is True
    assert "chdir(/var/spool/nosuch)" in answer["msg"]
    assert digests(host) == before and host.master()[0]


@pytest.mark.parametrize("host", RELAYS, ids=named)
def test_a_dead_milter_does_not_stay_live(host, policy):
    """Every client would get 451 afterwards."""
    host.apply(policy)
    before = digests(host)
    line = "INPUT_MAIL_FILTER(`dead', `S=inet:9999@127.0.0.1, F=T')dnl"
    main = {"smtpd_milters": "inet:127.0.0.1:9999", "milter_default_action": "tempfail"}
    native = {"main": main} if host.mta == "postfix" else {"mc": {"before_mailers": line}}
    answer = host.apply(policy, **native)
    assert answer["failed"] and answer["restored"] is True and "is refused now: 451" in answer["msg"]
    assert digests(host) == before
