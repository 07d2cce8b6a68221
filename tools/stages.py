# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs make targets, lane beside lane, all of them even when one fails; ends with times, totals and what failed.

    python3 tools/stages.py setup lint,unit molecule,lab-test

A lane is a list of targets that run one after the other. The first lane is done before the others begin, and they only begin
when nothing in it failed. The last lane is the one that others must not hold up: it waits for relays and measures time, so that
the lanes before it run with less priority. What a target printed is shown whole when it has ended, and once a minute a line
says what runs. What has not ended after LIMIT is ended and counts as failed: whoever waits sees what the others found.

pytest's own counts come from the JUnit files that a target leaves in the directory RESULTS of its environment. A target without
tests of its own that fails counts as one failed.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time
import typing as t
from xml.etree import ElementTree

LOGS = pathlib.Path(".cache/stages")
#: Names of failed tests that are shown for each target, and the slowest tests of all.
SHOWN, SLOWEST = 40, 10
#: Seconds between two lines that say what runs.
PROGRESS = 60
#: Seconds that everything together may take; CI gives 90 minutes.
LIMIT = 80 * 60
#: What lanes run with that others must not wait for.
YIELDING = ["nice", "-n", "10"]


class Case(t.NamedTuple):
    """A test that ran, and why it failed; empty where it did not."""

    name: str
    seconds: float
    failure: str


class Stage(t.NamedTuple):
    """A target that has ended."""

    name: str
    seconds: float
    status: int
    counts: t.Dict[str, int]
    cases: t.List[Case]
    not_run: t.List[str]


class Board:
    """What runs and what has ended, told line by line by all lanes.

    :param deadline: the moment, on the monotonic clock, at which everything must have ended.
    """

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.processes: t.List["subprocess.Popen[bytes]"] = []
        self._lock = threading.Lock()
        self._running: t.Dict[str, float] = {}
        self.ended: t.List[Stage] = []

    def begin(self, name: str) -> None:
        """Say that a target begins."""
        with self._lock:
            self._running[name] = time.monotonic()
            print(f"=== {name} begins ===", flush=True)

    def end(self, stage: Stage) -> None:
        """Show what a target printed, whole."""
        with self._lock:
            del self._running[stage.name]
            self.ended.append(stage)
            print(f"\n=== {stage.name} ===", flush=True)
            sys.stdout.buffer.write(log_of(stage.name).read_bytes())
            sys.stdout.buffer.flush()
            print(f"=== {stage.name}: {result(stage)} in {stage.seconds:.0f} s ===\n", flush=True)

    def stop(self) -> None:
        """End what still runs, with all that it has started: the targets are process groups, which no Ctrl-C reaches."""
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)

    def progress(self) -> None:
        """Say what runs, and since when."""
        with self._lock:
            now = time.monotonic()
            running = ", ".join(f"{name} {now - began:.0f} s" for name, began in self._running.items())
            print(f"=== running: {running} ===", flush=True)


def log_of(name: str) -> pathlib.Path:
    """Return the file with what a target prints."""
    return LOGS / f"{name}.log"


def results_of(name: str) -> pathlib.Path:
    """Return the directory for the JUnit files of a target."""
    return pathlib.Path(".cache/results") / name


def result(stage: Stage) -> str:
    """Return the word for how a target ended."""
    return "ok" if stage.status == 0 else "FAILED"


def run(name: str, prefix: t.Sequence[str], board: Board) -> Stage:
    """Run one target with its output in a file, not longer than to the deadline of all."""
    shutil.rmtree(results_of(name), ignore_errors=True)
    results_of(name).mkdir(parents=True)
    began = time.monotonic()
    with log_of(name).open("wb") as log:
        process = subprocess.Popen(
            [*prefix, "make", "--no-print-directory", name],
            env=dict(os.environ, RESULTS=str(results_of(name))),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        board.processes.append(process)
        try:
            status = process.wait(max(1, board.deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            status = process.wait()
            log.write(f"{name}: ended from outside after {time.monotonic() - began:.0f} s\n".encode())
    lines = log_of(name).read_text(errors="replace").splitlines()
    not_run = [line.strip() for line in lines if ": NOT RUN, " in line]
    counts, cases = read_results(results_of(name))
    if status and not counts["failed"]:
        counts["failed"] = 1
    return Stage(name, time.monotonic() - began, status, counts, cases, not_run)


def read_results(directory: pathlib.Path) -> t.Tuple[t.Dict[str, int], t.List[Case]]:
    """Return the numbers of tests, and the tests, in the JUnit files of a directory."""
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    cases: t.List[Case] = []
    for path in sorted(directory.glob("*.xml")):
        for suite in ElementTree.parse(path).iter("testsuite"):
            failed = int(suite.get("errors", 0)) + int(suite.get("failures", 0))
            skipped = int(suite.get("skipped", 0))
            counts["failed"] += failed
            counts["skipped"] += skipped
            counts["passed"] += int(suite.get("tests", 0)) - failed - skipped
            cases += map(read_case, suite.iter("testcase"))
    return counts, cases


def read_case(element: ElementTree.Element) -> Case:
    """Return one test; of why it failed the first line."""
    problems = [*element.iter("failure"), *element.iter("error")]
    failure = ((problems[0].get("message") or "").strip().split("\n")[0] or "failed") if problems else ""
    name = f"{element.get('classname')}::{element.get('name')}"
    return Case(name, float(element.get("time") or 0), failure)


def run_lane(names: t.Sequence[str], prefix: t.Sequence[str], board: Board) -> None:
    """Run the targets of one lane."""
    for name in names:
        board.begin(name)
        board.end(run(name, prefix, board))


def run_lanes(lanes: t.Sequence[t.Sequence[str]], board: Board) -> None:
    """Run all lanes at the same time; a single one has nobody to yield to."""
    threads = []
    for number, names in enumerate(lanes, start=1):
        prefix = YIELDING if number < len(lanes) else []
        threads.append(threading.Thread(target=run_lane, args=(names, prefix, board), daemon=True))
        threads[-1].start()
    for thread in threads:
        while thread.is_alive():
            thread.join(PROGRESS)
            if thread.is_alive():
                board.progress()


def show_slowest(stages: t.Sequence[Stage]) -> None:
    """Print the tests that took longest."""
    cases = [(case.seconds, stage.name, case.name) for stage in stages for case in stage.cases]
    if cases:
        print(f"\nthe slowest {SLOWEST} tests")
        for seconds, stage, name in sorted(cases, reverse=True)[:SLOWEST]:
            print(f"{seconds:>6.0f} s  {stage}: {name}"[:160])


def show_table(stages: t.Sequence[Stage], seconds: float) -> None:
    """Print a line for each target, and what did not run."""
    print(f"\n{'stage':<14} {'result':<7} {'time':>8} {'passed':>8} {'failed':>8} {'skipped':>8}")
    for stage in stages:
        numbers = " ".join(f"{number:>8}" for number in stage.counts.values())
        print(f"{stage.name:<14} {result(stage):<7} {stage.seconds:>6.0f} s {numbers}")
        for line in stage.not_run:
            print(f"  {line}")
    print(f"{'all':<22} {seconds:>6.0f} s")


def show_failures(stages: t.Sequence[Stage]) -> None:
    """Print the tests that failed, each with the first line of the reason: people look at the end of a long output."""
    for stage in stages:
        failed = [case for case in stage.cases if case.failure]
        for case in failed[:SHOWN]:
            print(f"{stage.name}: {case.name}: {case.failure}"[:200])


def main() -> int:
    lanes = [lane.split(",") for lane in sys.argv[1:]]
    order = [name for lane in lanes for name in lane]
    LOGS.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    board = Board(began + LIMIT)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        run_lanes(lanes[:1], board)
        if not any(stage.status for stage in board.ended):
            run_lanes(lanes[1:], board)
    finally:
        board.stop()
    stages = sorted(board.ended, key=lambda stage: order.index(stage.name))
    show_slowest(stages)
    show_table(stages, time.monotonic() - began)
    print()
    show_failures(stages)
    total = {word: sum(stage.counts[word] for stage in stages) for word in ("passed", "failed", "skipped")}
    print("total: " + ", ".join(f"{number} {word}" for word, number in total.items()))
    return int(any(stage.status for stage in stages) or len(stages) < len(order))


if __name__ == "__main__":
    sys.exit(main())
