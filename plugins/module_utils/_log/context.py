# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the join needs to know of the lines of a message beside them: lines without a queue ID, often of the same process.

Private to the collection: it can change at any time.

A TLS session, a proxied client and a connection are of the process that wrote the line, C( host tag[pid]). The last
session before a line counts, with what the same process wrote since.
"""

import bisect
import enum
import io
import os
import re
import typing as t

from .._runner import Runner
from . import grep, sources, syslog
from .grep import Lines

_STAMP = rb"(?:[A-Z][a-z][a-z] [ 123]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[0-9:.,Z+-]{8,32})"
_USUAL = re.compile(_STAMP + rb"( \S+ [^\s:\[]+(?:\[\d+\])?): (?!\[ID |- |message repeated )")
_QUEUE_ID = re.compile(rb"[0-9A-Za-z]{4,64}\Z")
#: How far before a line its session is looked for first, and in how much of a file at most.
_NEAR, _MOST_NEAR = 512 * 1024, 8 * 1024 * 1024
#: How much is read first, back from a line.
_FIRST_STEP = 16 * 1024
#: How far away the line after one is looked for.
_AFTER = 64 * 1024
_QUEUE_MANAGERS = (b"qmgr", b"oqmgr")


class Form(enum.Enum):
    """How the lines of a file look: as the join reads them, with or without process IDs everywhere, or in another form."""

    WITH_PROCESS = 1
    USUAL = 2
    OTHER = 3


def form_of(lines: t.Iterable[bytes]) -> Form:
    """Return the form of lines."""
    processes = [process_of(line) for line in lines]
    if not all(processes):
        return Form.OTHER
    return Form.WITH_PROCESS if all(process[-1:] == b"]" for process in processes) else Form.USUAL


def is_usual(line: bytes) -> bool:
    """Return whether a line is in the form that the join reads itself."""
    return _USUAL.match(line) is not None


def process_of(line: bytes) -> bytes:
    """Return the process that wrote a line, C( host tag[pid]); empty for a line in another form."""
    match = _USUAL.match(line)
    return match.group(1) if match else b""


def is_queue_id(text: bytes) -> bool:
    """Return whether a text can be a queue ID: none is a word, as C(warning) and C(statistics) are."""
    return text != b"NOQUEUE" and _QUEUE_ID.match(text) is not None and not (text.isalpha() and text.islower())


def own_id(line: bytes) -> bytes:
    """Return what stands where a line has its queue ID."""
    return (line.split(b": ", 2) + [b""])[1]


def is_beginning(line: bytes) -> bool:
    """Return whether a line is the first of a message, which says where it came from."""
    text = _text(line)
    return text.startswith((b"client=", b"uid=", b"sender=")) or text[:5] == b"from=" and b", nrcpts=" in text


def _text(line: bytes) -> bytes:
    return (line.split(b": ", 2) + [b"", b""])[2]


# --- parts of files -----------------------------------------------------------------------------------------------------


class Part(t.NamedTuple):
    """A part of a plain file; both offsets are those of lines."""

    path: str
    start: int
    end: int


def written(path: str) -> float:
    """Return when a file was written last."""
    return os.stat(path).st_mtime


def blocks_of(part: Part) -> t.Iterator[t.Tuple[int, bytes]]:
    """Yield the lines of a part in blocks, with their offsets. What follows the last line feed of a file is no line."""
    rest, offset, left = b"", part.start, part.end - part.start
    with io.FileIO(part.path, "rb") as stream:
        stream.seek(part.start)
        while left > 0:
            block = t.cast(bytes, stream.read(min(sources.BLOCK, left)))
            if not block:
                break
            left -= len(block)
            cut = block.rfind(b"\n") + 1
            if cut:
                yield offset, rest + block[:cut]
                offset += len(rest) + cut
                rest = block[cut:]
            else:
                rest += block


def samples(path: str, count: int) -> t.List[bytes]:
    """Return the first lines of so many blocks of a file, all over it, and its last line."""
    size = os.stat(path).st_size
    step = max(1, -(-size // sources.BLOCK) // count) * sources.BLOCK
    lines = []
    with open(path, "rb", buffering=4096) as stream:
        for offset in list(range(0, size, step)) + [sources.tail(stream, 1)]:
            stream.seek(max(0, offset - 1))
            if offset:
                stream.readline()
            line = stream.readline()
            lines += [line] if line else []
    return lines


def _line_start(path: str, offset: int) -> int:
    """Return the beginning of the first line at or after an offset."""
    with open(path, "rb", buffering=4096) as stream:
        stream.seek(max(0, offset - 1))
        if offset:
            stream.readline()
        return stream.tell()


def after(path: str, offset: int, line: bytes) -> t.Tuple[int, bytes]:
    """Return the line after another one of the same host, with its offset; (-1, b"") where none is near."""
    host = syslog.host_of(line)
    offset += len(line)
    with open(path, "rb", buffering=4096) as stream:
        stream.seek(offset)
        end = offset + _AFTER
        while offset < end:
            other = stream.readline()
            if other[-1:] != b"\n":
                break
            if syslog.host_of(other) == host:
                return offset, other
            offset += len(other)
    return -1, b""


# --- the sessions of processes -----------------------------------------------------------------------------------------


class _Kind(t.NamedTuple):
    """A kind of session.

    :ivar common: texts, one of which stands in each of them; grep is fast where they end with a rare character.
    :ivar begins: what follows C([pid]) in the lines that begin one.
    :ivar is_asked: returns whether the join asks for the session of the process that wrote a line.
    """

    common: t.Tuple[bytes, ...]
    begins: t.Tuple[bytes, ...]
    is_asked: t.Callable[[bytes], bool]


def _asks_for_tls(line: bytes) -> bool:
    text = _text(line)
    # The queue manager of Postfix, whose tags have a slash, has no connections.
    return text.startswith((b"client=", b"to=")) or text[:5] == b"from=" and b"/" not in process_of(line)


def _asks_for_client(line: bytes) -> bool:
    return own_id(line) == b"proxy-reject"


_KINDS = (
    _Kind(
        (b"STARTTLS", b" TLS"),
        (
            b": STARTTLS=",
            *(b": %b TLS connection " % word for word in (b"Anonymous", b"Untrusted", b"Trusted", b"Verified")),
        ),
        _asks_for_tls,
    ),
    _Kind((b": NOQUEUE: client",), (b": NOQUEUE: client=",), _asks_for_client),
)


def complete(runner: Runner, messages: t.Dict[str, Lines]) -> None:
    """Add to the lines of messages what the join needs beside them.

    :param messages: the lines by file, the oldest file first.
    :raises CommandError: when this host has no GNU grep.
    """
    _add_queue_managers(runner, messages)
    for kind in _KINDS:
        sessions = _Sessions(runner, kind)
        paths = list(messages)
        for number, path in enumerate(paths):
            unknown = sessions.add(path, messages[path])
            for earlier in range(number - 1, -1, -1):
                begun = sessions.add_last(paths[earlier], messages[paths[earlier]], unknown)
                for between in paths[earlier + 1 : number]:
                    for process in begun:
                        messages[between].update(_steps(between, process, 0, os.stat(between).st_size))
                for process in begun:
                    _add_first_steps(path, messages[path], process, unknown.pop(process))


class _Sessions:
    """Adds the sessions of one kind to lines."""

    def __init__(self, runner: Runner, kind: _Kind) -> None:
        self._runner = runner
        self._kind = kind

    def add(self, path: str, lines: Lines) -> t.Dict[bytes, t.List[int]]:
        """Add the last session of each process before each of its lines; return the lines before which there is none."""
        asked: t.Dict[bytes, t.List[int]] = {}
        for offset in sorted(lines):
            process = process_of(lines[offset]) if self._kind.is_asked(lines[offset]) else b""
            if process[-1:] == b"]":
                asked.setdefault(process, []).append(offset)
        near = _near(path, asked)
        sessions: t.Dict[bytes, Lines] = {}
        if sum(part.end - part.start for part in near) <= _MOST_NEAR:
            sessions = self._in_parts(near, asked)
        unknown = _without(sessions, asked)
        if self._kind.is_asked is _asks_for_tls:
            unknown = _unbound(path, unknown)
        for process, begun in self._anywhere(path, unknown).items():
            sessions.setdefault(process, {}).update(begun)
        for process, offsets in asked.items():
            _add_steps(path, lines, process, offsets, sessions.get(process, {}))
        return _without(sessions, asked)

    def add_last(self, path: str, lines: Lines, processes: t.Collection[bytes]) -> t.Set[bytes]:
        """Add the last sessions of processes in a file; return the processes that have one in it."""
        sessions = self._anywhere(path, processes)
        for process, begun in sessions.items():
            start = max(begun)
            lines[start] = begun[start]
            lines.update(_steps(path, process, start, os.stat(path).st_size))
        return set(sessions)

    def _anywhere(self, path: str, processes: t.Collection[bytes]) -> t.Dict[bytes, Lines]:
        # To search for one short text is four times as fast as for what many processes can have written.
        common = ([text] for text in self._kind.common)
        if not processes or not any(grep.lines_with(self._runner, path, text, "-m1") for text in common):
            return {}
        identifiers = {process[process.rfind(b"[") :] for process in processes}
        texts = [identifier + begin for identifier in identifiers for begin in self._kind.begins]
        sessions: t.Dict[bytes, Lines] = {}
        for offset, line in grep.lines_with(self._runner, path, texts).items():
            self._note(sessions, offset, line, processes)
        return sessions

    def _in_parts(self, parts: t.Iterable[Part], processes: t.Collection[bytes]) -> t.Dict[bytes, Lines]:
        sessions: t.Dict[bytes, Lines] = {}
        for part in parts:
            for offset, block in blocks_of(part):
                for begin in self._kind.begins:
                    at = block.find(b"]" + begin)
                    while at >= 0:
                        start, end = block.rfind(b"\n", 0, at) + 1, block.find(b"\n", at) + 1
                        self._note(sessions, offset + start, block[start:end], processes)
                        at = block.find(b"]" + begin, end)
        return sessions

    def _note(self, sessions: t.Dict[bytes, Lines], offset: int, line: bytes, processes: t.Collection[bytes]) -> None:
        close = line.find(b"]: ") + 1
        process = line[15 if line[0] > 57 else line.find(b" ") : close]
        if process in processes and line[close:].startswith(self._kind.begins):
            sessions.setdefault(process, {})[offset] = line


def _without(sessions: t.Mapping[bytes, Lines], asked: t.Mapping[bytes, t.Sequence[int]]) -> t.Dict[bytes, t.List[int]]:
    """Return the lines that have no session of their process before them, by process."""
    lines: t.Dict[bytes, t.List[int]] = {}
    for process, offsets in asked.items():
        first = min(sessions.get(process, ()), default=offsets[-1] + 1)
        if offsets[0] < first:
            lines[process] = [offset for offset in offsets if offset < first]
    return lines


def _unbound(path: str, asked: t.Mapping[bytes, t.List[int]]) -> t.Dict[bytes, t.List[int]]:
    """Return the processes that can have a session in this file: the beginning of a connection ends every earlier one."""
    return {process: offsets for process, offsets in asked.items() if not _are_bound(path, process, offsets)}


def _are_bound(path: str, process: bytes, offsets: t.Sequence[int]) -> bool:
    """Return whether a connection without TLS begins shortly before each of some lines of a process."""
    return b"/" in process and all(_is_bound(path, process, offset) for offset in offsets)


def _is_bound(path: str, process: bytes, offset: int) -> bool:
    start = _line_start(path, max(0, offset - _NEAR))
    for _offset, line in _lines_back(path, process, start, offset):
        text = line.split(b": ", 1)[1]
        if b" TLS connection " in text:
            return False
        if text.startswith((b"connect from ", b"disconnect from ")):
            return True
    return False


def _add_first_steps(path: str, lines: Lines, process: bytes, offsets: t.Sequence[int]) -> None:
    """Add what a process wrote before lines of a file whose session began in an earlier file."""
    done = 0
    for offset in offsets:
        lines.update(_steps(path, process, done, offset))
        done = offset


def _near(path: str, asked: t.Mapping[bytes, t.Sequence[int]]) -> t.List[Part]:
    """Return the parts of a file that lie just before some lines."""
    parts: t.List[Part] = []
    for offset in sorted(offset for offsets in asked.values() for offset in offsets):
        start = max(0, offset - _NEAR)
        if parts and start <= parts[-1].end:
            parts[-1] = parts[-1]._replace(end=offset)
        else:
            parts.append(Part(path, _line_start(path, start), offset))
    return parts


def _add_steps(path: str, lines: Lines, process: bytes, offsets: t.Sequence[int], sessions: Lines) -> None:
    """Add the sessions that lines of a process may be of, and what the process wrote between a session and such a line."""
    begun = sorted(sessions)
    done = 0
    for offset in offsets:
        number = bisect.bisect_left(begun, offset) - 1
        if number < 0:
            continue
        start = begun[number]
        lines[start] = sessions[start]
        if _can_be_of(sessions[start], lines[offset]):
            lines.update(_steps(path, process, max(start, done), offset))
            done = offset


def _can_be_of(session: bytes, line: bytes) -> bool:
    """Return whether more lines decide if a line is of a session: Postfix's, with the same peer."""
    _before, connection, peer = session.rpartition(b" TLS connection ")
    if not connection:
        return False
    direction, _blank, name = peer.partition(b" ")[2].partition(b": ")[0].partition(b" ")
    return direction == b"from" or b"relay=" + name + b"," in line


def _steps(path: str, process: bytes, start: int, end: int) -> Lines:
    """Return the deliveries of a process, back to the last end of a connection, after which an earlier session counts no more."""
    steps: Lines = {}
    for offset, line in _lines_back(path, process, start, end):
        text = line.split(b": ", 1)[1]
        if text.startswith((b"connect from ", b"disconnect from ")):
            steps[offset] = line
            break
        if b": to=<" in text:
            steps[offset] = line
    return steps


def _lines_back(path: str, process: bytes, start: int, end: int) -> t.Iterator[t.Tuple[int, bytes]]:
    """Yield the lines of a process between two offsets of lines, the last one first."""
    mark = process + b": "
    length = _FIRST_STEP
    with io.FileIO(path, "rb") as stream:
        while end > start:
            # The part begins where a line begins, so that no line is cut.
            begin = max(start, end - length)
            begin = begin if begin == start else _line_start(path, begin)
            if begin < end:
                stream.seek(begin)
                text = stream.read(end - begin)
                at = text.rfind(mark)
                while at >= 0:
                    first, after = text.rfind(b"\n", 0, at) + 1, text.find(b"\n", at) + 1
                    if process_of(text[first:after]) == process:
                        yield begin + first, text[first:after]
                    at = text.rfind(mark, 0, first)
                end = begin
            length *= 2


# --- instances whose name has a slash ----------------------------------------------------------------------------------


def _add_queue_managers(runner: Runner, messages: t.Mapping[str, Lines]) -> None:
    """Add the first line of each queue manager by whose name the instance of a tag with two slashes is told."""
    names = {name for lines in messages.values() for line in lines.values() for name in _managers(process_of(line))}
    for path, lines in messages.items():
        for name in names:
            lines.update(grep.lines_with(runner, path, [name], "-m1"))


def _managers(process: bytes) -> t.Iterator[bytes]:
    """Yield how the lines of the queue managers begin, after their stamp, that a tag can belong to."""
    host_and_name = process.partition(b"[")[0].rpartition(b"/")[0]
    while b"/" in host_and_name:
        for daemon in _QUEUE_MANAGERS:
            yield b"%b/%b[" % (host_and_name, daemon)
        host_and_name = host_and_name.rpartition(b"/")[0]
