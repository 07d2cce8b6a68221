# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs make targets one after the other, all of them even when one fails, and ends with their times and the totals.

    python3 tools/stages.py lint unit

pytest's own counts come from the JUnit files that a stage leaves in .cache/results. A stage without tests of its own that
fails counts as one failed. The names of the tests that failed come last: the end of a long output is what people look at.
"""

import pathlib
import subprocess
import sys
import time
import typing as t
from xml.etree import ElementTree

RESULTS = pathlib.Path(".cache/results")
SHOWN = 40


class Stage(t.NamedTuple):
    name: str
    seconds: float
    status: int
    passed: int
    failed: int
    skipped: int
    not_run: t.List[str]
    failures: t.List[str]


def suites(since: float) -> t.Iterator[ElementTree.Element]:
    """The test suites in the JUnit files written since then."""
    for path in sorted(RESULTS.glob("*.xml")):
        if path.stat().st_mtime >= since:
            yield from ElementTree.parse(path).iter("testsuite")


def failures(since: float) -> t.List[str]:
    """The tests that failed, each with the first line of the reason."""
    found = []
    for suite in suites(since):
        for case in suite.iter("testcase"):
            for problem in [*case.iter("failure"), *case.iter("error")]:
                why = (problem.get("message") or "").strip().split("\n")[0]
                found.append(f"{case.get('classname')}::{case.get('name')}: {why}"[:200])
    return found


def counts(since: float) -> t.Tuple[int, int, int]:
    """The passed, failed and skipped tests of the JUnit files written since then."""
    passed = failed = skipped = 0
    for suite in suites(since):
        tests, skips = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
        bad = int(suite.get("errors", 0)) + int(suite.get("failures", 0))
        failed += bad
        skipped += skips
        passed += tests - bad - skips
    return passed, failed, skipped


def run(name: str) -> Stage:
    """Runs one target; its output is shown as it comes."""
    print(f"\n=== {name} ===", flush=True)
    begin = time.time()
    not_run = []
    process = subprocess.Popen(
        ["make", "--no-print-directory", name],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    for line in process.stdout:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
        if b": NOT RUN, " in line:
            not_run.append(line.decode(errors="replace").strip())
    status = process.wait()
    seconds = time.time() - begin
    passed, failed, skipped = counts(begin)
    print(f"=== {name}: {'ok' if status == 0 else 'FAILED'} in {seconds:.0f} s ===", flush=True)
    return Stage(name, seconds, status, passed, max(failed, int(status != 0)), skipped, not_run, failures(begin))


def main() -> int:
    stages = [run(name) for name in sys.argv[1:]]
    print(f"\n{'stage':<14} {'result':<7} {'time':>8} {'passed':>8} {'failed':>8} {'skipped':>8}")
    for stage in stages:
        result = "ok" if stage.status == 0 else "FAILED"
        numbers = f"{stage.passed:>8} {stage.failed:>8} {stage.skipped:>8}"
        print(f"{stage.name:<14} {result:<7} {stage.seconds:>6.0f} s {numbers}")
        for line in stage.not_run:
            print(f"  {line}")
    print(f"{'all':<22} {sum(stage.seconds for stage in stages):>6.0f} s")
    passed, failed, skipped = (sum(getattr(stage, key) for stage in stages) for key in ("passed", "failed", "skipped"))
    print(f"\ntotal: {passed} passed, {failed} failed, {skipped} skipped")
    for stage in stages:
        for failure in stage.failures[:SHOWN]:
            print(f"{stage.name}: {failure}")
    return int(any(stage.status for stage in stages))


if __name__ == "__main__":
    sys.exit(main())
