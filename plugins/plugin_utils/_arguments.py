# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of a playbook: what it takes, and whether what was given can be meant.

Each playbook has a file C(playbooks/argument_specs/NAME.yml), which also its page in the documentation is made from. A variable that is
not known must never make a selection wider, so a name that is nearly one of ours is refused.

Private to the collection: it can change at any time.
"""

from __future__ import annotations

import datetime
import difflib
import functools
import ipaddress
import json
import pathlib
import re
import typing as t

import yaml
from ansible.module_utils.common.validation import (
    check_type_bool,
    check_type_dict,
    check_type_float,
    check_type_int,
    check_type_list,
)

from ansible_collections.postmaster.mta.plugins.module_utils import _addresses
from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._log.conditions import moment_of
from ansible_collections.postmaster.mta.plugins.module_utils._model import kinds

COLLECTION = pathlib.Path(__file__).parents[2]
DIRECTORY = COLLECTION / "playbooks" / "argument_specs"

#: Words that Ansible's C(-e name=value) reads, but that belong to no variable.
LEFTOVER = "_raw_params"
#: How near an unknown name must be to one of ours to be taken for a misspelling of it.
_NEAR = 0.75
#: The same for a name that no playbook of the prefix takes.
_NEARER = 0.8
#: Prefixes of the playbooks that select mail, deliveries or blocks.
_SELECTING = ("queue_", "log_", "block_")
#: Words that many inventories have for something else.
_COMMON = {
    "hosts",
    "instance",
    "format",
    "path",
    "file",
    "limit",
    "top",
    "max",
    "yes",
    "full",
    "text",
    "code",
    "internal",
    "rules",
}
_QUEUE_ID = re.compile(r"[A-Za-z0-9]{6,32}\Z")
_EXPIRY = re.compile(r"(\d{1,4}[dw]|\d{4}-\d\d-\d\d)\Z")

Option = t.Mapping[str, t.Any]


class Spec(t.NamedTuple):
    """What a playbook takes.

    :param prefix: the beginning of the names of its variables.
    :param options: each variable, as in the argument spec of a module, and C(format), which the value must have.
    :param others: variables of the roles in the playbook.
    :param required_one_of: groups of which one must be given.
    :param mutually_exclusive: groups of which one can be given.
    """

    name: str
    prefix: str
    options: t.Mapping[str, Option]
    others: t.FrozenSet[str]
    required_one_of: t.Sequence[t.Sequence[str]]
    mutually_exclusive: t.Sequence[t.Sequence[str]]

    def paths(self) -> list[str]:
        """Return the variables that name a file of the controller."""
        return [name for name, option in self.options.items() if option["type"] == "path" and option.get("here")]


def load(name: str, directory: pathlib.Path = DIRECTORY) -> Spec:
    """Read the spec of a playbook, with the parts that it includes."""
    raw = _read(directory / f"{name}.yml")
    options: dict[str, Option] = {}
    for part in raw.get("include") or ():
        options.update(_read(directory / f"{part}.yml")["options"])
    options.update(raw["options"])
    others = frozenset(variable for role in raw.get("roles") or () for variable in _role_variables(role))
    groups = (raw.get("required_one_of") or (), raw.get("mutually_exclusive") or ())
    return Spec(name, raw["prefix"], options, others, *groups)


def _read(path: pathlib.Path) -> dict[str, t.Any]:
    content: dict[str, t.Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def _role_variables(role: str) -> t.Iterator[str]:
    specs = _read(COLLECTION / "roles" / role / "meta" / "argument_specs.yml")["argument_specs"]
    for spec in specs.values():
        yield from spec.get("options") or {}


# --- names -------------------------------------------------------------------------------------------------------


def unknown(spec: Spec, names: t.Iterable[str], within: Spec | None = None) -> list[str]:
    """Return a sentence for each name of the command line that is none of the playbook, but looks like one.

    :param within: the playbook that imports this one, and has checked the names of its own.
    """
    own = within.options if within else ()
    return [sentence for name in names if name not in own for sentence in _unknown(spec, str(name))]


def _unknown(spec: Spec, name: str) -> t.Iterator[str]:
    names = {*spec.options, *spec.others}
    if name in names or name == LEFTOVER:
        return
    short = {option[len(spec.prefix) :]: option for option in spec.options}
    if name in short:
        yield f"{name}: the variables of this playbook begin with {spec.prefix}; write {short[name]}"
        return
    prefix, suffix = name.split("_", 1) if "_" in name else ("", name)
    if f"{prefix}_" in _prefixes() - {spec.prefix} and suffix in short:
        yield f"{name}: a variable of other playbooks; the one of this playbook is {short[suffix]}"
        return
    near = difflib.get_close_matches(name, [*names, *short], 1, _NEAR)
    if near:
        yield f"{name}: no such variable; did you mean {short.get(near[0], near[0])}?"
    elif name.startswith(spec.prefix) or difflib.get_close_matches(name, _criteria(), 1, _NEARER):
        yield f"{name}: no such variable; this playbook takes {', '.join(sorted(spec.options))}"


@functools.lru_cache
def _prefixes() -> set[str]:
    """Return what the variables of each playbook begin with."""
    return {_read(path)["prefix"] for path in DIRECTORY.glob("[!_]*.yml")}


@functools.lru_cache
def _criteria() -> set[str]:
    """Return what people select by in any playbook, without prefix: a playbook that does not know it must not do more for it."""
    specs = [load(path.stem) for path in DIRECTORY.glob("[!_]*.yml")]
    names = {name[len(spec.prefix) :] for spec in specs if spec.prefix in _SELECTING for name in spec.options}
    return names - _COMMON


def leftover(extra: t.Mapping[str, t.Any]) -> list[str]:
    """Return a sentence where a word of C(-e) belongs to no variable: it would be lost without a word."""
    if LEFTOVER not in extra:
        return []
    words = str(extra[LEFTOVER])
    # The value before the word was meant to have a blank in it.
    times = [name for name, value in extra.items() if re.fullmatch(r"\d{4}-\d\d-\d\d", str(value))]
    if times and re.match(r"\d", words):
        right = f"-e {times[0]}={extra[times[0]]}T{words.split()[0]}"
    else:
        right = """-e '{"name": "a value with blanks"}' or -e 'name="a value with blanks"'"""
    return [f"-e: {words!r} belongs to no variable, a blank ends a value; write {right}"]


# --- values ------------------------------------------------------------------------------------------------------


def problems(spec: Spec, values: t.Mapping[str, t.Any]) -> list[str]:
    """Return a sentence for each value that cannot be meant, and for each that is missing."""
    assigned = {name: value for name, value in values.items() if name in spec.options and value is not None}
    sentences = []
    for name, value in assigned.items():
        try:
            _check(name, spec.options[name], value)
        except OptionError as problem:
            sentences.append(str(problem))
    return sentences + _missing(spec, assigned) + _together(spec, assigned)


def _missing(spec: Spec, assigned: t.Collection[str]) -> list[str]:
    sentences = [
        f"{name} is missing: {_sentence(option)} Write -e {name}=..."
        for name, option in spec.options.items()
        if option.get("required") and name not in assigned
    ]
    for group in spec.required_one_of:
        if not set(group) & set(assigned):
            sentences.append(f"one of {', '.join(group)} is missing. Write -e {group[0]}=...")
    return sentences


def _together(spec: Spec, assigned: t.Collection[str]) -> list[str]:
    groups = [[name for name in group if name in assigned] for group in spec.mutually_exclusive]
    return [f"{' and '.join(names)} cannot be given together" for names in groups if len(names) > 1]


def _sentence(option: Option) -> str:
    """Return the description without its markup."""
    return re.sub(r"[A-Z]\(([^)#]*)[^)]*\)", r"\1", str(option["description"]))


def _check(name: str, option: Option, value: t.Any) -> None:
    if isinstance(value, (datetime.date, datetime.datetime)):
        value = value.isoformat()
    for item in _converted(name, option, value):
        if item != "" or not option.get("empty"):
            _check_item(name, option, item)


def _check_item(name: str, option: Option, item: t.Any) -> None:
    if isinstance(item, str) and not item.strip():
        raise OptionError(name, item, "an empty value; leave the variable out" + _null_sender(name))
    if option.get("choices") and item not in option["choices"]:
        raise OptionError(name, item, "must be one of " + ", ".join(str(choice) for choice in option["choices"]))
    if option.get("format"):
        _check_format(name, option["format"], str(item))


def _null_sender(name: str) -> str:
    return ", or write <> for the null sender" if name.endswith(("sender", "from")) else ""


def _converted(name: str, option: Option, value: t.Any) -> t.Sequence[t.Any]:
    """Return the values of the type that the option has, as a list."""
    kind = option["type"]
    try:
        if kind == "list":
            return _items(option, value)
        if kind == "raw":
            return [value]
        if kind in ("str", "path"):
            return [_text(value)]
        return [_TYPES[kind][0](value)]
    except (TypeError, ValueError):
        raise OptionError(name, _shown(value), f"must be {_TYPES[kind][1]}") from None


def _items(option: Option, value: t.Any) -> t.Sequence[t.Any]:
    if isinstance(value, dict):
        raise TypeError
    if option.get("elements", "str") == "str":
        return [_text(item) for item in check_type_list(value)]
    items = value if isinstance(value, list) else json.loads(value)
    return [check_type_dict(item) for item in items]


def _text(value: t.Any) -> str:
    if isinstance(value, (dict, list, tuple, bool)):
        raise TypeError
    return str(value)


def _shown(value: t.Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


_TYPES: dict[str, tuple[t.Callable[[t.Any], t.Any], str]] = {
    "int": (check_type_int, "a whole number"),
    "float": (check_type_float, "a number"),
    "bool": (check_type_bool, "true or false"),
    "dict": (check_type_dict, 'a dictionary, given in JSON: -e \'{"name": {"key": "value"}}\''),
    "str": (_text, "a text"),
    "path": (_text, "a path"),
    "list": (check_type_list, "a list, or values with commas"),
    "raw": (_text, "a value"),
}


def _check_format(name: str, form: str, value: str) -> None:
    if form == "time":
        moment_of(name, value)
        return
    try:
        _FORMATS[form](value)
    except (ValueError, re.error) as problem:
        raise OptionError(name, value, str(problem)) from None


def _queue_id(value: str) -> None:
    if not _QUEUE_ID.match(value):
        raise ValueError("not a queue ID, which has 6 to 32 letters and digits")


def _regex(value: str) -> None:
    try:
        re.compile(value)
    except re.error as problem:
        raise ValueError(f"not a regular expression: {problem}") from None


def _expiry(value: str) -> None:
    if not _EXPIRY.match(value):
        raise ValueError("must be a day like 2026-12-24, or days or weeks like 30d or 4w")
    if value[-1] in "dw":
        return
    try:
        day = datetime.date.fromisoformat(value)
    except ValueError:
        raise ValueError("no such day") from None
    if day < datetime.datetime.now(datetime.timezone.utc).date():
        raise ValueError("this day is over, so the rule would expire at once")


def _address(value: str) -> None:
    local, at, domain = value.rpartition("@")
    if not at or not local:
        raise ValueError("must be an address like anna@example.com")
    _domain(domain)


def _domain(value: str) -> None:
    if not value.startswith("["):
        _addresses.domain(value)


def _sender_pattern(value: str) -> None:
    if re.search(r"\s", value) and '"' not in value:
        raise ValueError("must be a domain or an address, without blanks")
    bare = value.strip("[] ").lower()
    try:
        ipaddress.ip_network(bare[5:] if bare.startswith("ipv6:") else bare, strict=False)
    except ValueError:
        return
    raise ValueError("an address of a client and not of a sender; write it into block_client")


def _domain_or_address(value: str) -> None:
    if "@" in value:
        _address(value)
    else:
        _domain(value)


_FORMATS: dict[str, t.Callable[[str], object]] = {
    "address": _address,
    "domain": _domain,
    "domain_or_address": _domain_or_address,
    "duration": kinds.duration,
    "expiry": _expiry,
    "queue_id": _queue_id,
    "regex": _regex,
    "sender_pattern": _sender_pattern,
    "size": kinds.size,
}
