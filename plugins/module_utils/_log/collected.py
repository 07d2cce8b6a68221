# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much of the log an answer comes from: what a collector of deliveries or figures keeps beside them.

Private to the collection: it can change at any time.
"""

import typing as t

from .._clock import utc
from .join import Join
from .sources import Reading
from .syslog import TOO_LONG, UNFINISHED


class Collected:
    """Counts lines; the base of everything that collects what a log brings.

    :ivar begin: the first time in the log, in seconds since the epoch, 0 when no line has one; I(end) is the last.
    """

    def __init__(self) -> None:
        self.lines = 0
        self.skipped = 0
        self.skipped_by_kind: t.Dict[str, int] = {}
        self.begin = self.end = 0.0

    def note_read(self, join: Join, reading: Reading) -> None:
        """Add the lines of a reading that has come to its end."""
        kinds = dict(join.skipped_by_kind)
        if reading.overlong:
            kinds[TOO_LONG] = reading.overlong
        if reading.unfinished:
            kinds[UNFINISHED] = reading.unfinished
        self.lines += join.lines
        self.skipped += sum(kinds.values())
        self._add_kinds(kinds)
        self._add_span(reading.begin, reading.end)

    def read_parts(self) -> t.Dict[str, t.Any]:
        """Return what add_read_parts() takes in another process; the numbers of lines are among the parts of the whole."""
        return {"kinds": self.skipped_by_kind, "begin": self.begin, "end": self.end}

    def add_read_parts(self, parts: t.Mapping[str, t.Any]) -> None:
        """Add what another process has read."""
        self._add_kinds(parts["kinds"])
        self._add_span(parts["begin"], parts["end"])

    def read(self) -> t.Dict[str, t.Any]:
        """Return what was read, as modules return it."""
        return {
            "lines": self.lines,
            "skipped": self.skipped,
            "skipped_by_kind": dict(self.skipped_by_kind),
            "begin": utc(self.begin) if self.begin else None,
            "end": utc(self.end) if self.end else None,
        }

    def _add_kinds(self, kinds: t.Mapping[str, int]) -> None:
        for kind, count in kinds.items():
            self.skipped_by_kind[kind] = self.skipped_by_kind.get(kind, 0) + count

    def _add_span(self, begin: float, end: float) -> None:
        if begin:
            self.begin = min(self.begin or begin, begin)
            self.end = max(self.end, end)
