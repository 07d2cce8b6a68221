# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import fcntl
import os
import sys

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _queue_locks

LISTING = """1: FLOCK  ADVISORY  WRITE 708 08:02:393218 0 EOF
2: POSIX  ADVISORY  READ 5409 00:2d:555 0 EOF
3: -> FLOCK  ADVISORY  WRITE 709 08:02:777 0 EOF
4: FLOCK  ADVISORY  READ 1 fe:00:42 0 EOF
short line
"""


def test_only_flock(tmp_path):
    (tmp_path / "locks").write_text(LISTING)
    assert _queue_locks.locked_inodes(str(tmp_path / "locks")) == {393218, 42}


def test_a_kernel_that_does_not_tell(tmp_path):
    assert _queue_locks.locked_inodes(str(tmp_path / "none")) == frozenset()


def test_is_locked(tmp_path):
    (tmp_path / "file").write_text("")
    inode = os.stat(str(tmp_path / "file")).st_ino
    assert _queue_locks.is_locked(str(tmp_path / "file"), frozenset([inode]))
    assert not _queue_locks.is_locked(str(tmp_path / "file"), frozenset())
    assert not _queue_locks.is_locked(str(tmp_path / "none"), frozenset([inode]))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="proc(5)")
def test_this_kernel_tells(tmp_path):
    with open(str(tmp_path / "file"), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert os.fstat(file.fileno()).st_ino in _queue_locks.locked_inodes()
