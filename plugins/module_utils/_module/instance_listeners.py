# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where an instance is to listen: are the addresses here, are they free, and does no other instance claim them?

Private to the collection: it can change at any time.
"""

import socket
import typing as t

from .. import _proc
from .._driver.discover import discover_of
from .._driver.read import read_of
from .._model.host import Host

Place = t.Tuple[str, int]

#: The words of the policy and the addresses that they stand for.
_WORDS = {"all": ("0.0.0.0", "::"), "loopback": ("127.0.0.1", "::1")}
_EVERYWHERE = frozenset(("0.0.0.0", "::"))


def configured(host: Host) -> t.List[Place]:
    """Return where the configuration lets an instance listen, in the words of the policy. Nowhere is an empty list."""
    if not discover_of(host.mta).listens(host):
        return []
    identity = read_of(host.mta).read(host)["policy"].get("identity", {})
    return [(place, identity.get("port") or 25) for place in identity.get("listen") or ("all",)]


def problems(wanted: t.Sequence[Place], others: t.Sequence[Host], pid: t.Optional[int]) -> t.List[str]:
    """Return why an instance could not listen there, one sentence for each place.

    :param others: the instances that run, or run after the next boot.
    :param pid: the instance's own daemon, whose sockets are no obstacle.
    """
    claimed = [(host.instance.name, place) for host in others for place in configured(host)]
    reasons = []
    for place in wanted:
        reason = _absent(place[0]) or _claimed(place, claimed) or _taken(place, pid, others)
        if reason:
            reasons.append(f"listen: {place[0]}:{place[1]}: {reason}")
    return reasons


def meet(first: Place, second: Place) -> bool:
    """Return whether two sockets could not both be opened: the same port, and an address in common."""
    mine, theirs = set(_addresses(first[0])), set(_addresses(second[0]))
    return first[1] == second[1] and bool(mine & theirs or _covers(mine, theirs) or _covers(theirs, mine))


def _covers(wide: t.Set[str], narrow: t.Set[str]) -> bool:
    """Return whether the first takes the second. On Linux a socket for all IPv6 addresses takes the IPv4 ones as well (ipv6(7))."""
    if "::" in wide:
        return True
    return "0.0.0.0" in wide and any(":" not in address for address in narrow)


def _addresses(word: str) -> t.Tuple[str, ...]:
    return _WORDS.get(word, (word,))


def addresses(places: t.Iterable[Place]) -> t.FrozenSet[Place]:
    """Return places with their words turned into addresses; those that this host cannot have are left out."""
    ipv6 = _proc.has_ipv6()
    return frozenset(
        (address, port) for word, port in places for address in _addresses(word) if ipv6 or ":" not in address
    )


def _absent(word: str) -> str:
    """Return why an address cannot be bound to; empty where it can."""
    if word in _WORDS:
        return ""
    family = socket.AF_INET6 if ":" in word else socket.AF_INET
    if family == socket.AF_INET6 and not _proc.has_ipv6():
        return "this host has no IPv6"
    try:
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.bind((word, 0))
    except OSError:
        return "no interface of this host has the address"
    return ""


def _claimed(place: Place, claimed: t.Sequence[t.Tuple[str, Place]]) -> str:
    for name, theirs in claimed:
        if meet(place, theirs):
            return f"the instance {name} listens on {theirs[0]}:{theirs[1]}; give it addresses of its own first"
    return ""


def _taken(place: Place, pid: t.Optional[int], others: t.Sequence[Host]) -> str:
    """Return which program that is no MTA of ours has the port; empty where none has."""
    mine = _family_inodes(pid)
    for entry in _proc.listeners():
        address, port = entry.local
        if entry.inode not in mine and meet(place, (address.replace("::ffff:", ""), port)):
            return f"{_owner(entry.inode)} listens on {address}:{port}"
    return ""


def _family_inodes(pid: t.Optional[int]) -> t.Set[str]:
    return _proc.socket_inodes(pid) if pid is not None else set()


def _owner(inode: str) -> str:
    """Return the program that has a socket open, by name and process number."""
    for pid in _proc.pids():
        if inode in _proc.socket_inodes(pid):
            return f"{_proc.command(pid)} (process {pid})"
    return "another program"
