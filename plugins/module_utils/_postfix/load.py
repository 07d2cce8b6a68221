# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""C(policy.load) on Postfix, which knows no load average: a small program of ours that spawn(8) runs.

Beside each smtpd it is a policy service, for delay and refuse. For queue it is a lookup table in front of the routes: while the load
is high every recipient has a route to a server that is not there, so its mail waits. The queue manager asks again at each attempt.

Private to the collection: it can change at any time.

The program stands in the configuration directory. So it comes, changes and goes with the configuration, in one step.
Clients on loopback are never held up: a relay under load can still be asked, and changed.
"""

import sys
import typing as t

from .._model.host import Host
from .composition import in_order
from .draft import Draft
from .master_cf import Service
from .parameters import split_list
from .restrictions import elements, join

#: The name of the program among the tables of the policy, and of its service in master.cf.
NAME = "load"
SERVICE = "policy_load"
LIST = "smtpd_client_restrictions"
#: Where it does not answer, mail goes on.
CHECK = f"check_policy_service {{ unix:private/{SERVICE}, timeout=20s, default_action=DUNNO }}"
#: The table in front of the routes, the service behind it, and where mail waits.
TRANSPORT = "transport_maps"
MAP_SERVICE = "policy_load_map"
MAP = f"socketmap:unix:private/{MAP_SERVICE}:load"
WAIT_SERVICE = "policy_load_wait"
_ANSWER = "421 4.3.2 Too much load, try again later"
_WAIT = f"{WAIT_SERVICE}:unix:queued-the-load-of-this-host-is-too-high"

#: It runs alone, under any Python 3: nothing of the collection is imported. Its arguments are the two limits, 0 is none, or C(queue) and the limit.
PROGRAM = f'''\
# Answers by the load average of this host: smtpd (SMTPD_POLICY_README), whose client waits a second or is sent away for now, or
# with the argument queue the queue manager (socketmap_table(5)), whose mail waits.
import ctypes
import sys
import time


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


def answer(request, delay, refuse):
    address = request.get("client_address", "")
    if address.startswith("127.") or address == "::1":
        return "DUNNO"
    now = load()
    if refuse and now >= refuse:
        return "{_ANSWER}"
    if delay and now >= delay:
        time.sleep(1)
    return "DUNNO"


def judge_clients(delay, refuse):
    request = {{}}
    for line in iter(sys.stdin.readline, ""):
        name, equals, value = line.rstrip("\\n").partition("=")
        if equals:
            request[name] = value
        elif not name:
            sys.stdout.write("action=" + answer(request, delay, refuse) + "\\n\\n")
            sys.stdout.flush()
            request = {{}}


def route_recipients(limit):
    since, now = time.monotonic(), load()
    while True:
        digits = b""
        while not digits.endswith(b":"):
            letter = sys.stdin.buffer.read(1)
            if not letter:
                return
            digits += letter
        sys.stdin.buffer.read(int(digits[:-1]) + 1)
        if time.monotonic() > since + 1:
            since, now = time.monotonic(), load()
        reply = b"OK {_WAIT}" if now >= limit else b"NOTFOUND "
        sys.stdout.buffer.write(b"%d:%s," % (len(reply), reply))
        sys.stdout.buffer.flush()


if sys.argv[1] == "queue":
    route_recipients(float(sys.argv[2]))
else:
    judge_clients(float(sys.argv[1]), float(sys.argv[2]))
'''


def apply(draft: Draft) -> None:
    """Set what the policy says of the load."""
    load = draft.policy.load
    if load.queue and "socketmap" not in draft.capabilities.table_types:
        draft.cannot(
            "policy.load.queue", load.queue, "load.delay and load.refuse; this Postfix has no socketmap tables"
        )
    _hook_in_front_of_routes(draft, bool(load.queue))
    if load.delay or load.refuse or load.queue:
        draft.tables[f"policy_{NAME}"] = PROGRAM
    _hook_before_clients(draft, bool(load.delay or load.refuse))


def _hook_before_clients(draft: Draft, wanted: bool) -> None:
    current = elements(draft.main.get(LIST) or draft.live.get(LIST, ""))
    others = [element for element in current if element != CHECK]
    if wanted:
        # Behind the tables: whom a rule refuses need not wait for that.
        draft.set(LIST, join((*others[: _tables(others)], CHECK, *others[_tables(others) :])))
        draft.set("smtpd_delay_reject", False)
    elif CHECK in current:
        draft.main[LIST] = join(others) or None


def _hook_in_front_of_routes(draft: Draft, wanted: bool) -> None:
    words = split_list(draft.main.get(TRANSPORT) or draft.live.get(TRANSPORT, ""))
    others = [word for word in words if word != MAP]
    if wanted:
        draft.set(TRANSPORT, in_order(TRANSPORT, (MAP, *others)))
    elif len(others) < len(words):
        draft.main[TRANSPORT] = ", ".join(others)


def _tables(others: t.Sequence[str]) -> int:
    """Return how many elements at the beginning are tables of the modules and the policy."""
    count = 0
    while count < len(others) and ":$config_directory/" in others[count]:
        count += 1
    return count


def services(draft: Draft, host: Host) -> t.Dict[str, t.Optional[Service]]:
    """Return the services in master.cf; None for one that is to go."""
    load = draft.policy.load
    keys = [f"{name}/unix" for name in (SERVICE, MAP_SERVICE, WAIT_SERVICE)]
    services: t.Dict[str, t.Optional[Service]] = {key: None for key in keys if key in draft.present_services}
    program = f"{host.instance.config_directory}/policy_{NAME}"
    if load.delay or load.refuse:
        services[keys[0]] = _spawned(SERVICE, program, str(load.delay or 0), str(load.refuse or 0))
    if load.queue:
        services[keys[1]] = _spawned(MAP_SERVICE, program, "queue", str(load.queue))
        services[keys[2]] = Service(WAIT_SERVICE, "unix", "-", "-", "n", "-", "-", "lmtp")
    return services


def _spawned(name: str, program: str, *words: str) -> Service:
    arguments = ("user=nobody", f"argv={sys.executable}", "-I", program, *words)
    return Service(name, "unix", "-", "n", "n", "-", "0", "spawn", arguments)


def in_directory(service: Service, directory: str) -> Service:
    """Return our service with the program of another directory; every other service as it is."""
    if service.name not in (SERVICE, MAP_SERVICE):
        return service
    path = f"{directory}/policy_{NAME}"
    words = tuple(path if word.endswith(f"/policy_{NAME}") else word for word in service.arguments)
    return service._replace(arguments=words)


def read(restrictions: str, routes: t.Sequence[str], present: t.Mapping[str, Service]) -> t.Optional[t.Dict[str, int]]:
    """Return the limits that are in force; None where there are none.

    :param routes: the elements of transport_maps.
    """
    limits = _limits(present.get(f"{SERVICE}/unix")) if CHECK in elements(restrictions) else ()
    queued = _limits(present.get(f"{MAP_SERVICE}/unix")) if MAP in routes else ()
    if not limits and not queued:
        return None
    delay, refuse = limits or (0, 0)
    return {"delay": delay, "queue": queued[-1] if queued else 0, "refuse": refuse}


def _limits(service: t.Optional[Service]) -> t.Tuple[int, ...]:
    """Return the numbers at the end of a service of ours: the limits of clients, or that of the queue behind its word."""
    words = service.arguments[-2:] if service is not None else ()
    numbers = tuple(int(word) for word in words if word.isdigit())
    return numbers if len(numbers) == 2 or words[:1] == ("queue",) else ()


__all__ = ("CHECK", "LIST", "MAP", "PROGRAM", "apply", "in_directory", "read", "services")
