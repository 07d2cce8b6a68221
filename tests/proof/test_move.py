# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A relay moves from sendmail to Postfix and back by one command each while mail flows.

How many messages can be said: PROOF_MOVED (5,000).
"""

from __future__ import annotations

import os
import time

import everything
import movehosts
import pytest
from labhosts import HOSTS, Host, policy_of
from test_relay import figure

MESSAGES = int(os.environ.get("PROOF_MOVED", "5000"))
REPLAYED = int(os.environ.get("PROOF_REPLAYED", "1000000"))
#: What Postfix need not do any more: senders that relay, routes and users of no relay, rules of its own.
ACCEPTED = ["access:26", "sendmail.mc:24", "sendmail.mc:40", "sendmail.mc:76"]


@pytest.mark.parametrize("host", [HOSTS["sm13"]], ids=str)
def test_no_message_is_lost_while_a_relay_moves(host: Host) -> None:
    """Each message that was taken arrives once."""
    answer = host.apply(policy_of(host))
    assert not answer.get("failed"), answer
    with movehosts.beside(host):
        figures = movehosts.there_and_back(host, MESSAGES, 0.05)
    figure(
        "C4",
        f"{host}: {figures['taken']} messages while it moves and moves back, {len(figures['lost'])} lost, "
        f"{len(figures['twice'])} twice, {figures['refused']} attempts refused and tried again",
    )
    assert not figures["lost"] and not figures["twice"], figures


@pytest.mark.parametrize("host", [HOSTS["sm13"]], ids=str)
def test_a_switch_refuses_no_more_connections_than_a_restart(host: Host) -> None:
    """Somebody connects ten times a second."""
    with movehosts.beside(host):
        movehosts.prepared(host)
        with movehosts.connected_to(host) as restarted:
            host.run("systemctl restart sendmail")
        with movehosts.connected_to(host) as moved:
            host.done("move_switch", state="moved", confirm="10m")
        movehosts.drained(host)
        with movehosts.connected_to(host) as back:
            host.done("move_switch", state="back")
        movehosts.drained(host)
    figure("C4", f"{host}: refused connections: there {moved}, back {back}, one restart of sendmail {restarted}")
    # A second more is what a busy machine can make of it.
    assert max(moved["refused"], back["refused"]) <= restarted["refused"] + 10, (moved, back, restarted)


@pytest.mark.parametrize("host", [HOSTS["sm13"]], ids=str)
def test_many_envelopes_are_asked_of_both(host: Host) -> None:
    """A relay with every construct in it: no difference is left that nobody announced."""
    with movehosts.beside(host), everything.everything(host):
        movehosts.prepared(host)
        host.write("/tmp/envelopes", everything.log_of(everything.other_mails(host, REPLAYED)))
        start = time.time()
        call = {"path": ["/tmp/envelopes"], "days": 0, "limit": 0, "show": 0, "made_up": False, "accept": ACCEPTED}
        answer = host.done("move_compare", **call)
        host.run("rm /tmp/envelopes")
    left = [item for item in answer["differences"] if not item["explained"]]
    rate = answer["asked"] / (time.time() - start)
    figure(
        "C4",
        f"{host}: {answer['asked']} envelopes, {answer['alike']} alike, {answer['unexplained']} unexplained, {rate:.0f} a second",
    )
    assert not left, left[:20]
