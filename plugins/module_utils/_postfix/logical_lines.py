# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logical lines, as all of Postfix's configuration files are made of them (postconf(5), master(5), access(5)).

Private to the collection: it can change at any time.

A logical line starts with a character that is not a blank. A line that starts with a blank continues it, also across comments
and empty lines. The physical lines are kept as they are, so that an edit changes only what it is about.
"""

import typing as t

from .._errors import SyntaxProblem

#: In the place of the first line of what is removed.
_REMOVED = None
# What C's isspace() takes for a blank, which Postfix uses; Python's str.isspace() takes much more.
BLANKS = " \t\n\r\v\f"


class LogicalLine(t.NamedTuple):
    """A logical line.

    :param text: its physical lines without line ends, put together; blanks at the end are gone.
    :param first: index of its first physical line, counted from 0.
    :param parts: the indices of all its physical lines; comments between them are not among them.
    """

    text: str
    first: int
    parts: t.Tuple[int, ...]


class Document(t.NamedTuple):
    """A file as physical lines, each with its line end, and the logical lines in them."""

    path: str
    physical: t.Tuple[str, ...]
    logical: t.Tuple[LogicalLine, ...]
    problems: t.Tuple[SyntaxProblem, ...] = ()


def decode(content: bytes) -> str:
    """Turn bytes into text; undecodable bytes are kept as surrogates."""
    return content.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """Turn text into bytes: the reverse of decode()."""
    return text.encode("utf-8", "surrogateescape")


def read_document(content: bytes, path: str) -> Document:
    """Split a file into logical lines. It never raises: I(problems) has what is wrong, in the order of the file."""
    physical = tuple(_physical_lines(decode(content)))
    groups: t.List[t.List[int]] = []
    problems = []
    for index, line in enumerate(physical):
        if "\0" in line:
            problems.append(SyntaxProblem(path, index + 1, line.strip(BLANKS), "a NUL byte cuts the line short"))
        if is_comment(line):
            continue
        if line[0] not in BLANKS:
            groups.append([index])
        elif groups:
            groups[-1].append(index)
        else:
            why = "the first line starts with a blank, so it continues nothing and is ignored"
            problems.append(SyntaxProblem(path, index + 1, line.strip(BLANKS), why))
    logical = tuple(LogicalLine(_joined(physical, parts), parts[0], tuple(parts)) for parts in groups)
    return Document(path, physical, logical, tuple(problems))


def is_comment(line: str) -> bool:
    """Return whether Postfix ignores a physical line: empty, only blanks, or # as its first character that is no blank."""
    stripped = line.strip(BLANKS)
    return not stripped or stripped.startswith("#")


def rewrite(document: Document, replaced: t.Mapping[int, str], added: t.Sequence[str]) -> bytes:
    """Return the file with some logical lines replaced, and others added at its end.

    :param replaced: index into I(logical) to the new text without its last line end; an empty text removes the line.
    :param added: new logical lines without their line ends. Nothing to do gives the same bytes.
    """
    lines: t.List[t.Optional[str]] = list(document.physical)
    for index, text in replaced.items():
        line = document.logical[index]
        for part in line.parts:
            lines[part] = ""
        lines[line.first] = text + "\n" if text else _REMOVED
    body = "".join(_without_room(lines))
    if added:
        body = _with_room(body) + "".join(text + "\n" for text in added)
    return encode(body)


def _with_room(body: str) -> str:
    """End the last line, and separate what is appended by one empty line, once."""
    if body and not body.endswith("\n"):
        body += "\n"
    return body if not body or body.endswith("\n\n") or body == "\n" else body + "\n"


def _without_room(lines: t.Sequence[t.Optional[str]]) -> t.List[str]:
    """Return what is left, without the empty line that separated lines which are removed now: the reverse of _with_room()."""
    kept: t.List[str] = []
    is_gap = False
    for line in [*lines, "\n"]:
        if line is _REMOVED:
            is_gap = True
        elif line:
            if is_gap and line == "\n" and kept[-1:] == ["\n"]:
                kept.pop()
            is_gap = False
            kept.append(line)
    return kept[:-1]


def _joined(physical: t.Sequence[str], parts: t.Sequence[int]) -> str:
    return "".join(physical[part].rstrip("\n") for part in parts).rstrip(BLANKS)


def _physical_lines(text: str) -> t.List[str]:
    # Only the newline ends a line for Postfix; str.splitlines() would also split at form feeds and others.
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


__all__ = ("BLANKS", "Document", "LogicalLine", "decode", "encode", "is_comment", "read_document", "rewrite")
