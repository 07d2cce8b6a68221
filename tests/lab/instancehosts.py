# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of additional instances share: call the module there, and the second address of each relay."""

from __future__ import annotations

import json
import typing as t

from labhosts import REMOTE, Host

#: Runs on the host: calls _instances.apply; errors of ours come back as data.
CALL = """
import json, sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.postmaster.mta.plugins.module_utils import _errors, _instances, _relay
call = json.load(sys.stdin)
exec(call["patch"])
params = {name: spec.get("default") for name, spec in _instances.POSTFIX_SPEC.items()}
params.update(call["params"])
try:
    answer = _instances.apply(call["mta"], params, call["check_mode"])
except _errors.PostmasterError as problem:
    answer = dict(_relay.failure(problem), failed=True, kind=type(problem).__name__)
json.dump(answer, sys.stdout)
"""
#: The addresses that each relay has besides its own (molecule/inventory).
EXTRA = {"pf12": (21, 22), "pf13": (23, 24), "sm12": (25, 26), "sm13": (27, 28), "sles15": (29, 30)}


def extra(host: Host, number: int = 0) -> str:
    """An address of the host that no instance listens on by itself."""
    return f"10.25.0.{EXTRA[host.name][number]}"


def instance(host: Host, check_mode: bool = False, patch: str = "", **params: t.Any) -> t.Dict[str, t.Any]:
    """Call the module postfix_instance or sendmail_instance; an error of ours comes back with C(failed)."""
    host.install()
    call = {"mta": host.mta, "params": params, "check_mode": check_mode, "patch": patch}
    return json.loads(host.run(f"{host.python} - {REMOTE} <<'EOF_CALL'\n{_with_input(call)}\nEOF_CALL"))


def _with_input(call: t.Mapping[str, t.Any]) -> str:
    return f"import io, sys\nsys.stdin = io.StringIO({json.dumps(call)!r})\n{CALL}"
