# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes by sender: the mail of campaigns goes to its host, by the second one where the first is dead, and no other mail does."""

from __future__ import annotations

import collections
import json
import time
import typing as t
import uuid

import pytest
from labhosts import EVERY_HOST, WORLD, Host, conversation, policy_of, some

#: Nobody has the first address.
DEAD, CAMPAIGN_HOST = "10.25.0.200", "10.25.0.56"
#: The small form in the gate of every change; the whole one in C(make proof).
CAMPAIGNS, OTHERS = (100, 1000) if EVERY_HOST else (10, 20)
AT_ONCE = 50


def send(host: Host, senders: t.Sequence[str], recipient: str) -> None:
    """Send a message from each sender, many in one session."""
    for first in range(0, len(senders), AT_ONCE):
        lines = ["EHLO trusted.lab.test"]
        for sender in senders[first : first + AT_ONCE]:
            lines += [f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>", "DATA", "Subject: routing\r\n\r\nx\r\n."]
        steps = conversation(WORLD, host, "trusted", [*lines, "QUIT"])
        assert [step for step in steps if (step["code"] or 500) >= 400] == []


def arrived(sink: str, recipient: str) -> t.Counter[str]:
    """Return how often a sink has the message of each sender."""
    envelopes = (json.loads(line) for line in WORLD.run(f"sinkctl messages {sink}").splitlines())
    return collections.Counter(e["mail_from"] for e in envelopes if recipient in e["rcpt_to"])


@pytest.mark.parametrize("host", some("pf13", "sm13"), ids=str)
def test_campaign_senders_go_to_their_host_and_nobody_else_does(host: Host) -> None:
    mark = uuid.uuid4().hex[:8]
    by_address = [f"news{number}-{mark}@camp.test" for number in range(CAMPAIGNS // 2)]
    by_domain = [f"any{number}@camp{number}-{mark}.test" for number in range(CAMPAIGNS - CAMPAIGNS // 2)]
    others = [f"other{number}-{mark}@camp.test" for number in range(OTHERS)]
    rows = [*by_address, *(sender.rpartition("@")[2] for sender in by_domain)]
    routes = {"senders": [{"sender": row, "hosts": [DEAD, CAMPAIGN_HOST]} for row in rows]}
    policy = policy_of(host)
    answer = host.apply(
        {**policy, "routes": {**policy.get("routes", {}), **routes}, "session": {"sender_domain_exists": False}}
    )
    assert not answer.get("failed"), answer["msg"]
    campaigns = by_address + by_domain
    recipient = f"r{mark}@v4only.test"
    send(host, [*campaigns, *others], recipient)
    deadline = time.monotonic() + (600 if EVERY_HOST else 120)
    while sum((arrived("third.test", recipient) + arrived("ok.test", recipient)).values()) < CAMPAIGNS + OTHERS:
        assert time.monotonic() < deadline, host.run("mailq | tail -30")
        time.sleep(1)
    assert arrived("third.test", recipient) == dict.fromkeys(campaigns, 1)
    assert arrived("ok.test", recipient) == dict.fromkeys(others, 1)
    assert not host.apply(policy).get("failed")
