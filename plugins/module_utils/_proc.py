# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes, sockets and addresses of this host, read from /proc: no program has to be installed for it (proc(5)).

Private to the collection: it can change at any time.
"""

import os
import socket
import sys
import typing as t

from ._clock import comes_true

#: States of a TCP socket, as the kernel prints them.
ESTABLISHED, _LISTEN = "01", "0A"
#: Process states: a zombie and a dead process. Its parent has only not collected it yet.
_GONE = ("Z", "X")
_PAUSE = 0.02

Endpoint = t.Tuple[str, int]
Pid = t.Union[int, str]


class Socket(t.NamedTuple):
    """One TCP socket: both ends as address and port, its state, and its inode."""

    local: Endpoint
    remote: Endpoint
    state: str
    inode: str


# --- files ----------------------------------------------------------------------------------------------------------


def read_text(path: str) -> str:
    """Return a small file as text; empty where it cannot be read."""
    try:
        with open(path, "rb") as stream:
            return stream.read().decode("utf-8", "surrogateescape")
    except OSError:
        return ""


def _read_link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


# --- processes ------------------------------------------------------------------------------------------------------


def pids() -> t.List[int]:
    """Return the numbers of all processes, sorted."""
    return sorted(int(name) for name in os.listdir("/proc") if name.isdigit())


def command(pid: Pid) -> str:
    """Return the name of the program that a process runs; the kernel cuts it after 15 characters."""
    return read_text(f"/proc/{pid}/comm").strip()


def working_directory(pid: Pid) -> str:
    """Return the directory that a process works in; empty where that cannot be read."""
    return _read_link(f"/proc/{pid}/cwd")


def is_running(pid: Pid) -> bool:
    """Return whether there is such a process; a zombie no longer counts."""
    stat = _stat(pid)
    return bool(stat) and stat[0] not in _GONE


def started(pid: Pid) -> t.Optional[int]:
    """Return the start time of a process in clock ticks since boot."""
    stat = _stat(pid)
    return int(stat[19]) if len(stat) > 19 else None


def started_at(ticks: t.Optional[int]) -> float:
    """Turn clock ticks since boot into seconds since the epoch; 0 where either is unknown."""
    for line in read_text("/proc/stat").splitlines():
        if line.startswith("btime ") and ticks is not None:
            return int(line.split()[1]) + ticks / os.sysconf("SC_CLK_TCK")
    return 0.0


def children(pid: int) -> t.List[int]:
    """Return the direct children of a process."""
    parents = {child: _stat(child)[1:2] for child in pids()}
    return [child for child, parent in parents.items() if parent == [str(pid)]]


def ends(pid: int, patience: float) -> bool:
    """Wait until a process is gone; return False where it still runs after I(patience) seconds."""
    return comes_true(lambda: not is_running(pid), patience, _PAUSE)


def service_unit(pid: int) -> t.Optional[str]:
    """Return the systemd service that a process belongs to by its control group (cgroups(7)); None without one."""
    for line in read_text(f"/proc/{pid}/cgroup").splitlines():
        for part in reversed(line.split(":", 2)[-1].split("/")):
            if part.endswith(".service"):
                return part
    return None


def _stat(pid: Pid) -> t.List[str]:
    """Return the fields of /proc/PID/stat from the third one, the state, on."""
    # The second field, the command, may contain blanks; it ends with the last closing parenthesis.
    return read_text(f"/proc/{pid}/stat").rpartition(")")[2].split()


# --- sockets --------------------------------------------------------------------------------------------------------


def sockets(pid: Pid = "self") -> t.Iterator[Socket]:
    """Yield all TCP sockets in the network namespace of a process."""
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in read_text(f"/proc/{pid}/net/{table}").splitlines()[1:]:
            fields = line.split()
            if len(fields) > 9:
                yield Socket(endpoint(fields[1], family), endpoint(fields[2], family), fields[3], fields[9])


def listeners(pid: Pid = "self") -> t.Iterator[Socket]:
    """Yield the listening TCP sockets in the network namespace of a process."""
    return (entry for entry in sockets(pid) if entry.state == _LISTEN)


def listening(pid: int) -> t.Tuple[Endpoint, ...]:
    """Return the TCP addresses and ports that a process itself listens on, sorted."""
    own = socket_inodes(pid)
    return tuple(sorted({entry.local for entry in listeners(pid) if entry.inode in own}))


def connections_to(place: Endpoint) -> int:
    """Return how many connections to a place are open on this host."""
    # The kernel may print a socket twice when others open or close while its table is read.
    return len({entry.local for entry in sockets() if entry.state == ESTABLISHED and entry.remote == place})


def socket_inodes(pid: int) -> t.Set[str]:
    """Return the inodes of the sockets that a process holds open."""
    directory = f"/proc/{pid}/fd"
    try:
        names = os.listdir(directory)
    except OSError:
        return set()
    targets = (_read_link(os.path.join(directory, name)) for name in names)
    return {target[8:-1] for target in targets if target.startswith("socket:[")}


def endpoint(text: str, family: int) -> Endpoint:
    """Decode an address and port of /proc/net/tcp: C(0100007F:0019) is 127.0.0.1, port 25, on a little-endian machine.

    The kernel prints each word of 32 bits in the byte order of the machine.
    """
    address, port = text.split(":")
    words = (int(address[start : start + 8], 16) for start in range(0, len(address), 8))
    packed = b"".join(word.to_bytes(4, sys.byteorder) for word in words)
    return socket.inet_ntop(family, packed), int(port, 16)


# --- addresses of this host -----------------------------------------------------------------------------------------


def has_ipv6() -> bool:
    """Return whether an interface of this host has an IPv6 address."""
    return bool(read_text("/proc/net/if_inet6").strip())


def own_addresses() -> t.Tuple[str, ...]:
    """Return the addresses of this host; of the loopback and link-local ones only 127.0.0.1 and ::1."""
    return tuple(dict.fromkeys(["127.0.0.1"] + _own_ipv4() + _own_ipv6()))


def _own_ipv4() -> t.List[str]:
    addresses = []
    last = ""
    for line in read_text("/proc/net/fib_trie").splitlines():
        words = line.split()
        if words[:1] in (["|--"], ["+--"]):
            last = words[1]
        elif words[:3] == ["/32", "host", "LOCAL"] and not last.startswith("127."):
            addresses.append(last)
    return addresses


def _own_ipv6() -> t.List[str]:
    # Unlike /proc/net/tcp this table has the bytes in network order everywhere.
    packed = [bytes.fromhex(line.split()[0]) for line in read_text("/proc/net/if_inet6").splitlines()]
    return [socket.inet_ntop(socket.AF_INET6, address) for address in packed if not _is_link_local(address)]


def _is_link_local(packed: bytes) -> bool:
    """Return whether an IPv6 address is in fe80::/10."""
    return packed[0] == 0xFE and packed[1] & 0xC0 == 0x80
