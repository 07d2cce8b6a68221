# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks of those features that take longer than an SMTP dialogue: many messages, a faked load, and programs beside the MTA.

Each is called by test_features.py with the relay in the round of its row.
"""

from __future__ import annotations

import asyncio
import importlib.util
import time
import typing as t
import uuid

import accesshosts
import instancehosts
import kithosts
import test_queue_playbooks as playbooks
from featurehosts import HELLO, Client, arrival, content, envelopes, has, unique, until
from labhosts import ROOT, WORLD, Host, conversation
from test_relay_clients import SECURE

STRANGER = "EHLO a.stranger.test"
#: The certificate that world has from the lab's authority.
CERTIFICATE = "/etc/ssl/lab/cert.pem"
#: So many messages, in so many sessions at a time.
MANY, SESSIONS = 200, 10
#: So many rules in one table.
RULES = 2000


def log_of(host: Host) -> str:
    """Return where the relay's mail log is."""
    return "/var/log/mail" if host.name == "sles15" else "/var/log/mail.log"


def fingerprint() -> str:
    """Return the fingerprint of world's certificate."""
    return WORLD.run(f"openssl x509 -noout -fingerprint -sha256 -in {CERTIFICATE}").strip().partition("=")[2]


# --- the load of the host -------------------------------------------------------------------------------------------

#: The unit of Postfix hides /proc/loadavg from Debian 13 on; a test cannot fake what sysinfo(2) says.
_SHOWN = "/run/systemd/system/postfix.service.d"
_RESTART = "systemctl daemon-reload; systemctl restart postfix"


def fake_load(host: Host) -> None:
    """Let the host's programs see a load average of ours."""
    set_load(host, 1)
    host.run("mount --bind /run/fake-load /proc/loadavg")
    if host.mta == "postfix":
        host.run(f"mkdir -p {_SHOWN}; printf '[Service]\\nProcSubset=all\\n' > {_SHOWN}/features.conf; {_RESTART}")


def real_load(host: Host) -> None:
    """Let them see their own again."""
    host.run("umount /proc/loadavg", check=False)
    if host.mta == "postfix":
        host.run(f"rm -rf {_SHOWN}; {_RESTART}")


def set_load(host: Host, load: float) -> None:
    """Set the load average that is seen."""
    host.run(f"echo '{load:.2f} 1.00 1.00 1/100 1' > /run/fake-load")


def _greeting(relay: Client) -> t.Dict[str, t.Any]:
    return conversation(WORLD, relay.host, "stranger", [])[0]


def _listens(relay: Client) -> bool:
    return ":25" in relay.host.run("ss -ltnH 'sport = :25'")


def check_22(relay: Client) -> None:
    set_load(relay.host, 41.5)
    if relay.host.mta == "postfix":
        until(lambda: _greeting(relay)["code"] == 421, "no client is refused")
        has(_greeting(relay), 421, "4.3.2")
    else:
        until(lambda: not _listens(relay), "the port stays open")
    set_load(relay.host, 1)
    until(lambda: _listens(relay) and _greeting(relay)["code"] == 220, "clients are still refused")


def check_23(relay: Client) -> None:
    set_load(relay.host, 30.5)
    sent: t.List[str] = []

    def waits() -> bool:
        sent.append(unique("ok.test"))
        has(relay.send("load@lab.test", [sent[-1]]), 250)
        return sent[-1] in relay.host.run("mailq")

    until(waits, "no message waits")
    set_load(relay.host, 1)
    flush = {"postfix": "postqueue -f", "sendmail": "sendmail -q >/dev/null 2>&1"}[relay.host.mta]
    until(lambda: relay.host.run(flush, check=False) or sent[-1] not in relay.host.run("mailq"), "it waits for ever")
    arrival("ok.test", sent[-1])


def check_24(relay: Client) -> None:
    set_load(relay.host, 20)
    if relay.host.mta == "postfix":
        until(lambda: _greeting(relay)["seconds"] >= 1, "the greeting comes at once")
    else:
        until(lambda: relay.say("stranger", STRANGER)["seconds"] >= 1, "commands are answered at once")
    set_load(relay.host, 1)


# --- much at once -----------------------------------------------------------------------------------------------------


def check_1(relay: Client) -> None:
    sender, began = unique("ok.test"), time.monotonic()
    WORLD.run(
        f"smtp-source -d -s {SESSIONS} -m {MANY} -l 2048 -f {sender} -t user@served.test {relay.host.address}:25",
        timeout=900,
    )
    rate = MANY / (time.monotonic() - began)
    until(lambda: sum(e["mail_from"] == sender for e in envelopes("served.test")) == MANY, "not all have come", 900)
    print(f"{relay.host}: {rate:.0f} messages a second accepted from one client, all {MANY} delivered")


def _rejected(relay: Client, sender: str) -> bool:
    return accesshosts.rcpt(relay.host, "10.25.0.118", sender, "a@served.test")["code"] == 550


def check_26(relay: Client) -> None:
    mark = uuid.uuid4().hex[:8]
    senders = [f"s{number}@b{mark}.test" for number in range(RULES)]
    answer = accesshosts.access(relay.host, rules=[{"from": sender, "action": "reject"} for sender in senders])
    assert not answer.get("failed"), answer
    assert answer["counts"]["added"] == RULES
    assert all(_rejected(relay, sender) for sender in senders[:: RULES // 4] + senders[-1:])
    assert not _rejected(relay, f"other@b{mark}.ok.test")
    accesshosts.access(relay.host, state="absent", rules=[{"from": sender, "action": "reject"} for sender in senders])


def check_37(relay: Client) -> None:
    """A file in sendmail's format is made the whole list, and made it again when lines have changed."""
    lines = [f"From:m{number}.bulk.ok.test\tREJECT" for number in range(RULES)]
    call = {"format": "sendmail", "state": "exact"}
    answer = accesshosts.access(relay.host, content="\n".join(lines), **call)
    assert not answer.get("failed") and answer["counts"]["added"] == RULES, answer
    assert _rejected(relay, "a@m7.bulk.ok.test")
    relay.host.write(
        "/run/features-access", "\n".join(lines[RULES // 2 :]).encode() + b"\nFrom:new.bulk.ok.test\tREJECT\n"
    )
    answer = accesshosts.access(relay.host, src="/run/features-access", **call)
    assert (answer["counts"]["added"], answer["counts"]["removed"]) == (1, RULES // 2), answer
    assert not _rejected(relay, "a@m7.bulk.ok.test") and _rejected(relay, "a@new.bulk.ok.test")
    relay.host.run("rm /run/features-access")
    accesshosts.clear(relay.host)


# --- addresses and clients --------------------------------------------------------------------------------------------


def check_18(relay: Client) -> None:
    answer = relay.host.apply(relay.policy, check_mode=True)
    if relay.host.mta == "postfix":
        assert answer["msg"].startswith("policy.session.operator_characters: "), answer
        answer = relay.host.apply(relay.policy, check_mode=True, unsupported="note")
        assert any(note.startswith("left out: policy.session.operator_characters") for note in answer["notes"])
    else:
        assert not answer.get("failed"), answer
        assert "O OperatorChars=.:%@!^/[]+=" in relay.host.run("cat /etc/mail/sendmail.cf")


def _message(sender: str, recipients: t.Sequence[str]) -> str:
    return f"From: Me <{sender}>\r\nTo: {', '.join(recipients)}\r\nSubject: names\r\n\r\nx"


def check_21(relay: Client) -> None:
    sender, user = unique("lab.test"), unique("old.test")
    has(relay.send(sender, [user, "info@served.test"], _message(sender, [user, "info@served.test"])), 250)
    renamed = user.replace("@old.test", "@served.test")
    assert f"To: {renamed}, user@ok.test" in content(arrival("served.test", renamed))
    until(lambda: any(e["mail_from"] == sender for e in envelopes("ok.test")), "the recipient has no other address")
    hello = (STRANGER, "MAIL FROM:<a@ok.test>")
    has(relay.say("stranger", *hello, "RCPT TO:<anna@once.test>"), 250)
    has(relay.say("stranger", *hello, "RCPT TO:<nobody@once.test>"), 550, "5.1.1")


def check_30(relay: Client) -> None:
    recipient = unique("ok.test")
    local = recipient.partition("@")[0]
    for sender, other in (
        (f"{local}@int.test", f"{local}@brand.test"),
        (f"{local}@a.hide.test", f"{local}@hide.test"),
        ("root@a.hide.test", "root@a.hide.test"),
    ):
        to = f"{local}{len(other)}@ok.test"
        has(relay.send(sender, [to], _message(sender, [to, "x@int.test"])), 250)
        envelope = arrival("ok.test", to)
        assert envelope["mail_from"] == other
        assert f"From: Me <{other}>" in content(envelope) and "x@int.test" in content(envelope)


def _relays(relay: Client, source: str, sender: str) -> bool:
    return accesshosts.rcpt(relay.host, source, sender, "user@third.test")["code"] == 250


def check_31(relay: Client) -> None:
    by_address, by_both, by_name, forged, nobody = (f"10.25.0.{last}" for last in (130, 131, 136, 62, 120))
    expected = {
        (by_address, "a@stranger.test"): True,
        (by_both, "a@ok.test"): True,
        (by_both, "a@stranger.test"): False,
        (by_name, "a@stranger.test"): True,
        (forged, "a@stranger.test"): False,
        (nobody, "a@ok.test"): False,
        (nobody, "a@reject.test"): True,
    }
    assert {case: _relays(relay, *case) for case in expected} == expected
    call = {"address": relay.host.address, "source": nobody, "sender": "a@ok.test", "certificate": ""}
    assert WORLD.ask(SECURE, call) != 250
    WORLD.run("cp /etc/ssl/lab/cert.pem /run/feature.pem; cp /etc/ssl/lab/key.pem /run/feature.key")
    assert WORLD.ask(SECURE, {**call, "certificate": "/run/feature"}) == 250


def check_54(relay: Client) -> None:
    recipient = unique("v4only.test")
    has(relay.send("a@lab.test", [recipient]), 250)
    assert arrival("ok.test", recipient)["client"][0] == instancehosts.extra(relay.host, 1)


def check_40(relay: Client) -> None:
    host = relay.host
    named: t.Dict[str, t.Any] = {"name": f"{host.mta}-features"}
    if host.mta == "postfix":
        named["config_directory"] = "/etc/postfix-features"
    address = instancehosts.extra(host)
    second = Host(host.name, address, host.python, host.mta)
    answer = instancehosts.instance(host, **named, listen=[address])
    assert not answer.get("failed"), answer
    try:
        identity = {"hostname": f"second.{host.name}.lab.test", "listen": [address]}
        answer = host.apply(
            {"identity": identity, "relay": {"domains": ["third.test"]}},
            instance=named["name"],
        )
        assert not answer.get("failed"), answer
        steps = conversation(WORLD, second, "stranger", [STRANGER, "MAIL FROM:<a@ok.test>", "RCPT TO:<a@third.test>"])
        assert f"second.{host.name}.lab.test" in str(steps[0]), steps
        has(steps[-1], 250)
        first = relay.say("stranger", STRANGER, "MAIL FROM:<a@ok.test>", "RCPT TO:<a@third.test>")
        assert first["enhanced"] == "5.7.1", first
    finally:
        instancehosts.instance(host, **named, state="absent", mail="delete")


# --- programs beside the MTA ------------------------------------------------------------------------------------------


def check_45(relay: Client) -> None:
    reader = unique("ok.test")
    report = {"name": "features", "mail_to": [reader], "mail_from": "kit@lab.test"}
    try:
        answer = kithosts.kit(relay.host, reports=[report])
        assert not answer.get("failed"), answer
        has(relay.send("news@lab.test", [unique("ok.test")]), 250)
        kithosts.run(relay.host, "report-features")
        assert relay.host.name in content(arrival("ok.test", reader))
    finally:
        kithosts.kit(relay.host, state="absent")


def check_46(relay: Client) -> None:
    mark = f"m{uuid.uuid4().hex[:10]}"
    has(relay.send(f"a@{mark}.brand.test", [unique("ok.test")]), 250)
    path = ROOT / "extensions" / "eda" / "plugins" / "event_source" / "mail_log.py"
    spec = importlib.util.spec_from_file_location("mail_log_source", path)
    assert spec and spec.loader
    source = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(source)
    follow = [*relay.host._ssh(), f"tail -n +1 -F {log_of(relay.host)}"]
    args = {"command": follow, "patterns": [f"{mark}.{{brand}}"], "bursts": False, "delay": 0.5}
    events: asyncio.Queue[t.Dict[str, t.Any]] = asyncio.Queue()

    async def first() -> t.Dict[str, t.Any]:
        task = asyncio.ensure_future(source.main(events, args))
        try:
            return await asyncio.wait_for(events.get(), 90)
        finally:
            task.cancel()

    assert mark in str(asyncio.run(first()))


def _logged(relay: Client, **select: t.Any) -> t.List[t.Dict[str, t.Any]]:
    """Return the deliveries of a selection, as soon as there are some."""
    deliveries: t.List[t.Dict[str, t.Any]] = []

    def known() -> bool:
        answer = relay.host.done("log_info", path=["journald"], select={"newer_than": "10m", **select})
        deliveries[:] = answer["deliveries"]
        return any(delivery["status"] == "sent" for delivery in deliveries)

    until(known, "the log does not have it")
    return deliveries


def check_47(relay: Client) -> None:
    sender, recipient = unique("lab.test"), unique("ok.test")
    has(relay.send(sender, [recipient], f"Message-Id: <{sender}>\r\nSubject: fields\r\n\r\nx"), 250)
    (delivery,) = _logged(relay, sender=[sender])
    assert (delivery["sender"], delivery["recipient"], delivery["status"]) == (sender, recipient, "sent")
    assert delivery["client_address"] == "10.25.0.60" and sender in delivery["message_id"]
    assert delivery["size"] > 0 and delivery["delay"] is not None and delivery["reason"]
    assert delivery["relay"] and delivery["time"]


def check_48(relay: Client) -> None:
    mark = uuid.uuid4().hex[:10]
    for name in ("first", "second", "other"):
        has(relay.send(f"{name}-{mark}@lab.test", [unique("ok.test")]), 250)
    _logged(relay, sender=[f"other-{mark}@lab.test"])
    deliveries = _logged(relay, regex=f"(first|second)-{mark}@")
    assert {delivery["sender"].partition("-")[0] for delivery in deliveries} == {"first", "second"}


def check_49(relay: Client) -> None:
    host, log = relay.host, log_of(relay.host)
    keep, days = 3, 5
    rotate = f"for day in $(seq {days}); do echo day $day >> {log}; logrotate -f -s /tmp/features.state /etc/logrotate.d/postmaster-mta; done"
    host.run(f"cp -a {log} /root/features.log")
    try:
        assert host.done("log_archive", keep_days=keep)["changed"]
        host.run(rotate)
        names = host.run(f"ls {log}.*[0-9] {log}.*.gz {log}-* 2>/dev/null | sort -u", check=False).split()
        assert len(names) == keep, names
    finally:
        host.call("log_archive", state="absent")
        host.run(f"rm -f {log}.* {log}-* /tmp/features.state; mv /root/features.log {log}")
        host.run("systemctl kill -s HUP rsyslog || true")


def check_50(relay: Client) -> None:
    recipient = unique("ok.test")
    canary = {"name": "features", "recipient": recipient, "sender": "kit@lab.test", "interval": "1h"}
    try:
        answer = kithosts.kit(relay.host, canary=[canary])
        assert not answer.get("failed"), answer
        kithosts.run(relay.host, "canary-features")
        arrival("ok.test", recipient)
        until(lambda: "the last message took" in kithosts.run(relay.host, "canary-features"), "its way is not known")
        relay.host.run(f"systemctl stop {relay.host.mta}")
        assert "have failed: " in kithosts.run(relay.host, "canary-features")
    finally:
        relay.host.run(f"systemctl start {relay.host.mta}")
        kithosts.kit(relay.host, state="absent")


def _waiting(relay: Client) -> t.Tuple[str, str]:
    """Send a message whose destination says to try later; return sender and recipient."""
    sender, recipient = unique("lab.test"), unique("ok.test")
    WORLD.run(f"sinkctl set ok.test defer {recipient}")
    has(relay.send(sender, [recipient]), 250)
    until(lambda: recipient in relay.host.run("mailq"), "it does not wait")
    deferred = {"postfix": "451", "sendmail": "4"}[relay.host.mta]
    until(lambda: deferred in relay.host.run("mailq"), "it was not tried")
    return sender, recipient


def check_51(relay: Client) -> None:
    sender, recipient = _waiting(relay)
    said = playbooks.play("queue_report", hosts=str(relay.host), sender=sender)
    rows = [line.split() for line in said.splitlines()]
    assert [str(relay.host), "1"] in [row[:2] for row in rows], said
    assert "ok.test" in said and sender in said, said
    WORLD.run(f"sinkctl set ok.test default {recipient}")


def check_52(relay: Client) -> None:
    dummy, recipient = _waiting(relay)
    WORLD.run(f"sinkctl set ok.test default {recipient}")
    playbooks.play("queue_flush", hosts=str(relay.host), domain="ok.test")
    arrival("ok.test", recipient)


__all__ = ("CERTIFICATE", "HELLO", "fake_load", "fingerprint", "real_load")
