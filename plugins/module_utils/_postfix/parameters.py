# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Postfix's parameters: which there are, their defaults, and what a value is made of (postconf(5)).

Private to the collection: it can change at any time.
"""

import typing as t
import weakref

from .._runner import Runner

_seen: "weakref.WeakKeyDictionary[t.Any, t.Dict[str, str]]" = weakref.WeakKeyDictionary()


class MalformedValue(ValueError):
    """A value whose $ is followed by what cannot be expanded; it would be fatal for every Postfix program."""


def defaults(runner: Runner) -> t.Dict[str, str]:
    """Return all built-in parameters with their defaults. It works whatever main.cf contains, and is asked once in a run."""
    if runner not in _seen:
        _seen[runner] = parse_listing(runner.run(["postconf", "-d"]).out)
    return _seen[runner]


def parse_listing(text: str) -> t.Dict[str, str]:
    """Parse the output of postconf: C(name = value) on each line."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {name.strip(): value.strip() for name, dummy, value in pairs}


def expand(value: str, values: t.Mapping[str, str], stress: bool = False) -> str:
    """Return a value with its references replaced, as mac_expand(3) of Postfix does it.

    :param values: the parameters that are known; others are empty.
    :param stress: whether the C(stress) parameter is set, which changes some limits.
    :raises MalformedValue: malformed, or a reference that leads to itself.
    """
    if "$" not in value:
        return value
    from . import expansion

    return expansion.expand(value, values, stress)


def split_list(value: str) -> t.Tuple[str, ...]:
    """Split a list parameter into its elements, at blanks or commas; what stands in braces stays together."""
    if "{" not in value:
        for separator in ",\t\r\n":
            value = value.replace(separator, " ")
        return tuple(word for word in value.split(" ") if word)
    parts: t.List[str] = []
    depth = 0
    inside = False
    for letter in value:
        if depth == 0 and (letter in ", \t\r\n"):
            inside = False
            continue
        depth = max(0, depth + {"{": 1, "}": -1}.get(letter, 0))
        if not inside:
            parts.append("")
            inside = True
        parts[-1] += letter
    return tuple(parts)


def in_brackets(network: str) -> str:
    """Return a network as a list of main.cf has it, IPv6 addresses in brackets: [2001:db8::]/32."""
    if ":" not in network:
        return network
    address, slash, bits = network.partition("/")
    return f"[{address}]{slash}{bits}"
