# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the part of big logs that a time window asks for, so that an hour costs its hour and not the file.

Private to the collection: it can change at any time.

The lines of a log are in order of time, so a window is a part of it, found by halving. Two things of a message can stand
outside: where it came from, when it was deferred for days, and a later attempt that overtakes one of the window. Such
messages are searched for by their queue IDs (narrow.py). A file whose lines are not in order is read as a whole.
"""

import os
import re
import time
import typing as t

from .._errors import CommandError
from .._runner import Runner
from . import context, narrow, sources
from .grep import Lines
from .stamps import Clock

#: Below this size reading all takes no time that somebody notices.
WORTH_IT = 16 * 1024 * 1024
#: Above this share of the file, reading all is as fast.
MOST = 0.5
#: So much is read before a window and after it, in seconds: sessions that are open at its edges, clocks that differ a little.
_MARGIN = 300
#: How far around a window a change of summer time matters.
_ZONE_MARGIN = 3 * 3600
#: How many blocks of a file are looked at to know whether its lines are in order.
_SAMPLES = 256
#: A part of this size is small enough to be looked through line by line.
_FINE = 64 * 1024
_ID = rb": ([0-9A-Za-z]{4,64}): "
_ANY = re.compile(_ID)
_BEGINNING = re.compile(_ID + rb"(?:client=|uid=|sender=|from=[^\n]*, nrcpts=)")
_CHILD = re.compile(rb"(?:notification: |\(forwarded as )([0-9A-Za-z]{4,64})")
_ATTEMPT = re.compile(_ID + rb"to=[^\n]*[ ,]stat(?:us)?=(\w+)")
_FINAL = (b"sent", b"Sent", b"bounced")
_HELD = re.compile(_ID + rb"(?:hold: |[^\n]*quarantine)")


class Span(t.NamedTuple):
    """A time window in seconds since the epoch; 0 is any time."""

    since: float
    until: float


class Part(t.NamedTuple):
    """What is to be read of a file.

    :ivar start: where the window begins in it, the offset of a line, as I(end).
    :ivar before: lines before the window, of messages that are in it; I(after) are behind it.
    :ivar begin: the first time in the file, in seconds since the epoch; I(last) is the last one.
    """

    start: int
    end: int
    before: Lines
    after: Lines
    begin: float
    last: float


def cut(runner: Runner, paths: t.Sequence[str], span: Span) -> t.Dict[str, Part]:
    """Return the parts of logs that a window asks for, by file; what is not in them is to be read as a whole.

    :param paths: the oldest first.
    """
    big = [path for path in paths if sources.is_plain(path) and os.stat(path).st_size >= WORTH_IT]
    parts = {path: part for path, part in ((path, _part(path, span)) for path in big) if part}
    if sum(part.end - part.start for part in parts.values()) > MOST * sum(os.stat(path).st_size for path in parts):
        return {}
    try:
        return _completed(runner, parts, bool(span.until))
    except CommandError:
        return {}


def _part(path: str, span: Span) -> t.Optional[Part]:
    """Return the part of one file, None where its lines are not in order, or in another form than syslog's."""
    clock = Clock(context.written(path))
    samples = context.samples(path, _SAMPLES)
    moments = [sources.moment(clock, sample) for sample in samples]
    if not samples or context.form_of(samples) is context.Form.OTHER or not all(moments):
        return None
    if any(later < earlier - _MARGIN / 2 for earlier, later in zip(moments, moments[1:])):
        return None
    if _changes_zone(span.since or moments[0], span.until or moments[-1]):
        return None
    size = os.stat(path).st_size
    start = _offset_of(path, clock, span.since - _MARGIN) if span.since else 0
    end = _offset_of(path, clock, span.until + _MARGIN) if span.until else size
    return Part(start, max(start, end), {}, {}, moments[0], moments[-1])


def _changes_zone(begin: float, end: float) -> bool:
    """Return whether summer time begins or ends about a window: traditional stamps say an hour twice then, or never."""
    return time.localtime(begin - _ZONE_MARGIN).tm_gmtoff != time.localtime(end + _ZONE_MARGIN).tm_gmtoff


def _offset_of(path: str, clock: Clock, moment: float) -> int:
    """Return the offset of the first line that was written at a time or later, by halving."""
    low, high = 0, os.stat(path).st_size
    with open(path, "rb", buffering=4096) as stream:
        while high - low > _FINE:
            middle = (low + high) // 2
            stream.seek(middle)
            stream.readline()
            offset, written = _next_time(stream, clock)
            if written and written < moment and offset < high:
                low = offset
            else:
                high = middle
        return _first_line(stream, clock, low, moment)


def _next_time(stream: t.BinaryIO, clock: Clock) -> t.Tuple[int, float]:
    """Return the offset and the time of the next line that has a time, (0, 0) at the end of the file."""
    while True:
        offset = stream.tell()
        line = stream.readline()
        if not line:
            return 0, 0
        moment = sources.moment(clock, line)
        if moment:
            return offset, moment


def _first_line(stream: t.BinaryIO, clock: Clock, start: int, moment: float) -> int:
    """Return the offset of the first line from an offset on that was written at a time or later."""
    stream.seek(start)
    while True:
        offset, written = _next_time(stream, clock)
        if not written:
            return stream.tell()
        if written >= moment:
            return offset


# --- messages that are not in the window as a whole ---------------------------------------------------------------------


def _completed(runner: Runner, parts: t.Mapping[str, Part], goes_on: bool) -> t.Dict[str, Part]:
    """Add the lines outside of messages that are in a window.

    :param goes_on: whether the log can go on after the window.
    :raises CommandError: when this host has no GNU grep.
    """
    forms = {path: context.form_of(context.samples(path, _SAMPLES)) for path in parts}
    outside = narrow.Messages(runner, forms)
    outside.add(_messages(parts, goes_on))
    before = {path: _before(outside.lines[path], part.start) for path, part in parts.items()}
    # Only where a message came from is told by lines of others: whether it came with TLS.
    begun = {path: {at: line for at, line in before[path].items() if context.is_beginning(line)} for path in parts}
    context.complete(runner, begun)
    completed = {}
    for path, part in parts.items():
        after = {offset: line for offset, line in outside.lines[path].items() if offset >= part.end}
        completed[path] = part._replace(before={**before[path], **_before(begun[path], part.start)}, after=after)
    return completed


def _before(lines: Lines, start: int) -> Lines:
    """Return the lines before an offset."""
    return {offset: line for offset, line in lines.items() if offset < start}


def _messages(parts: t.Mapping[str, Part], goes_on: bool) -> t.Set[bytes]:
    """Return the messages of the parts of which lines stand outside: of unknown origin, or without an end."""
    ids: t.Set[bytes] = set()
    known: t.Set[bytes] = set()
    unfinished: t.Set[bytes] = set()
    for path, part in parts.items():
        for _offset, block in context.blocks_of(context.Part(path, part.start, part.end)):
            ids.update(_ANY.findall(block))
            known.update(_BEGINNING.findall(block), _CHILD.findall(block))
            if goes_on:
                unfinished.update(_HELD.findall(block))
                unfinished.update(queue_id for queue_id, word in _ATTEMPT.findall(block) if word not in _FINAL)
    return {queue_id for queue_id in (ids - known) | unfinished if context.is_queue_id(queue_id)}


__all__ = ("Part", "Span", "cut")
