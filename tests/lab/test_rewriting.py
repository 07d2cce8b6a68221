# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rewriting: generated envelopes and headers go through a relay, and come out as one reference function says, on every relay."""

from __future__ import annotations

import email
import email.utils
import random
import time
import typing as t
import uuid

import labhosts
import pytest
from labhosts import WORLD, conversation

MESSAGES = 500 if labhosts.EVERY_HOST else 60

SENDERS = {
    "jdoe@int.test": "john.doe@brand.test",
    "root@hide.test": "admin@brand.test",
    "@int.test": "@brand.test",
    "@robots.test": "noreply@brand.test",
}
RECIPIENTS = {"info@served.test": "user@ok.test", "jdoe@third.test": "user2@third.test"}
DOMAINS = {"@old.test": "@served.test", "@was.test": "@ok.test"}
HIDDEN, EXPOSED = ("hide.test",), ("postmaster",)
POLICY = {
    "senders": [{"match": key.lstrip("@"), "to": value.lstrip("@")} for key, value in SENDERS.items()],
    "recipients": [{"match": key, "to": value} for key, value in RECIPIENTS.items()],
    "domains": [{"domain": key[1:], "to": value[1:]} for key, value in DOMAINS.items()],
    "masquerade": {"domains": list(HIDDEN), "except": list(EXPOSED)},
}

LOCALS = ("jdoe", "JDoe", "jdoe+list", "root", "info", "a.b-c", "postmaster", "user", '"odd user"', "user=x")
FROM_DOMAINS = (
    "int.test",
    "INT.test",
    "robots.test",
    "a.hide.test",
    "b.a.hide.test",
    "hide.test",
    "old.test",
    "lab.test",
    "xint.test",
)
TO_DOMAINS = ("served.test", "old.test", "Old.Test", "was.test", "ok.test", "third.test")
SHAPES = (
    "{a}",
    "<{a}>",
    "J. Doe <{a}>",
    '"Doe, J." <{a}>',
    "{a} (a comment)",
    "J (x) <{a}>",
    "Zo\u00eb <{a}>",
    '"a@int.test" <{a}>',
)
SENDER_HEADERS = ("From", "Sender", "Reply-To", "Errors-To", "Resent-From", "Resent-Sender")
RECIPIENT_HEADERS = ("To", "Cc", "Resent-To", "Resent-Cc")

#: Runs on world: one session, all messages; answers with what was refused.
SEND = """
import json, smtplib, sys
call = json.load(sys.stdin)
refused = []
session = smtplib.SMTP(call["relay"], 25, source_address=(call["source"], 0))
session.ehlo("trusted.lab.test")
for number, sender, recipients, text in call["messages"]:
    try:
        refused += [[number, str(refusal)] for refusal in session.sendmail(sender, recipients, text.encode()).items()]
    except smtplib.SMTPException as problem:
        refused.append([number, str(problem)])
session.quit()
json.dump(refused, sys.stdout)
"""
#: Runs on world: envelope and header of every message that has come.
COLLECT = r"""
import glob, json, sys
run, messages = json.load(sys.stdin), []
for path in glob.glob("/var/spool/sink/*/*.json"):
    with open(path) as file:
        envelope = json.load(file)
    with open(path[:-4] + "eml", "rb") as file:
        header = file.read().replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode()
    if f"X-Case: {run} " not in header:
        continue
    messages.append([envelope["mail_from"], envelope["rcpt_to"], header])
json.dump(messages, sys.stdout)
"""


class Message(t.NamedTuple):
    """A generated message: the envelope, and header fields with what stands around each address."""

    number: int
    sender: str
    recipients: t.List[str]
    headers: t.Dict[str, t.List[t.Tuple[str, str]]]

    def text(self, run: str) -> str:
        """Return the message as it is sent in one run, by whose name it is known at the sinks."""
        lines = [f"X-Case: {run} {self.number}"]
        for name, addresses in self.headers.items():
            lines.append(f"{name}: " + ", ".join(shape.format(a=address) for shape, address in addresses))
        return "\r\n".join([*lines, "Subject: t\u00ebst", "", "hello", ""])


def once(address: str, rules: t.Mapping[str, str], hidden: t.Sequence[str] = ()) -> str:
    """Apply the first rule that matches: the address, masquerading, the address without its detail, the domain."""
    local, dummy, domain = address.rpartition("@")
    key = f"{local}@{domain}".lower()
    if key in rules:
        return rules[key]
    for name in hidden:
        if domain.lower().endswith("." + name) and local.lower() not in EXPOSED:
            return f"{local}@{name}"
    user, plus, detail = local.partition("+")
    if plus and f"{user}@{domain}".lower() in rules:
        user, dummy, domain = rules[f"{user}@{domain}".lower()].rpartition("@")
        return f"{user}+{detail}@{domain}"
    value = rules.get("@" + domain.lower(), address)
    return local + value if value.startswith("@") else value


def reference(address: str, rules: t.Mapping[str, str], hidden: t.Sequence[str] = ()) -> str:
    """Return what becomes of an address: the rules are applied until none changes it."""
    for dummy in range(4):
        address = once(address, rules, hidden)
    return address


def sender_of(address: str) -> str:
    """Return what becomes of a sender; the null sender stays."""
    return reference(address, {**SENDERS, **DOMAINS}, HIDDEN) if address else ""


def recipient_of(address: str) -> str:
    """Return what becomes of a recipient."""
    return reference(address, {**RECIPIENTS, **DOMAINS})


def generated(count: int) -> t.List[Message]:
    """Return messages from one seed, the same for each relay."""
    draw = random.Random(17)

    def some(domains: t.Sequence[str], most: int) -> t.List[str]:
        return [f"{draw.choice(LOCALS)}@{draw.choice(domains)}" for dummy in range(draw.randint(1, most))]

    messages = []
    for number in range(count):
        headers = {"From": [(draw.choice(SHAPES), address) for address in some(FROM_DOMAINS, 1)]}
        for names, domains, other in (
            (SENDER_HEADERS, FROM_DOMAINS, TO_DOMAINS),
            (RECIPIENT_HEADERS, TO_DOMAINS, FROM_DOMAINS),
        ):
            for name in draw.sample(names, draw.randint(0, 2)):
                most = 1 if name in ("From", "Sender", "Resent-From", "Resent-Sender") else 3
                # A sender among the recipients, and the reverse: each rule holds for its side alone.
                headers[name] = [(draw.choice(SHAPES), address) for address in some((*domains, *other), most)]
        sender = "" if draw.random() < 0.1 else some(FROM_DOMAINS, 1)[0]
        # One recipient for each end: whether two that differ in case are one, each MTA sees in its own way.
        ends = {recipient_of(address).lower(): address for address in some(TO_DOMAINS, 3 if sender else 1)}
        messages.append(Message(number, sender, sorted(ends.values()), headers))
    return messages


def expected(message: Message) -> t.Dict[str, t.Any]:
    """Return envelope and headers as they must arrive."""
    headers = {}
    for name, addresses in message.headers.items():
        side = sender_of if name in SENDER_HEADERS else recipient_of
        headers[name] = [_plain(side(address)) for dummy, address in addresses]
    recipients = sorted({_plain(recipient_of(address)) for address in message.recipients})
    return {"from": _plain(sender_of(message.sender)), "to": recipients, "headers": headers}


def _plain(address: str) -> str:
    """Return an address without what may differ: quotes that nobody needs, and the case of the domain."""
    local, at, domain = address.rpartition("@")
    return f"{local.strip(chr(34))}{at}{domain.lower()}"


def collected(run: str) -> t.Dict[int, t.Dict[str, t.Any]]:
    """Return what has arrived, by the number of the message."""
    arrived: t.Dict[int, t.Dict[str, t.Any]] = {}
    for sender, recipients, text in WORLD.ask(COLLECT, run):
        header = email.message_from_string(text)
        number = int(header["X-Case"].split()[1])
        known = arrived.setdefault(number, {"to": set()})
        known["to"] |= {_plain(address) for address in recipients}
        known["from"] = _plain(sender)
        known["headers"] = {
            name: [_plain(address) for dummy, address in email.utils.getaddresses(header.get_all(name))]
            for name in SENDER_HEADERS + RECIPIENT_HEADERS
            if name in header
        }
    return {number: dict(known, to=sorted(known["to"])) for number, known in arrived.items()}


def transmitted(host: labhosts.Host, messages: t.Sequence[Message]) -> t.Dict[int, t.Dict[str, t.Any]]:
    """Send messages through a relay and return what arrives."""
    run = uuid.uuid4().hex
    wires = [[message.number, message.sender, message.recipients, message.text(run)] for message in messages]
    call = {"relay": host.address, "source": labhosts.TRUSTED_ADDRESS, "messages": wires}
    assert WORLD.ask(SEND, call) == []
    wanted = {message.number: len(expected(message)["to"]) for message in messages}
    end = time.monotonic() + 30 + len(messages) / 5
    while time.monotonic() < end:
        arrived = collected(run)
        if all(len(arrived.get(number, {"to": ()})["to"]) >= count for number, count in wanted.items()):
            return arrived
        time.sleep(1)
    return collected(run)


@pytest.mark.parametrize("host", labhosts.some("pf12", "sm12"), ids=str)
def test_generated_mail_arrives_as_the_reference_says(hardened, host, policy):
    """Envelope and headers are what one function says; with headers switched off these stay."""
    answer = host.apply(dict(policy, rewrite=POLICY))
    assert not answer.get("failed"), answer
    try:
        assert host.read_back()["policy"]["rewrite"] == dict(POLICY, headers=True)
        assert host.read_back()["policy"]["relay"]["domains"] == policy["relay"]["domains"]
        messages = generated(MESSAGES)
        arrived = transmitted(host, messages)
        differences = [
            (_as_expected(arrived.get(message.number), message), expected(message), message)
            for message in messages
            if _as_expected(arrived.get(message.number), message) != expected(message)
        ]
        assert not differences, f"{len(differences)} of {len(messages)}: {differences[0]}"
        _envelope_alone(host, policy, messages[0])
        _what_strangers_may(host)
    finally:
        assert not host.apply(policy).get("failed")
    assert host.apply(policy)["changed"] is False


def _as_expected(arrived: t.Optional[t.Dict[str, t.Any]], message: Message) -> t.Optional[t.Dict[str, t.Any]]:
    """Return what arrived without fields that a relay adds, such as Resent-From."""
    if arrived is None:
        return None
    return dict(arrived, headers={name: arrived["headers"].get(name) for name in message.headers})


def _envelope_alone(host: labhosts.Host, policy: t.Mapping[str, t.Any], message: Message) -> None:
    answer = host.apply(dict(policy, rewrite=dict(POLICY, headers=False)))
    assert not answer.get("failed"), answer
    arrived = transmitted(host, [message])[message.number]
    stay = {name: [_plain(address) for dummy, address in pairs] for name, pairs in message.headers.items()}
    assert _as_expected(arrived, message) == dict(expected(message), headers=stay)


def _what_strangers_may(host: labhosts.Host) -> None:
    """A domain with another name is served where that name is; a rule makes no user and opens nothing."""
    lines = ["EHLO client.stranger.test", "MAIL FROM:<probe@stranger.test>"]
    recipients = {
        "user@old.test": 2,
        "info@served.test": 2,
        "user@was.test": 5,
        "jdoe@third.test": 5,
        "u%third.test@old.test": 5,
    }
    replies = conversation(WORLD, host, "stranger", lines + [f"RCPT TO:<{address}>" for address in recipients])
    assert [reply["code"] // 100 for reply in replies[-len(recipients) :]] == list(recipients.values()), replies
