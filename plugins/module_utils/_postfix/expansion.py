# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How C($name) in the value of a parameter expands (postconf(5)).

Private to the collection: it can change at any time.
"""

import operator
import re
import typing as t

from .parameters import MalformedValue

#: A parameter's name (2bounce_notice_recipient is one), also those that a master.cf service or a restriction class makes up.
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,199}\Z")
_BARE = re.compile(r"[A-Za-z0-9_]+")
_CONDITIONAL = re.compile(r"\s*([A-Za-z0-9_]+)\s*([?:]?)(.*)\Z", re.S)
_COMPARISON = re.compile(r"\s*\{(.*?)\}\s*(==|!=|<=|>=|<|>)(level)?\s*\{(.*?)\}\s*\?(.*)\Z", re.S)
#: These are not expanded when main.cf is read: they hold $name of the program that uses them, or the $ itself (postconf(5)).
RAW = frozenset(
    (
        "command_execution_directory",
        "default_rbl_reply",
        "forward_path",
        "luser_relay",
        "mailbox_command",
        "postscreen_expansion_filter",
        "smtpd_expansion_filter",
        "smtpd_reject_footer",
    )
)
#: Names that some programs define while they run.
RUN_TIME = frozenset(
    ("stress", "service_name", "multi_instance_name", "process_id", "process_name", "config_directory")
)


def references(value: str) -> t.Tuple[str, ...]:
    """Return the names that a value refers to with C($name), C($(name)) or C(${name}), in their order.

    :raises MalformedValue: a C($) that is followed by none of these nor by another C($).
    """
    names: t.List[str] = []

    def note(name: str) -> str:
        names.append(name)
        return ""

    _walk(value, note)
    return tuple(names)


def expand(value: str, values: t.Mapping[str, str], stress: bool = False, depth: int = 0) -> str:
    """See parameters.expand()."""
    if depth > 30:
        raise MalformedValue("a reference that leads to itself")

    def lookup(name: str) -> str:
        if name == "stress":
            return "yes" if stress else ""
        if name in RAW:
            return values.get(name, "")
        return expand(values.get(name, ""), values, stress, depth + 1)

    return _walk(value, lookup)


def _walk(text: str, lookup: t.Callable[[str], str]) -> str:
    out: t.List[str] = []
    position = 0
    while True:
        dollar = text.find("$", position)
        if dollar < 0:
            return "".join(out) + text[position:]
        out.append(text[position:dollar])
        piece, position = _reference(text, dollar + 1, lookup)
        out.append(piece)


def _reference(text: str, start: int, lookup: t.Callable[[str], str]) -> t.Tuple[str, int]:
    """Expand the reference behind a C($); return the text and where it ends."""
    opening = text[start : start + 1]
    if opening == "$":
        return "$", start + 1
    if opening in ("{", "("):
        end = _closing(text, start, opening)
        return _braced(text[start + 1 : end], lookup), end + 1
    bare = _BARE.match(text, start)
    if not bare:
        raise MalformedValue("a $ without a name behind it; a $ itself is written $$")
    return lookup(bare.group()), bare.end()


def _closing(text: str, start: int, opening: str) -> int:
    closing = {"{": "}", "(": ")"}[opening]
    depth = 0
    for position in range(start, len(text)):
        depth += {opening: 1, closing: -1}.get(text[position], 0)
        if depth == 0:
            return position
    raise MalformedValue(f"a ${opening} without its {closing}")


def _braced(inner: str, lookup: t.Callable[[str], str]) -> str:
    """Expand C(name), C(name?text), C(name:text), C(name?{text}:{text}) or C({a} == {b} ? {text} : {text})."""
    comparison = _COMPARISON.match(inner)
    if comparison:
        left, operator, level, right, rest = comparison.groups()
        both = (_walk(left, lookup).strip(), _walk(right, lookup).strip())
        return _choose(_compare(both, operator, bool(level)), rest, lookup)
    conditional = _CONDITIONAL.match(inner)
    if not conditional:
        raise MalformedValue(f"${{{inner}}} is no parameter expansion (postconf(5))")
    name, operator, rest = conditional.groups()
    if not operator and rest.strip():
        raise MalformedValue(f"${{{inner}}} is no parameter expansion (postconf(5))")
    value = lookup(name)
    if not operator:
        return value
    if operator == "?":
        return _choose(bool(value), rest, lookup)
    return _choose(not value, rest, lookup)


def _choose(condition: bool, rest: str, lookup: t.Callable[[str], str]) -> str:
    """Return one branch of C({yes}:{no}), C({yes}) or plain text; both branches are checked."""
    rest = rest.strip()
    if not rest.startswith("{"):
        text = _walk(rest, lookup)
        return text if condition else ""
    end = _closing(rest, 0, "{")
    first = _walk(rest[1:end].strip(), lookup)
    other = rest[end + 1 :].strip()
    if not other:
        return first if condition else ""
    if not other.startswith(":"):
        raise MalformedValue("a conditional needs {text}:{text}")
    other = other[1:].strip()
    second = other[1:-1].strip() if other.startswith("{") and other.endswith("}") else other
    second = _walk(second, lookup)
    return first if condition else second


_OPERATORS: t.Dict[str, t.Callable[[t.Any, t.Any], t.Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


def _compare(both: t.Tuple[str, str], sign: str, level: bool) -> bool:
    """Compare as numbers where both are, as compatibility levels such as 3.6 where the operator says so, else as text."""
    left: t.Any = both[0]
    right: t.Any = both[1]
    if level:
        left, right = _level(left), _level(right)
    elif left.isdigit() and right.isdigit():
        left, right = int(left), int(right)
    return bool(_OPERATORS[sign](left, right))


def _level(text: str) -> t.List[int]:
    return [int(part) for part in re.findall(r"[0-9]+", text)[:3]]
