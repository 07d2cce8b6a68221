# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""C(policy.load) on Postfix, which knows no load average: a small policy service of ours that spawn(8) runs beside each smtpd.

Private to the collection: it can change at any time.

The program stands in the configuration directory. So it comes, changes and goes with the configuration, in one step.
Clients on loopback are never held up: a relay under load can still be asked, and changed.
"""

import sys
import typing as t

from .._model.host import Host
from .draft import Draft
from .master_cf import Service
from .restrictions import elements, join

#: The name of the program among the tables of the policy, and of its service in master.cf.
NAME = "load"
SERVICE = "policy_load"
LIST = "smtpd_client_restrictions"
#: Where it does not answer, mail goes on.
CHECK = f"check_policy_service {{ unix:private/{SERVICE}, timeout=20s, default_action=DUNNO }}"
_ANSWER = "421 4.3.2 Too much load, try again later"

#: It runs alone, under any Python 3: nothing of the collection is imported. Its arguments are the two limits; 0 is none.
PROGRAM = f'''\
# Answers smtpd (SMTPD_POLICY_README): a client waits a second, or is sent away for now, by the load average of this host.
import ctypes
import sys
import time

DELAY, REFUSE = (float(word) for word in sys.argv[1:3])


def load():
    try:
        with open("/proc/loadavg") as stream:
            return float(stream.read().split()[0])
    except (OSError, ValueError, IndexError):
        pass
    # A unit with ProcSubset=pid hides that file. sysinfo(2) has the same number in parts of 65536, behind the uptime.
    try:
        numbers = (ctypes.c_ulong * 64)()
        return numbers[1] / 65536.0 if ctypes.CDLL(None).sysinfo(ctypes.byref(numbers)) == 0 else 0.0
    except (OSError, AttributeError):
        return 0.0


def answer(request):
    address = request.get("client_address", "")
    if address.startswith("127.") or address == "::1":
        return "DUNNO"
    now = load()
    if REFUSE and now >= REFUSE:
        return "{_ANSWER}"
    if DELAY and now >= DELAY:
        time.sleep(1)
    return "DUNNO"


def main():
    request = {{}}
    for line in iter(sys.stdin.readline, ""):
        name, equals, value = line.rstrip("\\n").partition("=")
        if equals:
            request[name] = value
        elif not name:
            sys.stdout.write("action=" + answer(request) + "\\n\\n")
            sys.stdout.flush()
            request = {{}}


main()
'''


def apply(draft: Draft) -> None:
    """Set what the policy says of the load; Postfix cannot queue by it."""
    load = draft.policy.load
    if load.queue:
        nearest = "load.delay and load.refuse; the queue manager does not deliver more at once than limits.processes"
        draft.cannot("policy.load.queue", load.queue, nearest)
    current = elements(draft.main.get(LIST) or draft.live.get(LIST, ""))
    others = [element for element in current if element != CHECK]
    if load.delay or load.refuse:
        draft.tables[f"policy_{NAME}"] = PROGRAM
        # Behind the tables: whom a rule refuses need not wait for that.
        draft.set(LIST, join((*others[: _tables(others)], CHECK, *others[_tables(others) :])))
        draft.set("smtpd_delay_reject", False)
    elif CHECK in current:
        draft.main[LIST] = join(others) or None


def _tables(others: t.Sequence[str]) -> int:
    """Return how many elements at the beginning are tables of the modules and the policy."""
    count = 0
    while count < len(others) and ":$config_directory/" in others[count]:
        count += 1
    return count


def services(draft: Draft, host: Host) -> t.Dict[str, t.Optional[Service]]:
    """Return the service in master.cf; None where it is to go."""
    key = f"{SERVICE}/unix"
    if f"policy_{NAME}" not in draft.tables:
        return {key: None} if key in draft.present_services else {}
    program = f"{host.instance.config_directory}/policy_{NAME}"
    limits = [str(value or 0) for value in (draft.policy.load.delay, draft.policy.load.refuse)]
    words = ("user=nobody", f"argv={sys.executable}", "-I", program, *limits)
    return {key: Service(SERVICE, "unix", "-", "n", "n", "-", "0", "spawn", words)}


def in_directory(service: Service, directory: str) -> Service:
    """Return our service with the program of another directory; every other service as it is."""
    if service.name != SERVICE:
        return service
    path = f"{directory}/policy_{NAME}"
    words = tuple(path if word.endswith(f"/policy_{NAME}") else word for word in service.arguments)
    return service._replace(arguments=words)


def read(restrictions: str, present: t.Mapping[str, Service]) -> t.Optional[t.Dict[str, int]]:
    """Return the limits that are in force; None where there are none."""
    service = present.get(f"{SERVICE}/unix")
    numbers = service.arguments[-2:] if service is not None and CHECK in elements(restrictions) else ()
    if len(numbers) != 2 or not all(number.isdigit() for number in numbers):
        return None
    return {"delay": int(numbers[0]), "queue": 0, "refuse": int(numbers[1])}


__all__ = ("CHECK", "LIST", "PROGRAM", "apply", "in_directory", "read", "services")
