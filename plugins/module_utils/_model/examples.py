# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A text that a regular expression matches: what a client must say to get what a table of expressions gives.

Private to the collection: it can change at any time.
"""

import importlib
import re
import typing as t

#: What stands for any character, and where a class excludes that, for another one.
_ANY = "x7-.@ "


def example_of(expression: str) -> str:
    """Return a short text that an expression should match; empty where none is found. The caller compares the two."""
    try:
        return _text(_parser().parse(expression))
    except (re.error, RecursionError, LookupError, TypeError, ValueError, StopIteration):
        # The parser is Python's own and not meant for others: what it cannot tell is not known.
        return ""


def _parser() -> t.Any:
    """Return Python's parser of expressions, which has moved with Python 3.11."""
    try:
        return importlib.import_module("re._parser")
    except ImportError:
        return importlib.import_module("sre_parse")


def _text(parts: t.Iterable[t.Any]) -> str:
    """Return what the parts of an expression match, one after the other."""
    return "".join([_part(str(name), argument) for name, argument in parts])


def _part(name: str, argument: t.Any) -> str:
    if name.endswith("_REPEAT"):
        fewest, most, inner = argument
        return _text(inner) * (fewest or min(1, int(most)))
    return _SIMPLE[name](argument) if name in _SIMPLE else ""


def _member(items: t.Sequence[t.Any]) -> str:
    """Return a character of a class."""
    if str(items[0][0]) == "NEGATE":
        excluded = {number for name, argument in items[1:] for number in _numbers(str(name), argument)}
        return next(char for char in _ANY if ord(char) not in excluded)
    return chr(next(number for name, argument in items for number in _numbers(str(name), argument)))


def _numbers(name: str, argument: t.Any) -> t.Sequence[int]:
    if name == "LITERAL":
        return (argument,)
    if name == "RANGE":
        return range(argument[0], argument[1] + 1)
    return (ord(_CATEGORIES.get(str(argument), _ANY[0])),)


#: A character of each category of which x is none.
_CATEGORIES = {"CATEGORY_DIGIT": "7", "CATEGORY_SPACE": " ", "CATEGORY_NOT_WORD": "-"}
_SIMPLE: t.Mapping[str, t.Callable[[t.Any], str]] = {
    "LITERAL": chr,
    "ANY": lambda argument: _ANY[0],
    "NOT_LITERAL": lambda argument: next(char for char in _ANY if ord(char) != argument),
    "IN": _member,
    "BRANCH": lambda argument: _text(argument[1][0]),
    "SUBPATTERN": lambda argument: _text(argument[-1]),
}
