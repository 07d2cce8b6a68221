# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Directories for the time of one run. Whatever kills the run, they and the processes that work in them do not outlive it.

Private to the collection: it can change at any time.

A shell waits for the end of this process, which it sees by a pipe that closes. It is in a session of its own, so that what ends
a whole session spares it. Where even that one is killed, the next run removes what is left.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
import typing as t

from . import _proc

#: Ends without a word when it is dismissed; else kills what works below the directory, and removes it.
_SCRIPT = (
    'read -r word && exit 0; cd /; for process in /proc/[0-9]*; do case "$(readlink "$process/cwd")" in '
    '"$1"|"$1"/*) kill -9 "${process#/proc/}" ;; esac; done 2>/dev/null; rm -rf -- "$1"'
)


def private_parent() -> str:
    """Return where programs that distrust what everybody may write to take a directory from."""
    return "/run" if os.access("/run", os.W_OK) else "/var/tmp"


@contextlib.contextmanager
def directory(prefix: str, parent: str, end: t.Optional[t.Callable[[str], None]] = None) -> t.Iterator[str]:
    """Make a directory, and remove it at the end, or when this process is killed.

    :param prefix: the beginning of its name; the number of the process follows.
    :param end: ends what was started in it.
    """
    sweep(prefix, parent, end)
    path = tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-", dir=parent)
    with guarded(path):
        try:
            yield path
        finally:
            if end:
                end(path)
            shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def guarded(path: str) -> t.Iterator[None]:
    """Have a directory removed when this process is killed meanwhile."""
    # run_command waits for the end of a program; the guard must outlive this process.
    guard = subprocess.Popen(  # pylint: disable=ansible-bad-function
        ["/bin/sh", "-c", _SCRIPT, "sh", path],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            guard.communicate(b"dismissed\n")


def sweep(prefix: str, parent: str, end: t.Optional[t.Callable[[str], None]] = None) -> None:
    """Remove what runs have left whose guard was killed with them."""
    for name in os.listdir(parent):
        path = os.path.join(parent, name)
        if name.startswith(prefix) and _is_abandoned(path, prefix):
            if end:
                end(path)
            shutil.rmtree(path, ignore_errors=True)


def _is_abandoned(path: str, prefix: str) -> bool:
    """Return whether a directory is ours and its maker, whose process number its name has, is gone."""
    maker = os.path.basename(path)[len(prefix) :].partition("-")[0]
    try:
        mine = os.lstat(path).st_uid == os.geteuid()
    except OSError:
        return False
    return mine and maker.isdigit() and not _proc.is_running(maker)
