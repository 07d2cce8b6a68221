# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of additional instances share: call the module there, and the second address of each relay."""

from __future__ import annotations

import typing as t

from labhosts import WORLD, Host, conversation

#: Runs on the host: calls instance.apply; errors of ours come back as data.
CALL = """
import json, sys
from ansible_collections.postmaster.mta.plugins.module_utils import _errors
from ansible_collections.postmaster.mta.plugins.module_utils._module import instance, postfix_instance
call = json.load(sys.stdin)
exec(call["patch"])
params = {name: spec.get("default") for name, spec in postfix_instance.ARGUMENT_SPEC.items()}
params.update(call["params"])
try:
    answer = instance.apply(call["mta"], params, call["check_mode"])
except _errors.PostmasterError as problem:
    answer = dict(_errors.failure(problem), failed=True, kind=type(problem).__name__)
json.dump(answer, sys.stdout)
"""
#: The addresses that each relay has besides its own (molecule/inventory).
EXTRA = {"pf12": (21, 22), "pf13": (23, 24), "sm12": (25, 26), "sm13": (27, 28), "sles15": (29, 30)}


def extra(host: Host, number: int = 0) -> str:
    """An address of the host that no instance listens on by itself."""
    return f"10.25.0.{EXTRA[host.name][number]}"


def instance(host: Host, check_mode: bool = False, patch: str = "", **params: t.Any) -> t.Dict[str, t.Any]:
    """Call the module postfix_instance or sendmail_instance; an error of ours comes back with C(failed)."""
    call = {"mta": host.mta, "params": params, "check_mode": check_mode, "patch": patch}
    return host.ask(CALL, call)


#: Runs on the host: every additional instance that an interrupted test has left goes.
CLEAR = """
import sys
from ansible_collections.postmaster.mta.plugins.module_utils import _mta
from ansible_collections.postmaster.mta.plugins.module_utils._module import instance, postfix_instance
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Runner
for one in _mta.find_all(Runner()):
    if not one.primary:
        params = {name: spec.get("default") for name, spec in postfix_instance.ARGUMENT_SPEC.items()}
        params.update(name=one.name, config_directory=one.config_directory, state="absent", mail="delete")
        instance.apply(one.mta, params, False)
"""


def clear(host: Host) -> None:
    """No instance but the primary one is left."""
    host.ask(CLEAR, None)


#: Runs on the host: process number and start time of each instance's daemon.
MASTERS = """
import json, sys
from ansible_collections.postmaster.mta.plugins.module_utils import _mta
from ansible_collections.postmaster.mta.plugins.module_utils._driver.daemon import daemon_of
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Runner
runner = Runner()
found = {}
for instance in _mta.find_all(runner):
    now = daemon_of(instance.mta).running(_mta.host(runner, instance))
    if now.pid is not None:
        found[instance.name] = [now.pid, now.started]
json.dump(found, sys.stdout)
"""
#: Runs on the host: the functions of queue.
QUEUE = """
import json, sys
from ansible_collections.postmaster.mta.plugins.module_utils._module import queue, queue_info
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Runner
what, params = json.load(sys.stdin)
module = {"info": queue_info, "operate": queue}[what]
params = dict({name: one.get("default") for name, one in module.ARGUMENT_SPEC.items()}, **params)
json.dump(module.run(params, False), sys.stdout)
"""


def masters(host: Host) -> t.Dict[str, t.List[int]]:
    """Process number and start time of the daemon of each instance that runs."""
    return host.ask(MASTERS, None)


def queue(host: Host, what: str, **params: t.Any) -> t.Dict[str, t.Any]:
    """Call queue_info (info) or queue (operate)."""
    return host.ask(QUEUE, [what, params])


def say(address: str, who: str, sender: str, recipient: str, subject: str) -> t.List[int]:
    """One message to an address, from world; the codes of the replies from EHLO on."""
    text = f"From: <{sender}>\r\nTo: <{recipient}>\r\nSubject: {subject}\r\n\r\nhello\r\n."
    name = "trusted.lab.test" if who == "trusted" else "client.stranger.test"
    lines = [f"EHLO {name}", f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>", "DATA", text, "QUIT"]
    where = Host(f"at-{address}", address, WORLD.python, "")
    return [reply["code"] for reply in conversation(WORLD, where, who, lines)[1:6]]
