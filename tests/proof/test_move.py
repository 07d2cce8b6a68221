# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A relay moves from sendmail to Postfix and back by one command each while mail flows.

How many messages can be said: PROOF_MOVED (5,000).
"""

from __future__ import annotations

import os

import movehosts
import pytest
from labhosts import HOSTS, Host, policy_of
from test_relay import figure

MESSAGES = int(os.environ.get("PROOF_MOVED", "5000"))


@pytest.mark.parametrize("host", [HOSTS["sm13"]], ids=str)
def test_no_message_is_lost_while_a_relay_moves(host: Host) -> None:
    """Each message that was taken arrives once; connections are refused for as long as a restart of sendmail takes."""
    answer = host.apply(policy_of(host))
    assert not answer.get("failed"), answer
    with movehosts.mail_flows(host, movehosts.fresh(host), 20, 0.05) as restarted:
        host.restart()
    with movehosts.beside(host):
        figures = movehosts.there_and_back(host, MESSAGES, 0.05)
    figure(
        "C4",
        f"{host}: {figures['taken']} messages while it moves and moves back, {len(figures['lost'])} lost, {len(figures['twice'])} twice, "
        f"{figures['refused']} connections refused; one restart of sendmail refuses {restarted['refused']}",
    )
    assert not figures["lost"] and not figures["twice"], figures
