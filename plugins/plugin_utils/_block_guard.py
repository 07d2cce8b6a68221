# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Blocks that must not reach a relay: rules that cannot be meant, and such as somebody may regret.

Private to the collection: it can change at any time.
"""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.postmaster.mta.plugins.module_utils import _addresses
from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError, shorten
from ansible_collections.postmaster.mta.plugins.module_utils._log import suffixes
from ansible_collections.postmaster.mta.plugins.module_utils._model import access
from ansible_collections.postmaster.mta.plugins.module_utils._model.selection import domain_of
from ansible_collections.postmaster.mta.plugins.plugin_utils import _layers

Values = t.Mapping[str, t.Any]

#: The variables of the role relay that have the policy, the lowest layer first.
_POLICY = ("relay_policy", "relay_policy_group", "relay_policy_host")
#: The variables that have patterns, and where a rule looks for them.
_PATTERNS = (("block_domain", access.FROM), ("block_client", access.CONNECT), ("block_recipient", access.TO))
#: Stands for the rules of a file, whose lines the module judges.
_ANY_PATTERN = "a.example"


def unfit(values: Values, removes: bool) -> list[str]:
    """Return a sentence for each rule that the module would refuse on the first relay.

    :param values: the variables of the playbook.
    :param removes: only the patterns count.
    """
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    defaults = {} if removes else _options({name: values.get(f"block_{name}") for name in access.RULE_OPTIONS})
    sentences: list[str] = []
    for option, entry in _entries(values):
        try:
            access.parse(option, {name: entry.get(name) for name in access.PLACES} if removes else entry, defaults, now)
        except OptionError as problem:
            sentences.append(f"{_variable(problem.option)}: {shorten(problem.value)}: {problem.why}")
    return list(dict.fromkeys(sentences))


def _entries(values: Values) -> t.Iterator[tuple[str, Values]]:
    """Yield the rules that the variables stand for, with the name of the variable."""
    for variable, place in _PATTERNS:
        for pattern in as_list(values.get(variable)):
            yield variable, {place: [pattern]}
    for number, rule in enumerate(values.get("block_rules") or ()):
        yield (
            f"block_rules[{number}]",
            {**_options(rule), **{place: as_list(rule.get(place)) for place in access.PLACES}},
        )
    if values.get("block_file"):
        yield "block_file", {access.FROM: [_ANY_PATTERN]}


def _options(given: Values) -> dict[str, t.Any]:
    """Return the options of a rule with the types that the module makes of them."""
    options = {name: str(value) for name, value in given.items() if name in access.RULE_OPTIONS and value is not None}
    if options.get("code", "").isdigit():
        return {**options, "code": int(options["code"])}
    return options


def _variable(option: str) -> str:
    """Return the variable of an option of a rule: C(block_code) for C(block_domain.code)."""
    variable, _dot, name = option.partition(".")
    if variable.startswith("block_rules"):
        return option
    return variable if name in ("", *access.PLACES) else f"block_{name}"


def problems(values: Values, served: t.Collection[str]) -> list[str]:
    """Return a sentence for each pattern that must be confirmed by its name in C(block_anyway).

    :param values: the variables of the playbook.
    :param served: the domains that a relay takes mail for.
    """
    confirmed = {name.lower() for name in as_list(values.get("block_anyway"))}
    if str(values.get("block_action", "reject")) in ("ok", "skip", "relay"):
        return []
    sentences = []
    for pattern in _senders(values):
        name = pattern.lower().strip().rstrip(".")
        why = _why(name, served)
        if why and name not in confirmed:
            sentences.append(f"block_domain: {name}: {why}; if you mean it, add -e block_anyway={name}")
    return sentences


def _senders(values: Values) -> t.Iterator[str]:
    yield from as_list(values.get("block_domain"))
    for rule in values.get("block_rules") or ():
        if isinstance(rule, t.Mapping):
            yield from as_list(rule.get("from"))


def _why(name: str, served: t.Collection[str]) -> str:
    own = _own(name, served)
    if own:
        return f"the relay serves {own}, and its own mail would be blocked"
    # The spec of the playbook says where an address belongs.
    if "@" in name or name.startswith("<") or _addresses.is_address(name):
        return ""
    if suffixes.load().split(name) is None:
        return "a public suffix, below which many others have their domains"
    return ""


def _own(name: str, served: t.Collection[str]) -> str:
    """Return the domain that a relay serves and that a block would stop, or a part of it; empty if there is none."""
    domain = domain_of(name) if "@" in name else name
    above = next((each for each in access.parents(domain) if each in served), "")
    if above or "@" in name:
        return above
    return next((each for each in sorted(served) if each.endswith(f".{domain}")), "")


def served_domains(variables: Values, template: t.Callable[[t.Any], t.Any]) -> set[str]:
    """Return the domains that the policy of a relay serves."""
    layers = [template(variables.get(name) or {}) for name in _POLICY]
    relay = _layers.merge(layers).get("relay") or {}
    return {str(name).lower().rstrip(".") for name in as_list(relay.get("domains"))}


def as_list(value: object) -> list[str]:
    """Return the values of an option that takes a list, or a text with commas."""
    if value is None:
        return []
    items = value.split(",") if isinstance(value, str) else list(t.cast("t.Iterable[object]", value))
    return [str(item).strip() for item in items if str(item).strip()]
