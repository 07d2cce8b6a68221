# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The source of a lookup table, read part by part: it can be larger than the memory that a relay has to spare.

Private to the collection: it can change at any time.
"""

import io
import os
import re
import typing as t

#: What every comment line of ours begins with.
MARK = "# postmaster.mta "
#: A source of at most so many bytes is read at once, a larger one in parts of about this size.
PART = 1 << 20
_MARK = MARK.encode()


class Part(t.NamedTuple):
    """Whole lines and whole blocks of a source, and where they begin."""

    start: int
    data: bytes


class Source:
    """The source of one table.

    :param path: the file, which need not exist.
    :param content: what stands in it; None where it is read from the file.
    """

    def __init__(self, path: str, content: t.Optional[bytes] = None) -> None:
        self.path = path
        self._content = content
        self.size = len(content) if content is not None else os.stat(path).st_size

    @classmethod
    def read(cls, path: str) -> "Source":
        """Return the source that a file is; a small one is read now."""
        try:
            source = cls(path)
        except (FileNotFoundError, NotADirectoryError):
            return cls(path, b"")
        return source if source.size > PART else cls(path, source.whole())

    def open(self) -> t.BinaryIO:
        """Return a stream of all of it."""
        return open(self.path, "rb") if self._content is None else io.BytesIO(self._content)

    def whole(self) -> bytes:
        """Return all of it in one piece."""
        with self.open() as stream:
            return stream.read()

    def ends_open(self) -> bool:
        """Return whether there is something, and no newline at its end."""
        return self.size > 0 and next(self.raw(self.size - 1, self.size)) != b"\n"

    def raw(self, start: int, end: int) -> t.Iterator[bytes]:
        """Yield the bytes from one place to another, as many at a time as come."""
        with self.open() as stream:
            yield from raw(stream, start, end)

    def parts(self, start: int = 0) -> t.Iterator[Part]:
        """Yield the parts from the beginning of a line on; what was read already is one."""
        if self._content is not None:
            yield Part(start, self._content[start:])
            return
        with self.open() as stream:
            stream.seek(start)
            data = b""
            for more in iter(lambda: stream.read(PART), b""):
                data += more
                cut = _cut(data)
                if cut:
                    yield Part(start, data[:cut])
                    start, data = start + cut, data[cut:]
            if data:
                yield Part(start, data)


def raw(stream: t.BinaryIO, start: int, end: int) -> t.Iterator[bytes]:
    """Yield the bytes of a stream from one place to another."""
    stream.seek(start)
    while start < end:
        data = stream.read(min(PART, end - start))
        if not data:
            return
        start += len(data)
        yield data


def _cut(data: bytes) -> int:
    """Return where a part can end so that no line and no block is in two parts; 0 where that is not known yet."""
    mark = data.rfind(b"\n" + _MARK)
    if mark >= 0:
        return mark + 1
    if data.startswith(_MARK):
        said = re.search(rb" lines=([0-9]+)(?: |$)", data[: data.find(b"\n")])
        # One more than its lines: what follows a block can spoil it.
        if data.count(b"\n") < (int(said.group(1)) if said else 1) + 2:
            return 0
    return data.rfind(b"\n") + 1
