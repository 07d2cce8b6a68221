# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may relay beyond networks: the named ones and nobody else; rules and checks hold for them as for every stranger."""

from __future__ import annotations

import typing as t

import accesshosts
import pytest
from labhosts import DNS, RELAYS, WORLD, Host, policy_of, some

#: Clients of the pool of strangers, by what they are in the policy.
BY_NETWORK, WITH_SENDER, NOBODY = (f"10.25.0.{last}" for last in (100, 102, 107))


def _named(host: Host) -> t.Tuple[str, str, str]:
    """Return a name, the client that has it, and one that only says so; each relay has its own, since they are asked side by side."""
    first = 110 + 2 * RELAYS.index(host)
    return f"c{first}.stranger.test", f"10.25.0.{first}", f"10.25.0.{first + 1}"


#: Runs on world: says HELO in a TLS session with a certificate, and asks for a recipient.
SECURE = """
import json, smtplib, ssl, subprocess, sys, tempfile
call = json.load(sys.stdin)
context = ssl._create_unverified_context()
if call["certificate"]:
    context.load_cert_chain(call["certificate"] + ".pem", call["certificate"] + ".key")
with smtplib.SMTP(call["address"], 25, "client.stranger.test", 30, (call["source"], 0)) as session:
    session.starttls(context=context)
    session.ehlo()
    session.mail(call["sender"])
    json.dump(session.rcpt("user@third.test")[0], sys.stdout)
"""


def _certificate(name: str) -> str:
    """Make a certificate of nobody's authority on world; return its fingerprint."""
    path = f"/run/{name}"
    WORLD.run(
        f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name}.stranger.test -keyout {path}.key -out {path}.pem 2>/dev/null"
    )
    return WORLD.run(f"openssl x509 -noout -fingerprint -sha256 -in {path}.pem").strip().partition("=")[2]


def _clients(host: Host) -> t.List[t.Dict[str, t.Any]]:
    return [
        {"networks": [f"{BY_NETWORK}/31"]},
        {"networks": [f"{WITH_SENDER}/32", "fd00:25::66/128"], "senders": ["ok.test", "dnl@third.test"]},
        {"names": [_named(host)[0]]},
        {"certificates": [_certificate(f"known-{host}")]},
        {"certificates": [_certificate(f"limited-{host}")], "senders": ["a@ok.test"]},
        {"senders": ["Reject.test"], "forgeable": True},
    ]


def _names(host: Host) -> None:
    """One client has the name, another one only says so."""
    name, *addresses = _named(host)
    DNS.run(f"labdns set {name} A {addresses[0]} 5")
    for address in addresses:
        reverse = ".".join(reversed(address.split(".")))
        DNS.run(f"labdns set {reverse}.in-addr.arpa PTR {name}. 5")


def _usual_names(host: Host) -> None:
    """The clients have the names of strangers again."""
    for address in _named(host)[1:]:
        last = int(address.rpartition(".")[2])
        reverse = ".".join(reversed(address.split(".")))
        DNS.run(f"labdns set {reverse}.in-addr.arpa PTR stranger{last - 100:02}.stranger.test. 5")


def _relays(host: Host, source: str, sender: str) -> bool:
    """Return whether a client may send to a foreign domain."""
    return accesshosts.rcpt(host, source, sender, "user@third.test")["code"] == 250


def _relays_by(host: Host, certificate: str, sender: str) -> bool:
    path = f"/run/{certificate}" if certificate else ""
    call = {"address": host.address, "source": NOBODY, "sender": sender, "certificate": path}
    return bool(WORLD.ask(SECURE, call) == 250)


@pytest.mark.parametrize("host", some("pf13", "sm13"), ids=str)
def test_named_clients_relay_and_nobody_else_does(host: Host) -> None:
    fleet = policy_of(host)
    before = host.read_back()["policy"]
    _names(host)
    clients = _clients(host)
    policy = {**fleet, "relay": {**fleet["relay"], "clients": clients}}
    answer = host.apply(policy)
    assert not answer.get("failed"), answer["msg"]
    assert host.apply(policy)["changed"] is False
    try:
        _read_back(host, clients)
        _who_relays(host)
        _checks_hold(host)
    finally:
        _usual_names(host)
        accesshosts.clear(host)
        answer = host.apply(fleet)
    assert not answer.get("failed"), answer["msg"]
    assert host.read_back()["policy"] == before
    assert not _relays(host, BY_NETWORK, "a@stranger.test")


def _read_back(host: Host, clients: t.List[t.Dict[str, t.Any]]) -> None:
    live = host.read_back()
    assert live["policy"]["relay"]["clients"] == [*clients[:-1], {"senders": ["reject.test"], "forgeable": True}]
    assert not [name for name in live["unexpressed"] if "client" in name or "class" in name]


def _who_relays(host: Host) -> None:
    stranger, named = "a@stranger.test", "a@ok.test"
    by_name, forged = _named(host)[1:]
    expected = {
        (BY_NETWORK, stranger): True,
        (NOBODY, stranger): False,
        (NOBODY, named): False,
        (WITH_SENDER, named): True,
        (WITH_SENDER, "DNL@Third.test"): True,
        (WITH_SENDER, "b@third.test"): False,
        (WITH_SENDER, "a@x.ok.test"): False,
        (WITH_SENDER, ""): False,
        (by_name, stranger): True,
        (forged, stranger): False,
        (NOBODY, "b@reject.test"): True,
    }
    assert {case: _relays(host, *case) for case in expected} == expected
    by_certificate = {
        ("", stranger): False,
        (f"known-{host}", stranger): True,
        (f"limited-{host}", stranger): False,
        (f"limited-{host}", named): True,
        (f"unknown-{host}", stranger): False,
    }
    _certificate(f"unknown-{host}")
    assert {case: _relays_by(host, *case) for case in by_certificate} == by_certificate


def _checks_hold(host: Host) -> None:
    """What is refused from everybody is refused from these clients too."""
    rules = [
        {"from": "spammer@stranger.test", "action": "reject", "text": "No more of it"},
        {"to": "gone@third.test", "action": "reject", "status": "5.1.6", "text": "Moved away"},
        {"connect": "10.25.0.101", "action": "reject"},
    ]
    answer = accesshosts.access(host, rules=rules)
    assert not answer.get("failed"), answer["msg"]
    assert "No more of it" in accesshosts.rcpt(host, BY_NETWORK, "spammer@stranger.test", "user@third.test")["text"]
    assert accesshosts.rcpt(host, BY_NETWORK, "a@ok.test", "gone@third.test")["enhanced"] == "5.1.6"
    assert not _relays(host, "10.25.0.101", "a@ok.test")
    assert accesshosts.rcpt(host, BY_NETWORK, "a@no-such.invalid", "user@third.test")["enhanced"] == "5.1.8"
    lines = ["HELO localhost", "MAIL FROM:<a@ok.test>", "RCPT TO:<user@third.test>"]
    assert accesshosts.say(host, BY_NETWORK, lines)[-1]["enhanced"] == "5.7.1"
