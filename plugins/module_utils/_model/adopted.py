# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host in the options of the module relay, and what they cannot say.

Private to the collection: it can change at any time.
"""

import typing as t

#: The way to an option, for instance C(("relay", "networks")).
Path = t.Tuple[str, ...]


class Adopted(t.NamedTuple):
    """What was read of a host.

    :param policy: the options of the policy with their live values.
    :param natives: the native options of the module relay (C(main), C(master), C(mc)); empty ones are left out.
    :param unexpressed: what no option of the policy says, by its native name.
    :param shadowed: options of the policy that a native setting wins over, as dotted paths, with the name of that setting.
    """

    policy: t.Dict[str, t.Any]
    natives: t.Dict[str, t.Any]
    unexpressed: t.Dict[str, t.Any]
    shadowed: t.Dict[str, str]


def path_of(option: str) -> Path:
    """Return the way to an option that an error names: C(policy.routes.domains[3].mx) is C(routes, domains)."""
    words = option.split(".")
    path: t.List[str] = []
    for word in words[1:] if words[0] == "policy" else words:
        name, bracket, dummy = word.partition("[")
        path.append(name)
        if bracket:
            break
    return tuple(path)


def without(policy: t.Mapping[str, t.Any], path: Path) -> t.Dict[str, t.Any]:
    """Return a policy without one option, or without the nearest section that has it."""
    rest = dict(policy)
    if len(path) > 1 and isinstance(rest.get(path[0]), dict):
        rest[path[0]] = without(rest[path[0]], path[1:])
        if not rest[path[0]]:
            del rest[path[0]]
    else:
        rest.pop(path[0], None)
    return rest


def value_at(policy: t.Mapping[str, t.Any], path: Path) -> t.Any:
    """Return the value of an option; None where the policy does not have it."""
    value: t.Any = policy
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def beyond(policy: t.Mapping[str, t.Any], initial: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    """Return the options of a policy that have another value than in the one that says nothing."""
    rest: t.Dict[str, t.Any] = {}
    for name, value in policy.items():
        before = initial.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            value = beyond(value, before)
            if value:
                rest[name] = value
        elif value != before:
            rest[name] = value
    return rest
