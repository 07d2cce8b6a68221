# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No connection sees half a change: a blocked sender and a legitimate one never stop while rules come and go."""

from __future__ import annotations

import concurrent.futures

import accesshosts
import pytest
from labhosts import EVERY_HOST, WORLD, Host, some

#: Runs on world: some clients at a time, each with the blocked and the legitimate sender in turns; counts what they are answered.
LOAD = """
import collections, json, sys, threading, time
from ansible_collections.postmaster.mta.plugins.module_utils._smtp import dialogue
call = json.load(sys.stdin)
end = time.time() + call["seconds"]
counts = collections.Counter()

def client(number):
    turn = number
    while time.time() < end:
        turn += 1
        blocked = turn % 2
        sender = call["blocked"] if blocked else call["legitimate"]
        with dialogue.Dialogue(call["address"], 25, source="10.25.0.%d" % (120 + number), timeout=30) as session:
            step = session.connect()
            if step.code == 220:
                step = session.ehlo("client.stranger.test")
            if step.family == 2:
                step = session.mail(sender)
            if step.family == 2:
                step = session.rcpt("user@served.test")
            counts["blocked" if blocked else "legitimate", step.family] += 1
            if blocked and step.family == 2 or not blocked and step.family == 5:
                counts[str(step)] += 1
            session.close()

threads = [threading.Thread(target=client, args=(number,)) for number in range(call["clients"])]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
json.dump([[list(key) if isinstance(key, tuple) else key, number] for key, number in counts.items()], sys.stdout)
"""

#: Runs on the relay: other rules come and go until the time is over; says how many changes there were.
CHANGES = """
import json, sys, time
from ansible_collections.postmaster.mta.plugins.module_utils import _runner
from ansible_collections.postmaster.mta.plugins.module_utils._module import access
call = json.load(sys.stdin)
defaults = {name: spec.get("default") for name, spec in access.ARGUMENT_SPEC.items()}
end = time.time() + call["seconds"]
changes = 0
while time.time() < end:
    rules = [{"from": ["other%d.test" % (changes // 2)]}]
    state = "absent" if changes % 2 else "present"
    changes += access.run(dict(defaults, mta="auto", rules=rules, state=state), False, _runner.Runner())["changed"]
json.dump(changes, sys.stdout)
"""
SECONDS = 120 if EVERY_HOST else 8
BLOCKED, LEGITIMATE = "a@stranger02.stranger.test", "b@stranger03.stranger.test"


@pytest.mark.parametrize("host", some("pf13", "sm13"), ids=str)
def test_no_connection_sees_half_a_change(host: Host) -> None:
    """Blocked taken: none. Legitimate refused for good: none."""
    assert not accesshosts.access(host, rules=[{"from": [BLOCKED]}]).get("failed")
    load = {"address": host.address, "seconds": SECONDS, "clients": 4, "blocked": BLOCKED, "legitimate": LEGITIMATE}
    try:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            clients = pool.submit(WORLD.ask, LOAD, load)
            changes = host.ask(CHANGES, {"seconds": SECONDS})
            answers = {tuple(key) if isinstance(key, list) else key: number for key, number in clients.result()}
    finally:
        accesshosts.clear(host)
    print(f"{host}: {changes} changes, {answers}")
    assert changes >= 2 and answers["blocked", 5] > 5 and answers["legitimate", 2] > 5, (changes, answers)
    assert not answers.get(("blocked", 2)) and not answers.get(("legitimate", 5)), answers
