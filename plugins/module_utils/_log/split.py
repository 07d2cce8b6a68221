# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read a big log with two processes. The result is that of one process.

Private to the collection: it can change at any time.

The file is cut in two at a line feed. A child reads the second part. It begins a little before the cut, to know the
messages, TLS sessions and rejections that are open there, and counts from the cut on. A delivery whose message is older
than that goes back as its line to the parent, who knows the message and counts it.

What is counted, figures (Summary) or deliveries (Listing), is a collector: take() what a block of lines has brought,
heir() for the child when it has reached the cut, close() at the end, parts() for the pipe, absorb() in the parent.
"""

import marshal
import os
import typing as t

from .._errors import PostmasterError
from .._model.log import CLIENT, LINE, MESSAGE, PLACE, REJECTED, STATUS, TLS, Raw
from .join import DRIVERS, Join
from .sources import Reading, blocks_between
from .stamps import Clock

#: A Summary or a Listing.
Collector = t.Any

#: Below this size starting a process costs more than it gains.
WORTH_IT = 32 * 1024 * 1024
#: In percent of the file. The child begins before its part and has to write down what it found, so it gets less.
PARENTS_SHARE = 52
#: How much of the first half the child reads before it counts. Hardly a transaction lasts longer.
WARM_UP = 4 * 1024 * 1024
#: The version of the format that does not look for objects that occur twice, which would take three times as long.
_PLAIN = 2


def collect(path: str, collector: Collector) -> None:
    """Collect a plain file, as _logread does it with one process."""
    size = os.stat(path).st_size
    cut = _line_start(path, size * PARENTS_SHARE // 100)
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        _child(path, cut, size, collector, writer)
    os.close(writer)
    try:
        _parent(path, cut, collector, reader)
    finally:
        os.close(reader)
        os.waitpid(child, 0)


def _parent(path: str, cut: int, collector: Collector, reader: int) -> None:
    join, reading = Join(), Reading()
    clock = Clock(os.stat(path).st_mtime)
    for lines in blocks_between(path, 0, cut, reading):
        reading.note_times(clock, lines)
        join.feed(lines)
        _take(collector, join, clock)
    with os.fdopen(os.dup(reader), "rb") as stream:
        answer = stream.read()
    if not answer:
        raise PostmasterError(f"{path}: the process that read its second half has died")
    parts, read, orphans = marshal.loads(answer)
    collector.note_read(join, reading)
    collector.absorb(parts)
    collector.add_read_parts(read)
    join.outbox.tls.clear()
    join.feed(orphans)
    _take(collector, join, clock)
    collector.close(clock)


def _child(path: str, cut: int, end: int, before: Collector, writer: int) -> None:
    """Collect the second half, write the result, and never return."""
    status = 1
    try:
        join, clock, reading = Join(), Clock(os.stat(path).st_mtime), Reading()
        for lines in blocks_between(path, _line_start(path, max(0, cut - WARM_UP)), cut, Reading()):
            join.feed(lines)
            _take_orphans(join)
            _take(before, join, clock)
        join.start_counting()
        after = before.heir()
        orphans: t.List[bytes] = []
        for lines in blocks_between(path, cut, end, reading):
            reading.note_times(clock, lines)
            join.feed(lines)
            orphans += _take_orphans(join)
            _take(after, join, clock)
        join.finish()
        orphans += _take_orphans(join)
        _take(after, join, clock)
        after.close(clock)
        after.note_read(join, reading)
        with os.fdopen(writer, "wb") as stream:
            stream.write(marshal.dumps((after.parts(), after.read_parts(), orphans), _PLAIN))
        status = 0
    finally:
        os._exit(status)


def _take_orphans(join: Join) -> t.List[bytes]:
    """Take over the lines of deliveries whose message began before, which are not counted here."""
    deliveries = join.outbox.deliveries
    orphans = [raw for raw in deliveries if raw[MESSAGE][CLIENT] is None and raw[STATUS] is not REJECTED]
    if not orphans:
        return join.outbox.unclaimed[:]
    gone = {id(raw) for raw in orphans}
    deliveries[:] = [raw for raw in deliveries if id(raw) not in gone]
    return join.outbox.unclaimed + _distinct(orphans)


def _distinct(raws: t.Sequence[Raw]) -> t.List[bytes]:
    # A to= line with several recipients is one line.
    lines: t.List[bytes] = []
    for raw in raws:
        if not lines or lines[-1] is not raw[LINE]:
            if raw[TLS]:
                lines.append(DRIVERS[raw[PLACE].mta].session_line(raw))
            lines.append(raw[LINE])
    return lines


def _take(collector: Collector, join: Join, clock: Clock) -> None:
    collector.take(join.outbox, clock)
    join.outbox.clear()


def _line_start(path: str, offset: int) -> int:
    """Return the beginning of the first line at or after an offset."""
    with open(path, "rb") as stream:
        stream.seek(max(0, offset - 1))
        if offset:
            stream.readline()
        return stream.tell()
