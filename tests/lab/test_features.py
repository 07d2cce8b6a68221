# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each feature of feature_rows.py, observed: the policy goes in, a dialogue, a sink, a queue file or the log comes out.

In the gate the short ones, on one relay of each MTA; with LAB_EVERY_HOST=1 all of them on all. C(make features) prints the table.
"""

from __future__ import annotations

import json
import time
import typing as t

import accesshosts
import feature_programs
import feature_rows
import instancehosts
import pytest
import yaml
from feature_rows import ROUNDS, ROWS, Row
from featurehosts import HELLO, Client, arrival, content, envelopes, has, unique
from labhosts import DNS, WORLD, Host, conversation, policy_of, some

#: Runs on world, for the relays that are tried at the same time: servers that fall silent at one step, one for each port, and what they
#: saw of each relay. Port 113 is the ident service.
STALLS = r"""
import json, socket, threading, time
STEPS = {2601: "greeting", 2602: "MAIL", 2603: "RCPT", 2604: "DATA", 2605: "QUIT", 113: "ident"}
lock = threading.Lock()
def note(peer, step, began):
    with lock, open("/run/feature-stalls/" + peer, "a") as file:
        file.write(json.dumps([step, time.time() - began]) + "\n")
def wait(connection, step):
    began, peer = time.time(), connection.getpeername()[0]
    connection.settimeout(60)
    try:
        while connection.recv(1000):
            pass
    except OSError:
        pass
    note(peer, step, began)
def serve(connection, step):
    if step in ("greeting", "ident"):
        return wait(connection, step)
    connection.sendall(b"220 world ESMTP\r\n")
    data = False
    for line in connection.makefile("rb"):
        word = line.split()[0].decode().upper() if line.split() else ""
        if data and line.strip() != b".":
            continue
        if not data and word == step:
            return wait(connection, step)
        reply, data = ("354 go on", True) if word == "DATA" else ("250 Ok", False)
        connection.sendall(reply.encode() + b"\r\n")
def listen(port, step):
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("10.25.0.60" if port == 113 else "10.25.0.50", port))
    server.listen(20)
    while True:
        threading.Thread(target=serve, args=(server.accept()[0], step), daemon=True).start()
for port, step in STEPS.items():
    threading.Thread(target=listen, args=(port, step), daemon=True).start()
time.sleep(3600)
"""
#: The port of the server that falls silent, by the number of the row.
_STALLED = {4: (2601, "greeting", 5), 5: (2602, "MAIL", 7), 6: (2605, "QUIT", 5), 7: (2603, "RCPT", 8), 9: (2604, "DATA", 9)}  # fmt: skip
#: Domains that lead to these servers, so that the timers have something to wait for.
_STALL_ROUTES = [
    {"domain": f"stall{port}.ok.test", "host": "10.25.0.50", "port": port} for port, dummy, dummy2 in _STALLED.values()
]
_RULES = [
    {"to": "gone@served.test", "action": "reject", "status": "5.1.6", "text": "Moved away"},
    {"from": "spammer@stranger.test", "action": "reject"},
    {"to": "lost@served.test", "action": "drop"},
    {"to": "moved.test", "action": "reject", "status": "5.1.6", "text": "All of it has moved"},
    {"to": "stays@moved.test", "action": "ok"},
    {"to": "lost.ok.test", "action": "drop"},
    {"from": "odd@stranger.test", "action": "reject", "code": 571, "text": "Go away"},
]
#: A file for each relay that is tried now, with what the servers saw of it.
SEEN = "/run/feature-stalls"
_SERVER = "^python3 /run/feature-stalls.py"
_SERVE = f"{{ cat > /run/feature-stalls.py <<'E'\n{STALLS}\nE\nsetsid python3 /run/feature-stalls.py 9>&- >/dev/null 2>&1 </dev/null & }}"
#: A comment that stands in a file before the policy is applied.
NOTE = "# a note of ours"
_NOTED = {"postfix": "/etc/postfix/main.cf", "sendmail": "/etc/mail/access"}


def policy_for(host: Host, name: str) -> t.Dict[str, t.Any]:
    """Return the fleet's policy with what the rows of a round say."""
    policy = policy_of(host)
    for row in ROWS:
        if row.round == name and row.policy:
            policy = _merged(policy, yaml.safe_load(row.policy))
    if name == feature_rows.DAY:
        policy = _merged(
            policy, {"routes": {"domains": [{"domain": "served.test", "host": "10.25.0.57"}, *_STALL_ROUTES]}}
        )
    if name == feature_rows.NAMES:
        policy = _merged(policy, _names_of(host))
    return policy


def _names_of(host: Host) -> t.Dict[str, t.Any]:
    """Return what the round of names says about one relay: its addresses, and a certificate of the lab."""
    addresses = {"listen": ["loopback", host.address], "send_from": [instancehosts.extra(host, 1)]}
    return {"identity": addresses, "relay": {"clients": [{"certificates": [feature_programs.fingerprint()]}]}}


def _merged(first: t.Mapping[str, t.Any], second: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    result = dict(first)
    for key, value in second.items():
        if isinstance(value, dict):
            result[key] = _merged(result.get(key) or {}, value)
        elif isinstance(value, list) and isinstance(result.get(key), list):
            result[key] = [*result[key], *(item for item in value if item not in result[key])]
        else:
            result[key] = value
    return result


def _alone(command: str) -> str:
    """Return a command that runs while no other relay starts or ends the servers."""
    return f"exec 9>/run/feature-stalls.lock; flock 9; {command}"


class Relay(Client):
    """A relay in one round."""

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.round = ""

    def bring_to(self, name: str) -> None:
        """Apply the policy of a round, unless it is in force."""
        if self.round == name:
            return
        if not self.round:
            WORLD.run(
                _alone(f"mkdir -p {SEEN}; : > {SEEN}/{self.host.address}; pgrep -f '{_SERVER}' >/dev/null || {_SERVE}")
            )
            self.host.run(f"echo '{NOTE}' >> {_NOTED[self.host.mta]}")
        self.policy = policy_for(self.host, name)
        if name == feature_rows.LOAD:
            feature_programs.fake_load(self.host)
        answer = self.host.apply(self.policy, unsupported="note" if name == feature_rows.NAMES else "refuse")
        assert not answer.get("failed"), f"{self.host}: {answer['msg']}"
        if name == feature_rows.DAY:
            answer = accesshosts.access(self.host, rules=_RULES)
            assert not answer.get("failed"), f"{self.host}: {answer['msg']}"
            self._start_the_timers()
        self.round = name

    def _start_the_timers(self) -> None:
        """Send to every server that falls silent at once: they are waited for together."""
        recipients = [f"x@{route['domain']}" for route in _STALL_ROUTES]
        self.send("timers@lab.test", recipients)

    def waited(self) -> t.List[t.Tuple[str, float]]:
        """Return the steps at which this relay met a server that fell silent, with the seconds that it waited."""
        return [tuple(json.loads(line)) for line in WORLD.run(f"cat {SEEN}/{self.host.address}").splitlines()]


_RELAYS: t.Dict[str, Relay] = {}
HOSTS = some("pf13", "sm13")
CASES = [
    pytest.param(host, row, id=f"{host.name}-{row.number}", marks=[pytest.mark.long] if row.long else [])
    for host in HOSTS
    for name in ROUNDS
    for row in ROWS
    if row.round == name
]
#: What was observed, by relay: printed at the end.
_OBSERVED: t.Dict[str, t.List[int]] = {}


@pytest.fixture(scope="module", autouse=True, name="clean")
def _clean() -> t.Iterator[None]:
    """No rule, message or silent server of ours is left; the next file applies the fleet's policy itself."""
    yield
    for relay in _RELAYS.values():
        if relay.round == feature_rows.LOAD:
            feature_programs.real_load(relay.host)
        leave = f"rm -f {SEEN}/{relay.host.address}; rmdir {SEEN} && pkill -f '{_SERVER}'"
        WORLD.run(_alone(leave), check=False)
        accesshosts.clear(relay.host)
        relay.host.run({"postfix": "postsuper -d ALL", "sendmail": "rm -f /var/spool/mqueue/[dq]f*"}[relay.host.mta])
        numbers = _OBSERVED.get(relay.host.name, [])
        print(f"\n{relay.host} ({relay.host.mta}): {len(numbers)} of {len(ROWS)} features observed")
    _RELAYS.clear()


@pytest.mark.parametrize("host, row", CASES)
def test_the_feature_is_observed(host: Host, row: Row) -> None:
    relay = _RELAYS.setdefault(host.name, Relay(host))
    relay.bring_to(row.round)
    check = f"check_{row.number}"
    (globals().get(check) or getattr(feature_programs, check))(relay)
    seen = row.postfix if host.mta == "postfix" else row.sendmail or row.postfix
    refused = host.mta == "postfix" and seen.startswith("refused by name")
    _OBSERVED.setdefault(host.name, []).extend([] if refused else [row.number])
    print(f"\n{host.name:6} {row.number:3} {row.feature}: {seen}")


# --- what is seen ---------------------------------------------------------------------------------------------------


def stopped(relay: Relay, number: int) -> None:
    """Compare how long the relay waited for a server that fell silent: far shorter than the baseline's minute, on a busy machine too."""
    dummy, step, wanted = _STALLED[number]
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        waited = [seconds for name, seconds in relay.waited() if name == step]
        if waited:
            assert all(wanted - 0.5 <= seconds <= wanted + 20 for seconds in waited), waited
            return
        time.sleep(0.5)
    raise AssertionError(f"{relay.host} never waited at {step}")


def check_3(relay: Relay) -> None:
    for number in _STALLED:
        stopped(relay, number)


def check_4(relay: Relay) -> None:
    stopped(relay, 4)


def check_5(relay: Relay) -> None:
    stopped(relay, 5)


def check_6(relay: Relay) -> None:
    stopped(relay, 6)


def check_7(relay: Relay) -> None:
    stopped(relay, 7)


def check_8(relay: Relay) -> None:
    command = {
        "postfix": "postconf -h smtp_rset_timeout",
        "sendmail": "grep -i '^O Timeout.rset=' /etc/mail/sendmail.cf",
    }
    assert relay.host.run(command[relay.host.mta]).strip().rpartition("=")[2] == "6s"


def check_9(relay: Relay) -> None:
    stopped(relay, 9)


def check_10(relay: Relay) -> None:
    has(relay.say("trusted", HELLO), 250)
    assert "ident" not in dict(relay.waited())


def check_11(relay: Relay) -> None:
    greeting = conversation(WORLD, relay.host, "stranger", ["QUIT"])[0]
    assert f"{relay.name} ESMTP corporate relay - no UCE" in " ".join(map(str, greeting.values()))


def check_12(relay: Relay) -> None:
    sender = unique("reject.test")
    has(relay.send(sender, [unique("reject.test")]), 250)
    deadline = time.monotonic() + 90
    while sender not in relay.host.run("cat /var/mail/anna", check=False):
        assert time.monotonic() < deadline, "the double bounce reached nobody"
        time.sleep(1)


def check_13(relay: Relay) -> None:
    sender = unique("ok.test")
    hops = "".join(f"Received: from a{n} by b{n}; Mon, 1 Jan 2024 00:00:00 +0000\r\n" for n in range(25))
    reply = relay.send(sender, [unique("ok.test")], f"{hops}Subject: loop\r\n\r\nx")
    if relay.host.mta == "postfix":
        has(reply, 554, "5.4.0")
        return
    has(reply, 250)
    relay.host.run("sendmail -q -v >/dev/null 2>&1", check=False)
    assert "oo many hops" in content(arrival("ok.test", sender))


def check_14(relay: Relay) -> None:
    sender = unique("ok.test")
    has(relay.send(sender, [unique("reject.test")]), 250)
    assert "multipart/report" in content(arrival("ok.test", sender))


def check_15(relay: Relay) -> None:
    has(relay.say("trusted", HELLO, f"MAIL FROM:<a@ok.test> SIZE={2 * 1024 * 1024 + 1}"), 552, "5.3.4")


def check_16(relay: Relay) -> None:
    recipients = [f"RCPT TO:<u{number}@served.test>" for number in range(101)]
    has(relay.say("trusted", HELLO, "MAIL FROM:<a@ok.test>", *recipients), 452, "4.5.3")


def check_19(relay: Relay) -> None:
    has(relay.say("stranger", "EHLO a.stranger.test", "MAIL FROM:<a@ok.test>", "RCPT TO:<anna@other-name.test>"), 250)


def check_20(relay: Relay) -> None:
    sender = unique("ok.test")
    has(relay.send(sender, [f"crew@{relay.name}"]), 250)
    for sink, recipient in (("ok.test", "one@ok.test"), ("third.test", "two@third.test")):
        deadline = time.monotonic() + 90
        while not any(e["mail_from"] == sender and e["rcpt_to"] == [recipient] for e in envelopes(sink)):
            assert time.monotonic() < deadline, f"nothing for {recipient}"
            time.sleep(0.5)


def check_25(relay: Relay) -> None:
    assert "STARTTLS" in json.dumps(relay.say("stranger", "EHLO a.stranger.test"))
    recipient = unique("tls.test")
    has(relay.send("a@lab.test", [recipient]), 250)
    assert arrival("tls.test", recipient)["tls"]


def check_27(relay: Relay) -> None:
    hello = ("EHLO a.stranger.test", "MAIL FROM:<a@ok.test>")
    has(relay.say("stranger", *hello, "RCPT TO:<user@served.test>"), 250)
    has(relay.say("stranger", *hello, "RCPT TO:<anna@closed.test>"), 250)
    for who in ("stranger", "trusted"):
        has(relay.say(who, *hello, "RCPT TO:<nobody@closed.test>"), 550, "5.1.1")
    reply = relay.say("stranger", *hello, "RCPT TO:<user@third.test>")
    assert reply["code"] >= 550 and reply["enhanced"] == "5.7.1"


def check_28(relay: Relay) -> None:
    hello = ("EHLO a.stranger.test", "MAIL FROM:<a@ok.test>")
    for recipient in (
        "served.test!user",
        "third.test!user",
        "user%third.test@served.test",
        f"user%third.test@{relay.name}",
    ):
        reply = relay.say("stranger", *hello, f"RCPT TO:<{recipient}>")
        assert reply["code"] >= 550 and reply["enhanced"] == "5.7.1", (recipient, reply)


def check_29(relay: Relay) -> None:
    DNS.run("labdns set alias.ok.test CNAME mx6.third.test 5")
    recipient = unique("alias.ok.test")
    has(relay.send("a@lab.test", [recipient]), 250)
    assert arrival("third.test", recipient)["rcpt_to"] == [recipient]


def check_32(relay: Relay) -> None:
    has(relay.say("trusted", HELLO, "MAIL FROM:<a@ok.test>", "RCPT TO:<user@third.test>"), 250)
    assert relay.say("stranger", HELLO, "MAIL FROM:<a@ok.test>", "RCPT TO:<user@third.test>")["enhanced"] == "5.7.1"


check_38 = check_32


def check_33(relay: Relay) -> None:
    has(
        relay.say("stranger", "EHLO a.stranger.test", "MAIL FROM:<a@ok.test>", "RCPT TO:<gone@served.test>"),
        550,
        "5.1.6",
        "Moved away",
    )

    hello = ("EHLO a.stranger.test", "MAIL FROM:<a@ok.test>")
    for who in ("stranger", "trusted"):
        has(relay.say(who, *hello, "RCPT TO:<any@moved.test>"), 550, "5.1.6", "All of it has moved")
        has(relay.say(who, *hello, "RCPT TO:<stays@moved.test>"), 250)


def check_34(relay: Relay) -> None:
    stays = unique("ok.test")
    dropped = {
        "dropped@ok.test",
        "any@dropped.ok.test",
        "lost@served.test",
        "lost+detail@served.test",
        "any@sub.lost.ok.test",
    }
    has(relay.send("a@lab.test", [*sorted(dropped), stays]), 250)
    arrival("ok.test", stays)
    assert not [e for sink in ("ok.test", "served.test") for e in envelopes(sink) if dropped & set(e["rcpt_to"])]
    assert not [recipient for recipient in dropped if recipient in relay.host.run("mailq")]
    # Who may send there is decided as ever.
    assert accesshosts.rcpt(relay.host, "10.25.0.111", "a@ok.test", "any@lost.ok.test")["enhanced"] == "5.7.1"
    has(accesshosts.rcpt(relay.host, "10.25.0.112", "a@ok.test", "lost@served.test"), 250)


def check_35(relay: Relay) -> None:
    has(accesshosts.rcpt(relay.host, "10.25.0.110", "spammer@stranger.test", "a@served.test"), 550, "5.7.1")


def check_36(relay: Relay) -> None:
    has(accesshosts.rcpt(relay.host, "10.25.0.110", "odd@stranger.test", "a@served.test"), 571, "5.7.1", "Go away")


def check_39(relay: Relay) -> None:
    has(relay.say("stranger", "EHLO a.stranger.test", "MAIL FROM:<a@no-such.invalid>", "RCPT TO:<a@served.test>"), 250)


def check_41(relay: Relay) -> None:
    fallback, by_sender, held = unique("fall.ok.test"), unique("v4only.test"), unique("kept.ok.test")
    marked = unique("ok.test")
    has(relay.send(marked, [fallback, "vip@ok.test", held]), 250)
    has(relay.send("news@lab.test", [by_sender]), 250)
    has(
        relay.say("trusted", HELLO, "MAIL FROM:<a@refused.ok.test>", "RCPT TO:<a@x.refused.ok.test>"),
        550,
        "5.7.1",
        "Nobody takes mail",
    )
    assert arrival("ok.test", fallback)["server"][0] == "10.25.0.51"
    assert arrival("third.test", by_sender)["server"][0] == "10.25.0.56"
    deadline = time.monotonic() + 90
    while not any(e["mail_from"] == marked and "vip@ok.test" in e["rcpt_to"] for e in envelopes("third.test")):
        assert time.monotonic() < deadline, "the single address did not go to its own host"
        time.sleep(0.5)
    assert held in relay.host.run("mailq"), "a held recipient left the queue"


def check_42(relay: Relay) -> None:
    recipient = unique("nomx.test")
    has(relay.send("a@lab.test", [recipient]), 250)
    arrival("ok.test", recipient)


def check_43(relay: Relay) -> None:
    assert NOTE in relay.host.run(f"cat {_NOTED[relay.host.mta]}")
    relay.host.run(f"sed -i '/^{NOTE}/d' {_NOTED[relay.host.mta]}")


def check_44(relay: Relay) -> None:
    recipient = unique("helo.ok.test")
    has(relay.send("a@lab.test", [recipient]), 250)
    envelope = arrival("ok.test", recipient)
    assert (envelope["esmtp"], envelope["tls"]) == (False, None)


def check_53(relay: Relay) -> None:
    waits = {}
    for source in ("10.25.0.134", "10.25.0.133", "10.25.0.139"):
        began = time.monotonic()
        accesshosts.say(relay.host, source, ["QUIT"])
        waits[source] = time.monotonic() - began
    assert waits["10.25.0.134"] >= 6 > waits["10.25.0.133"] and waits["10.25.0.139"] < 6, waits


def check_2(relay: Relay) -> None:
    sender, recipient = unique("ok.test"), unique("defer.test")
    has(relay.send(sender, [recipient]), 250)
    deadline = time.monotonic() + 120
    while len([e for e in envelopes("ok.test") if sender in e["rcpt_to"]]) < 2:
        assert time.monotonic() < deadline, "no warning and bounce"
        time.sleep(1)
    assert recipient not in relay.host.run("mailq")


def check_17(relay: Relay) -> None:
    sender, recipient = unique("ok.test"), unique("ok.test")
    WORLD.run(f"sinkctl set ok.test defer {recipient}")
    began = time.monotonic()
    has(relay.send(sender, [recipient]), 250)
    time.sleep(1)
    WORLD.run(f"sinkctl set ok.test default {recipient}")
    arrival("ok.test", recipient)
    assert time.monotonic() - began >= 2
