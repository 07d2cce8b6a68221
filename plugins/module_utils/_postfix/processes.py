# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Postfix's master process as /proc shows it: identity, start time, sockets, service unit.

Private to the collection: it can change at any time.
"""

import os
import socket
import struct
import time
import typing as t

_LISTEN = "0A"
#: A zombie and a dead process (proc(5)): its parent has only not asked yet.
_GONE = ("Z", "X")
_PATIENCE = 20.0


def find_master(pid_file: str) -> t.Optional[int]:
    """The process id in a master.pid, if a process of that id runs and is a Postfix master."""
    pid = read_text(pid_file).strip()
    if not pid.isdigit():
        return None
    state = read_text(f"/proc/{pid}/stat").rpartition(")")[2].split()
    is_master = read_text(f"/proc/{pid}/comm").strip() == "master" and state and state[0] not in _GONE
    return int(pid) if is_master else None


def started(pid: int) -> t.Optional[int]:
    """The start time of a process in clock ticks since boot (proc(5): field 22 of stat)."""
    text = read_text(f"/proc/{pid}/stat")
    # The second field, the command, may contain blanks; it ends with the last closing parenthesis.
    fields = text.rpartition(")")[2].split()
    return int(fields[19]) if len(fields) > 19 else None


def listening(pid: int) -> t.Tuple[t.Tuple[str, int], ...]:
    """The TCP addresses and ports that a process listens on, sorted."""
    mine = socket_inodes(pid)
    found = {entry[:2] for entry in listeners(pid) if entry[2] in mine}
    return tuple(sorted(found))


def listeners(pid: t.Union[int, str] = "self") -> t.Iterator[t.Tuple[str, int, str]]:
    """All listening TCP sockets in the network namespace of a process: address, port, inode."""
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in read_text(f"/proc/{pid}/net/{table}").splitlines()[1:]:
            fields = line.split()
            if len(fields) > 9 and fields[3] == _LISTEN:
                address, port = fields[1].split(":")
                yield _address(address, family), int(port, 16), fields[9]


def socket_inodes(pid: int) -> t.Set[str]:
    """The inodes of the sockets that a process holds open."""
    found: t.Set[str] = set()
    directory = f"/proc/{pid}/fd"
    try:
        names = os.listdir(directory)
    except OSError:
        return found
    for name in names:
        try:
            target = os.readlink(os.path.join(directory, name))
        except OSError:
            continue
        if target.startswith("socket:["):
            found.add(target[8:-1])
    return found


def service_unit(pid: int) -> t.Optional[str]:
    """The systemd service that a process belongs to, by its control group; None without one (cgroups(7))."""
    for line in read_text(f"/proc/{pid}/cgroup").splitlines():
        for part in reversed(line.split(":", 2)[-1].split("/")):
            if part.endswith(".service"):
                return part
    return None


def comes_up(find: t.Callable[[], t.Optional[int]], patience: float = _PATIENCE) -> bool:
    """Wait until a master runs and one of its sockets takes a connection; one without TCP sockets only has to run.

    :param patience: seconds.
    """
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        pid = find()
        if pid is not None and _answers(listening(pid)):
            return True
        time.sleep(0.05)
    return False


def ends(pid: int, patience: float = _PATIENCE) -> bool:
    """Wait until a process is gone; a zombie is."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        state = read_text(f"/proc/{pid}/stat").rpartition(")")[2].split()
        if not state or state[0] in _GONE:
            return True
        time.sleep(0.02)
    return False


def children(pid: int) -> t.List[int]:
    """The direct children of a process."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = read_text(f"/proc/{name}/stat").rpartition(")")[2].split()
            if len(fields) > 1 and fields[1] == str(pid):
                found.append(int(name))
    return found


def read_text(path: str) -> str:
    """A small file as text; empty where it cannot be read."""
    try:
        with open(path, "rb") as stream:
            return stream.read().decode("utf-8", "surrogateescape")
    except (IOError, OSError):
        return ""


def _address(text: str, family: int) -> str:
    """An address of /proc/net/tcp: 32 bit words in the byte order of the machine."""
    words = [int(text[at : at + 8], 16) for at in range(0, len(text), 8)]
    return socket.inet_ntop(family, struct.pack(f"={len(words)}I", *words))


def _answers(sockets: t.Sequence[t.Tuple[str, int]]) -> bool:
    if not sockets:
        return True
    address, port = sockets[0]
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)
    try:
        socket.create_connection((local, port), 5).close()
    except OSError:
        return False
    return True
