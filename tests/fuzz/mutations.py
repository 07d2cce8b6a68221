# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Damaged log lines: what a full disk, a crash, a transfer or somebody with a grudge makes of good ones."""

import random
import typing as t

_PIECES = (
    b": ",
    b", ",
    b"<",
    b">",
    b'"',
    b"\\",
    b"=",
    b"[",
    b"]",
    b"/",
    b" ",
    b"\x00",
    b"\xff\xfe",
    b"to=<",
    b"from=<",
    b"stat=",
    b"status=",
)


def mutations(lines: t.Sequence[bytes], count: int, seed: int) -> t.Iterator[bytes]:
    """I(count) lines, each made from a good one by one to three injuries."""
    some = random.Random(seed)
    for _number in range(count):
        line = some.choice(lines).rstrip(b"\n")
        for _each in range(some.randint(1, 3)):
            line = some.choice(_INJURIES)(some, line, lines)
        yield line.replace(b"\n", b" ") + b"\n"


def _cut(some: random.Random, line: bytes, _lines: t.Sequence[bytes]) -> bytes:
    return line[: some.randrange(len(line) + 1)]


def _behead(some: random.Random, line: bytes, _lines: t.Sequence[bytes]) -> bytes:
    return line[some.randrange(len(line) + 1) :]


def _flip(some: random.Random, line: bytes, _lines: t.Sequence[bytes]) -> bytes:
    if not line:
        return line
    at = some.randrange(len(line))
    return line[:at] + bytes([some.randrange(256)]) + line[at + 1 :]


def _insert(some: random.Random, line: bytes, _lines: t.Sequence[bytes]) -> bytes:
    at = some.randrange(len(line) + 1)
    return line[:at] + some.choice(_PIECES) * some.randint(1, 3) + line[at:]


def _delete(some: random.Random, line: bytes, _lines: t.Sequence[bytes]) -> bytes:
    at = some.randrange(len(line) + 1)
    return line[:at] + line[at + some.randint(1, 20) :]


def _splice(some: random.Random, line: bytes, lines: t.Sequence[bytes]) -> bytes:
    other = some.choice(lines).rstrip(b"\n")
    return line[: some.randrange(len(line) + 1)] + other[some.randrange(len(other) + 1) :]


def _swap_fields(some: random.Random, line: bytes, _lines: t.Sequence[bytes]) -> bytes:
    fields = line.split(b", ")
    some.shuffle(fields)
    return b", ".join(fields)


def _garbage(some: random.Random, _line: bytes, _lines: t.Sequence[bytes]) -> bytes:
    return bytes(some.randrange(256) for _byte in range(some.randint(0, 300)))


_INJURIES = (_cut, _behead, _flip, _flip, _insert, _insert, _delete, _splice, _swap_fields, _garbage)
