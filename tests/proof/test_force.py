# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No connection sees half a change, long: rules, tables and the policy change in any order. PROOF_CONNECTIONS says how many come."""

from __future__ import annotations

import collections
import concurrent.futures
import os
import typing as t

import accesshosts
import constantchange
import pytest
from labhosts import HOSTS, WORLD, Host, policy_of
from test_relay import figure
from test_under_change import BLOCKED, LEGITIMATE, LOAD

CONNECTIONS = int(os.environ.get("PROOF_CONNECTIONS", "50000"))
ROUND = min(60, 10 + CONNECTIONS // 50)


def _ready(host: Host) -> None:
    answer = host.apply(policy_of(host))
    assert not answer.get("failed"), answer
    accesshosts.clear(host)


@pytest.mark.parametrize("host", [HOSTS["pf13"], HOSTS["pf12"], HOSTS["sles15"], HOSTS["sm13"]], ids=str)
def test_no_connection_sees_half_a_change(host: Host) -> None:
    """Blocked taken: none. Legitimate refused for good: none. Nobody lost: who was not served can come again."""
    _ready(host)
    assert not accesshosts.access(host, rules=[{"from": [BLOCKED]}]).get("failed")
    load = {"address": host.address, "seconds": ROUND, "clients": 8, "blocked": BLOCKED, "legitimate": LEGITIMATE}
    answers: t.Counter[t.Any] = collections.Counter()
    changes: t.Counter[str] = collections.Counter()
    seed = 0
    try:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            while sum(number for key, number in answers.items() if isinstance(key, tuple)) < CONNECTIONS:
                clients = pool.submit(WORLD.ask, LOAD, load)
                done = host.ask(constantchange.CHANGES, constantchange.call(host, ROUND, seed))
                answers.update({tuple(key) if isinstance(key, list) else key: n for key, n in clients.result()})
                changes.update(done["counts"])
                assert not done["failures"], done["failures"]
                seed += 1
    finally:
        entries = [{"key": f"key{number}.test"} for number in range(5)]
        accesshosts.call(host, "table", **constantchange.TABLES[host.mta]["params"], entries=entries, state="absent")
        _ready(host)
    figure("B2", f"{host}: {dict(changes)} changes, {dict(answers)}")
    assert not answers[("blocked", 2)] and not answers[("legitimate", 5)], answers
