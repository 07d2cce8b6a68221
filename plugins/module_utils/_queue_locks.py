# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which queue files somebody works on right now: both MTAs lock a message with flock(2) while they deliver it.

Private to the collection: it can change at any time.

The kernel's list is read and no lock is tried: a lock taken even for an instant makes a Postfix delivery agent fail.
"""

import os
import typing as t

LOCKS = "/proc/locks"


def locked_inodes(path: str = LOCKS) -> t.FrozenSet[int]:
    """Return the inodes that are locked with flock(2); nothing where the kernel does not tell (proc(5))."""
    try:
        with open(path, "rb") as listing:
            return frozenset(_inodes(listing))
    except OSError:
        return frozenset()


def is_locked(path: str, locked: t.FrozenSet[int]) -> bool:
    """Return whether the file is among the locked ones; a file that is gone is not."""
    try:
        return os.stat(path).st_ino in locked
    except OSError:
        return False


def _inodes(lines: t.Iterable[bytes]) -> t.Iterator[int]:
    # 1: FLOCK  ADVISORY  WRITE 708 08:02:393218 0 EOF
    for line in lines:
        fields = line.split()
        if len(fields) > 5 and fields[1] == b"FLOCK":
            inode = fields[5].rpartition(b":")[2]
            if inode.isdigit():
                yield int(inode)
