# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log since the last run of a job: nothing is read twice, nothing is left out, and what is missing is said.

Private to the collection: it can change at any time.
"""

import typing as t

from .._clock import utc
from .._log import sources
from .._log.conditions import Selection
from .._log.deliveries import Internal
from .._log.sources import Position, Reading
from .._log.state import State
from .._log.summary import Summary
from .._module import log_info
from .._runner import Runner
from .memory import Memory


class Read(t.NamedTuple):
    """What a reading has brought.

    :param figures: the counts.
    :param after: what is to be remembered so that the next reading goes on here.
    :param begin: from when on the log is known without a gap, as seconds since the epoch.
    """

    figures: Summary
    after: Memory
    begin: float
    notes: t.Tuple[str, ...]


def figures(
    runner: Runner, remembered: Memory, now: float, instance: str = "", internal: t.Optional[Internal] = None
) -> Read:
    """Count what was logged since what a job remembers; where it remembers nothing, what the current files hold."""
    state = state_of(remembered)
    selection = Selection(instance=instance)
    order = log_info.Order(sources.discover(runner), selection, internal or Internal(), now)
    log = log_info.Log(runner, order, state)
    summary = log_info.summary(log, order)
    until = remembered.get("until")
    begin = until if until is not None and not log.reading.notes else log.reading.begin or now
    return Read(summary, _after(log, state, now), begin, tuple(log.reading.notes))


def state_of(remembered: Memory) -> State:
    """Return where a job has stopped to read; the beginning where that cannot be said."""
    try:
        positions = {name: Position(**place) for name, place in remembered["positions"].items()}
        return State(positions, str(remembered["messages"]))
    except (KeyError, TypeError, AttributeError):
        return State()


def _after(log: log_info.Log, before: State, now: float) -> Memory:
    state = log.state_after(before)
    positions = {name: dict(place._asdict()) for name, place in state.positions.items()}
    return {"positions": positions, "messages": state.messages, "until": now}


def is_logged(runner: Runner, remembered: Memory, text: bytes) -> bool:
    """Return whether a text, such as a Message-ID of ours, was logged since what a job remembers."""
    state, reading = state_of(remembered), Reading()
    for path in sources.discover(runner):
        for dummy, lines in sources.blocks_since(runner, path, state.positions.get(path), reading):
            if any(text in line for line in lines):
                return True
    return False


def coverage(read: Read, now: float) -> t.Dict[str, t.Any]:
    """Return from when to when the log is known, as a reading of M(postmaster.mta.log_info) says it."""
    return {"begin": utc(read.begin), "end": utc(now)}


__all__ = ("Read", "coverage", "figures", "is_logged", "state_of")
