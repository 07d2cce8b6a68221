# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must be true of the queue operations: they hit what they said they would (R11), and no message is lost."""

from __future__ import annotations

import os
import typing as t

import pytest
from queuehosts import QueueHost, queue_host

VERSIONS = ["postfix-3.7", "sendmail-8.17"]
MESSAGES = int(os.environ.get("QUEUE_PROOF_MESSAGES", "2000"))
OPERATIONS = int(os.environ.get("QUEUE_PROOF_OPERATIONS", "200"))
FLOW = int(os.environ.get("QUEUE_PROOF_FLOW", "5000"))
SECONDS = int(os.environ.get("QUEUE_PROOF_SECONDS", "300"))
#: sendmail cannot requeue.
ACTIONS = {
    "postfix": ["flush", "hold", "release", "requeue", "deliver"],
    "sendmail": ["flush", "hold", "release", "deliver"],
}


@pytest.fixture(name="host", params=VERSIONS)
def _host(request: pytest.FixtureRequest) -> t.Iterator[QueueHost]:
    with queue_host(request.param) as host:
        yield host


def test_r11_the_affected_messages_are_the_predicted_ones(host: QueueHost) -> None:
    """2,000 messages, 200 operations, while others arrive and leave and short queue IDs are used again."""
    host.send(0, MESSAGES, "defer.test", "refused.test")
    load = [
        {"first": 100000, "count": 100000, "rate": 10, "domains": ["ok.test"]},
        {"first": 300000, "count": 100000, "rate": 2, "domains": ["defer.test", "reject.test"]},
    ]
    actions = [one for one in ACTIONS[host.mta] if one != "deliver"] + ["delete"]
    found = host.call("predictions", seed=11, operations=OPERATIONS, actions=actions, load=load)
    print(f"\nR11 {host}: {found}")
    assert found["problems"] == []
    assert found["operations"] == OPERATIONS
    assert found["affected"] > OPERATIONS and found["stale"] > OPERATIONS


def test_no_message_is_lost(host: QueueHost) -> None:
    """5,000 messages flow through while operations are fired at random for five minutes."""
    half = FLOW // 2
    load = [
        {
            "first": first,
            "count": half,
            "rate": half / (SECONDS * 0.8),
            "domains": ["ok.test", "defer.test", "reject.test", "ok.test", "refused.test"],
        }
        for first in (0, half)
    ]
    found = host.call("storm", seed=5, seconds=SECONDS, actions=ACTIONS[host.mta], load=load, total=2 * half)
    print(f"\nzero loss {host}: {found}")
    assert found["missing"] == []
    assert found["twice"] == []
    assert found["in_two_places"] == []
    assert found["delivered"] + found["bounced"] + found["queued"] == 2 * half
    assert min(found["delivered"], found["bounced"], found["queued"]) > 0
