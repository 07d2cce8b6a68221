# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Postfix's master process: which one it is, and whether it answers.

Private to the collection: it can change at any time.
"""

import os
import socket
import typing as t

from .. import _proc
from .._clock import comes_true

_PATIENCE = 20.0
_PAUSE = 0.05


def pid_file(queue_directory: str) -> str:
    """Return the path of the file in which a master writes its process id."""
    return os.path.join(queue_directory, "pid", "master.pid")


def find_master(path: str) -> t.Optional[int]:
    """Return the process id in a master.pid, if that process runs and is a Postfix master."""
    pid = _proc.read_text(path).strip()
    if not pid.isdigit() or _proc.command(pid) != "master" or not _proc.is_running(pid):
        return None
    return int(pid)


def comes_up(find: t.Callable[[], t.Optional[int]], patience: float = _PATIENCE) -> bool:
    """Wait until a master runs and one of its sockets takes a connection; one without TCP sockets only has to run.

    :param patience: seconds.
    """

    def is_up() -> bool:
        pid = find()
        return pid is not None and _answers(_proc.listening(pid))

    return comes_true(is_up, patience, _PAUSE)


def ends(pid: int, patience: float = _PATIENCE) -> bool:
    """Wait until a master is gone; return False where it still runs after I(patience) seconds."""
    return _proc.ends(pid, patience)


def _answers(places: t.Sequence[_proc.Endpoint]) -> bool:
    if not places:
        return True
    address, port = places[0]
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)
    try:
        socket.create_connection((local, port), 5).close()
    except OSError:
        return False
    return True
