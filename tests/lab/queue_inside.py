# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs inside a throw-away relay: destinations, senders, and operations on the queue. C(python3 queue_inside.py NAME JSON).

Nothing here uses the drivers to count: what is in a queue is counted by C(postqueue) and from the names of queue files.
"""

from __future__ import annotations

import asyncio
import json
import os
import pathlib
import random
import re
import resource
import signal
import smtplib
import subprocess
import sys
import time
import typing as t

sys.path.insert(0, "/opt/collections")

SINK_LOG = pathlib.Path("/tmp/sink.log")
MODES = {"127.0.0.21": "accept", "127.0.0.22": "defer", "127.0.0.23": "reject", "127.0.0.24": "stall"}
RELAY = "127.0.0.2"
SENDMAIL = ["/usr/sbin/sendmail", "-C", "/etc/mail/sendmail.cf"]


# --- destinations -------------------------------------------------------------------------------------------------


async def _serve(mode_of: t.Callable[[str], str], reader: t.Any, writer: t.Any) -> None:
    address = writer.get_extra_info("sockname")[0]
    mode = mode_of(address)
    try:
        if mode == "stall":
            await asyncio.sleep(3600)
        writer.write(b"220 sink ESMTP\r\n")
        recipients: t.List[str] = []
        while True:
            line = await reader.readline()
            verb = line[:4].upper()
            if not line or verb == b"QUIT":
                break
            if verb == b"MAIL":
                recipients = []
                writer.write(b"250 2.1.0 ok\r\n")
            elif verb == b"RCPT":
                answer = {
                    "defer": b"451 4.7.1 Greylisted, try again later\r\n",
                    "reject": b"550 5.1.1 User unknown\r\n",
                }
                writer.write(answer.get(mode, b"250 2.1.5 ok\r\n"))
                if mode == "accept":
                    recipients.append(line.decode("latin-1").partition("<")[2].partition(">")[0])
            elif verb == b"DATA" and recipients:
                writer.write(b"354 go\r\n")
                await _take(reader, recipients)
                writer.write(b"250 2.0.0 ok\r\n")
            else:
                writer.write(b"250 ok\r\n" if verb != b"DATA" else b"554 5.5.1 no recipients\r\n")
    except ConnectionError:
        pass
    finally:
        writer.close()


async def _take(reader: t.Any, recipients: t.Sequence[str]) -> None:
    subject = ""
    while True:
        line = await reader.readline()
        if line in (b".\r\n", b""):
            break
        if line[:8].lower() == b"subject:" and not subject:
            subject = line[8:].decode("latin-1").strip()
    with SINK_LOG.open("a") as log:
        log.write("".join(f"{recipient} {subject}\n" for recipient in recipients))


def sink(dummy: t.Any) -> None:
    """Serve all destinations; C(/tmp/mode.ADDRESS) changes one while it runs."""

    def mode_of(address: str) -> str:
        changed = pathlib.Path(f"/tmp/mode.{address}")
        return changed.read_text().strip() if changed.exists() else MODES[address]

    async def serve() -> None:
        started = [
            await asyncio.start_server(lambda r, w: _serve(mode_of, r, w), address, 25, backlog=512)
            for address in MODES
        ]
        await asyncio.gather(*(one.serve_forever() for one in started))

    asyncio.run(serve())


# --- senders ------------------------------------------------------------------------------------------------------


def send(call: t.Mapping[str, t.Any]) -> None:
    """Send messages numbered from C(first), each from C(mN@s.test) with the subject C(mN), spread over C(domains)."""
    connection = smtplib.SMTP(call.get("relay", RELAY), 25, local_hostname="client.test", timeout=120)
    pause = 1 / call["rate"] if call.get("rate") else 0
    for number in range(call["first"], call["first"] + call["count"]):
        domain = call["domains"][number % len(call["domains"])]
        recipients = [f"r{number % 7}{extra}@{domain}" for extra in ["", *call.get("also", ())]]
        text = f"Subject: m{number}\r\nFrom: a@s.test\r\nTo: b@c.test\r\n\r\nbody\r\n"
        connection.sendmail(f"m{number}@s.test", recipients, text)
        time.sleep(pause)
    connection.quit()


# --- the queue, seen without the drivers --------------------------------------------------------------------------


def seen() -> t.Dict[str, t.Tuple[str, int, str]]:
    """Every queued message: ID with arrival to (queue, arrival, sender)."""
    return _seen_postfix() if os.path.exists("/usr/sbin/postqueue") else _seen_sendmail()


def _seen_postfix() -> t.Dict[str, t.Tuple[str, int, str]]:
    found = {}
    for line in subprocess.run(["postqueue", "-j"], stdout=subprocess.PIPE, check=False).stdout.splitlines():
        one = json.loads(line)
        # One that moves while the list is made can be in it twice; the later line is the newer one.
        found[f"{one['queue_id']} {one['arrival_time']}"] = (one["queue_name"], one["arrival_time"], one["sender"])
    return found


def _seen_sendmail() -> t.Dict[str, t.Tuple[str, int, str]]:
    found = {}
    for directory in ("q0", "q1", "q2/qf"):
        for path in pathlib.Path("/var/spool/mq", directory).glob("[qh]f*"):
            try:
                text = path.read_text(errors="replace")
            except FileNotFoundError:
                continue
            arrival, sender = re.search(r"^T(\d+)", text, re.M), re.search(r"^S<?([^>\n]*)", text, re.M)
            if arrival and sender:
                queue = "hold" if path.name[0] == "h" else "deferred"
                found[f"{path.name[2:]} {arrival.group(1)}"] = (queue, int(arrival.group(1)), sender.group(1))
    return found


def operate(check_mode: bool = False, **params: t.Any) -> t.Dict[str, t.Any]:
    """What the module queue does."""
    from ansible_collections.postmaster.mta.plugins.module_utils._module import queue

    given = {
        "mta": "auto",
        "instance": "all",
        "select": None,
        "messages": None,
        "max": 100000,
        "limit": 100000,
        "timeout": 20,
    }
    return queue.run(dict(given, **params), check_mode)


def info(call: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    """What the module queue_info returns."""
    from ansible_collections.postmaster.mta.plugins.module_utils._module import queue_info

    given = {"mta": "auto", "instance": "all", "select": None, "limit": 100000, "sort": "oldest", "top": 0}
    return queue_info.run(dict(given, **call), False)


def look(call: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    """What the module message_info returns."""
    from ansible_collections.postmaster.mta.plugins.module_utils._module import message_info

    return message_info.run({"mta": "auto", "instance": "all", **call}, False)


def act(call: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    """One operation."""
    return operate(call.pop("check_mode", False), **call)


def keys(result: t.Mapping[str, t.Any], *outcomes: str) -> t.Set[str]:
    """The messages of a result, as seen() names them."""
    return {f"{one['id']} {one['arrival']}" for one in result["messages"] if one["outcome"] in outcomes}


# --- R11: the affected set is the predicted one -------------------------------------------------------------------


def predictions(call: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    """Operations under load, each on the messages that its check mode named a moment before.

    Every fourth one gets identities of messages that do not exist: right IDs with a wrong time of arrival.
    """
    chance = random.Random(call["seed"])
    problems: t.List[str] = []
    counts = {"operations": 0, "affected": 0, "gone": 0, "skipped": 0, "stale": 0}
    load = _load(call["load"])
    try:
        for number in range(call["operations"]):
            action = chance.choice(call["actions"])
            problems += _one_operation(chance, action, number % 4 == 3, counts)
            counts["operations"] += 1
    finally:
        os.killpg(load.pid, signal.SIGKILL)
        load.wait()
    return {"problems": problems[:10], "queued": len(seen()), **counts}


def _one_operation(chance: random.Random, action: str, stale: bool, counts: t.Dict[str, int]) -> t.Iterator[str]:
    select = chance.choice(
        [
            {"sender": [f"m{chance.randrange(2000)}@s.test" for dummy in range(20)]},
            {"sender": [f"m*{chance.randrange(100):02d}@s.test"]},
            {"recipient": [f"r{chance.randrange(7)}@*"], "domain": [chance.choice(["defer.test", "refused.test"])]},
        ]
    )
    predicted = operate(True, action=action, select=select)
    wanted = [one for one in predicted["messages"] if one["outcome"] == "predicted"][:30]
    if stale:
        wanted = [dict(one, arrival=one["arrival"] + 1) for one in wanted]
    before = seen()
    result = operate(action=action, messages=wanted)
    after = seen()
    done, asked = keys(result, "done"), {f"{one['id']} {one['arrival']}" for one in wanted}
    for name, outcome in (("affected", "done"), ("gone", "gone"), ("skipped", "skipped")):
        counts[name] += len(keys(result, outcome))
    counts["stale"] += len(asked) if stale else 0
    if stale and done:
        yield f"{action}: hit {len(done)} messages by stale identities"
    yield from (f"{action}: {one}" for one in _accounting(action, done, asked, result, set(after)))
    yield from (f"{action}: {one}" for one in _holding(action, done, _held(before), _held(after), set(after)))
    yield from (
        f"{action}: {key} vanished, and the log does not say why" for key in _vanished(set(before) - done, after)
    )


def _accounting(
    action: str, done: t.Set[str], asked: t.Set[str], result: t.Mapping[str, t.Any], after: t.Set[str]
) -> t.Iterator[str]:
    if keys(result, "done", "gone", "skipped") != asked:
        yield "not every message that was asked for is accounted for"
    if keys(result, "gone") & after:
        yield f"{keys(result, 'gone') & after} are said to be gone and are there"
    if action == "delete" and done & after:
        yield f"{done & after} are said to be deleted and are there"


def _holding(
    action: str, done: t.Set[str], before: t.Set[str], after: t.Set[str], there: t.Set[str]
) -> t.Iterator[str]:
    """Nobody else changes what is on hold, so the difference must be what the operation says."""
    newly, freed = after - before, (before - after) & there
    hold, release = (done if action == one else set() for one in ("hold", "release"))
    if not newly <= hold or not hold <= after:
        yield f"put on hold {newly}, and said {hold}"
    # A released message that moves on can be missing in the listing.
    if not freed <= release or release & after:
        yield f"released {freed}, and said {release}"


def _held(listing: t.Mapping[str, t.Tuple[str, int, str]]) -> t.Set[str]:
    return {key for key, one in listing.items() if one[0] == "hold"}


def _vanished(before: t.Set[str], after: t.Mapping[str, t.Any]) -> t.Set[str]:
    """Messages that are not there any more, and of which the log does not say that they left or got another ID."""
    missing = before - set(after)
    for dummy in range(30):
        if not missing:
            break
        # The log can be a moment late, and a message that moves from one queue to the next can be missing in a listing.
        left = _departed()
        missing = {key for key in missing if key.split()[0] not in left} - set(seen())
        time.sleep(0.1)
    return missing


def _departed() -> t.Set[str]:
    found = set()
    for log in ("/var/log/postfix.log", "/var/log/mail.log"):
        if os.path.exists(log):
            for line in pathlib.Path(log).read_text(errors="replace").splitlines():
                match = re.search(r": (\w+): (?:removed$|requeued$|.*stat=Sent|.*DSN:|.*stat=User unknown)", line)
                if match:
                    found.add(match.group(1))
    return found


def _load(calls: t.Sequence[t.Mapping[str, t.Any]]) -> t.Any:
    script = (
        "import subprocess, sys, json\n"
        "calls = json.loads(sys.argv[1])\n"
        "children = [subprocess.Popen([sys.executable, sys.argv[2], 'send', json.dumps(one)]) for one in calls]\n"
        "[child.wait() for child in children]\n"
    )
    return subprocess.Popen([sys.executable, "-c", script, json.dumps(list(calls)), __file__], start_new_session=True)


# --- zero loss ----------------------------------------------------------------------------------------------------


def storm(call: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    """Messages flow through the relay while operations are fired at random; then every message is looked for."""
    chance = random.Random(call["seed"])
    load = _load(call["load"])
    ends = time.time() + call["seconds"]
    counts: t.Dict[str, int] = {}
    while time.time() < ends or load.poll() is None:
        action = chance.choice(call["actions"])
        select = chance.choice(
            [
                {"sender": [f"m*{chance.randrange(100):02d}@s.test"]},
                {"recipient": [f"r{chance.randrange(7)}@*"]},
                {"domain": [chance.choice(["ok.test", "defer.test", "reject.test", "refused.test"])]},
                {"newer_than": "5s"},
            ]
        )
        if action == "deliver":
            found = [one for one in info({"limit": 20})["messages"] if one["status"] == "deferred"]
            select = {"ids": [chance.choice(found)["id"]]} if found else select
        if action == "flush" and chance.random() < 0.5:
            select = None
        if chance.random() < 0.1:
            pathlib.Path("/tmp/mode.127.0.0.22").write_text(chance.choice(["defer", "accept"]))
        result = operate(action=action, select=select, timeout=5)
        counts[action] = counts.get(action, 0) + result["affected"]
        time.sleep(chance.random() * 0.2)
    pathlib.Path("/tmp/mode.127.0.0.22").write_text("defer")
    return {"operations": counts, **count_all(call["total"])}


def count_all(total: int) -> t.Dict[str, t.Any]:
    """Where each of the messages m0 to m(total-1) is: delivered, bounced, queued; and what is in two places."""
    quiet = 0
    while quiet < 5:
        moving = [one for one in seen().values() if one[0] in ("active", "incoming", "maildrop")]
        quiet = 0 if moving else quiet + 1
        time.sleep(1)
    delivered: t.Dict[str, int] = {}
    bounced: t.Set[str] = set()
    for line in SINK_LOG.read_text().splitlines():
        recipient, dummy, subject = line.partition(" ")
        if recipient.endswith("@s.test"):
            bounced.add(recipient.partition("@")[0])
        else:
            delivered[subject] = delivered.get(subject, 0) + 1
    queued: t.Dict[str, int] = {}
    for one in info({})["messages"]:
        if one["sender"] == "<>":
            bounced.update(to["address"].partition("@")[0] for to in one["recipients"])
        else:
            name = one["sender"].partition("@")[0]
            queued[name] = queued.get(name, 0) + 1
    wanted = {f"m{number}" for number in range(total)}
    places = [set(delivered), bounced, set(queued)]
    return {
        "delivered": len(places[0]),
        "bounced": len(bounced),
        "queued": len(places[2]),
        "missing": sorted(wanted - set.union(*places))[:20],
        "twice": sorted(name for name, several in [*delivered.items(), *queued.items()] if several > 1)[:20],
        "in_two_places": sorted((places[0] & places[1]) | (places[0] & places[2]) | (places[1] & places[2]))[:20],
    }


# --- benchmarks ---------------------------------------------------------------------------------------------------

_CONTROL = """V8
T{arrival}
K{arrival}
N1
P120021
I254/0/2566285
MDeferred: 451 4.7.1 Greylisted, try again later
Fs
$_client2.lab.test [127.0.0.2]
$rESMTP
$sc
${{daemon_flags}}
S<s{sender}@sender{sender}.test>
MDeferred: 451 4.7.1 Greylisted, try again later
rRFC822; u1@d{domain}.test
RPFD:<u1@d{domain}.test>
H?P?Return-Path: <\x81g>
H??Received: from c (client2.lab.test [127.0.0.2])
\tby relay1.lab.test (8.17.1.9/8.17.1.9/Debian-2+deb12u2) with ESMTP id {name}
\tfor <u1@d{domain}.test>; Sun, 22 Nov 2026 07:15:01 GMT
H?D?Date: Sun, 22 Nov 2026 07:15:01 GMT
H?F?From: one@sender.test
H?M?Message-Id: <202611220715.{name}@relay1.lab.test>
H??Subject: bench
.
"""


def fill_sendmail(call: t.Mapping[str, t.Any]) -> None:
    """Control files as sendmail 8.17 wrote them after one failed attempt, with their bodies, over the three directories."""
    for number in range(call["count"]):
        name = f"6AN6m{number % 60:02d}A{100000 + number}"
        control, body = [("q0", "q0"), ("q1", "q1"), ("q2/qf", "q2/df")][number % 3]
        fields = {"arrival": 1795331701 - number, "sender": number % 40, "domain": number % 20, "name": name}
        text = _CONTROL.format(**fields).encode("latin-1")
        pathlib.Path("/var/spool/mq", control, "qf" + name).write_bytes(text)
        pathlib.Path("/var/spool/mq", body, "df" + name).write_bytes(b"x" * 2000)


def fill_postfix(call: t.Mapping[str, t.Any]) -> None:
    """Messages by Postfix's own load generator, from 40 senders to 20 domains."""
    for number in range(40):
        envelope = ["-f", f"s{number}@sender{number}.test", "-t", f"r@d{number % 20}.test"]
        count = str(call["count"] // 40)
        subprocess.run(["smtp-source", "-s", "4", "-m", count, "-l", "2000", *envelope, f"{RELAY}:25"], check=True)
    while any(one[0] != "deferred" for one in seen().values()):
        time.sleep(1)


def time_summary(call: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    """Seconds of our summary and of the MTA's own listing, in turn."""
    found: t.Dict[str, t.Any] = {"ours": [], "theirs": []}
    info({"limit": 0, "top": 20})
    for dummy in range(call["rounds"]):
        began = time.monotonic()
        subprocess.run(call["yardstick"], stdout=subprocess.DEVNULL, check=True)
        found["theirs"].append(time.monotonic() - began)
        began = time.monotonic()
        result = info({"limit": 0, "top": 20})
        found["ours"].append(time.monotonic() - began)
        found["messages"] = result["summary"]["total"]["messages"]
    return dict(found, megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def time_delete(call: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    """Seconds of one postsuper, and of the module with a selection, for as many messages each."""
    names = [key.split()[0] for key in seen()][: call["count"]]
    began = time.monotonic()
    command = ["postsuper", "-d", "-"]
    subprocess.run(command, input="\n".join(names).encode(), stderr=subprocess.DEVNULL, check=True)
    theirs = time.monotonic() - began
    began = time.monotonic()
    result = operate(
        action="delete", instance=None, select={"sender": ["*@sender*.test"], "domain": [".test"]}, limit=10
    )
    ours = time.monotonic() - began
    return {"ours": ours, "theirs": theirs, "affected": result["affected"], "left": len(seen())}


if __name__ == "__main__":
    answer = globals()[sys.argv[1]](json.loads(sys.argv[2]))
    if answer is not None:
        json.dump(answer, sys.stdout)
