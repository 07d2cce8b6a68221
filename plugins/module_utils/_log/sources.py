# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the lines of a log come from: files, rotated and compressed ones, the journal; and where reading ended last time.

Private to the collection: it can change at any time.

Lines come in blocks, lists of some thousand, so that memory does not depend on the size of the log.
"""

import bz2
import errno
import glob
import gzip
import hashlib
import io
import lzma
import os
import time
import typing as t
import zlib

from .._errors import CommandError, NotPermitted, OptionError
from .._model.log import SYSLOG_FILES
from .._runner import Runner
from . import syslog
from .stamps import Clock

#: Big blocks are slower: a working set of this size stays in the processor's cache.
BLOCK = 128 * 1024
#: No MTA writes such a line. It is skipped, and never in memory as a whole.
LONGEST_LINE = 512 * 1024
JOURNAL = "journald"
_FINGERPRINT = 1024

Blocks = t.Iterator[t.List[bytes]]


class Position(t.NamedTuple):
    """Where reading ended: for a file its inode and offset, and a digest of its beginning that survives rotation.

    :param checked: how many bytes of the beginning I(digest) is of.
    :param cursor: for the journal.
    """

    inode: int = 0
    offset: int = 0
    checked: int = 0
    digest: str = ""
    cursor: str = ""


class Reading:
    """What one run over the sources has met.

    :ivar unfinished: files whose last line has no line feed. It can be cut in its text, and is no record.
    :ivar notes: sentences for the user: a file that ends in the middle, a rotation that lost lines.
    :ivar begin: the first time in the lines, in seconds since the epoch, 0 when none has one; I(end) is the last.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self.overlong = 0
        self.unfinished = 0
        self.notes: t.List[str] = []
        self.positions: t.Dict[str, Position] = {}
        self.begin = self.end = 0.0

    def note_times(self, clock: Clock, lines: t.Sequence[bytes]) -> None:
        """Note from when to when the lines of a block are, by its first and its last one."""
        for line in (lines[0], lines[-1]) if lines else ():
            written = moment(clock, line)
            self.note_span(written, written)

    def note_span(self, begin: float, end: float) -> None:
        """Note from when to when some lines are, in seconds since the epoch; 0 when none has a time."""
        if begin:
            self.begin = min(self.begin or begin, begin)
            self.end = max(self.end, end)


def moment(clock: Clock, line: bytes) -> float:
    """Return when a line was written, in whatever form it is; 0 when it has no time."""
    try:
        return clock.epoch(line)
    except (ValueError, IndexError, OverflowError):
        pass
    try:
        return clock.epoch((syslog.records(line) or [line])[0])
    except (ValueError, IndexError, OverflowError):
        return 0


def discover(runner: Runner) -> t.Tuple[str, ...]:
    """Find the logs of this host: Postfix's own log file, the syslog daemon's mail file, or else the journal."""
    sources = []
    if runner.which("postconf"):
        answer = runner.run(["postconf", "-h", "maillog_file"], check=False)
        own = answer.out.strip()
        if answer.rc == 0 and own and not own.startswith("/dev/"):
            sources.append(own)
    sources.extend([path for path in SYSLOG_FILES if os.path.isfile(path)][:1])
    if not sources and runner.which("journalctl"):
        sources.append(JOURNAL)
    if not sources:
        raise OptionError("path", "", "no mail log is known here, and no journal; name the files")
    return tuple(sources)


def back_to(paths: t.Sequence[str], since: float) -> t.Tuple[str, ...]:
    """Return the files with their rotated predecessors that can hold lines of a time or later, the oldest first.

    A rotated file was written last before the next one began, so that its time tells.

    :param since: seconds since the epoch; 0 is no time, and the files alone are meant.
    """
    files: t.List[str] = []
    for path in paths:
        rotated = sorted(set(glob.glob(glob.escape(path) + "[.-]*")), key=_age) if since and path != JOURNAL else []
        files += [name for name in rotated if os.path.isfile(name) and _age(name)[0] >= since] + [path]
    return tuple(files)


def files_of(paths: t.Sequence[str]) -> t.Tuple[str, ...]:
    """Find the files that path names with C(*) and C(?) stand for, the oldest first.

    :raises OptionError: for a path that names nothing.
    """
    files: t.List[str] = []
    for path in paths:
        names = [path] if path == JOURNAL or not glob.has_magic(path) else glob.glob(path)
        if not names or names != [JOURNAL] and not all(os.path.isfile(name) for name in names):
            raise OptionError("path", path, "no such file")
        files.extend(sorted(set(names) - set(files), key=_age))
    return tuple(files)


def blocks_of(
    runner: Runner, path: str, reading: Reading, since: float = 0, lines: int = 0
) -> t.Iterator[t.Tuple[Clock, t.List[bytes]]]:
    """Yield all lines of a source.

    :param since: for the journal, which finds its place by itself: seconds since the epoch.
    :param lines: only so many at the end; 0 for all.
    """
    if path == JOURNAL:
        argv = (["--since=@%d" % since] if since > 0 else []) + (["--lines=%d" % lines] if lines else [])
        clock = Clock(time.time())
        for block in _journal(runner, argv, reading):
            yield clock, block
        return
    with _open(runner, path) as stream:
        clock = Clock(os.stat(path).st_mtime)
        if lines and isinstance(stream, io.FileIO):
            stream.seek(tail(stream, lines))
        for block in _lines(stream, path, reading):
            yield clock, block


def blocks_between(path: str, start: int, end: int, reading: Reading) -> Blocks:
    """Yield the lines of a part of a plain file; both offsets are those of lines."""
    with io.FileIO(path, "rb") as stream:
        stream.seek(start)
        yield from _lines(_Part(stream, end - start), path, reading)


class _Part:
    """A file up to an offset."""

    def __init__(self, stream: t.Any, length: int) -> None:
        self._stream = stream
        self._left = length

    def read(self, size: int) -> bytes:
        """Read as a file does."""
        block: bytes = self._stream.read(min(size, self._left))
        self._left -= len(block)
        return block


def blocks_since(
    runner: Runner, path: str, last: t.Optional[Position], reading: Reading
) -> t.Iterator[t.Tuple[Clock, t.List[bytes]]]:
    """Yield the lines since I(last), across rotation; I(reading.positions) then says where this reading ended."""
    if path == JOURNAL:
        argv = ["--after-cursor=" + last.cursor] if last and last.cursor else []
        clock = Clock(time.time())
        for block in _journal(runner, argv, reading):
            yield clock, block
        return
    for part, offset in _parts_since(runner, path, last, reading):
        with _open(runner, part) as stream:
            _skip(stream, offset)
            clock = Clock(os.stat(part).st_mtime)
            before = reading.bytes
            for block in _lines(stream, part, reading, grows=part == path):
                yield clock, block
        end = offset + reading.bytes - before
        # An empty file cannot be known again once it is rotated and compressed; the end of the one before it can.
        if end or path not in reading.positions:
            reading.positions[path] = _position(runner, part, end)


def tail(stream: t.Any, lines: int) -> int:
    """Return the offset at which the last I(lines) lines of a file begin. What follows the last line feed is none of them."""
    position: int = stream.seek(0, os.SEEK_END)
    lines += bool(lines)
    while position > 0:
        start = max(0, position - BLOCK)
        stream.seek(start)
        block: bytes = stream.read(position - start)
        line_ends = block.count(b"\n")
        if line_ends >= lines:
            at = len(block)
            for _line in range(lines):
                at = block.rindex(b"\n", 0, at)
            return start + at + 1
        lines -= line_ends
        position = start
    return 0


# --- lines ----------------------------------------------------------------------------------------------------------


def _lines(stream: t.Any, path: str, reading: Reading, grows: bool = False) -> Blocks:
    """Yield lines. What follows the last line feed is none: it can be cut in its text, and would be another outcome then.

    :param grows: the rest is still being written, and the next run reads it.
    """
    rest, dropping = b"", False
    while True:
        block = _read(stream, path, reading)
        if not block:
            break
        lines = io.BytesIO(block).readlines()
        octets = len(rest)
        begun = b"" if block[-1:] == b"\n" else lines.pop()
        if not lines:
            rest, dropping = _without_end(rest + block, dropping, reading)
            continue
        lines[0] = rest + lines[0]
        if b"\r" in block or lines[0][-2:] == b"\r\n":  # one byte is looked for much faster than two
            lines = [line[:-2] + b"\n" if line[-2:] == b"\r\n" else line for line in lines]
        reading.bytes += octets + len(block) - len(begun)
        rest = begun
        yield lines[1:] if dropping else lines
        dropping = False
    if rest and not dropping and not grows:
        reading.unfinished += 1


def _without_end(rest: bytes, dropping: bool, reading: Reading) -> t.Tuple[bytes, bool]:
    if len(rest) <= LONGEST_LINE and not dropping:
        return rest, False
    reading.overlong += not dropping
    reading.bytes += len(rest)
    return b"", True


def _read(stream: t.Any, path: str, reading: Reading) -> bytes:
    try:
        return t.cast(bytes, stream.read(BLOCK))
    except (EOFError, OSError, zlib.error, lzma.LZMAError) as problem:
        reading.notes.append(f"{path}: ends in the middle, what comes before is used: {problem}")
        return b""


def is_plain(path: str) -> bool:
    """Return whether a path is a file that is not compressed."""
    if path == JOURNAL:
        return False
    with _open(Runner(), path) as stream:
        return isinstance(stream, io.FileIO)


def _open(runner: Runner, path: str) -> t.Any:
    """Open a file, decompressed by what the file is, not by what it is called."""
    try:
        raw = io.FileIO(path, "rb")
    except PermissionError:
        raise NotPermitted(f"{path} may not be read")
    except OSError as problem:
        raise OptionError("path", path, os.strerror(problem.errno or errno.EIO))
    magic = raw.read(6)
    raw.seek(0)
    if magic[:2] == b"\x1f\x8b":
        return gzip.GzipFile(fileobj=io.BufferedReader(raw, BLOCK))
    if magic[:3] == b"BZh":
        return bz2.BZ2File(io.BufferedReader(raw, BLOCK))
    if magic == b"\xfd7zXZ\x00":
        return lzma.LZMAFile(io.BufferedReader(raw, BLOCK))
    if magic[:4] == b"\x28\xb5\x2f\xfd":
        raw.close()
        return _zstandard(runner, path)
    return raw


def _zstandard(runner: Runner, path: str) -> t.Any:
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore]  # Python 3.14 and newer
    except ImportError:
        if runner.which("zstd"):
            return _Pipe(runner.lines(["zstd", "-dcq", "--", path]))
    else:
        return zstd.ZstdFile(path)
    raise OptionError("path", path, "is compressed with zstd; that needs Python 3.14 or the program zstd on the host")


class _Pipe:
    """The output of a program, read like a file."""

    def __init__(self, lines: t.Iterator[bytes]) -> None:
        self._lines = lines

    def __enter__(self) -> "_Pipe":
        return self

    def __exit__(self, *_problem: t.Any) -> None:
        close = getattr(self._lines, "close", None)
        if close:
            close()

    def read(self, size: int) -> bytes:
        """Read at least one line, about I(size) bytes; nothing at the end."""
        lines, length = [], 0
        try:
            for line in self._lines:
                lines.append(line)
                length += len(line)
                if length >= size:
                    break
        except CommandError as problem:
            if not lines:
                raise OSError(str(problem))
        return b"".join(lines)


def _skip(stream: t.Any, offset: int) -> None:
    if hasattr(stream, "seek"):
        stream.seek(offset)
        return
    # A pipe gives whole lines, and an offset is always the end of one.
    while offset > 0:
        gone = stream.read(min(BLOCK, offset))
        if not gone:
            return
        offset -= len(gone)


# --- where reading ended ----------------------------------------------------------------------------------------------


def _parts_since(runner: Runner, path: str, last: t.Optional[Position], reading: Reading) -> t.List[t.Tuple[str, int]]:
    if last is None or _is_same(runner, path, last):
        return [(path, last.offset if last else 0)]
    rotated = sorted(set(glob.glob(glob.escape(path) + "[.-]*")), key=_age)
    for number, name in enumerate(rotated):
        if _is_same(runner, name, last):
            return [(name, last.offset)] + [(newer, 0) for newer in rotated[number + 1 :]] + [(path, 0)]
    reading.notes.append(f"{path}: was rotated, and the file that was read last is gone: lines between are missing")
    return [(path, 0)]


def _is_same(runner: Runner, path: str, last: Position) -> bool:
    try:
        status = os.stat(path)
        if not last.offset:
            # It was empty: nothing but its inode tells which one it was.
            return last.inode in (0, status.st_ino)
        with _open(runner, path) as stream:
            plain = isinstance(stream, io.FileIO)
            beginning = stream.read(last.checked)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, OptionError, NotPermitted):
        return False
    if plain and status.st_size < last.offset:
        return False
    return hashlib.sha256(beginning[: last.checked]).hexdigest() == last.digest


def _position(runner: Runner, path: str, offset: int) -> Position:
    with _open(runner, path) as stream:
        beginning = stream.read(min(offset, _FINGERPRINT))
    return Position(os.stat(path).st_ino, offset, len(beginning), hashlib.sha256(beginning).hexdigest())


def _age(path: str) -> t.Tuple[float, str]:
    try:
        return os.stat(path).st_mtime, path
    except OSError:
        return 0, path


# --- the journal ------------------------------------------------------------------------------------------------------


def _permitted(runner: Runner, command: t.Sequence[str]) -> t.Iterator[bytes]:
    """Return the lines of journalctl, which says nothing but its exit status where a user may read no journal.

    :raises NotPermitted: it failed, and this is not root.
    """
    try:
        yield from runner.lines(command)
    except CommandError:
        if runner.is_root():
            raise
        raise NotPermitted("the journal may not be read")


def _journal(runner: Runner, argv: t.Sequence[str], reading: Reading) -> Blocks:
    """Read mail facility lines in the syslog format with RFC 3339 stamps (journalctl(1))."""
    command = ["journalctl", "-q", "--no-pager", "-a", "-o", "short-iso-precise", "--show-cursor", "SYSLOG_FACILITY=2"]
    block: t.List[bytes] = []
    for line in _permitted(runner, command + list(argv)):
        if line[:11] == b"-- cursor: ":
            reading.positions[JOURNAL] = Position(cursor=line[11:].strip().decode("ascii", "replace"))
            continue
        reading.bytes += len(line)
        block.append(line)
        if len(block) >= 2000:
            yield block
            block = []
    yield block
