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

import accesshosts
import audits
import pytest
from labhosts import RELAYS, TRUSTED_ADDRESS, WORLD, Host, policy_of
from test_wire import STRANGER, TRUSTED, Situation, _rcpt

FIRST, POLICIES = int(os.environ.get("WIRE_FIRST", "0")), int(os.environ.get("WIRE_POLICIES", "200"))
#: Relays that are asked; without a word one of each kind and version.
ASKED = [host for host in RELAYS if host.name in os.environ.get("WIRE_RELAYS", str([host.name for host in RELAYS]))]
CERTIFICATE = {"certificate": "/etc/ssl/lab/cert.pem", "key": "/etc/ssl/lab/key.pem"}
#: A client that has no name in DNS and is no stranger of the pool.
NAMELESS = "10.25.0.61"
#: A sender domain with which anybody may relay where a policy says so.
FORGED = "v6only.test"
#: Runs on world: many conversations; code and enhanced status of the first refusal of each, else of its last reply. With greeting delays
#: or load limits Postfix says at once what is said at RCPT otherwise.
TALKS = """
import json, sys
from ansible_collections.postmaster.mta.plugins.module_utils._smtp import dialogue
call, answers = json.load(sys.stdin), []
for source, lines in call["talks"]:
    with dialogue.Dialogue(call["address"], 25, source=source, timeout=60) as session:
        session.connect()
        for line in lines:
            session.command(line)
        steps = [dialogue.step_facts(step) for step in session.steps]
        step = next((step for step in steps if (step["code"] or 0) >= 400), steps[-1])
        answers.append([step["code"] or 0, step["enhanced"] or ""])
json.dump(answers, sys.stdout)
"""
#: What each section may say: everything that both MTAs can do, one choice of a row at a time.
CHOICES: t.Dict[str, t.Sequence[t.Dict[str, t.Any]]] = {
    "relay": [
        {"clients": [{"networks": [f"{NAMELESS}/32"]}, {"certificates": [":".join(["AB"] * 32)]}]},
        {"clients": [{"networks": [f"{NAMELESS}/32"], "senders": ["ok.test"]}, {"names": ["mail.partner.test"]}]},
        {"clients": [{"senders": [FORGED], "forgeable": True}]},
        {"domains": ["served.test", "closed.test"]},
        {"subdomains": True},
    ],
    "recipients": [{"domains": [{"domain": "served.test", "users": ["user", "anna"]}]}],
    "rewrite": [
        {"senders": [{"match": "int.test", "to": "ok.test"}]},
        {"senders": [{"match": "a@int.test", "to": "b@third.test"}], "headers": False},
        {"recipients": [{"match": "info@served.test", "to": "user@served.test"}]},
        {"domains": [{"domain": "old.test", "to": "served.test"}]},
        {"masquerade": {"domains": ["hide.test"], "except": ["root"]}},
    ],
    "routes": [
        {"default": {"host": "10.25.0.51", "mx": False}},
        {"default": {"hosts": ["10.25.0.51", "10.25.0.56"], "mx": False}},
        {"default": {"action": "hold"}},
        {"domains": [{"domain": "served.test", "hosts": ["10.25.0.57", "10.25.0.51"]}]},
        {"domains": [{"domain": "third.test", "action": "reject", "text": "Nobody takes it"}]},
        {"domains": [{"domain": "served.test", "host": "10.25.0.57", "esmtp": False, "subdomains": True, "port": 25}]},
        {"domains": [{"domain": "served.test", "mx": False}, {"domain": "closed.test", "action": "discard"}]},
        {"domains": [{"domain": "ok.test", "action": "hold", "subdomains": True}]},
        {"domains": [{"domain": "served.test", "host": "10.25.0.57"}], "default": {"action": "reject", "text": "Gone"}},
        {"domains": [{"domain": "served.test", "host": "10.25.0.57"}], "default": {"action": "discard"}},
        {"addresses": [{"address": "lost@served.test", "action": "discard"}]},
        {"addresses": [{"address": "lost@served.test", "action": "reject", "text": "Not any more"}]},
        {"addresses": [{"address": "anna@served.test", "hosts": ["10.25.0.57", "10.25.0.56"]}]},
        {"senders": [{"sender": "news.test", "host": "10.25.0.56", "mx": False}]},
        {"senders": [{"sender": "probe@stranger.test", "hosts": ["10.25.0.200", "10.25.0.57"], "port": 2525}]},
    ],
    "session": [
        {"sender_domain_exists": False},
        {"helo_required": False},
        {"helo_checks": False},
        {"vrfy": True},
        {"etrn": True},
        {"pipelining_checks": False},
        {"bare_newline": "normalize"},
        {"bare_newline": "accept"},
        {"nul": "accept"},
        {"missing_headers": "add"},
        {"special_addresses": False},
        {"require_ptr": True},
        {"bare_newline_exceptions": ["10.25.0.60/32"]},
        {
            "greeting_delays": [
                {"network": "10.25.0.136/30", "delay": "1s"},
                {"network": "10.25.0.137/32", "delay": "0s"},
            ]
        },
        {"greeting_delay": "1s", "greeting_delays": [{"network": "10.25.0.0/24", "delay": "0s"}]},
    ],
    "limits": [
        {"hops": 20},
        {"message_size": "1M"},
        {"message_size": "0"},
        {"recipients_per_message": 150},
        {"header_size": "20k"},
        {"connections_per_client": 55},
        {"connections_per_client": 0, "connection_rate": 0},
        {"processes": 66},
        {"free_space": "50M"},
        {"connection_rate": 900, "trusted": {"connections": 900, "exempt": ["10.25.0.139/32"]}},
        {"trusted": {"exempt": ["10.25.0.139/32"]}},
    ],
    "timeouts": [
        {"misc": "70s", "rset": "30s"},
        {"mail": "2m", "rcpt": "2m"},
        {"connect": "20s", "greeting": "40s", "helo": "40s"},
        {"data_init": "90s", "data_block": "90s", "data_final": "11m"},
        {"quit": "30s", "starttls": "30s", "command": "2m"},
        {"ident": "0s"},
    ],
    "load": [{"delay": 5000, "queue": 6000, "refuse": 7000}, {"refuse": 9000}],
    "tls": [
        {"server": {"level": "none"}},
        {"server": {**CERTIFICATE, "level": "encrypt"}},
        {"server": {**CERTIFICATE, "minimum": "TLSv1.3"}},
        {"client": {"level": "none"}},
        {"client": {"level": "encrypt"}},
        {"client": {"minimum": "TLSv1.3"}},
        {"domains": [{"domain": "tls.test", "level": "verify"}, {"domain": "served.test", "level": "none"}]},
    ],
    "notices": [{"double_bounces": "anna"}, {"copies_to": "bert"}, {"mime": True}],
    "queue": [
        {"lifetime": "3d", "bounce_lifetime": "2d"},
        {"warning_time": "0s"},
        {"retry_minimum": "10m", "retry_maximum": "2h", "run_interval": "9m"},
    ],
    "identity": [
        {"protocols": ["ipv4"]},
        {"protocols": ["ipv4", "ipv6"], "send_protocols": ["ipv4"]},
        {"banner": "no UCE"},
        {"local_domains": ["other-name.test"]},
    ],
    "log": [{"tls": True, "level": "normal"}],
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
    _rcpt("another name of a served domain", "<user@old.test>", 0, ""),
    _rcpt("a hidden sender", "<user@served.test>", 0, "", mail="MAIL FROM:<a@x.hide.test>"),
    _rcpt("a sender with a route", "<user@served.test>", 0, "", mail="MAIL FROM:<a@news.test>"),
    _rcpt("two served recipients", "<anna@served.test>", 0, "", mail="MAIL FROM:<>"),
    _rcpt("a routed domain", "<user@third.test>", 0, ""),
    Situation("MAIL without HELO is as the policy says", ("RSET", "NOOP"), 0, ""),
)
#: With a list of recipients its hundred are unknown ones, and each MTA ends a session of mistakes in its own way.
CROWD = "one recipient too many"
#: What stands in the wire guide's table of exceptions.
EXCEPTIONS = {"trusted: a bang path"}
#: The probe that asks for a subdomain of a served domain.
SUBDOMAIN = "O64"


def _random(dice: random.Random) -> t.Dict[str, t.Any]:
    """Return what a random policy says beyond that of the fleet; no choice changes what another has said."""
    names = dice.sample(sorted(CHOICES), dice.randint(4, len(CHOICES)))
    said: t.Dict[str, t.Any] = {}
    for name in names:
        for choice in dice.sample(CHOICES[name], dice.randint(1, min(5, len(CHOICES[name])))):
            section = said.setdefault(name, {})
            if not set(choice) & set(section):
                section.update(choice)
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
    asked += [("trusted", situation) for situation in (*STRANGER, *TRUSTED, *MORE) if situation.name != CROWD]
    talks = []
    for client, situation in asked:
        # The names that the tables write in full have no domain behind them here.
        lines = [
            line.replace("{R}.lab.test", f"{host}.lab.test").replace("{R}", f"{host}.lab.test")
            for line in situation.lines
        ]
        source = TRUSTED_ADDRESS if client == "trusted" else f"10.25.0.{100 + len(talks) % 40}"
        talks.append([source, lines])
    replies = WORLD.ask(TALKS, {"address": host.address, "talks": talks})
    names = (f"{client}: {situation.name}" for client, situation in asked)
    return {name: (code // 100, status) for name, (code, status) in zip(names, replies, strict=True)}


def _relayed(host: Host, said: t.Mapping[str, t.Any]) -> t.List[str]:
    """Return what a stranger could send elsewhere, of the probes of an audit; a policy can serve the subdomains that one is about."""
    below = said.get("relay", {}).get("subdomains")
    answer = audits.audit(host, probes=["relay"], sink={}, expect={})
    taken = [probe for probe in answer["probes"] if probe["judgement"] in ("open", "suspicious")]
    named = [probe for probe in taken if not below or probe["probe"] != SUBDOMAIN]
    return [f"{probe['probe']} {probe['trick']}: {probe['reason']}" for probe in named]


def _who_relays(host: Host, said: t.Mapping[str, t.Any]) -> t.Dict[str, t.Tuple[bool, bool]]:
    """Return whether a client relays, and whether the policy names it, where these differ."""
    clients = said.get("relay", {}).get("clients", ())
    nameless = not said.get("session", {}).get("require_ptr")
    row: t.Dict[str, t.Any] = next((row for row in clients if NAMELESS in "".join(row.get("networks", ()))), {})
    by_sender = any(row.get("forgeable") for row in clients)
    expected = {
        (NAMELESS, "a@stranger.test"): bool(row) and "senders" not in row and nameless,
        (NAMELESS, "a@ok.test"): bool(row) and nameless,
        ("10.25.0.110", f"a@{FORGED}"): by_sender,
        ("10.25.0.110", "a@ok.test"): False,
    }
    may = said.get("tls", {}).get("server", {}).get("level") != "encrypt" and not _refuses(said)
    expected = {case: allowed and may for case, allowed in expected.items()}
    seen = {case: accesshosts.rcpt(host, *case, "victim@v4only.test")["code"] == 250 for case in expected}
    return {" ".join(case): (seen[case], expected[case]) for case in expected if seen[case] != expected[case]}


def _refuses(said: t.Mapping[str, t.Any]) -> bool:
    """Return whether the policy takes no mail for a domain that it does not name."""
    return bool(said.get("routes", {}).get("default", {}).get("action") == "reject")


@pytest.mark.parametrize("number", range(FIRST, FIRST + POLICIES))
def test_a_random_policy_is_answered_alike_and_relays_for_nobody_else(number: int) -> None:
    said = _random(random.Random(number))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        applied = list(pool.map(lambda host: host.apply(_policy(host, said)), ASKED))
        assert [answer["msg"] for answer in applied if answer.get("failed")] == [], said
        answers = dict(zip(ASKED, pool.map(_answers, ASKED), strict=True))
        relayed = dict(zip(ASKED, pool.map(lambda host: _relayed(host, said), ASKED), strict=True))
        others = dict(zip(ASKED, pool.map(lambda host: _who_relays(host, said), ASKED), strict=True))
    assert not any(relayed.values()), (said, relayed)
    assert not any(others.values()), (said, others)
    first = answers[ASKED[0]]
    different = {
        (str(host), name): (answer, first[name])
        for host, known in answers.items()
        for name, answer in known.items()
        if answer != first[name] and name not in EXCEPTIONS
    }
    assert different == {}, (different, said)


@pytest.fixture(scope="module", autouse=True)
def _as_they_were() -> t.Iterator[None]:
    yield
    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(lambda host: host.apply(policy_of(host)), ASKED))
