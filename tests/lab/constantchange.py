# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A relay that changes without end: rules, tables and the policy, in any order, some changes killed on the way."""

from __future__ import annotations

import typing as t

from labhosts import Host, policy_of

#: Runs on the relay: changes until the time is over, or until there were so many; each in a process of its own, some of them killed.
#: Says how many there were of each kind, how many were killed, and which failed though nobody killed them.
CHANGES = """
import collections, json, os, random, signal, sys, time
from ansible_collections.postmaster.mta.plugins.module_utils import _errors, _runner
from ansible_collections.postmaster.mta.plugins.module_utils._module import access, relay, table
call = json.load(sys.stdin)
dice = random.Random(call["seed"])
counts, failures = collections.Counter(), []

def run(module, given):
    params = {name: spec.get("default") for name, spec in module.ARGUMENT_SPEC.items()}
    params.update(mta=call["mta"], **given)
    module.run(params, False, _runner.Runner())

def change(kind, number):
    state = dice.choice(["present", "absent"])
    if kind == "access":
        run(access, {"rules": [{"from": ["other%d.test" % dice.randrange(5)]}], "state": state})
    elif kind == "table":
        entry = {"key": "key%d.test" % dice.randrange(5), "value": call["table"]["value"]}
        run(table, dict(call["table"]["params"], entries=[entry], state=state))
    else:
        run(relay, {"policy": dice.choice(call["policies"])})

def child(kind, number, end):
    try:
        change(kind, number)
        told = ""
    except BaseException as problem:
        told = "%s: %s: %s" % (kind, type(problem).__name__, problem)
    os.write(end, told.encode()[:2000])
    os._exit(0)

def one(kind, number):
    begin, end = os.pipe()
    kills = dice.random() < call["kills"]
    pid = os.fork()
    if not pid:
        child(kind, number, end)
    os.close(end)
    if kills:
        time.sleep(dice.random() * call["within"][kind])
        os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    # Not to the end: what a killed process had started may have the other end for a while.
    os.set_blocking(begin, False)
    try:
        told = os.read(begin, 2000).decode()
    except BlockingIOError:
        told = ""
    os.close(begin)
    counts[kind] += 1
    counts["killed"] += os.WIFSIGNALED(status)
    if told:
        failures.append(told)

number, end = 0, time.time() + call["seconds"]
while time.time() < end and number < call["most"]:
    one(dice.choice(call["kinds"]), number)
    number += 1
json.dump({"counts": dict(counts), "failures": failures}, sys.stdout)
"""
#: A table of the administrator on each MTA, and a value for it.
TABLES = {
    "postfix": {"params": {"name": "changing"}, "value": "REJECT"},
    "sendmail": {"params": {"name": "mailertable"}, "value": "esmtp:[10.25.0.50]"},
}
#: Seconds in which a change of each kind can be struck on a machine with something else to do.
WITHIN = {"access": 1.5, "table": 1.5, "relay": 8.0}


def policies(host: Host) -> t.List[t.Dict[str, t.Any]]:
    """Return policies between which a relay can go, some of which need a reload and, on sendmail, a restart."""
    policy = policy_of(host)
    limits = policy.get("limits", {})
    relay = policy["relay"]
    return [
        policy,
        {**policy, "limits": {**limits, "message_size": "12M"}},
        {**policy, "relay": {**relay, "domains": [*relay["domains"], "change.test"]}},
    ]


def call(
    host: Host,
    seconds: float,
    seed: int,
    kinds: t.Sequence[str] = ("access", "table", "relay"),
    kills: float = 0.0,
    most: int = 10**6,
) -> t.Dict[str, t.Any]:
    """Return what CHANGES is given.

    :param kills: the share of the changes that are killed at a random moment.
    """
    return {
        "mta": host.mta,
        "seconds": seconds,
        "seed": seed,
        "kinds": list(kinds),
        "kills": kills,
        "within": WITHIN,
        "most": most,
        "policies": policies(host),
        "table": TABLES[host.mta],
    }
