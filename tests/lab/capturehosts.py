# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Capture on the lab's hosts without Ansible around it, and mail from world sent over few connections."""

from __future__ import annotations

import json
import shlex
import typing as t
import uuid

from labhosts import REMOTE, WORLD, Host

#: Runs on the host: reads what is to be called, calls it, writes the answer. Errors of ours come back as data.
DOORWAY = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.postmaster.mta.plugins.module_utils import _errors
from ansible_collections.postmaster.mta.plugins.module_utils._module import capture
from ansible_collections.postmaster.mta.plugins.module_utils._module import capture_info
call = json.load(sys.stdin)
exec(call["patch"])
module = {"capture": capture, "capture_info": capture_info}[call["module"]]
params = dict({name: spec.get("default") for name, spec in module.ARGUMENT_SPEC.items()}, mta="auto", instance=None)
params.update(call["params"])
try:
    answer = module.describe(params) if call["module"] == "capture_info" else module.apply(params, call["check_mode"])
except _errors.PostmasterError as problem:
    answer = dict(_errors.failure(problem), failed=True, kind=type(problem).__name__)
json.dump(answer, sys.stdout)
"""

#: Runs on world: sends messages one after the other, a new connection every fifty; says how many were taken.
SEND = r"""
import json, smtplib, sys
call = json.load(sys.stdin)
taken, refused, smtp = 0, [], None
for number, (sender, recipients, content) in enumerate(call["messages"]):
    if number % 50 == 0:
        if smtp:
            smtp.quit()
        smtp = smtplib.SMTP(call["address"], 25, "client.stranger.test", 120, (call["source"], 0))
        smtp.ehlo()
    try:
        smtp.sendmail(sender, recipients, content.encode("latin-1"), ["BODY=8BITMIME"])
        taken += 1
    except (smtplib.SMTPException, OSError) as problem:
        refused.append(str(problem))
        if len(refused) > 3:
            break
        smtp.rset()
smtp.quit()
json.dump([taken, refused], sys.stdout)
"""

#: Runs on world: what a sink has got, envelopes and, when asked, contents.
ARRIVED = r"""
import base64, glob, json, sys
found = []
for path in sorted(glob.glob(f"/var/spool/sink/{sys.argv[1]}/[!.]*.json")):
    with open(path) as file:
        one = {"envelope": json.load(file)}
    if sys.argv[2] == "True":
        with open(path[:-4] + "eml", "rb") as file:
            one["content"] = base64.b64encode(file.read()).decode()
    found.append(one)
json.dump(found, sys.stdout)
"""

Mail = t.Tuple[str, t.List[str], bytes]
#: The second address of each relay, and three clients of which the first two are caught by address and by network.
ADDRESSES = {"pf12": 21, "pf13": 23, "sm12": 25, "sm13": 27, "sles15": 29}
CLIENTS = ("10.25.0.131", "10.25.0.132", "10.25.0.134")


def address_of(host: Host) -> str:
    """The second address of a relay."""
    return f"10.25.0.{ADDRESSES[host.name]}"


def letter(sender: str, recipient: str, number: int) -> Mail:
    """A message with all that a relay would add otherwise, and with all that a careless one would change."""
    lines = [
        f"From: <{sender or 'mailer-daemon@stranger.test'}>".encode(),
        f"To: <{recipient}>".encode(),
        b"Subject: number " + str(number).encode() + " Ü ü Ÿ".encode(),
        b"Date: Fri, 27 Nov 2026 12:00:00 +0000",
        f"Message-ID: <{uuid.uuid4()}@stranger.test>".encode(),
        b"MIME-Version: 1.0",
        b'Content-Type: text/plain; charset=utf-8;\r\n\tname="a  b"',
        b"Content-Transfer-Encoding: 8bit",
        b"",
        b"From the beginning",
        "Über Ÿ 8 bit".encode(),
        b"..two dots",
        b".",
        b"trailing blanks  ",
        b"x" * (number % 900),
        b"",
        b"",
    ]
    return sender, [recipient], b"\r\n".join(lines)


def headless(content: bytes) -> bytes:
    """A message with LF line ends without the Received fields (and Return-Path) at its top."""
    lines = content.split(b"\n")
    while lines[0].startswith((b"Received:", b"Return-Path:", b" ", b"\t")):
        lines.pop(0)
    return b"\n".join(lines)


def arrived(domain: str, content: bool = False) -> t.List[t.Dict[str, t.Any]]:
    """What the sink of a domain has got."""
    return json.loads(WORLD.run(f"{WORLD.python} -c {shlex.quote(ARRIVED)} {domain} {content}"))


def clear_sinks() -> None:
    """Forget what the sinks have got."""
    WORLD.run("sinkctl clear")


def queue_of(host: Host) -> t.List[str]:
    """The files of the messages in the queue of the production instance."""
    places = {
        "postfix": "/var/spool/postfix/{active,incoming,deferred,hold,maildrop}",
        "sendmail": "/var/spool/mqueue/{qf,hf,Qf}*",
    }
    return host.run(f"find {places[host.mta]} -type f 2>/dev/null || true").split()


def talk(address: str, port: int, source: str) -> t.List[int]:
    """The codes that a client gets up to RCPT; it stops at the first refusal."""
    script = f"""
import smtplib
smtp = smtplib.SMTP({address!r}, {port}, "client.stranger.test", 60, ({source!r}, 0))
codes = [smtp.ehlo()[0], smtp.mail("a@stranger.test")[0], smtp.rcpt("user@served.test")[0]]
print(codes)
"""
    return json.loads(WORLD.run(f"{WORLD.python} -c {shlex.quote(script)}"))


def capture(
    host: Host, module: str = "capture", check_mode: bool = False, patch: str = "", **params: t.Any
) -> t.Dict[str, t.Any]:
    """Call a module; an error of ours comes back with C(failed)."""
    host.install()
    asked = {"module": module, "params": {"mta": host.mta, **params}, "check_mode": check_mode, "patch": patch}
    return json.loads(host.run(f"{host.python} -c {shlex.quote(DOORWAY)} {REMOTE}", json.dumps(asked), timeout=600))


def send(relay: Host, source: str, mail: t.Sequence[Mail]) -> None:
    """Send from world; all must be taken."""
    messages = [(sender, recipients, content.decode("latin-1")) for sender, recipients, content in mail]
    call = {"address": relay.address, "source": source, "messages": messages}
    taken, refused = json.loads(WORLD.run(f"{WORLD.python} -c {shlex.quote(SEND)}", json.dumps(call), timeout=600))
    assert taken == len(mail), refused
