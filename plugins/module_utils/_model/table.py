# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of any lookup table: read with the lines they are on, and edited so that comments and other entries stay.

Private to the collection: it can change at any time.
"""

import typing as t

from .._errors import OptionError, SyntaxProblem
from . import blocks

#: The forms of a source: C(key value), C(key: value), or C(pattern value), where case and order count.
MAP, ALIASES, PATTERNS = "map", "aliases", "patterns"
PRESENT, ABSENT, EXACT = "present", "absent", "exact"
#: The formats of files of entries: lines as the source has them, and CSV with the columns key and value.
SOURCE, CSV = "source", "csv"
FORMATS = (SOURCE, CSV)
_BYTE_ORDER_MARK = "\ufeff"
_BLANKS = " \t"


class Syntax(t.NamedTuple):
    """How to read the lines of a source.

    :param form: C(map), C(aliases) or C(patterns).
    :param continues: whether a line that starts with a blank continues the one before (Postfix, and all alias files).
    """

    form: str
    continues: bool


class SourceEntry(t.NamedTuple):
    """An entry in a source, on the lines from I(first) to before I(last), counted from 0."""

    key: str
    value: str
    first: int
    last: int


class ExpectedEntry(t.NamedTuple):
    """An entry that should be there; without I(value), one that should not."""

    key: str
    value: str = ""


def compared(key: str, syntax: Syntax) -> str:
    """Return a key as it is compared: both MTAs fold the keys of indexed tables to lower case."""
    return key if syntax.form == PATTERNS else key.lower()


def check(option: str, key: t.Any, value: t.Any, syntax: Syntax) -> ExpectedEntry:
    """Return an entry that stays one entry on one line.

    :raises OptionError: naming the entry.
    """
    _check_text(f"{option}.key", key)
    _check_text(f"{option}.value", value)
    if key.startswith("#") or (syntax.form != PATTERNS and any(letter.isspace() for letter in key)):
        raise OptionError(f"{option}.key", key, "a key has no blanks and does not begin with #")
    if syntax.form == ALIASES and ":" in key:
        raise OptionError(f"{option}.key", key, "the name of an alias has no colon")
    if syntax.form == PATTERNS and not _is_pattern(key):
        raise OptionError(f"{option}.key", key, "expected a pattern between slashes without blanks, or a network")
    return ExpectedEntry(key, value)


def _is_pattern(key: str) -> bool:
    return (key[0] in "/!" and " " not in key) or _is_network(key)


def _check_text(option: str, text: t.Any) -> None:
    if not isinstance(text, str) or not text or not text.isprintable() or text != text.strip() or len(text) > 4000:
        raise OptionError(option, text, "expected printable text on one line without blanks at the ends")


def _is_network(key: str) -> bool:
    return all(letter in "0123456789abcdefABCDEF.:/!" for letter in key)


def read(path: str, text: str, syntax: Syntax) -> t.List[SourceEntry]:
    """Return the entries of a source.

    :raises SyntaxProblem: a line that is no entry, or a key for the second time.
    """
    entries: t.List[SourceEntry] = []
    for number, line in enumerate(_lines(text)):
        body = line.rstrip("\r\n")
        if not body.strip() or body.lstrip().startswith("#"):
            continue
        if body[0] in _BLANKS:
            if not syntax.continues or not entries:
                raise SyntaxProblem(path, number + 1, body, "a line that starts with a blank is no entry")
            before = entries[-1]
            entries[-1] = before._replace(value=f"{before.value} {body.strip()}".strip(), last=number + 1)
            continue
        key, value = _split(body, syntax)
        entries.append(SourceEntry(key, value, number, number + 1))
    _check_entries(path, entries, syntax)
    return entries


def _check_entries(path: str, entries: t.Sequence[SourceEntry], syntax: Syntax) -> None:
    lines: t.Dict[str, int] = {}
    for entry in entries:
        key = compared(entry.key, syntax)
        if not entry.value and entry.key not in ("endif", "fi"):
            raise SyntaxProblem(path, entry.first + 1, entry.key, "an entry needs a key and a value")
        if key in lines and syntax.form != PATTERNS:
            raise SyntaxProblem(path, entry.first + 1, entry.key, f"the key is in line {lines[key]} already")
        lines[key] = entry.first + 1


def _split(line: str, syntax: Syntax) -> t.Tuple[str, str]:
    if syntax.form == ALIASES:
        key, dummy, value = line.partition(":")
        return key.strip(), value.strip()
    parts = line.split(None, 1)
    return parts[0], parts[1].strip() if len(parts) > 1 else ""


def imported(name: str, text: str, form: str, syntax: Syntax) -> t.Iterator[t.Tuple[str, str, t.Optional[str]]]:
    """Yield the entries of a file, each with the name of its line, its key and its value, None where the line has none.

    :param form: one of FORMATS.
    :raises OptionError: naming the line.
    """
    plain = text[1:] if text.startswith(_BYTE_ORDER_MARK) else text
    if form == CSV:
        yield from _rows(name, plain)
        return
    for number, line in enumerate(plain.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line[0] in _BLANKS:
            raise OptionError(f"{name}:{number}", line, "a line that starts with a blank is no entry")
        key, value = _split(line, syntax)
        yield f"{name}:{number}", key, value or None


def _rows(name: str, text: str) -> t.Iterator[t.Tuple[str, str, t.Optional[str]]]:
    """Yield the rows of a CSV file with the columns key and value."""
    import csv

    # Before Python 3.11 the reader itself raises an error for it, without a line.
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise OptionError(f"{name}:{line}", "NUL", "a CSV file holds text")
    reader = csv.DictReader(text.splitlines())
    _check_columns(name, reader.fieldnames or ())
    for row in reader:
        option = f"{name}:{reader.line_num}"
        if None in row:
            raise OptionError(option, row[None], "more values than columns")
        filled = {column.strip(): (value or "").strip() for column, value in row.items()}
        if filled["key"] and not filled["key"].startswith("#"):
            yield option, filled["key"], filled.get("value") or None


def _check_columns(name: str, written: t.Iterable[str]) -> None:
    columns = {column.strip() for column in written}
    if not {"key"} <= columns <= {"key", "value"}:
        raise OptionError(f"{name}:1", ", ".join(sorted(columns)), "the columns are key and value")


def refuse_contradictions(entries: t.Iterable[ExpectedEntry], syntax: Syntax) -> None:
    """Refuse two entries with one key and different values.

    :raises OptionError: naming the key.
    """
    values: t.Dict[str, str] = {}
    for entry in entries:
        if values.setdefault(compared(entry.key, syntax), entry.value) != entry.value:
            raise OptionError("entries", entry.key, "the key stands there twice, with two values")


def edit(path: str, content: bytes, entries: t.Sequence[ExpectedEntry], state: str, syntax: Syntax) -> bytes:
    """Return the source edited. Comments stay, and so do the entries that need no change.

    What the relay policy and the module access have written here stays, whatever the state.

    :param state: C(present) puts the entries in, C(absent) removes them, C(exact) puts them in and removes all others.
    :raises SyntaxProblem: the source as it is cannot be edited safely.
    :raises OptionError: an entry that one of these has written and that would change.
    """
    text = content.decode("utf-8", "surrogateescape")
    lines: t.List[str] = _lines(text)
    present = {compared(entry.key, syntax): entry for entry in read(path, text, syntax)}
    asked = {compared(entry.key, syntax): entry for entry in entries}
    theirs = _lines_of_others(content)
    for key, entry in present.items():
        if entry.first in theirs:
            _refuse_theirs(asked.get(key), entry, state)
        elif _is_removed(key in asked, state):
            _put(lines, entry, "")
        elif key in asked and state != ABSENT and asked[key].value != entry.value:
            _put(lines, entry, _line(asked[key], syntax))
    new = [] if state == ABSENT else [entry for key, entry in asked.items() if key not in present]
    edited = _appended("".join(lines), [_line(entry, syntax) for entry in new])
    return edited.encode("utf-8", "surrogateescape")


def _appended(text: str, lines: t.Sequence[str]) -> str:
    """Return a text with lines at its end; a last line without a newline gets one."""
    between = "\n" if lines and text and not text.endswith("\n") else ""
    return text + between + "".join(lines)


def _refuse_theirs(asked: t.Optional[ExpectedEntry], entry: SourceEntry, state: str) -> None:
    if asked is not None and (state == ABSENT or asked.value != entry.value):
        why = "the relay policy or the module access has written this entry, and would write it again; change it there"
        raise OptionError("entries", entry.key, why)


def _lines_of_others(content: bytes) -> t.Set[int]:
    """Return the numbers of the lines that the relay policy, in its marked block, and the module access have written."""
    lines: t.Set[int] = set()
    if b"# BEGIN postmaster.mta" in content:
        inside = False
        for number, line in enumerate(content.split(b"\n")):
            inside = (inside or line.startswith(b"# BEGIN postmaster.mta")) and not line.startswith(
                b"# END postmaster.mta"
            )
            if inside:
                lines.add(number)
    if blocks.MARK.encode() in content:
        for placed in blocks.all_blocks(content):
            first, last = (content.count(b"\n", 0, at) for at in (placed.start, placed.end))
            lines.update(range(first, last))
    return lines


def _is_removed(is_asked: bool, state: str) -> bool:
    if state == ABSENT:
        return is_asked
    return state == EXACT and not is_asked


def _put(lines: t.List[str], entry: SourceEntry, line: str) -> None:
    """Replace the lines of an entry. Their number stays, so that the places of the other entries do."""
    lines[entry.first : entry.last] = [line] + [""] * (entry.last - entry.first - 1)


def changes(
    before: t.Sequence[SourceEntry], after: t.Sequence[SourceEntry], syntax: Syntax
) -> t.Dict[str, t.List[str]]:
    """Return the keys that are added, updated and removed."""
    old = {compared(entry.key, syntax): entry.value for entry in before}
    new = {compared(entry.key, syntax): entry.value for entry in after}
    return {
        "added": [key for key in new if key not in old],
        "updated": [key for key in new if key in old and old[key] != new[key]],
        "removed": [key for key in old if key not in new],
    }


def _line(entry: ExpectedEntry, syntax: Syntax) -> str:
    separator = ": " if syntax.form == ALIASES else "\t"
    return f"{entry.key}{separator}{entry.value}\n"


def _lines(text: str) -> t.List[str]:
    parts = text.split("\n")
    return [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
