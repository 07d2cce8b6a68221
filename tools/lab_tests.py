# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the tests of the lab, group beside group: most of them wait for relays, and relays can wait at the same time.

    python tools/lab_tests.py [options of pytest, or files]

Each group of tests/lab/labgroups.py is a pytest of its own. A group begins as soon as no other uses its relays; those with
the fewest relays go first. What a group printed is shown whole when it has ended. The exit status is 1 where one failed.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import typing as t

RESULTS = pathlib.Path(os.environ.get("RESULTS") or ".cache/results")
LOGS = pathlib.Path(".cache/lab")
#: pytest's exit status where no test was chosen.
NO_TESTS = 5


class Group(t.NamedTuple):
    """Tests that run one after the other, the hosts that they use alone, and the files in which they stand."""

    name: str
    uses: t.FrozenSet[str]
    files: t.Tuple[str, ...]
    tests: int


class Running(t.NamedTuple):
    """A group whose tests run now."""

    group: Group
    process: "subprocess.Popen[bytes]"
    began: float


def plan(arguments: t.Sequence[str]) -> t.List[Group]:
    """Ask pytest for the groups; in the order in which they begin."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        environment = dict(os.environ, LAB_PLAN=file.name)
        command = [*pytest_command(arguments), "--collect-only", "-q"]
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
        if done.returncode not in (0, NO_TESTS):
            sys.stdout.buffer.write(done.stdout)
            raise SystemExit(done.returncode)
        found = json.loads(file.read() or "{}")
    groups = [
        Group(name, frozenset(known["uses"]), tuple(known["files"]), known["tests"]) for name, known in found.items()
    ]
    return sorted(groups, key=lambda group: (len(group.uses), -group.tests))


def pytest_command(arguments: t.Sequence[str], files: t.Sequence[str] = ("tests/lab",)) -> t.List[str]:
    """Return the command that all runs have in common, with these files where the arguments name none."""
    named = any(not word.startswith("-") and os.path.exists(word.partition("::")[0]) for word in arguments)
    return [sys.executable, "-m", "pytest", "-q", *arguments, *(() if named else files)]


def start(group: Group, arguments: t.Sequence[str]) -> Running:
    """Start the tests of a group; what they print goes into its file."""
    extra = [f"--junitxml={RESULTS / f'lab-{group.name}.xml'}", "-o", f"cache_dir=.cache/pytest-lab-{group.name}"]
    with log_of(group).open("wb") as log:
        process = subprocess.Popen(
            # To collect the files of the others as well takes each group some seconds of the processor.
            [*pytest_command(arguments, group.files), *extra],
            env=dict(os.environ, LAB_GROUP=group.name),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    return Running(group, process, time.monotonic())


def log_of(group: Group) -> pathlib.Path:
    """Return the file with what a group printed."""
    return LOGS / f"{group.name}.log"


def free(waiting: t.Sequence[Group], running: t.Sequence[Running]) -> t.List[Group]:
    """Return the groups that can begin now: none that begins before them uses a host of theirs."""
    taken = set().union(*(each.group.uses for each in running))
    chosen = []
    for group in waiting:
        if not group.uses & taken:
            chosen.append(group)
        # Also the hosts of a group that still waits: else those of many relays would wait for ever.
        taken |= group.uses
    return chosen


def run(groups: t.Sequence[Group], arguments: t.Sequence[str]) -> bool:
    """Run all groups; return whether all of them passed."""
    waiting, running, passed = list(groups), [], True
    try:
        while waiting or running:
            for group in free(waiting, running):
                waiting.remove(group)
                running.append(start(group, arguments))
            time.sleep(0.5)
            for each in [each for each in running if each.process.poll() is not None]:
                running.remove(each)
                passed &= show(each)
    finally:
        for each in running:
            each.process.terminate()
    return passed


def show(ended: Running) -> bool:
    """Print what a group printed; return whether its tests passed."""
    passed = ended.process.returncode == 0
    seconds = time.monotonic() - ended.began
    print(f"--- {ended.group.name}: {'ok' if passed else 'FAILED'} after {seconds:.0f} s", flush=True)
    sys.stdout.buffer.write(log_of(ended.group).read_bytes())
    sys.stdout.buffer.flush()
    return passed


def main() -> int:
    arguments = sys.argv[1:]
    # A plain end, so that the groups are ended as well.
    signal.signal(signal.SIGTERM, lambda *dummy: sys.exit(143))
    RESULTS.mkdir(parents=True, exist_ok=True)
    LOGS.mkdir(parents=True, exist_ok=True)
    for old in RESULTS.glob("lab-*.xml"):
        old.unlink()
    groups = plan(arguments)
    print("groups: " + ", ".join(f"{group.name} {group.tests}" for group in groups), flush=True)
    return 0 if run(groups, arguments) else 1


if __name__ == "__main__":
    sys.exit(main())
