# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every option of the policy that takes text, with a policy around it in which it means something.

The options are those of the table: a new one is found, and tried, without a word here.
"""

import functools
import itertools
import typing as t

from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError
from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host as given
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail.sendmail_rendering import HOST

#: Values that mean no harm: of each kind there is at least one that an option takes.
GOOD = (
    "q.test",
    "served.test",
    "q@q.test",
    "192.0.2.0/24",
    "192.0.2.9",
    "2001:db8::/32",
    "2001:db8::9",
    "all",
    "anna",
    "5m",
    "0",
    "0s",
    "1M",
    "/etc/ssl/q.pem",
    ".:%@!^/[]+=",
    ":".join(["AB"] * 32),
    "ECDHE-RSA-AES128-GCM-SHA256",
)
#: A policy around an option in which most options mean something, and the files of its host.
AROUND: t.Dict[str, t.Dict[str, t.Any]] = {
    "identity": HOST["identity"],
    "relay": {"domains": ["served.test"]},
    "tls": {"server": {"certificate": "/etc/ssl/a.pem", "key": "/etc/ssl/a.key"}},
}
RECIPIENTS = {"domains": [{"domain": "served.test"}]}


class Place(t.NamedTuple):
    """An option by its path, with the way from a value to a policy."""

    path: t.Tuple[str, ...]
    policy: t.Callable[[t.Any], t.Dict[str, t.Any]]


def _text(option: t.Any) -> bool:
    return "choices" not in option.kind.spec and option.kind.spec["type"] in ("str", "path", "list")


def _leaves(options: t.Iterable[t.Any], path: t.Tuple[t.Any, ...] = ()) -> t.Iterator[t.Tuple[t.Any, ...]]:
    """Yield the options on the way to each one that takes text."""
    for option in options:
        if option.kind.options:
            yield from _leaves(option.kind.options, (*path, option))
        elif _text(option):
            yield (*path, option)


#: Every option that takes text, as the options on the way to it.
LEAVES = tuple(_leaves(_policy.SECTIONS))


def name_of(leaf: t.Sequence[t.Any]) -> str:
    """Return the dotted name of an option."""
    return ".".join(option.name for option in leaf)


def _built(leaf: t.Sequence[t.Any], beside: t.Mapping[str, t.Any], value: t.Any) -> t.Dict[str, t.Any]:
    """Return a policy with a value at an option, and others beside it in its record."""
    said: t.Any = [value] if leaf[-1].kind.spec["type"] == "list" else value
    for depth in range(len(leaf) - 1, -1, -1):
        option = leaf[depth]
        said = {**(beside if depth == len(leaf) - 1 else {}), option.name: said}
        if depth and leaf[depth - 1].kind.spec["type"] == "list":
            said = [said]
    policy = {name: _merged(value, said.get(name, {})) for name, value in {**said, **AROUND}.items()}
    if leaf[0].name == "recipients":
        policy["recipients"] = {**RECIPIENTS, **policy["recipients"]}
    return policy


def _merged(first: t.Mapping[str, t.Any], second: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    both = set(first) & set(second)
    inner = {name: _merged(first[name], second[name]) for name in both if isinstance(second[name], dict)}
    return {**first, **second, **inner}


def _records(leaf: t.Sequence[t.Any]) -> t.Iterator[t.Dict[str, t.Any]]:
    """Yield what can stand beside an option: nothing, what a record demands, and one or two options more."""
    if len(leaf) < 2:
        yield {}
        return
    spec = leaf[-2].kind.spec["options"]
    others = [option for option in leaf[-2].kind.options if option.name != leaf[-1].name and not option.kind.options]
    demanded = [option for option in others if spec[option.name].get("required")]
    for extra in (0, 1):
        for chosen in itertools.combinations([option for option in others if option not in demanded], extra):
            for values in itertools.product(*(_fitting(option) for option in (*demanded, *chosen))):
                yield {option.name: value for option, value in zip((*demanded, *chosen), values)}


def _fitting(option: t.Any) -> t.List[t.Any]:
    """Return harmless values that an option takes, a few."""
    kind, fitting = option.kind, []
    if kind.spec["type"] == "bool":
        return [True]
    if kind.spec["type"] == "int":
        return [25]
    for value in kind.spec.get("choices", GOOD):
        try:
            kind.parse([value] if kind.spec["type"] == "list" else value)
        except ValueError:
            continue
        fitting.append([value] if kind.spec["type"] == "list" else value)
    return fitting[:3]


def accepted(policy: t.Mapping[str, t.Any]) -> t.Any:
    """Return the rendering; None where the policy is refused with an error of ours."""
    files = {"sendmail.conf": given.text("8.18", "stock", "sendmail.conf").encode(), "anna": b"a@served.test x\n"}
    try:
        return given.rendered(dict(policy), files=files)
    except PostmasterError:
        return None


@functools.lru_cache(maxsize=None)
def place_of(number: int) -> t.Optional[t.Tuple[Place, t.Tuple[t.Any, ...]]]:
    """Return the place of an option with the renderings of harmless values there; None where sendmail takes none."""
    leaf = LEAVES[number]
    values = [value for value in GOOD if _taken(leaf[-1], value)]
    for beside in _records(leaf):
        made = [accepted(_built(leaf, beside, value)) for value in values]
        renderings = tuple(rendering for rendering in made if rendering is not None)
        if renderings:
            return Place(tuple(o.name for o in leaf), functools.partial(_built, leaf, beside)), renderings
    return None


def _taken(option: t.Any, value: str) -> bool:
    try:
        option.kind.parse([value] if option.kind.spec["type"] == "list" else value)
    except ValueError:
        return False
    return True
