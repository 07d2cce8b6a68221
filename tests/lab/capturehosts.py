# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Capture on the lab's hosts without Ansible around it, and mail from world sent over few connections."""

from __future__ import annotations

import typing as t
import uuid

from instancehosts import EXTRA, extra
from labhosts import WORLD, Host

#: Runs on the host: reads what is to be called, calls it, writes the answer. Errors of ours come back as data.
DOORWAY = """
import json, os, sys
from ansible_collections.postmaster.mta.plugins.module_utils import _errors
from ansible_collections.postmaster.mta.plugins.module_utils._module import capture
from ansible_collections.postmaster.mta.plugins.module_utils._module import capture_info
call = json.load(sys.stdin)
exec(call["patch"])
module = {"capture": capture, "capture_info": capture_info}[call["module"]]
params = dict({name: spec.get("default") for name, spec in module.ARGUMENT_SPEC.items()}, mta="auto", instance=None)
params.update(call["params"])
try:
    answer = module.run(params, call["check_mode"])
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

#: Runs on world: what a sink has got from some clients since a moment, envelopes and, when asked, contents.
ARRIVED = r"""
import base64, glob, json, sys
call, found = json.load(sys.stdin), []
for path in sorted(glob.glob(f"/var/spool/sink/{call['domain']}/[!.]*.json")):
    with open(path) as file:
        message = {"envelope": json.load(file)}
    if message["envelope"]["client"][0] not in call["clients"] or message["envelope"]["time"] < call["since"]:
        continue
    if call["content"]:
        with open(path[:-4] + "eml", "rb") as file:
            message["content"] = base64.b64encode(file.read()).decode()
    found.append(message)
json.dump(found, sys.stdout)
"""

#: Runs on world: the codes that a client gets up to RCPT.
SAY = """
import json, smtplib, sys
address, port, source = json.load(sys.stdin)
smtp = smtplib.SMTP(address, port, "client.stranger.test", 60, (source, 0))
json.dump([smtp.ehlo()[0], smtp.mail("a@stranger.test")[0], smtp.rcpt("user@served.test")[0]], sys.stdout)
"""

Mail = t.Tuple[str, t.List[str], bytes]
#: Three clients of which the first two are caught by address and by network.
CLIENTS = ("10.25.0.131", "10.25.0.132", "10.25.0.134")


def address_of(host: Host) -> str:
    """The second address of a relay."""
    return extra(host)


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


#: The moment, by the clock of world, from which the messages of a relay count.
_since: t.Dict[str, str] = {}


def arrived(host: Host, domain: str, content: bool = False) -> t.List[t.Dict[str, t.Any]]:
    """Return what the sink of a domain has got from a relay since the last start_counting()."""
    numbers = (host.address.rpartition(".")[2], *EXTRA[host.name])
    clients = [f"{network}{number}" for network in ("10.25.0.", "fd00:25::") for number in numbers]
    call = {"domain": domain, "clients": clients, "since": _since[host.name], "content": content}
    return WORLD.ask(ARRIVED, call)


def start_counting(host: Host) -> None:
    """Count what the sinks get from a relay from now on; what other tests sent them stays where it is."""
    _since[host.name] = WORLD.run("date -u +%Y-%m-%dT%H:%M:%S.%6N+00:00").strip()


def queue_of(host: Host) -> t.List[str]:
    """The files of the messages in the queue of the production instance."""
    places = {
        "postfix": "/var/spool/postfix/{active,incoming,deferred,hold,maildrop}",
        "sendmail": "/var/spool/mqueue/{qf,hf,Qf}*",
    }
    return host.run(f"find {places[host.mta]} -type f 2>/dev/null || true").split()


def talk(address: str, port: int, source: str) -> t.List[int]:
    """The codes that a client gets up to RCPT; it stops at the first refusal."""
    return WORLD.ask(SAY, [address, port, source])


def capture(
    host: Host, module: str = "capture", check_mode: bool = False, patch: str = "", **params: t.Any
) -> t.Dict[str, t.Any]:
    """Call a module; an error of ours comes back with C(failed)."""
    asked = {"module": module, "params": {"mta": host.mta, **params}, "check_mode": check_mode, "patch": patch}
    return host.ask(DOORWAY, asked)


def send(relay: Host, source: str, mail: t.Sequence[Mail]) -> None:
    """Send from world; all must be taken."""
    messages = [(sender, recipients, content.decode("latin-1")) for sender, recipients, content in mail]
    call = {"address": relay.address, "source": source, "messages": messages}
    taken, refused = WORLD.ask(SEND, call)
    assert taken == len(mail), refused
