# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access rules on the lab's hosts without Ansible around them, and conversations from a client of choice."""

from __future__ import annotations

import typing as t

from labhosts import TALK, WORLD, Host

#: Runs on the host: reads what is to be called, calls it, writes the answer. Errors of ours come back as data.
DOORWAY = """
import json, os, resource, signal, sys, time
from ansible_collections.postmaster.mta.plugins.module_utils import _change, _errors, _files
from ansible_collections.postmaster.mta.plugins.module_utils._module import access
from ansible_collections.postmaster.mta.plugins.module_utils._module import access_info
from ansible_collections.postmaster.mta.plugins.module_utils._module import table
call = json.load(sys.stdin)
exec(call["patch"])
module = {"access": access, "access_info": access_info, "table": table}[call["module"]]
params = dict({name: spec.get("default") for name, spec in module.ARGUMENT_SPEC.items()}, mta="auto", instance=None)
params.update(call["params"])
began = time.monotonic()
try:
    answer = module.run(params, call["check_mode"])
except _errors.PostmasterError as problem:
    answer = dict(_errors.failure(problem), failed=True, kind=type(problem).__name__)
answer["seconds"] = time.monotonic() - began
answer["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
json.dump(answer, sys.stdout)
"""


def call(host: Host, module: str, check_mode: bool = False, patch: str = "", **params: t.Any) -> t.Dict[str, t.Any]:
    """Call a module; an error of ours comes back with C(failed), a process that was killed with C(killed)."""
    asked = {"module": module, "params": {"mta": host.mta, **params}, "check_mode": check_mode, "patch": patch}
    answer = host.ask(DOORWAY, asked)
    return answer if answer else {"failed": True, "killed": True, "kind": "killed", "msg": "killed"}


def access(host: Host, **params: t.Any) -> t.Dict[str, t.Any]:
    """Call the module access."""
    return call(host, "access", **params)


def clear(host: Host) -> None:
    """No rule of ours is left."""
    answer = access(host, state="exact", rules=[])
    assert not answer.get("failed"), f"{host}: {answer['msg']}"


def say(relay: Host, source: str, lines: t.Sequence[str], port: int = 25) -> t.List[t.Dict[str, t.Any]]:
    """Talk to a relay from one address of world: the greeting and the reply to each line."""
    asked = {"address": relay.address, "source": source, "lines": list(lines), "port": port}
    return WORLD.ask(TALK, asked)


def rcpt(relay: Host, source: str, sender: str, recipient: str, port: int = 25) -> t.Dict[str, t.Any]:
    """The reply to RCPT, or to MAIL where that was refused already."""
    lines = ["EHLO client.stranger.test", f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>"]
    steps = say(relay, source, lines, port)
    return steps[-2] if steps[-2]["code"] != 250 else steps[-1]
