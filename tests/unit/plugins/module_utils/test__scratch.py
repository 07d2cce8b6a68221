# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""C2: no scratch directory outlives its run, and no process that works in it, whatever kills the run."""

import os
import signal
import subprocess
import sys
import time

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _proc, _scratch

#: Makes a scratch directory, starts a daemon in it, says where and which, and waits.
RUN = """
import subprocess, sys, time
from ansible_collections.postmaster.mta.plugins.module_utils import _scratch
with _scratch.directory("test-", sys.argv[1]) as path:
    daemon = subprocess.Popen(["sleep", "600"], cwd=path, start_new_session=True)
    print(path, daemon.pid, flush=True)
    time.sleep(600)
"""
#: Seconds within which the guard of a killed run must have cleaned up; a busy machine needs some.
PATIENCE = 60


def _start(parent):
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    run = subprocess.Popen([sys.executable, "-c", RUN, str(parent)], stdout=subprocess.PIPE, env=environment)
    path, pid = run.stdout.readline().split()
    return run, path.decode(), int(pid)


def _wait(what):
    deadline = time.monotonic() + PATIENCE
    while not what() and time.monotonic() < deadline:
        time.sleep(0.02)
    return what()


def test_whoever_is_killed_leaves_no_directory_and_no_process(tmp_path):
    run, path, daemon = _start(tmp_path)
    try:
        assert os.path.isdir(path) and _proc.is_running(daemon)
        run.kill()
        assert _wait(lambda: not os.path.exists(path) and not _proc.is_running(daemon)), os.listdir(str(tmp_path))
    finally:
        run.kill()
        run.wait()
        run.stdout.close()


def test_the_guard_ends_with_the_directory(tmp_path):
    ended = []
    with _scratch.directory("test-", str(tmp_path), ended.append) as path:
        assert os.path.basename(path).startswith(f"test-{os.getpid()}-")
        assert os.stat(path).st_mode & 0o777 == 0o700
    assert ended == [path] and os.listdir(str(tmp_path)) == []


def test_an_error_inside_goes_through(tmp_path):
    with pytest.raises(KeyError):
        with _scratch.directory("test-", str(tmp_path)):
            raise KeyError("x")
    assert os.listdir(str(tmp_path)) == []


def test_where_the_guard_was_killed_the_next_run_cleans_up(tmp_path):
    gone, running, foreign = f"test-{2**22 + 1}-a", f"test-{os.getpid()}-b", "something-else"
    for name in (gone, running, foreign):
        (tmp_path / name).mkdir()
    _scratch.sweep("test-", str(tmp_path))
    assert sorted(os.listdir(str(tmp_path))) == sorted([running, foreign])


def test_a_session_that_ends_does_not_end_the_guard(tmp_path):
    """The guard is in a session of its own, so the signal for a session that ends does not reach it."""
    run, path, daemon = _start(tmp_path)
    try:
        guards = [pid for pid in _proc.children(run.pid) if pid != daemon]
        assert all(os.getsid(pid) != os.getsid(run.pid) for pid in guards)
        os.kill(run.pid, signal.SIGKILL)
        assert _wait(lambda: not os.path.exists(path))
    finally:
        run.wait()
        run.stdout.close()
