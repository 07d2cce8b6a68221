# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run jobs in parallel, with one deadline for all of them.

Private to the collection: it can change at any time.

A thread that waits inside the C library (getaddrinfo) cannot be stopped. The threads here are daemons, so what does not
answer in time is left behind, and neither the caller nor the end of the program waits for it.
"""

import queue
import threading
import time
import typing as t

from ._errors import PostmasterError

Key = t.TypeVar("Key")
Value = t.TypeVar("Value")

#: More threads than this at once would only be a load.
MAXIMUM = 32


class JobResult(t.NamedTuple):
    """What became of one job: its value, or the exception that it raised; and the seconds that it took."""

    value: t.Any
    problem: t.Optional[Exception]
    seconds: float


def together(jobs: t.Mapping[Key, t.Callable[[], Value]], seconds: float) -> t.Dict[Key, JobResult]:
    """Run all jobs side by side; those that are not done after I(seconds) are missing from the answer."""
    todo: "queue.Queue[t.Any]" = queue.Queue()
    done: "queue.Queue[t.Any]" = queue.Queue()
    for key, job in jobs.items():
        todo.put((key, job))
    for dummy in range(min(MAXIMUM, len(jobs))):
        threading.Thread(target=_work, args=(todo, done), daemon=True).start()
    outcomes: t.Dict[Key, JobResult] = {}
    end = time.monotonic() + seconds
    while len(outcomes) < len(jobs):
        try:
            key, outcome = done.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            _drain(todo)
            break
        outcomes[key] = outcome
    return outcomes


def values(jobs: t.Mapping[Key, t.Callable[[], Value]], seconds: float) -> t.Dict[Key, Value]:
    """Return the values of the jobs that were done in time without an exception."""
    outcomes = together(jobs, seconds)
    return {key: outcome.value for key, outcome in outcomes.items() if outcome.problem is None}


def trouble(outcome: t.Optional[JobResult]) -> str:
    """Return why a job has no value, as a sentence about it; empty where it has one.

    :param outcome: what became of it; None where it was not done in time.
    """
    if outcome is None:
        return "it did not end in time"
    if outcome.problem is None:
        return ""
    # An OSError can be without words (socket.timeout()), and has gone wrong all the same.
    words = str(outcome.problem) if isinstance(outcome.problem, (PostmasterError, OSError)) else ""
    return words or f"{type(outcome.problem).__name__}: {outcome.problem}"


def _work(todo: "queue.Queue[t.Any]", done: "queue.Queue[t.Any]") -> None:
    while True:
        try:
            key, job = todo.get_nowait()
        except queue.Empty:
            return
        started = time.monotonic()
        try:
            outcome = JobResult(job(), None, time.monotonic() - started)
        except Exception as problem:
            outcome = JobResult(None, problem, time.monotonic() - started)
        done.put((key, outcome))


def _drain(todo: "queue.Queue[t.Any]") -> None:
    """Empty the queue of jobs: nobody waits for what has not begun."""
    try:
        while True:
            todo.get_nowait()
    except queue.Empty:
        pass
