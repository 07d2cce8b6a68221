# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shadow daemon: the candidate, run for a moment on a private loopback port, and asked.

It has its own queue, pid file and port, and is gone when the check is. No message is ever sent. From loopback sendmail
relays for everybody, so who may relay is asked of the rulesets and not here.

Private to the collection: it can change at any time.
"""

import os
import signal
import socket
import time
import typing as t

from .. import _proc
from .._model.host import Host
from .._model.policy_record import Policy, server_level
from .._smtp.dialogue import Dialogue, tls_context
from . import cf, discover, processes

_PATIENCE = 15.0
_NAME = "shadow.example.com"
#: Options that would make the shadow depend on the load, the disk or other daemons of this host, or touch their files.
_LEFT_OUT = (
    "DaemonPortOptions",
    "PidFile",
    "QueueDirectory",
    "ControlSocketName",
    "StatusFile",
    "HostStatusDirectory",
    "RefuseLA",
    "DelayLA",
    "MinFreeBlocks",
    "ConnectionRateThrottle",
    "MaxDaemonChildren",
    "SharedMemoryKey",
    "SharedMemoryKeyFile",
    "InputMailFilters",
)


def try_out(host: Host, text: str, scratch: str, policy: Policy, candidate: cf.Cf) -> t.List[str]:
    """Run the candidate and ask it; the findings, none is good. Nothing is left behind but I(scratch).

    :param text: the candidate's cf with its paths pointing into the stage.
    """
    port = free_port()
    path = os.path.join(scratch, "shadow.cf")
    os.mkdir(os.path.join(scratch, "queue"), 0o700)
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(shadow_cf(text, scratch, port, candidate))
    program = discover.the_layout().program
    try:
        result = host.runner.run([program, "-bd", "-L", "sm-shadow", "-C", path], timeout=180, cwd=scratch, check=False)
        if result.rc or result.err.strip():
            return [f"sendmail.cf: the daemon does not start: {result.err.strip() or result.rc}"]
        return _ask(port, policy)
    finally:
        stop(scratch)


def free_port() -> int:
    """Return a port on loopback that no program uses at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def shadow_cf(text: str, scratch: str, port: int, candidate: cf.Cf) -> str:
    """Return the candidate's cf for another port, queue and pid file, without what depends on the moment."""
    kept = [line for line in text.split("\n") if not _is_left_out(line)]
    modifiers = [
        part
        for option in candidate.values("DaemonPortOptions")[:1]
        for part in option.split(",")
        if part.strip()[:2] == "M="
    ]
    listener = ", ".join(
        ["Name=shadow", "Family=inet", "Addr=127.0.0.1", f"Port={port}"] + [part.strip() for part in modifiers]
    )
    own = [
        f"O DaemonPortOptions={listener}",
        f"O PidFile={scratch}/pid",
        f"O QueueDirectory={scratch}/queue",
        "O MinFreeBlocks=0",
        "O RefuseLA=0",
    ]
    return "\n".join(own + kept)


def _is_left_out(line: str) -> bool:
    return line.startswith("O ") and line[2:].partition("=")[0].strip() in _LEFT_OUT


def _ask(port: int, policy: Policy) -> t.List[str]:
    """Return what is wrong with the answers to a local client: greeting, EHLO, STARTTLS with a handshake."""
    with Dialogue("127.0.0.1", port, timeout=_PATIENCE) as talk:
        greeting = _connect(talk)
        if greeting:
            return [greeting]
        hello = talk.ehlo(_NAME)
        if hello.family != 2:
            return [f"sendmail.cf: EHLO is answered with {hello}"]
        findings = _ask_for_tls(talk, policy)
        talk.quit()
    return findings


def _connect(talk: Dialogue) -> str:
    deadline = time.monotonic() + _PATIENCE
    while True:
        greeting = talk.connect()
        if greeting.code == 220:
            return ""
        if greeting.outcome != "refused" or time.monotonic() > deadline:
            return f"sendmail.cf: no greeting: {greeting}"
        time.sleep(0.1)


def _ask_for_tls(talk: Dialogue, policy: Policy) -> t.List[str]:
    offered = "STARTTLS" in talk.keywords
    level = server_level(policy)
    if level == "none":
        return ["policy.tls.server.level: none, but STARTTLS is offered"] if offered and policy.tls.server.level else []
    if not offered:
        return [
            f"policy.tls.server.level: {level}, but STARTTLS is not offered: certificate, key or authorities cannot be used"
        ]
    answer = talk.starttls(tls_context())
    if not talk.is_open:
        return [f"policy.tls.server: the TLS handshake fails: {answer}"]
    hello = talk.ehlo(_NAME)
    return [] if hello.family == 2 else [f"sendmail.cf: EHLO inside TLS is answered with {hello}"]


def stop(scratch: str, patience: float = 5.0) -> None:
    """End the shadow and its children; kill those that stay."""
    deadline = time.monotonic() + patience
    number = signal.SIGTERM
    while True:
        pids = _pids(scratch)
        if not pids:
            return
        for pid in pids:
            _kill(pid, number)
        if time.monotonic() > deadline:
            number = signal.SIGKILL
        time.sleep(0.05)


def _kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _pids(scratch: str) -> t.List[int]:
    """Return every process below the scratch directory: the daemon starts there and goes to its queue there.

    The pid file comes late, and sendmail overwrites its command line, so neither tells as much.
    """
    return [pid for pid in _proc.pids() if pid != os.getpid() and processes.works_below(pid, scratch)]
