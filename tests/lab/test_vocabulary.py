# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of the policy on real relays: what is done, that it is read back, and that it comes off again."""

from __future__ import annotations

import json
import time
import typing as t
import uuid

import accesshosts
import labhosts
import pytest
from labhosts import DNS, WORLD, conversation

POLICY = {
    "session": {
        "bare_newline_exceptions": ["10.25.0.60/32"],
        "operator_characters": ".:%@!^/[]+=",
        "require_ptr": True,
        "special_addresses": False,
    },
    "notices": {"double_bounces": "anna", "copies_to": "bert", "delays_to": "bert", "mime": True},
}
#: What each MTA cannot do.
LEFT_OUT = {"postfix": ("session", "operator_characters"), "sendmail": ("notices", "delays_to")}
BARE = "From: a@lab.test\nSubject: bare\n\nhello\r\n."


@pytest.mark.parametrize("host", labhosts.some("pf12", "sm13"), ids=str)
def test_options_are_done_read_back_and_come_off_again(hardened, host, policy):
    """One policy with what only one of both can do: refused, or noted and left out."""
    before = host.read_back()["policy"]
    section, option = LEFT_OUT[host.mta]
    answer = host.apply({**policy, **POLICY})
    assert f"policy.{section}.{option}: " in answer["msg"]
    try:
        answer = host.apply({**policy, **POLICY}, unsupported="note")
        assert not answer.get("failed"), answer
        assert [note for note in answer["notes"] if note.startswith("left out: ")][0].split(": ")[
            1
        ] == f"policy.{section}.{option}"
        assert host.apply({**policy, **POLICY}, unsupported="note")["changed"] is False
        _read_back(host)
        _bare_newlines(host)
        _nameless_clients(host)
        _double_bounce(host)
    finally:
        assert not host.apply(policy).get("failed")
    assert host.read_back()["policy"] == before


def _read_back(host: labhosts.Host) -> None:
    live = host.read_back()["policy"]
    for section, options in POLICY.items():
        wanted = {name: value for name, value in options.items() if (section, name) != LEFT_OUT[host.mta]}
        assert {name: live[section].get(name) for name in wanted} == wanted


def _nameless_clients(host: labhosts.Host) -> None:
    """A stranger whose address has no name is refused, one that has a name is not."""
    reverse = "139.0.25.10.in-addr.arpa"
    DNS.run(f"labdns delete {reverse} PTR")
    try:
        assert accesshosts.rcpt(host, "10.25.0.139", "a@ok.test", "user@served.test")["enhanced"] == "5.7.1"
        assert accesshosts.rcpt(host, "10.25.0.138", "a@ok.test", "user@served.test")["code"] == 250
    finally:
        DNS.run(f"labdns set {reverse} PTR stranger39.stranger.test.")


def _bare_newlines(host: labhosts.Host) -> None:
    lines = ("EHLO trusted.lab.test", "MAIL FROM:<user@lab.test>", "RCPT TO:<user@served.test>", "DATA", BARE)
    assert conversation(WORLD, host, "trusted", lines)[-1]["code"] == 250
    assert conversation(WORLD, host, "stranger", lines)[-1]["code"] in (421, 550)


def _double_bounce(host: labhosts.Host) -> None:
    """Neither the recipient nor the sender takes it: a person hears of both."""
    host.run("rm -f /var/mail/anna /var/mail/bert /var/spool/mail/anna /var/spool/mail/bert")
    text = "From: lost@reject.test\r\nSubject: nobody\r\n\r\nhello\r\n."
    lines = ("EHLO trusted.lab.test", "MAIL FROM:<lost@reject.test>", "RCPT TO:<nobody@reject.test>", "DATA", text)
    assert conversation(WORLD, host, "trusted", lines)[-1]["code"] == 250
    end = time.monotonic() + 90
    while time.monotonic() < end:
        if host.run(
            "cat /var/mail/anna 2>/dev/null && cat /var/mail/bert 2>/dev/null && echo both", check=False
        ).endswith("both\n"):
            return
        time.sleep(1)
    raise AssertionError(f"{host}: nobody has heard of it")


#: Runs on world: connects again and again, until it is one time too many; returns the last code.
KNOCK = """
import json, socket, sys
call = json.load(sys.stdin)
for number in range(call["most"]):
    with socket.create_connection((call["address"], 25), 30, (call["source"], 0)) as connection:
        code = connection.makefile().readline()[:3]
    if code == "421":
        break
json.dump(code, sys.stdout)
"""
#: So many new connections a minute for everybody but those that are exempt; the module itself needs some to see what it did.
RATE, EXEMPT, STRANGER = 20, "10.25.0.139", "10.25.0.138"


@pytest.mark.parametrize("host", labhosts.some("pf13", "sm13"), ids=str)
def test_trusted_limits_sending_protocols_and_named_tables(hardened, host, policy):
    before = host.read_back()["policy"]
    wanted = _with_limits(host, policy)
    native = {"mc": {"features": ["domaintable"]}} if host.mta == "sendmail" else {}
    if native:
        table = accesshosts.call(
            host, "table", name="domaintable", entries=[{"key": "old.test", "value": "served.test"}]
        )
        assert table["added"] == ["old.test"] and table["used"] is False
    try:
        answer = host.apply(wanted, **native)
        assert not answer.get("failed"), answer["msg"]
        assert host.apply(wanted, **native)["changed"] is False
        live = host.read_back()["policy"]
        assert live["limits"]["trusted"] == wanted["limits"]["trusted"]
        assert live["identity"]["send_protocols"] == ["ipv4"]
        assert live["timeouts"]["misc"] in (71, "71s")
        assert _address_seen(host) == host.address
        assert {source: _refused(host, source) for source in (STRANGER, EXEMPT, labhosts.TRUSTED_ADDRESS)} == {
            STRANGER: True,
            EXEMPT: False,
            labhosts.TRUSTED_ADDRESS: True,
        }
        if native:
            assert accesshosts.call(host, "table", name="domaintable")["used"] is True
    finally:
        host.run(f"rm -f {host.directory}/domaintable*")
        assert not host.apply(policy).get("failed")
    assert host.read_back()["policy"] == before
    if host.mta == "sendmail":
        # It tries IPv6 first; Postfix takes either kind.
        assert ":" in _address_seen(host)


def _with_limits(host: labhosts.Host, policy: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    trusted = {"connections": RATE, "exempt": [f"{EXEMPT}/32"]}
    return {
        **policy,
        "identity": {**policy["identity"], "send_protocols": ["ipv4"]},
        "limits": {**policy["limits"], "connection_rate": RATE, "trusted": trusted},
        "timeouts": {"misc": "71s"},
    }


def _refused(host: labhosts.Host, source: str) -> bool:
    """Return whether one of many connections is one too many."""
    call = {"address": host.address, "source": source, "most": RATE + 10}
    return bool(WORLD.ask(KNOCK, call) == "421")


def _address_seen(host: labhosts.Host) -> str:
    """Return the address from which a message comes to a server that has one of each kind."""
    sender = f"{uuid.uuid4().hex[:12]}@lab.test"
    lines = (f"MAIL FROM:<{sender}>", "RCPT TO:<user@third.test>", "DATA", "Subject: address\r\n\r\nx\r\n.", "QUIT")
    assert conversation(WORLD, host, "trusted", ("EHLO trusted.lab.test", *lines))[-2]["code"] == 250
    end = time.monotonic() + 90
    while time.monotonic() < end:
        envelopes = map(json.loads, WORLD.run("sinkctl messages third.test").splitlines())
        seen = [envelope["client"] for envelope in envelopes if envelope["mail_from"] == sender]
        if seen:
            return str(seen[0][0])
        time.sleep(0.5)
    raise AssertionError(f"{host}: the message did not come")
