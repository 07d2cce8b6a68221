# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module status_info: how a relay is, at a glance; the same for a fleet's table and for metrics.

Private to the collection: it can change at any time.
"""

import datetime
import os
import socket
import time
import typing as t

from .. import _files, _mta
from .._account import generations, history
from .._diagnosis import host as _host
from .._diagnosis.certificate import judge_certificate, timestamp
from .._diagnosis.host import Space
from .._driver.access import access_of
from .._driver.daemon import daemon_of
from .._driver.discover import discover_of
from .._driver.queue import queue_of
from .._driver.read import read_of
from .._errors import OptionError, PostmasterError
from .._kit import memory, places, saved
from .._model import access, blocks, kinds
from .._model.host import Host
from .._runner import Runner
from .._smtp.certificate import Certificate
from . import route_info
from .drift import drift_of

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "mta": dict(_mta.ARGUMENT_SPEC["mta"]),
    "instance": {"type": "str", "default": "all"},
    "oldest": {"type": "str", "default": "4h"},
    "soon": {"type": "str", "default": "3d"},
    "free": {"type": "int", "default": 10},
}
_DAY = 86400


class Limits(t.NamedTuple):
    """From when on something is trouble.

    :param oldest: seconds that the oldest message of the queue may wait.
    :param soon: seconds within which a block counts as one that ends soon.
    :param free: the part of a file system that must be free, in percent, of bytes and of inodes.
    """

    oldest: int = 4 * 3600
    soon: int = 3 * _DAY
    free: int = 10


def run(params: t.Mapping[str, t.Any], check_mode: bool, runner: t.Optional[Runner] = None) -> t.Dict[str, t.Any]:
    """Return what the module status_info returns.

    :raises OptionError: an option that makes no sense, or no such instance.
    """
    limits = Limits(_seconds("oldest", params["oldest"]), _seconds("soon", params["soon"]), params["free"])
    hosts = _mta.chosen(runner or Runner(), params["mta"], params["instance"])
    now = time.time()
    instances = [observe(host, limits, now) for host in hosts]
    canaries = memory.canaries(saved.load(), now)
    troubles = [trouble for instance in instances for trouble in instance["trouble"]]
    return {
        "instances": instances,
        "canaries": canaries,
        "kit": _kit(),
        "trouble": troubles + [canary["trouble"] for canary in canaries if canary["trouble"]],
    }


def _seconds(option: str, value: str) -> int:
    try:
        return kinds.duration(value)
    except ValueError as problem:
        raise OptionError(option, value, str(problem))


def _kit() -> t.Dict[str, t.Any]:
    installed = os.path.exists(places.archive())
    return {"installed": installed, "parts": sorted(saved.load())}


def observe(host: Host, limits: Limits, now: float) -> t.Dict[str, t.Any]:
    """Look at one instance. What cannot be read is named among its troubles; the rest is there."""
    instance = host.instance
    running = daemon_of(host.mta).running(host)
    row: t.Dict[str, t.Any] = {
        "name": instance.name,
        "mta": instance.mta,
        "config_directory": instance.config_directory,
        "enabled": instance.enabled,
        "running": running.pid is not None,
        "version": discover_of(host.mta).version(host.runner, instance),
        "trouble": [],
    }
    if instance.enabled and running.pid is None:
        row["trouble"].append(f"{instance.name} does not run")
    if running.refuses:
        row["trouble"].append(f"{instance.name}: {running.refuses}")
    parts: t.Dict[str, t.Callable[[], t.Any]] = {
        "hostname": lambda: hostname(host),
        "queue": lambda: waiting(host, now),
        "disk": lambda: _disk(host),
        "drift": lambda: len(drift_of(host)),
        "change": lambda: _change(host),
        "blocks": lambda: _blocks(host, limits.soon, now),
    }
    for name, look in parts.items():
        row[name] = _looked(row, name, look)
    row["certificate"] = _looked(row, "certificate", lambda: _certificate(host, row["hostname"] or "", now))
    row["trouble"] += [f"{instance.name}: {sentence}" for sentence in _troubles(row, limits)]
    return row


def _looked(row: t.Dict[str, t.Any], name: str, look: t.Callable[[], t.Any]) -> t.Any:
    try:
        return look()
    except (PostmasterError, OSError) as problem:
        row["trouble"].append(f"{row['name']}: {name} could not be read: {problem}")
        return None


def hostname(host: Host) -> str:
    """Return the name that an instance has in the world: that of its configuration, else that of the host."""
    identity = read_of(host.mta).read(host)["policy"].get("identity") or {}
    return str(identity.get("hostname") or socket.getfqdn())


def waiting(host: Host, now: float) -> t.Dict[str, t.Any]:
    """Count the queue by status, with the age of the oldest message of each in seconds."""
    counts: t.Dict[str, int] = {}
    arrivals: t.Dict[str, float] = {}
    for message in queue_of(host.mta).messages(host):
        counts[message.status] = counts.get(message.status, 0) + 1
        arrivals[message.status] = min(arrivals.get(message.status, message.arrival), message.arrival)
    ages = {status: max(0, round(now - arrival)) for status, arrival in arrivals.items()}
    return {"messages": sum(counts.values()), "oldest": max(ages.values(), default=0), "counts": counts, "ages": ages}


def _disk(host: Host) -> t.Dict[str, t.Any]:
    """Return the fullest file system of the queue, in percent that are free."""
    spaces = _host.spaces(host.instance.queue_directories)
    if not spaces:
        raise OptionError("queue_directory", ", ".join(host.instance.queue_directories), "no such directory")
    fullest = min(spaces, key=lambda space: _part(space.free, space.size))
    return {
        "path": fullest.path,
        "free": _part(fullest.free, fullest.size),
        "free_inodes": min(_inodes(space) for space in spaces),
        "read_only": any(space.read_only for space in spaces),
    }


def _inodes(space: Space) -> int:
    return _part(space.free_inodes, space.inodes) if space.inodes else 100


def _part(free: int, size: int) -> int:
    return int(100 * free / size) if size else 0


def _certificate(host: Host, name: str, now: float) -> t.Optional[t.Dict[str, t.Any]]:
    certificate = certificate_of(host)
    if certificate is None:
        return None
    codes = [finding.code for finding in judge_certificate(certificate, name, name, now)]
    return {
        "not_after": certificate.not_after,
        "days": int((timestamp(certificate.not_after) - now) // _DAY),
        "names": list(certificate.names),
        "fits": "certificate_name" not in codes,
        "codes": codes,
    }


def certificate_of(host: Host) -> t.Optional[Certificate]:
    """Return the certificate that an instance shows to clients; None where it has none."""
    return _host.certificate_in(route_info.settings(host).certificate)


def _change(host: Host) -> t.Optional[t.Dict[str, t.Any]]:
    known = history.records(os.path.realpath(host.instance.config_directory))
    if not known:
        return None
    last = known[-1]
    undone = history.undone_by(known)
    shown = {name: last[name] for name in ("number", "time", "module", "by", "ticket")}
    return dict(shown, ended=history.status(last, undone))


def _blocks(host: Host, soon: int, now: float) -> t.Dict[str, t.Any]:
    """Count the rules of ours, and name those that end soon or have ended."""
    last_days = _last_days(host)
    today, last = (_day(moment) for moment in (now, now + soon))
    ending = {title: expires for title, expires in last_days.items() if expires and expires <= last}
    return {
        "rules": len(last_days),
        "expired": sorted(title for title, expires in ending.items() if expires < today),
        "soon": sorted(f"{title} ({expires})" for title, expires in ending.items() if expires >= today),
    }


def _last_days(host: Host) -> t.Dict[str, str]:
    """Return the last day of each rule of ours; empty for one without an end."""
    driver = access_of(host.mta)
    facts = driver.facts(host)
    days: t.Dict[str, str] = {}
    for name in {name for place in access.PLACES for name in driver.names(facts, place)}:
        path = os.path.join(host.instance.config_directory, name)
        for placed in blocks.all_blocks(_files.read(path) or b"", path):
            if access.is_rule(placed.block.title):
                days[placed.block.title] = placed.block.note.expires
    return days


def _day(moment: float) -> str:
    return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).strftime("%Y-%m-%d")


# --- judging ----------------------------------------------------------------------------------------------------------


def _troubles(row: t.Mapping[str, t.Any], limits: Limits) -> t.Iterator[str]:
    """Yield a sentence for each figure that is beyond its limit."""
    if row["queue"] and row["queue"]["oldest"] > limits.oldest:
        yield f"a message has waited for {row['queue']['oldest'] // 60} minutes"
    if row["drift"]:
        yield f"{row['drift']} settings or files differ from what was last written"
    if row["certificate"]:
        yield from _certificate_troubles(row["certificate"], row["hostname"])
    if row["disk"]:
        yield from _disk_troubles(row["disk"], limits)


def _disk_troubles(disk: t.Mapping[str, t.Any], limits: Limits) -> t.Iterator[str]:
    if disk["read_only"]:
        yield f"the file system of {disk['path']} is read-only"
    if disk["free"] < limits.free:
        yield f"{disk['free']} % of the disk of the queue are free"
    if disk["free_inodes"] < limits.free:
        yield f"{disk['free_inodes']} % of the inodes of the queue's disk are free"


def _certificate_troubles(certificate: t.Mapping[str, t.Any], name: t.Optional[str]) -> t.Iterator[str]:
    for code in certificate["codes"]:
        if code == "certificate_name":
            yield f"the certificate is for {', '.join(certificate['names'][:3]) or 'no name'}, not for {name}"
        else:
            yield f"the certificate ends on {certificate['not_after']} ({certificate['days']} days)"


def generation(host: Host) -> int:
    """Return the number of the newest generation; 0 where there is none."""
    return int(generations.newest(os.path.realpath(host.instance.config_directory)).get("number", 0))


__all__ = ("ARGUMENT_SPEC", "Limits", "certificate_of", "generation", "hostname", "observe", "run", "waiting")
