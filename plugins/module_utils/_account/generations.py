# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account of one configuration directory: numbered generations, each with what it replaced.

A generation is two files below ROOT, which only root can read::

    /var/lib/postmaster.mta/etc+postfix/000017.files     what stood there before and after, one content behind the other
    /var/lib/postmaster.mta/etc+postfix/000017.prepared  the record, before the change goes live
    /var/lib/postmaster.mta/etc+postfix/000017.json      the record, once it is live or rolled back

A record is prepared before the swap and gets its last name when the change has ended. A run that dies between the two leaves a
prepared record; the next run compares it with the live files and finishes or removes it.

This file is read by every run that changes something, so it stays small.

Private to the collection: it can change at any time.
"""

import contextlib
import json
import os
import time
import typing as t
import zlib

from .. import _files
from .._errors import Refused

ROOT = "/var/lib/postmaster.mta"
#: How many generations are kept, and how many bytes of them. What an undo writes does not push out what can still be undone.
KEPT = 20
MOST = 200
LARGEST = 64 << 20
#: Of a larger file only the part that differs is kept.
WHOLE = 256 << 10
#: How a generation ended.
LIVE, CONFIRMED, ROLLED_BACK, UNDONE = "live", "confirmed", "rolled back", "undone"
_COMPILED = (".db", ".lmdb", ".cdb", ".dir", ".pag")
RECORD, PREPARED, BLOB = ".json", ".prepared", ".files"
#: Beside a record: what rolls it back unless it is confirmed.
WATCHER = ".kit.pyz"
#: The newest record that was removed: who goes back to before the oldest that is kept needs what each author owned then.
BASE = "base"
_BLOCK = 1 << 16
#: So much of a file is read at once.
_PIECE = 1 << 20

Record = t.Dict[str, t.Any]


class Author(t.NamedTuple):
    """Who changes something, for the record.

    :param owned: makes of what each author owned so far what each owns afterwards.
    :param more: further entries of the record.
    :param arm: called with the number and the stage once the record is prepared: from then on somebody watches whether the change is
        confirmed.
    :param disarm: called with the number where the change does not stay live.
    """

    module: str
    by: str = ""
    ticket: str = ""
    digest: str = ""
    keep: t.Optional[int] = None
    owned: t.Optional[t.Callable[[t.Mapping[str, t.Any]], t.Mapping[str, t.Any]]] = None
    more: t.Mapping[str, t.Any] = {}
    arm: t.Optional[t.Callable[[int, str], None]] = None
    disarm: t.Optional[t.Callable[[int], None]] = None


class Entry:
    """The record of one change, from its preparation to its end."""

    def __init__(self, place: str, record: Record) -> None:
        self.place = place
        self.record = record
        self._stem = os.path.join(place, f"{record['number']:06d}")

    def live(self) -> None:
        """End the record: the change is live and verified."""
        os.rename(self._stem + PREPARED, self._stem + RECORD)

    def rolled_back(self, why: str) -> None:
        """End the record: the change was live and is rolled back."""
        self.record.update(ended=ROLLED_BACK, reason=why)
        write(self.place, self.record)
        self.drop()

    def drop(self) -> None:
        """Remove what was prepared: the change is not live."""
        for suffix in (PREPARED, BLOB):
            _files.remove(self._stem + suffix)


def place_of(directory: str) -> str:
    """Return where the account of a configuration directory lies."""
    return os.path.join(ROOT, directory.strip("/").replace("/", "+"))


def numbers(directory: str, suffix: str = RECORD) -> t.List[int]:
    """Return the numbers of the generations, the oldest first."""
    try:
        names = os.listdir(place_of(directory))
    except OSError:
        return []
    return sorted(int(name[: -len(suffix)]) for name in names if name.endswith(suffix) and name[:6].isdigit())


def load(directory: str, number: int, suffix: str = RECORD) -> Record:
    """Return one record; an empty one where it cannot be read."""
    return _record(os.path.join(place_of(directory), f"{number:06d}{suffix}"))


def base(directory: str) -> Record:
    """Return the newest live record that was removed, an empty one where there is none."""
    return _record(os.path.join(place_of(directory), BASE))


def _record(path: str) -> Record:
    content = _files.read(path)
    try:
        return dict(json.loads((content or b"{}").decode("ascii")))
    except ValueError:
        return {}


def newest(directory: str) -> Record:
    """Return the newest record that is live; an empty one where there is none."""
    for number in reversed(numbers(directory)):
        record = load(directory, number)
        if record.get("ended") in (LIVE, CONFIRMED):
            return record
    return {}


def write(place: str, record: Record) -> None:
    """Write a record under its last name, in one step."""
    path = os.path.join(place, f"{record['number']:06d}{RECORD}")
    _files.write_new(path, json.dumps(record).encode("ascii"), 0o600)


def prepare(
    directory: str, stage: str, names: t.Sequence[str], activation: t.Tuple[str, t.Sequence[str]], author: Author
) -> Entry:
    """Write the record of a change that is staged. Where the disk is full, older generations make room.

    :param names: the files that differ, relative to the directory.
    :raises OSError: there is no room for it even so.
    """
    try:
        return _prepare(directory, stage, names, activation, author)
    except OSError:
        if not numbers(directory):
            raise
        prune(directory, numbers(directory)[-1])
        return _prepare(directory, stage, names, activation, author)


def _prepare(
    directory: str, stage: str, names: t.Sequence[str], activation: t.Tuple[str, t.Sequence[str]], author: Author
) -> Entry:
    place = private(place_of(directory))
    files, kept = replaced(directory, stage, names)
    size = sum(extent.size for extent in kept)
    if make_room(directory, size) < size:
        if author.arm:
            why = f"what it replaces takes {size >> 20} MiB, and the account keeps {LARGEST >> 20}"
            raise Refused([f"confirm: {why}: nobody could roll it back"])
        kept = []
    record = new_record(directory, author, activation, files)
    stem = os.path.join(place, f"{record['number']:06d}")
    try:
        write_blob(stem + BLOB, read_extents(kept))
        _files.write_new(stem + PREPARED, json.dumps(record).encode("ascii"), 0o600)
    except BaseException:
        with contextlib.suppress(OSError):
            _files.remove(stem + BLOB)
        raise
    return Entry(place, record)


def make_room(directory: str, size: int) -> int:
    """Remove old generations where so many bytes more would be too much; return how many of them there is room for.

    What alone is too much removes nothing.
    """
    kept = numbers(directory)
    while size <= LARGEST and kept and size_of(directory) + size > LARGEST:
        if not _forget(directory, kept.pop(0)):
            break
    return max(0, min(size, LARGEST - size_of(directory)))


def _forget(directory: str, number: int) -> bool:
    """Remove one generation, unless somebody waits whether it is confirmed; return whether it is gone."""
    stem = os.path.join(place_of(directory), f"{number:06d}")
    if os.path.exists(stem + WATCHER):
        return False
    if load(directory, number).get("ended") in (LIVE, CONFIRMED):
        os.rename(stem + RECORD, os.path.join(place_of(directory), BASE))
    for suffix in (RECORD, BLOB):
        _files.remove(stem + suffix)
    return True


def new_record(
    directory: str, author: Author, activation: t.Tuple[str, t.Sequence[str]], files: t.List[Record]
) -> Record:
    last = newest(directory)
    owned = last.get("owned", {})
    number = max(numbers(directory) + numbers(directory, PREPARED) + [0]) + 1
    keep = author.keep or last.get("keep", KEPT)
    is_state = bool(files) and "state" not in author.more
    record = {
        "number": number,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "directory": directory,
        "module": author.module,
        "by": author.by or os.environ.get("SUDO_USER", ""),
        "ticket": author.ticket,
        "digest": author.digest,
        "activation": {"kind": activation[0], "because": list(activation[1])},
        "files": files,
        "owned": author.owned(owned) if author.owned else owned,
        "keep": keep,
        "states": (last.get("states", []) + [number] * is_state)[-keep:],
        "ended": LIVE,
        "reason": "",
    }
    record.update(author.more)
    if last.get("hidden"):
        # What was a secret once stays one, whichever module writes next.
        record["hidden"] = sorted({*last["hidden"], *record.get("hidden", ())})
    return record


def hidden(directory: str) -> t.FrozenSet[str]:
    """Return the settings whose values are never shown: somebody gave them as secrets."""
    records = [load(directory, number) for number in numbers(directory)]
    return frozenset(name for record in records for name in record.get("hidden", ()))


def private(place: str) -> str:
    """Make the directory of an account, for root alone."""
    for path in (ROOT, place):
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            if os.stat(path).st_mode & 0o077:
                os.chmod(path, 0o700)
        except FileNotFoundError:
            os.makedirs(path, 0o700)
    return place


def write_blob(path: str, contents: t.Iterable[bytes]) -> None:
    """Write contents one behind the other, for root alone."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        for content in contents:
            file.write(content)
        file.flush()
        os.fsync(file.fileno())


class Extent(t.NamedTuple):
    """Bytes of a file: they are read when they are written down, since a table can be larger than what should be held."""

    path: str
    start: int
    end: int

    @property
    def size(self) -> int:
        """Return how many they are."""
        return self.end - self.start


def read_extents(extents: t.Iterable[Extent]) -> t.Iterator[bytes]:
    """Yield the bytes of extents, one behind the other."""
    for extent in extents:
        with open(extent.path, "rb") as stream:
            stream.seek(extent.start)
            for at in range(extent.start, extent.end, _PIECE):
                yield stream.read(min(_PIECE, extent.end - at))


def replaced(directory: str, stage: str, names: t.Sequence[str]) -> t.Tuple[t.List[Record], t.List[Extent]]:
    """Return the record of each file that is replaced, and what of it is kept."""
    files: t.List[Record] = []
    kept: t.List[Extent] = []
    at = 0
    for name in names:
        if is_compiled(directory, stage, name):
            continue
        before, after = os.path.join(directory, name), os.path.join(stage, name)
        file: Record = {"name": name, "before": mark_of(before), "after": mark_of(after)}
        start, end = _common(before, after, file)
        file.update(start=start, end=end, at=at, length=(file["before"] or [0])[0] - end - start)
        file.update(mode=mode_of(before), time=_time(before))
        if file["length"]:
            kept.append(Extent(before, start, start + file["length"]))
        at += file["length"]
        if file["after"] is not None and file["after"][0] <= WHOLE:
            file["after_at"] = at
            kept.append(Extent(after, 0, file["after"][0]))
            at += file["after"][0]
        files.append(file)
    return files, kept


def is_compiled(directory: str, stage: str, name: str) -> bool:
    """Return whether a file is made of a table that lies beside it; an undo makes it anew."""
    stem, suffix = os.path.splitext(name)
    return suffix in _COMPILED and any(os.path.exists(os.path.join(place, stem)) for place in (directory, stage))


def mark(content: t.Optional[bytes]) -> t.Optional[t.List[int]]:
    """Return what tells one content from another: its length and a checksum; None for a file that is not there."""
    return None if content is None else [len(content), zlib.crc32(content) & 0xFFFFFFFF]


def mark_of(path: str) -> t.Optional[t.List[int]]:
    """Return the mark of a file, which is read piece by piece."""
    size = checksum = 0
    try:
        with open(path, "rb") as stream:
            for data in iter(lambda: stream.read(_PIECE), b""):
                size += len(data)
                checksum = zlib.crc32(data, checksum)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return [size, checksum & 0xFFFFFFFF]


def _common(before: str, after: str, marks: Record) -> t.Tuple[int, int]:
    """Return how many bytes two files have in common at their start and at their end; 0 for what is kept whole.

    :param marks: says how large both are.
    """
    if marks["before"] is None or marks["after"] is None or marks["before"][0] <= WHOLE:
        return 0, 0
    last, other = marks["before"][0], marks["after"][0]
    with open(before, "rb") as one, open(after, "rb") as two:
        old, new = one.fileno(), two.fileno()
        most = min(last, other)
        start = _same(most, lambda at, size: os.pread(old, size, at) == os.pread(new, size, at))
        end = _same(
            most - start,
            lambda at, size: os.pread(old, size, last - at - size) == os.pread(new, size, other - at - size),
        )
    return start, end


def _same(most: int, equal: t.Callable[[int, int], bool]) -> int:
    """Return how many bytes are the same, block by block, and by halves in the first block that differs."""
    at, size = 0, _BLOCK
    while at < most and size:
        if at + size <= most and equal(at, size):
            at += size
        else:
            size //= 2
    return at


def mode_of(path: str) -> int:
    try:
        return os.stat(path).st_mode & 0o7777
    except OSError:
        return 0o644


def _time(path: str) -> t.Optional[int]:
    """Return when a file was changed last, in nanoseconds; None where there is none."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return None


def prepared(directory: str) -> t.List[int]:
    """Return the records that a run which died has left prepared."""
    return numbers(directory, PREPARED)


def agrees(directory: str, record: Record) -> bool:
    """Return whether the live files are as a record left them."""
    files = record.get("files", ())
    return bool(files) and all(mark_of(os.path.join(directory, file["name"])) == file["after"] for file in files)


def prune(directory: str, oldest: int) -> None:
    """Remove the generations before one, and those that are too much; the newest stays, and what waits to be confirmed."""
    kept = numbers(directory)
    while len(kept) > 1 and (kept[0] < oldest or len(kept) > MOST or size_of(directory) > LARGEST):
        if not _forget(directory, kept.pop(0)):
            return


def size_of(directory: str) -> int:
    """Return how many bytes the account of a directory takes: its records, and what lies beside them for who watches."""
    place = place_of(directory)
    total = 0
    for name in os.listdir(place):
        with contextlib.suppress(OSError):
            total += os.stat(os.path.join(place, name)).st_size
    return total
