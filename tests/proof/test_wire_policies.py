# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random policies of what both MTAs can do: the answers agree on all relays, for strangers and for trusted clients, and none is open.

WIRE_POLICIES says how many there are, WIRE_FIRST where they begin, so that one that fails can be tried alone.
"""

from __future__ import annotations

import concurrent.futures
import os
import random
import typing as t

import pytest
from labhosts import RELAYS, WORLD, Host, conversation, policy_of
from test_wire import STRANGER, TRUSTED, Situation, _rcpt

FIRST, POLICIES = int(os.environ.get("WIRE_FIRST", "0")), int(os.environ.get("WIRE_POLICIES", "200"))
#: Relays that are asked; without a word one of each kind and version.
ASKED = [host for host in RELAYS if host.name in os.environ.get("WIRE_RELAYS", str([host.name for host in RELAYS]))]
#: What each section may say, one choice of a row at a time. None of the clients in it is one of the lab.
CHOICES: t.Dict[str, t.Sequence[t.Dict[str, t.Any]]] = {
    "relay": [
        {"clients": [{"networks": ["192.0.2.0/28"]}]},
        {"clients": [{"networks": ["198.51.100.0/24"], "senders": ["brand.test"]}]},
        {"domains": ["served.test", "closed.test"]},
        {"subdomains": True},
    ],
    "recipients": [{"domains": [{"domain": "served.test", "users": ["user", "anna"]}]}],
    "rewrite": [
        {"senders": [{"match": "int.test", "to": "brand.test"}]},
        {"recipients": [{"match": "info@served.test", "to": "user@served.test"}]},
        {"masquerade": {"domains": ["hide.test"], "except": ["root"]}},
    ],
    "routes": [
        {"domains": [{"domain": "served.test", "hosts": ["10.25.0.57", "10.25.0.51"]}]},
        {"domains": [{"domain": "third.test", "action": "reject", "text": "Nobody takes it"}]},
        {"addresses": [{"address": "lost@served.test", "action": "discard"}]},
        {"senders": [{"sender": "news.test", "host": "10.25.0.56", "mx": False}]},
    ],
    "session": [
        {"sender_domain_exists": False},
        {"helo_required": False},
        {"helo_checks": False},
        {"special_addresses": False},
        {"require_ptr": True},
        {"bare_newline_exceptions": ["10.25.0.60/32"]},
        {
            "greeting_delays": [
                {"network": "10.25.0.136/30", "delay": "1s"},
                {"network": "10.25.0.137/32", "delay": "0s"},
            ]
        },
    ],
    "limits": [
        {"hops": 20},
        {"message_size": "1M"},
        {"connection_rate": 900, "trusted": {"connections": 900, "exempt": ["10.25.0.139/32"]}},
        {"trusted": {"exempt": ["10.25.0.139/32"]}},
    ],
    "timeouts": [{"misc": "70s", "rset": "30s"}, {"mail": "2m"}],
    "notices": [{"double_bounces": "anna"}, {"copies_to": "bert"}],
    "queue": [{"lifetime": "3d"}, {"warning_time": "0s"}],
    "identity": [{"send_protocols": ["ipv4"]}, {"banner": "no UCE"}, {"local_domains": ["other-name.test"]}],
    "aliases": [{"crew": ["user@ok.test"], "postmaster": ["root"]}],
}
#: Asked of every policy, besides what the wire guide's tables have; no answer is expected beforehand, they must agree.
MORE = (
    _rcpt("an unknown user", "<nobody@served.test>", 0, ""),
    _rcpt("a listed user", "<anna@served.test>", 0, ""),
    _rcpt("a rewritten recipient", "<info@served.test>", 0, ""),
    _rcpt("a dropped recipient", "<lost@served.test>", 0, ""),
    _rcpt("another served domain", "<user@closed.test>", 0, ""),
    _rcpt("a rewritten sender", "<user@served.test>", 0, "", mail="MAIL FROM:<a@int.test>"),
    _rcpt("an alias", "<crew@{R}.lab.test>", 0, ""),
    _rcpt("mail for another name of the relay", "<root@other-name.test>", 0, ""),
)
#: With a list of recipients its hundred are unknown ones, and each MTA ends a session of mistakes in its own way.
CROWD = "one recipient too many"
#: Recipients that no stranger may send to, whatever the policy says.
FOREIGN = ("victim@third.test", "victim%third.test@served.test", "third.test!victim", "@served.test:victim@third.test")


def _random(dice: random.Random) -> t.Dict[str, t.Any]:
    """Return what a random policy says beyond that of the fleet."""
    names = dice.sample(sorted(CHOICES), dice.randint(3, len(CHOICES)))
    said: t.Dict[str, t.Any] = {}
    for name in names:
        for choice in dice.sample(CHOICES[name], dice.randint(1, min(3, len(CHOICES[name])))):
            for option, value in choice.items():
                said.setdefault(name, {}).setdefault(option, value)
    return said


def _policy(host: Host, said: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    policy = policy_of(host)
    for name, options in said.items():
        policy[name] = {**policy.get(name, {}), **options}
    return policy


def _answers(host: Host) -> t.Dict[str, t.Tuple[int, str]]:
    """Return class and status of each situation, by client and name."""
    asked: t.List[t.Tuple[str, Situation]] = [
        ("stranger", situation) for situation in (*STRANGER, *MORE) if situation.name != CROWD
    ]
    asked += [("trusted", situation) for situation in (*TRUSTED, *MORE)]
    answers = {}
    for client, situation in asked:
        # The names that the tables write in full have no domain behind them here.
        lines = [
            line.replace("{R}.lab.test", f"{host}.lab.test").replace("{R}", f"{host}.lab.test")
            for line in situation.lines
        ]
        reply = conversation(WORLD, host, client, lines)[-1]
        answers[f"{client}: {situation.name}"] = ((reply["code"] or 0) // 100, reply["enhanced"] or "")
    return answers


def _relayed(host: Host) -> t.List[str]:
    """Return what a stranger could send elsewhere."""
    lines = ["EHLO client.stranger.test", "MAIL FROM:<probe@stranger.test>", *(f"RCPT TO:<{name}>" for name in FOREIGN)]
    steps = conversation(WORLD, host, "stranger", lines)[-len(FOREIGN) :]
    return [name for name, step in zip(FOREIGN, steps, strict=True) if (step["code"] or 0) // 100 == 2]


@pytest.mark.parametrize("number", range(FIRST, FIRST + POLICIES))
def test_a_random_policy_is_answered_alike_and_relays_for_nobody_else(number: int) -> None:
    said = _random(random.Random(number))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        applied = list(pool.map(lambda host: host.apply(_policy(host, said)), ASKED))
        assert [answer["msg"] for answer in applied if answer.get("failed")] == [], said
        answers = dict(zip(ASKED, pool.map(_answers, ASKED), strict=True))
        relayed = dict(zip(ASKED, pool.map(_relayed, ASKED), strict=True))
    assert not any(relayed.values()), (said, relayed)
    first = answers[ASKED[0]]
    different = {
        (str(host), name): (answer, first[name])
        for host, known in answers.items()
        for name, answer in known.items()
        if answer != first[name]
    }
    assert different == {}, said


@pytest.fixture(scope="module", autouse=True)
def _as_they_were() -> t.Iterator[None]:
    yield
    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(lambda host: host.apply(policy_of(host)), ASKED))
