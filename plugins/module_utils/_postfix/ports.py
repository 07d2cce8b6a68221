# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The TCP ports of a configuration: would another process, or another service of the same file, be in the way?

Private to the collection: it can change at any time.
"""

import re
import socket
import typing as t

from .. import _proc
from .._model.host import Host
from . import master
from .master_cf import Service
from .parameters import MalformedValue, expand, split_list

_EVERYWHERE = ("0.0.0.0", "::")


def conflicts(host: Host, services: t.Mapping[str, Service], values: t.Mapping[str, str]) -> t.List[str]:
    """Return the inet services that could not listen, each with the reason."""
    problems = []
    taken: t.Dict[t.Tuple[str, int], str] = {}
    others = _others(host)
    disabled = _disabled(values)
    for key, service in services.items():
        if service.type != "inet" or disabled & {"inet", key, key.replace("/", ".")}:
            continue
        number = port_number(service.name.rpartition(":")[2])
        if number is None:
            problems.append(f"master.cf: {key}: there is no port of that name")
            continue
        place = (service.name.rpartition(":")[0], number)
        if place in taken:
            problems.append(f"master.cf: {key}: {taken[place]} listens on the same port")
        taken.setdefault(place, key)
        wanted = addresses_of(service, values)
        busy = [f"{address}:{port}" for address, port in others if port == number and _meet(address, wanted)]
        problems += [f"master.cf: {key}: another process listens on {name}" for name in busy[:1]]
    return problems


def _disabled(values: t.Mapping[str, str]) -> t.Set[str]:
    """Return what C(master_service_disable) switches off: types, and services with their type."""
    try:
        return set(split_list(expand(values.get("master_service_disable", ""), values)))
    except MalformedValue:
        return set()


def absent_addresses(values: t.Mapping[str, str]) -> t.List[str]:
    """Return the addresses in C(inet_interfaces) that this host does not have; with one of them every Postfix program ends at once."""
    problems = []
    try:
        words = split_list(expand(values.get("inet_interfaces", "all"), values))
    except MalformedValue:
        return []
    for word in words:
        if word not in ("all", "loopback-only") and not _is_local(word.strip("[]")):
            problems.append(f"inet_interfaces: {word} is no address of this host")
    return problems


def _is_local(name: str) -> bool:
    try:
        places = socket.getaddrinfo(name, 0, 0, socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        return False
    for family, kind, protocol, dummy, place in places:
        try:
            with socket.socket(family, kind, protocol) as probe:
                probe.bind(place)
        except OSError:
            return False
    return True


def port_number(text: str) -> t.Optional[int]:
    """Return a port by its number, or by its name in /etc/services."""
    if text.isdigit():
        return int(text)
    try:
        return socket.getservbyname(text, "tcp")
    except OSError:
        return {"smtp": 25, "smtps": 465, "submissions": 465, "submission": 587}.get(text)


def _others(host: Host) -> t.List[t.Tuple[str, int]]:
    """Return what listens in this network namespace and is not our own master."""
    pid = master.find_master(master.pid_file(host.instance.queue_directories[0]))
    own = _proc.socket_inodes(pid) if pid is not None else set()
    return sorted({entry.local for entry in _proc.listeners() if entry.inode not in own})


def addresses_of(service: Service, values: t.Mapping[str, str]) -> t.Sequence[str]:
    """Return the addresses that a service will listen on; empty stands for all."""
    own = service.name.rpartition(":")[0].strip("[]")
    if own:
        return (own,)
    try:
        words = split_list(expand(values.get("inet_interfaces", "all"), values))
    except MalformedValue:
        return ()
    if "all" in words:
        return ()
    return ("127.0.0.1", "::1") if "loopback-only" in words else tuple(word.strip("[]") for word in words)


def _meet(address: str, wanted: t.Sequence[str]) -> bool:
    plain = re.sub(r"\A::ffff:", "", address)
    return not wanted or plain in _EVERYWHERE or plain in wanted
