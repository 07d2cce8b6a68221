# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Capture on the lab's hosts without Ansible around it, and mail from world sent over few connections."""

from __future__ import annotations

import json
import shlex
import typing as t

from labhosts import REMOTE, WORLD, Host

#: Runs on the host: reads what is to be called, calls it, writes the answer. Errors of ours come back as data.
DOORWAY = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.postmaster.mta.plugins.module_utils import _captureinfo, _capturerun, _errors, _relay
call = json.load(sys.stdin)
exec(call["patch"])
module = {"capture": _capturerun, "capture_info": _captureinfo}[call["module"]]
params = dict({name: spec.get("default") for name, spec in module.ARGUMENT_SPEC.items()}, mta="auto", instance=None)
params.update(call["params"])
try:
    answer = module.describe(params) if call["module"] == "capture_info" else module.apply(params, call["check_mode"])
except _errors.PostmasterError as problem:
    answer = dict(_relay.failure(problem), failed=True, kind=type(problem).__name__)
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

Mail = t.Tuple[str, t.List[str], bytes]


def capture(host: Host, module: str = "capture", check_mode: bool = False, patch: str = "", **params: t.Any) -> t.Dict[str, t.Any]:
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
