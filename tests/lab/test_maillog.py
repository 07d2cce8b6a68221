# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the log says is what the destination saw: every message that world sends, once for each recipient, and nothing else."""

from __future__ import annotations

import collections
import json
import shlex
import subprocess
import time
import typing as t
import uuid

import pytest
from labhosts import POSTFIX, RELAYS, ROOT, WORLD, Host, conversation

#: Runs on a relay: the records of a sender from the journal, which loses no line when the relay is busy.
ASK = """
import json, sys
from ansible_collections.postmaster.mta.plugins.module_utils._module import log_info
params = {name: spec.get("default") for name, spec in log_info.ARGUMENT_SPEC.items()}
params.update(json.load(sys.stdin))
json.dump(log_info.run(params, True), sys.stdout)
"""

#: Where the sinks of the lab keep what they accepted.
SINKS = "/var/spool/sink"
#: What becomes of a recipient, by its domain; the domains of the lab's destinations.
FATES = {"ok.test": "sent", "defer.test": "deferred", "reject.test": "bounced"}


def ask(relay: Host, **options: t.Any) -> dict[str, t.Any]:
    """log_info on a relay."""
    return relay.ask(ASK, options)


def send(relay: Host, sender: str, recipients: t.Sequence[str]) -> None:
    """A message from the trusted client."""
    body = f"From: <{sender}>\r\nTo: <{recipients[0]}>\r\nSubject: log\r\n\r\nlog\r\n."
    lines = [
        "EHLO trusted.lab.test",
        f"MAIL FROM:<{sender}>",
        *(f"RCPT TO:<{one}>" for one in recipients),
        "DATA",
        body,
        "QUIT",
    ]
    steps = conversation(WORLD, relay, "trusted", lines)
    assert [step["code"] for step in steps if step.get("code", 0) >= 400] == []


def accepted(sender: str) -> collections.Counter[str]:
    """The recipients whose message from this sender the sinks have."""
    found = WORLD.run(
        f"grep -lrF {shlex.quote(sender)} --include='*.json' {SINKS} | while read -r f; do tr -d '\\n' < $f; echo; done"
    )
    envelopes = [json.loads(line) for line in found.splitlines()]
    return collections.Counter(
        one for envelope in envelopes if envelope["mail_from"] == sender for one in envelope["rcpt_to"]
    )


def settled(relay: Host, sender: str, count: int) -> list[dict[str, t.Any]]:
    """The deliveries of a sender, as soon as there are so many, or after a while."""
    found: list[dict[str, t.Any]] = []
    for _second in range(30):
        found = ask(relay, path=["journald"], select={"sender": [sender], "newer_than": "10m"})["deliveries"]
        if len(found) >= count:
            break
        time.sleep(2)
    return found


@pytest.mark.parametrize("relay", RELAYS, ids=lambda relay: relay.name)
def test_every_recipient_is_in_the_log_with_the_fate_that_the_destination_saw(relay):
    sender = f"log-{uuid.uuid4().hex[:12]}@lab.test"
    recipients = [f"user{number}@{domain}" for domain in FATES for number in range(3)]
    send(relay, sender, recipients)
    send(relay, sender, ["single@ok.test"])
    found = settled(relay, sender, len(recipients) + 1)
    fates = {one["recipient"]: one["status"] for one in found}
    assert sorted(one["recipient"] for one in found) == sorted([*recipients, "single@ok.test"])
    assert fates == {one: FATES[one.partition("@")[2]] for one in [*recipients, "single@ok.test"]}
    assert accepted(sender) == collections.Counter(one for one, fate in fates.items() if fate == "sent")


@pytest.mark.parametrize("relay", RELAYS, ids=lambda relay: relay.name)
def test_a_recipient_that_was_refused_is_rejected_and_the_other_one_sent(relay):
    sender = f"log-{uuid.uuid4().hex[:12]}@stranger.test"
    lines = ["EHLO client.stranger.test", f"MAIL FROM:<{sender}>", "RCPT TO:<one@ok.test>", "RCPT TO:<one@served.test>"]
    body = "Subject: log\r\n\r\nlog\r\n."
    steps = conversation(WORLD, relay, "stranger", [*lines, "DATA", body, "QUIT"])
    refused, taken = steps[3], steps[4]
    assert (refused["code"] // 100, taken["code"]) == (5, 250)
    found = {one["recipient"]: one for one in settled(relay, sender, 2)}
    assert {one: found[one]["status"] for one in found} == {"one@ok.test": "rejected", "one@served.test": "sent"}
    assert found["one@ok.test"]["reason"].startswith(str(refused["code"]))
    assert accepted(sender) == collections.Counter({"one@served.test": 1})


@pytest.mark.parametrize("relay", RELAYS, ids=lambda relay: relay.name)
def test_the_direction_and_the_client_are_those_of_the_session(relay):
    sender = f"log-{uuid.uuid4().hex[:12]}@lab.test"
    send(relay, sender, ["one@served.test"])
    settled(relay, sender, 1)
    options = {
        "path": ["journald"],
        "select": {"sender": [sender]},
        "internal": {"networks": ["10.25.0.0/24", "fd00:25::/64"]},
    }
    (found,) = ask(relay, **options)["deliveries"]
    assert (found["client_address"], found["direction"], found["mta"]) == ("10.25.0.60", "internal", relay.mta)


@pytest.mark.parametrize("relay", POSTFIX, ids=lambda relay: relay.name)
def test_the_totals_are_those_of_pflogsumm(relay):
    log = "/tmp/maillog-totals.log"
    # pflogsumm reads the lines of the instance that is called postfix; other tests had more of them.
    journal = "journalctl -q --no-pager -a -o short-iso-precise SYSLOG_FACILITY=2 | sed 's/+0000 /+00:00 /'"
    relay.run(f"{journal} | grep -vE ' postfix-[^ /]+/' > {log}")
    try:
        totals = ask(relay, path=[log], summary=True)["summary"]["totals"]
        # What pflogsumm does not know: rejected content that is neither header nor body, rejections by milters at other times, and
        # mail that cleanup refuses by itself: too many hops, or too large.
        strange = "cleanup.*: (reject: content|warning: .*: (message rejected: |queue file size limit exceeded))|smtpd.*: milter-reject:"
        unknown = int(relay.run(f"grep -cE '{strange}' {log} || true"))
        content = relay.read(log)
    finally:
        relay.run(f"rm -f {log}")
    assert totals["received"] == content.count(b": client=") + content.count(b": uid=")
    assert totals["rejected"] - unknown == _pflogsumm(content, "rejected")
    # To pflogsumm, what a policy throws away is delivered.
    dropped = content.count(b" postfix/discard[")
    assert totals["sent"] + dropped == _pflogsumm(content, "delivered")
    assert totals["bounced"] == _pflogsumm(content, "bounced")
    assert totals["deferred_messages"] == _pflogsumm(content, "deferred")


def _pflogsumm(content: bytes, word: str) -> int:
    """A figure of pflogsumm's grand totals, made where this test runs."""
    subprocess.run([ROOT / "tools" / "apt.sh", ROOT / "tests" / "bench" / "requirements-apt.txt"], check=True)
    done = subprocess.run(["pflogsumm", "--detail", "0"], input=content, capture_output=True, check=True)
    for line in done.stdout.decode().splitlines():
        words = line.split()
        if words[1:2] == [word]:
            return int(words[0])
    raise AssertionError(f"pflogsumm does not say {word}")
