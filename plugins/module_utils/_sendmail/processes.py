# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The processes of a sendmail instance, told by where they work: each goes to its queue directory and stays there.

A pid file can be stale, or be written by two daemons, and sendmail writes over its own command line, so neither tells as much.

Private to the collection: it can change at any time.
"""

import fnmatch
import glob
import os
import signal
import time
import typing as t

from .. import _proc


def base(queue: str) -> str:
    """Return the directory in which a daemon works: its queue directory, or what stands before the pattern of several."""
    return os.path.dirname(queue) if glob.has_magic(queue) else queue


def directories(queue: str) -> t.Tuple[str, ...]:
    """Return the existing directories that a QueueDirectory stands for."""
    return tuple(sorted(path for path in glob.glob(queue) if os.path.isdir(path)))


def clash(queue: str, other: str) -> bool:
    """Return whether two daemons with these values of QueueDirectory share a directory, or could come to share one."""
    if set(directories(queue)) & set(directories(other)):
        return True
    if fnmatch.fnmatch(queue, other) or fnmatch.fnmatch(other, queue):
        return True
    return base(queue) == base(other) or any(
        not glob.has_magic(outer) and base(inner).startswith(outer + "/")
        for outer, inner in ((queue, other), (other, queue))
    )


def working_in(queue: str) -> t.Tuple[int, ...]:
    """Return the process numbers of every sendmail that works there, sorted."""
    place = os.path.realpath(base(queue))
    return tuple(pid for pid in _proc.pids() if _proc.command(pid).startswith("sendmail") and works_below(pid, place))


def works_below(pid: int, place: str) -> bool:
    """Return whether a process works in a directory or below it."""
    directory = _proc.working_directory(pid)
    return directory == place or directory.startswith(place + "/")


def end_all(queue: str, patience: float) -> bool:
    """Ask every process that works there to end; kill those that have not after I(patience) seconds.

    Each is asked first and has that time, also where the machine is so busy that it has passed before the first look ends.

    :returns: False where one does not even end then.
    """
    deadline = time.monotonic() + patience
    asked: t.Dict[int, float] = {}
    while time.monotonic() < deadline + 5:
        pids = working_in(queue)
        if not pids:
            return True
        for pid in pids:
            since = asked.setdefault(pid, time.monotonic())
            _signal(pid, signal.SIGKILL if time.monotonic() >= since + patience else signal.SIGTERM)
        time.sleep(0.1)
    return False


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
