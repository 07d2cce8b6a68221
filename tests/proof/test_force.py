# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In force, closed, alive, long: connections during changes, kills at any moment, and check mode beside the run.

How many of each can be said: PROOF_CONNECTIONS (of each relay, 50,000), PROOF_KILLS (of each MTA, 1,000), PROOF_WISHES (of each MTA, 500).
"""

from __future__ import annotations

import collections
import concurrent.futures
import os
import random
import typing as t

import accesshosts
import accounthosts
import constantchange
import pytest
import test_in_force
from bad_input import POSTFIX_BAD, SENDMAIL_BAD
from labhosts import HOSTS, WORLD, Host, policy_of
from test_relay import contents, figure
from test_under_change import BLOCKED, LEGITIMATE, LOAD

CONNECTIONS = int(os.environ.get("PROOF_CONNECTIONS", "50000"))
KILLS = int(os.environ.get("PROOF_KILLS", "1000"))
WISHES = int(os.environ.get("PROOF_WISHES", "500"))
BOTH = [HOSTS["pf13"], HOSTS["sm13"]]
#: What lies beside a configuration directory while something is under way.
_LITTER = "ls -d /etc/.postfix.postmaster* /etc/.mail.postmaster* 2>/dev/null"
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
        _tidy(host)
        _ready(host)
    figure("B2", f"{host}: {dict(changes)} changes, {dict(answers)}")
    assert not answers[("blocked", 2)] and not answers[("legitimate", 5)], answers


@pytest.mark.parametrize("host", BOTH, ids=str)
def test_killed_at_any_moment_the_next_run_has_it_up_and_whole(host: Host) -> None:
    """Each kill is followed by one run: the relay answers, its configuration is the one that was asked for, nothing is left.

    Compiled tables are compared by their sources: the same entries can lie in them in another order.
    """
    _ready(host)
    # The table stays, without entries, once there was one.
    _table(host, "present")
    _table(host, "absent")
    expected = accounthosts.meaning(host)
    dice = random.Random(20261130)
    killed = tries = 0
    bad: t.List[str] = []
    while killed < KILLS:
        tries += 1
        kind = dice.choice(["access", "table", "relay"])
        given = constantchange.call(host, 60, dice.randrange(10**6), (kind,), 1.0, 1)
        killed += host.ask(constantchange.CHANGES, given)["counts"]["killed"]
        _tidy(host)
        answer = host.apply(policy_of(host))
        left = _litter(host)
        reply = accesshosts.rcpt(host, "10.25.0.139", "a@stranger.test", "user@served.test")["code"]
        if answer.get("failed") or left or reply != 250 or accounthosts.meaning(host) != expected:
            bad.append(f"{tries} {kind}: {answer.get('msg')} {left} {reply}")
    figure("C1", f"{host}: {killed} killed of {tries}, {len(bad)} not up, whole and clean after one run")
    assert not bad, "\n".join(bad)


def _litter(host: Host) -> t.List[str]:
    return host.run(_LITTER, check=False).split()


def _tidy(host: Host) -> None:
    """Take the rules and the entries of the killed changes away, as the one run that follows a kill may be any."""
    accesshosts.clear(host)
    _table(host, "absent")


def _table(host: Host, state: str) -> None:
    known = constantchange.TABLES[host.mta]
    value = {"value": known["value"]} if state == "present" else {}
    entries = [{"key": f"key{number}.test", **value} for number in range(5)]
    answer = accesshosts.call(host, "table", **known["params"], entries=entries, state=state)
    assert not answer.get("failed"), answer


@pytest.mark.parametrize("host", BOTH, ids=str)
def test_check_mode_says_what_the_run_says(host: Host) -> None:
    """Random policies and natives, half of them bad: refused or not, the sentence, and the settings are the same."""
    dice = random.Random(20261130)
    refused = 0
    differ: t.List[str] = []
    for number in range(WISHES):
        wish = _wish(host, dice, bad=number % 2 == 0)
        before = contents(host)
        predicted = host.apply(**wish, check_mode=True)
        assert contents(host) == before, wish
        done = host.apply(**wish)
        refused += bool(done.get("failed"))
        for key in ("failed", "msg", "changed", "settings", "actions", "activation"):
            if predicted.get(key) != done.get(key):
                differ.append(f"{number} {key}: {predicted.get(key)!r} and {done.get(key)!r} for {wish}")
    host.apply(policy_of(host))
    figure("A4", f"{host}: {WISHES} wishes, {refused} refused, {len(differ)} told otherwise by check mode")
    assert not differ, "\n".join(differ)


def _wish(host: Host, dice: random.Random, bad: bool) -> t.Dict[str, t.Any]:
    """Return what relay is given."""
    wish = {"policy": accounthosts.random_policy(host, dice), **accounthosts.natives(host, dice)}
    if not bad:
        return wish
    inputs = [*(POSTFIX_BAD if host.mta == "postfix" else SENDMAIL_BAD)]
    risks = test_in_force.POSTFIX_RISKS if host.mta == "postfix" else test_in_force.SENDMAIL_RISKS
    params = dict(dice.choice([*[each.params for each in inputs], *[each.params for each in risks]]))
    policy = {**wish["policy"], **params.pop("policy", {})}
    policy["relay"] = {**policy["relay"], **params.pop("relay", {})}
    return {**wish, **params, "policy": policy}
