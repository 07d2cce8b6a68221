# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of any lookup table: read with the lines they stand on, and edited so that comments and other entries stay.

Private to the collection: it can change at any time.
"""

import typing as t

from .._errors import OptionError, SyntaxProblem

#: How the source of a table is written: C(key value), C(key: value), or C(pattern value) where case counts and order matters.
MAP, ALIASES, PATTERNS = "map", "aliases", "patterns"
PRESENT, ABSENT, EXACT = "present", "absent", "exact"
_BLANKS = " \t"


class Syntax(t.NamedTuple):
    """How the lines of a source are read.

    :param form: C(map), C(aliases) or C(patterns).
    :param continues: whether a line that starts with a blank continues the one before (Postfix, and all alias files).
    """

    form: str
    continues: bool


class SourceEntry(t.NamedTuple):
    """One entry; lines I(first) to I(last), counted from 0 and without I(last), are its own."""

    key: str
    value: str
    first: int
    last: int


class ExpectedEntry(t.NamedTuple):
    """An entry that should be there; an empty I(value) for one that should not."""

    key: str
    value: str = ""


def compared(key: str, syntax: Syntax) -> str:
    """A key as two of them are compared: both MTAs fold those of indexed tables to lower case."""
    return key if syntax.form == PATTERNS else key.lower()


def check(option: str, key: t.Any, value: t.Any, syntax: Syntax) -> ExpectedEntry:
    """An entry that stays one line and one entry.

    :raises OptionError: naming the entry.
    """
    for what, text in (("key", key), ("value", value)):
        if not isinstance(text, str) or not text or not text.isprintable() or text != text.strip() or len(text) > 4000:
            raise OptionError(
                f"{option}.{what}", text, "printable text on one line without blanks at the ends is wanted"
            )
    if key.startswith("#") or (syntax.form != PATTERNS and any(blank.isspace() for blank in key)):
        raise OptionError(f"{option}.key", key, "a key has no blanks and does not begin with #")
    if syntax.form == ALIASES and ":" in key:
        raise OptionError(f"{option}.key", key, "the name of an alias has no colon")
    if syntax.form == PATTERNS and (key[0] not in "/!" or " " in key) and not _is_network(key):
        raise OptionError(f"{option}.key", key, "a pattern between slashes without blanks, or a network, is wanted")
    return ExpectedEntry(key, value)


def _is_network(key: str) -> bool:
    return all(letter in "0123456789abcdefABCDEF.:/!" for letter in key)


def read(path: str, text: str, syntax: Syntax) -> t.List[SourceEntry]:
    """The entries of a source.

    :raises SyntaxProblem: a line that is no entry, or a key for the second time.
    """
    found: t.List[SourceEntry] = []
    for number, line in enumerate(_lines(text)):
        body = line.rstrip("\r\n")
        if not body.strip() or body.lstrip().startswith("#"):
            continue
        if body[0] in _BLANKS:
            if not syntax.continues or not found:
                raise SyntaxProblem(path, number + 1, body, "a line that starts with a blank is no entry")
            found[-1] = found[-1]._replace(value=f"{found[-1].value} {body.strip()}".strip(), last=number + 1)
            continue
        key, value = _split(body, syntax)
        found.append(SourceEntry(key, value, number, number + 1))
    _refuse(path, found, syntax)
    return found


def _refuse(path: str, entries: t.Sequence[SourceEntry], syntax: Syntax) -> None:
    seen: t.Dict[str, int] = {}
    for entry in entries:
        key = compared(entry.key, syntax)
        if not entry.value and entry.key not in ("endif", "fi"):
            raise SyntaxProblem(path, entry.first + 1, entry.key, "an entry needs a key and a value")
        if key in seen and syntax.form != PATTERNS:
            raise SyntaxProblem(path, entry.first + 1, entry.key, f"the key stands in line {seen[key]} already")
        seen[key] = entry.first + 1


def _split(line: str, syntax: Syntax) -> t.Tuple[str, str]:
    if syntax.form == ALIASES:
        key, dummy, value = line.partition(":")
        return key.strip(), value.strip()
    parts = line.split(None, 1)
    return parts[0], parts[1].strip() if len(parts) > 1 else ""


def edit(path: str, content: bytes, wanted: t.Sequence[ExpectedEntry], state: str, syntax: Syntax) -> bytes:
    """The source with the entries in it, without them, or with no others. Comments stay, and so does what is as it should be.

    :raises SyntaxProblem: the source as it is cannot be edited safely.
    """
    text = content.decode("utf-8", "surrogateescape")
    lines: t.List[str] = _lines(text)
    there = {compared(entry.key, syntax): entry for entry in read(path, text, syntax)}
    asked = {compared(one.key, syntax): one for one in wanted}
    for key, entry in there.items():
        one = asked.get(key)
        gone = (state == ABSENT) == (one is not None) and (state != PRESENT)
        if gone:
            lines[entry.first : entry.last] = [""] * (entry.last - entry.first)
        elif one is not None and state != ABSENT and one.value != entry.value:
            lines[entry.first : entry.last] = [_entry(one, syntax)] + [""] * (entry.last - entry.first - 1)
    added = [] if state == ABSENT else [_entry(one, syntax) for key, one in asked.items() if key not in there]
    body = "".join(lines)
    if added and body and not body.endswith("\n"):
        body += "\n"
    return (body + "".join(added)).encode("utf-8", "surrogateescape")


def changes(
    before: t.Sequence[SourceEntry], after: t.Sequence[SourceEntry], syntax: Syntax
) -> t.Dict[str, t.List[str]]:
    """The keys that are added, updated and removed."""
    old = {compared(entry.key, syntax): entry.value for entry in before}
    new = {compared(entry.key, syntax): entry.value for entry in after}
    return {
        "added": [key for key in new if key not in old],
        "updated": [key for key in new if key in old and old[key] != new[key]],
        "removed": [key for key in old if key not in new],
    }


def _entry(one: ExpectedEntry, syntax: Syntax) -> str:
    return f"{one.key}: {one.value}\n" if syntax.form == ALIASES else f"{one.key}\t{one.value}\n"


def _lines(text: str) -> t.List[str]:
    parts = text.split("\n")
    return [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
