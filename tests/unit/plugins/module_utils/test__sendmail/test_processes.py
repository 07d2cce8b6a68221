# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose process is whose: by the queue in which it works, with real processes."""

import os
import shutil
import subprocess
import sys
import time

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import processes
from ansible_collections.postmaster.mta.tests.unit.patience import AT_ONCE


@pytest.fixture(name="program")
def _program(tmp_path):
    """A program that is called sendmail-mta and waits."""
    path = tmp_path / "sendmail-mta"
    shutil.copy(shutil.which("sleep"), path)
    return str(path)


def _name(pid):
    with open(f"/proc/{pid}/comm") as stream:
        return stream.read()


@pytest.fixture(name="start")
def _start(program):
    running = []

    def start(directory, argv=(program, "60")):
        os.makedirs(directory, exist_ok=True)
        running.append(subprocess.Popen(list(argv), cwd=directory))
        # The kernel closes Popen's pipe, which says that the program runs, a moment before it gives the process its name.
        while _name(running[-1].pid) == _name(os.getpid()) and argv[0] != sys.executable:
            time.sleep(0.01)
        return running[-1]

    yield start
    for one in running:
        one.kill()
        one.wait()


def test_processes_of_a_queue_and_no_others(tmp_path, start):
    mine, inside, other = start(tmp_path / "q"), start(tmp_path / "q" / "qf"), start(tmp_path / "qq")
    shell = start(tmp_path / "q", (sys.executable, "-c", "import time; time.sleep(60)"))
    found = set(processes.working_in(str(tmp_path / "q")))
    assert found == {mine.pid, inside.pid} and other.pid not in found and shell.pid not in found


def test_a_pattern_is_worked_for_in_its_base(tmp_path, start):
    one = start(tmp_path / "mq")
    (tmp_path / "mq" / "q1").mkdir()
    assert processes.working_in(str(tmp_path / "mq" / "q*")) == (one.pid,)
    assert processes.directories(str(tmp_path / "mq" / "q*")) == (str(tmp_path / "mq" / "q1"),)


def test_ending_all_ends_those_that_do_not_want_to(tmp_path, start, program):
    polite, other = start(tmp_path / "q"), start(tmp_path / "other")
    stubborn = start(tmp_path / "q", ("sh", "-c", f"trap '' TERM; exec {program} 60"))
    while stubborn.pid not in processes.working_in(str(tmp_path / "q")):
        pass
    # Time enough to end, also for a process that a busy machine lets wait.
    assert processes.end_all(str(tmp_path / "q"), 3)
    assert (polite.wait(AT_ONCE), stubborn.wait(AT_ONCE)) == (-15, -9)
    assert other.poll() is None


@pytest.mark.parametrize(
    "one, other, together",
    [
        ("/mq", "/mq", True),
        ("/mq/*", "/mq/c0", True),
        ("/mq/c*", "/mq/d*", True),
        ("/mq", "/mq/inner", True),
        ("/mq/inner", "/mq", True),
        ("/mq/inner/q*", "/mq", True),
        ("/mq", "/mq2", False),
        ("/mq/q*", "/mr/q*", False),
        ("/var/spool/mqueue", "/var/spool/sendmail-ext", False),
    ],
)
def test_queues_that_would_meet(one, other, together):
    for pair in ((one, other), (other, one)):
        assert processes.clash(*pair) is together


def test_two_names_of_one_directory_meet(tmp_path):
    (tmp_path / "a" / "x").mkdir(parents=True)
    assert processes.clash(str(tmp_path / "a" / "*"), str(tmp_path / "a" / "x"))
