# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is in Postfix's lookup tables, read from their sources: for a judgement that starts no program.

Private to the collection: it can change at any time.

A table whose content cannot be known here (a database, a socket) has no entries; the answers of the others are those of
postmap -q, apart from expressions that Python writes in another way.
"""

import ipaddress
import re
import typing as t

from .._model import examples
from .compile import entries
from .logical_lines import read_document
from .parameters import split_list

#: Types whose source has one key and value on each line.
_INDEXED = frozenset(("btree", "cdb", "dbm", "hash", "lmdb", "sdbm", "texthash"))
#: Types whose lines are expressions or networks.
_PATTERNS = frozenset(("cidr", "pcre", "regexp"))
_ELEMENT = re.compile(r"(?:proxy:)?([a-z][a-z0-9]*):(.*)\Z", re.S)

#: Types that are no files, or that are made of others.
_COMPOSED = frozenset(("inline", "pipemap", "randmap", "static", "unionmap"))


def is_table(word: str) -> bool:
    """Return whether a word of a list is a table; an address of IPv6 has colons as well."""
    match = _ELEMENT.match(word)
    return match is not None and (match.group(1) in _COMPOSED or match.group(2).startswith(("/", "{")))


Read = t.Callable[[str], t.Optional[bytes]]


class Pattern(t.NamedTuple):
    """A line of a table of expressions."""

    matches: t.Callable[[str], bool]
    result: str
    source: str = ""


class Tables:
    """The tables of one configuration.

    :param read: returns the content of a file by its path; None where there is none.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._indexed: t.Dict[str, t.Dict[str, str]] = {}
        self._patterns: t.Dict[t.Tuple[str, str], t.List[Pattern]] = {}

    def find(self, table: str, keys: t.Sequence[str], subject: str) -> t.Optional[str]:
        """Return what the first key that is there stands for; None where none is.

        :param keys: the keys of an indexed table, in their order.
        :param subject: what a table of expressions or networks is asked for.
        """
        match = _ELEMENT.match(table)
        if not match:
            return None
        kind, path = match.groups()
        if kind == "static":
            return _unbraced(path)
        if kind in _PATTERNS:
            return next((pattern.result for pattern in self._lines(kind, path) if pattern.matches(subject)), None)
        if kind in ("unionmap", "pipemap"):
            return self._find_in(split_list(path.strip()[1:-1]), keys, subject)
        if kind == "randmap":
            # One of several at random: whoever asks often gets each.
            return next(iter(split_list(_unbraced(path))), None)
        known = self.entries(table)
        return next((known[key.lower()] for key in keys if key.lower() in known), None)

    def _find_in(self, tables: t.Sequence[str], keys: t.Sequence[str], subject: str) -> t.Optional[str]:
        """Return what the first of several tables has."""
        values = (self.find(table, keys, subject) for table in tables)
        return next((value for value in values if value is not None), None)

    def entries(self, table: str) -> t.Mapping[str, str]:
        """Return the keys and values of a table that has keys; none for the other types."""
        match = _ELEMENT.match(table)
        if not match:
            return {}
        kind, path = match.groups()
        if table not in self._indexed:
            self._indexed[table] = {}
            if kind in _INDEXED:
                self._indexed[table] = entries(self._read(path) or b"")
            elif kind == "inline":
                self._indexed[table] = _inline(path)
        return self._indexed[table]

    def networks(self, table: str) -> t.List[t.Tuple[str, str]]:
        """Return the networks of a cidr table with their values."""
        match = _ELEMENT.match(table)
        if not match or match.group(1) != "cidr":
            return []
        pairs = [line.split(None, 1) for line in self._source(match.group(2))]
        return [(pair[0], pair[1].strip()) for pair in pairs if len(pair) == 2]

    def examples(self, table: str) -> t.List[t.Tuple[str, str]]:
        """Return a text that each expression of a table matches, with its result; what none can be found for is left out."""
        pairs = []
        for pattern in self.patterns(table):
            text = examples.example_of(pattern.source) if pattern.source else ""
            if text and pattern.matches(text):
                pairs.append((text, pattern.result))
        return pairs

    def words(self, path: str) -> t.Tuple[str, ...]:
        """Return the elements of a list that stands in a file."""
        return split_list(" ".join(line for line in self.lines(path) if not line.lstrip().startswith("#")))

    def lines(self, path: str) -> t.List[str]:
        """Return the lines of a file; none where there is no such file."""
        return (self._read(path) or b"").decode("utf-8", "replace").splitlines()

    def patterns(self, table: str) -> t.Sequence[Pattern]:
        """Return the lines of a table of expressions or networks; none for the other types."""
        match = _ELEMENT.match(table)
        return self._lines(*match.groups()) if match and match.group(1) in _PATTERNS else ()

    def _lines(self, kind: str, path: str) -> t.List[Pattern]:
        if (kind, path) not in self._patterns:
            read = _network_line if kind == "cidr" else _expression_line
            self._patterns[kind, path] = list(_patterns_in(self._source(path), read))
        return self._patterns[kind, path]

    def _source(self, path: str) -> t.List[str]:
        """Return the lines of a table: of its file, or those in braces that stand in its place, C({{line}, {line}})."""
        if path.startswith("{"):
            return [_unbraced(word) for word in split_list(_unbraced(path))]
        return [line.text.strip() for line in read_document(self._read(path) or b"", "").logical]


def _unbraced(text: str) -> str:
    text = text.strip()
    return text[1:-1].strip() if text.startswith("{") and text.endswith("}") else text


def _inline(text: str) -> t.Dict[str, str]:
    """Return the entries of C(inline:{key=value, { key = value with blanks }})."""
    pairs = (_unbraced(word).partition("=") for word in split_list(_unbraced(text)))
    return {key.strip().lower(): value.strip() for key, equals, value in pairs if equals}


def _first_word(text: str) -> t.Tuple[str, str]:
    """Return what stands before the first blank or tab, and what stands behind it."""
    parts = re.split(r"[ \t]", text, maxsplit=1)
    return parts[0], parts[1] if len(parts) == 2 else ""


def _patterns_in(lines: t.Sequence[str], read: t.Callable[[str], t.Optional[Pattern]]) -> t.Iterator[Pattern]:
    """Yield the patterns of a table; those between C(if) and C(endif) match only what the condition matches, too.

    A condition that cannot be read here is taken to be met.
    """
    conditions: t.List[t.Optional[Pattern]] = []
    for line in lines:
        word, rest = _first_word(line)
        if word.lower() == "if":
            conditions.append(read(rest.strip()))
        elif word.lower() == "endif":
            del conditions[-1:]
        else:
            pattern = read(line)
            if pattern:
                yield _within(pattern, [condition for condition in conditions if condition])


def _within(pattern: Pattern, conditions: t.Sequence[Pattern]) -> Pattern:
    """Return a pattern that matches where its conditions do as well."""
    if not conditions:
        return pattern
    every = (*conditions, pattern)
    return Pattern(lambda subject: all(each.matches(subject) for each in every), pattern.result, pattern.source)


def _network_line(line: str) -> t.Optional[Pattern]:
    word, result = _first_word(line)
    negated = word.startswith("!")
    try:
        network = ipaddress.ip_network(word.lstrip("!").strip("[]"), strict=False)
    except ValueError:
        return None

    def matches(subject: str) -> bool:
        try:
            address = ipaddress.ip_address(subject)
        except ValueError:
            return False
        inside = address.version == network.version and address in network
        return inside != negated

    return Pattern(matches, result.strip())


def _expression_line(line: str) -> t.Optional[Pattern]:
    negated = line.startswith("!")
    text = line[1:].lstrip() if negated else line
    if not text or text[0].isalnum():
        return None
    end = _end_of(text)
    flags, result = _first_word(text[end + 1 :])
    try:
        # Case does not count unless the flag i switches that off.
        expression = re.compile(_translated(text[1:end]), 0 if "i" in flags else re.IGNORECASE)
    except re.error:
        return None
    source = "" if negated else expression.pattern
    return Pattern(lambda subject: bool(expression.search(subject)) != negated, result.strip(), source)


def _end_of(text: str) -> int:
    """Return where the delimiter that begins an expression comes again."""
    position = 1
    while position < len(text) and text[position] != text[0]:
        position += 2 if text[position] == "\\" else 1
    return min(position, len(text))


def _translated(expression: str) -> str:
    """Return an expression of POSIX as Python writes it."""
    for name, letters in _CLASSES:
        expression = expression.replace(f"[:{name}:]", letters)
    return expression


_CLASSES = (("alnum", "A-Za-z0-9"), ("alpha", "A-Za-z"), ("digit", "0-9"), ("space", r"\s"), ("xdigit", "0-9A-Fa-f"))
