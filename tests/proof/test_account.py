# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account on real relays, in numbers: rules that outlive any day, generations back, and changes that nobody confirms."""

from __future__ import annotations

import os
import random
import time

import accesshosts
import accounthosts
import pytest
from accounthosts import contents, insist
from labhosts import RELAYS, policy_of

#: How often: a person who wants to see it once says so here.
WALKS = int(os.environ.get("PROOF_WALKS", "50"))
UNDO_ROUNDS = int(os.environ.get("PROOF_UNDO_ROUNDS", "10"))
#: How often the way back from the same twenty states is gone.
WALKS_BACK = int(os.environ.get("PROOF_WALKS_BACK", "1"))
PAIRS = int(os.environ.get("PROOF_PAIRS", "20"))
ORDERS = int(os.environ.get("PROOF_ORDERS", "12"))
CONFIRM_ROUNDS = int(os.environ.get("PROOF_CONFIRM_ROUNDS", "2"))


def figure(text: str) -> None:
    """One row of the table that C(make proof) prints."""
    print(f"\nAC   {text}", flush=True)


@pytest.mark.parametrize("host", RELAYS, ids=str)
def test_no_rule_is_lost(host):
    """Random days of relay, natives, access, table, capture and undo; the rule is asked on the wire after each."""
    accounthosts.make_lasting(host)
    lost, refused = [], []
    for seed in range(WALKS):
        done = accounthosts.walk(host, seed, 5)
        refused += [step for step in done if ": " in step]
        if not accounthosts.is_refused(host):
            lost.append((seed, done))
            accounthosts.make_lasting(host)
        if seed % 5 == 4:
            figure(f"{host}: {seed + 1} sequences so far, {len(lost)} lost")
    figure(f"{host}: {WALKS} random sequences of 5 steps, {len(lost)} lost; {len(refused)} of the steps were refused")
    assert not lost
    assert len(refused) < WALKS, refused


@pytest.mark.parametrize("host", RELAYS, ids=str)
def test_any_order_ends_in_the_same_configuration(host):
    """The last word of each author decides, and not who comes last."""
    name, value = (
        ("mailertable", "esmtp:[10.25.0.60]") if host.mta == "sendmail" else ("x_transport", "smtp:[10.25.0.60]")
    )
    policy = {**policy_of(host), "routes": {"domains": [{"domain": "served.test", "host": "10.25.0.60"}]}}
    policy["aliases"] = {"info": ["anna@served.test"]}
    steps = {
        "relay": lambda: host.apply(policy, **NATIVES[host.mta]),
        "access": lambda: accesshosts.access(host, rules=[{"to": ["u1@served.test"]}]),
        "block": lambda: accesshosts.access(host, rules=[{"from": ["bad.example"]}]),
        "table": lambda: accesshosts.call(
            host, "table", name=name, entries=[{"key": "d1.example", "value": value}], state="exact"
        ),
        "capture": lambda: accounthosts.catch(host),
    }
    meanings = {}
    dice = random.Random(14)
    for number in range(ORDERS):
        order = tuple(dice.sample(sorted(steps), len(steps)))
        _begin_anew(host, name)
        for step in order:
            insist(steps[step]())
        meanings.setdefault(accounthosts.meaning(host), []).append(order)
        figure(f"{host}: {number + 1} orders so far, {len(meanings)} configurations")
    _begin_anew(host, name)
    figure(f"{host}: {ORDERS} orders of five authors, {len(meanings)} configurations")
    assert len(meanings) == 1, list(meanings.values())


#: Natives of every value that has several authors.
NATIVES = {
    "postfix": {
        "main": {
            "smtpd_recipient_restrictions": "permit_mynetworks, reject_unlisted_recipient",
            "smtpd_client_restrictions": "permit_mynetworks",
            "transport_maps": "inline:{native.example=smtp:[10.25.0.60]}",
            "mynetworks": "127.0.0.0/8, 10.25.0.60",
            "alias_maps": "inline:{native.user=postmaster}",
        },
        "master": {"slow/unix": {"command": "smtp"}},
    },
    "sendmail": {"mc": {"defines": {"confMAX_NOOP_COMMANDS": 7}, "features": {"delay_checks": []}}},
}


def _begin_anew(host, table):
    if accounthosts.caught(host):
        accounthosts.release(host)
    insist(host.apply(policy_of(host)))
    accesshosts.clear(host)
    insist(accesshosts.call(host, "table", name=table, entries=[], state="exact"))


@pytest.mark.parametrize("host", RELAYS, ids=str)
def test_b_after_a_is_b_alone(host):
    """Random pairs of policies, the first with native settings: the same files and the same answers on the wire."""
    wrong = [seed for seed in range(PAIRS) if not accounthosts.pair(host, random.Random(seed))]
    figure(f"{host}: {PAIRS} pairs of policies, {len(wrong)} differ")
    assert not wrong


@pytest.mark.parametrize("host", RELAYS, ids=str)
def test_generations_back(host):
    """Twenty changes, back one by one and in one step, byte for byte."""
    wrong, undos, slowest, states = [], 0, 0.0, []
    for turn in range(UNDO_ROUNDS):
        if turn % WALKS_BACK:
            # There and back again: what an undo writes pushes nothing out.
            accounthosts.undo(host, to=states[-1][0])
            undos += 1
            wrong += [] if contents(host) == states[-1][1] else [(turn, states[-1][0])]
        else:
            states = _twenty_states(host, turn)
        for number, state in reversed(states[:-1]):
            began = time.monotonic()
            accounthosts.undo(host)
            slowest = max(slowest, time.monotonic() - began)
            undos += 1
            wrong += [] if contents(host) == state else [(turn, number)]
        for number, state in (states[-1], states[0]):
            accounthosts.undo(host, to=number)
            undos += 1
            wrong += [] if contents(host) == state else [(turn, number)]
        figure(f"{host}: {undos} undos so far, {len(wrong)} wrong, at most {slowest:.1f} s")
    figure(f"{host}: {undos} undos, {len(wrong)} wrong, at most {slowest:.1f} s")
    assert not wrong


def _twenty_states(host, turn):
    """Make twenty states; return the number of each, and what its files were."""
    accounthosts.make_lasting(host)
    states = [(accounthosts.generations(host)[0]["number"], contents(host))]
    for number in range(19):
        _change(host, turn * 100 + number)
        states.append((accounthosts.generations(host)[0]["number"], contents(host)))
    return states


def _change(host, number):
    policy = policy_of(host)
    if number % 3:
        insist(accesshosts.access(host, rules=[{"to": [f"u{number}@served.test"]}]))
    else:
        insist(host.apply({**policy, "limits": {**policy.get("limits", {}), "message_size": f"{number % 20 + 11}M"}}))


@pytest.mark.parametrize("host", RELAYS, ids=str)
@pytest.mark.parametrize("trouble", accounthosts.TROUBLES)
def test_nobody_confirms(host, trouble):
    """The old configuration answers within the time: ten seconds to confirm, and the way back."""
    seconds = [accounthosts.nobody_confirms(host, trouble) for _turn in range(CONFIRM_ROUNDS)]
    figure(f"{host}: {trouble}: {CONFIRM_ROUNDS} of {CONFIRM_ROUNDS} back, at most {max(seconds):.0f} s")
