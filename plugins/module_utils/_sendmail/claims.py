# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The domains and addresses that rules of an administrator's own name: one of them may let a client pass that says it.

Private to the collection: it can change at any time.

A rule can name them itself, by a class, by an expression or by a table; it can call another rule set. Which of them is taken is
asked of sendmail: what is named here too often costs a question and no more.
"""

import re
import typing as t

from .._model import examples
from . import cf

#: Where an administrator's own rules about relaying stand.
_BEGINNINGS = ("Local_check_rcpt", "Local_Relay_Auth")
_CALL = re.compile(r"\$>\s*\"?([A-Za-z_][\w-]*)")
_CLASS = re.compile(r"\$[=~](?:\{(\w+)\}|(\w))")
_MAP = re.compile(r"\$\(\s*([\w.-]+)")
_WORD = re.compile(r"(?:[\w.+-]+\s*@\s*)?[A-Za-z0-9_-]+(?:\s?\.\s?[A-Za-z0-9_-]+)+")
#: Classes that every configuration has, which are asked about elsewhere.
_OWN = frozenset("wRmtPMO")


class Source(t.NamedTuple):
    """What is read: the text of a cf, the same parsed, and the keys of a table by its definition."""

    text: str
    known: cf.Cf
    keys: t.Callable[[str], t.Sequence[str]]


def words(source: Source) -> t.List[str]:
    """Return what the rules name, each once."""
    names = list(_BEGINNINGS)
    found: t.List[str] = []
    for name in names:
        rules = _rules(source.text, name)
        names += [called for called in _CALL.findall(rules) if called not in names and called in source.known.rulesets]
        found += _named(source, rules)
    return list(dict.fromkeys(word.lower() for word in found if word))


def _rules(text: str, name: str) -> str:
    """Return the rules of a rule set; empty where there are none.

    A set can be begun several times, and sendmail takes all of it: cf/m4 begins those of an administrator empty.
    """
    beginning = re.compile(rf"^S{re.escape(name)}\b[^\n]*\n(.*?)(?=^S|\Z)", re.MULTILINE | re.DOTALL)
    lines = "".join(beginning.findall(text)).splitlines(keepends=True)
    # Definitions of maps and classes can stand between the rules.
    return "".join(line for line in lines if line.startswith(("R", " ", "\t")))


def _named(source: Source, rules: str) -> t.Iterator[str]:
    for word in _WORD.findall(rules):
        yield re.sub(r"\s", "", word)
    for long, short in _CLASS.findall(rules):
        if (long or short) not in _OWN:
            words = source.known.classes.get(f"{{{long}}}" if long else short, ())
            yield from (word for word in words if not word.startswith("file:"))
    for name in _MAP.findall(rules):
        yield from _in_map(source, name)


def _in_map(source: Source, name: str) -> t.Iterator[str]:
    """Yield the keys of a map; of a map of expressions, an example."""
    definition = source.known.maps.get(name, "")
    kind, dummy, rest = definition.strip().partition(" ")
    if kind == "regex":
        words = rest.split()
        yield examples.example_of(words[-1] if words else "").strip("<>@.")
    elif name != "access":
        yield from source.keys(definition)
