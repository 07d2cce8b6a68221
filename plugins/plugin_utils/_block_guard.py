# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Blocks that somebody may regret: a public suffix, or a domain that the relays serve.

Private to the collection: it can change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.postmaster.mta.plugins.module_utils import _addresses
from ansible_collections.postmaster.mta.plugins.module_utils._log import suffixes
from ansible_collections.postmaster.mta.plugins.module_utils._model.selection import domain_of
from ansible_collections.postmaster.mta.plugins.plugin_utils import _layers

Values = t.Mapping[str, t.Any]

#: The variables of the role relay that have the policy, the lowest layer first.
_POLICY = ("relay_policy", "relay_policy_group", "relay_policy_host")


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
    own = domain_of(name) if "@" in name else next((each for each in sorted(served) if _covers(name, each)), "")
    if own in served:
        return f"the relay serves {own}, and its own mail would be blocked"
    # The spec of the playbook says where an address belongs.
    if "@" in name or name.startswith("<") or _addresses.is_address(name):
        return ""
    if suffixes.load().split(name) is None:
        return "a public suffix, below which many others have their domains"
    return ""


def _covers(name: str, domain: str) -> bool:
    """Return whether a block of a domain stops another one, which it is or which lies below it."""
    return domain == name or domain.endswith(f".{name}")


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
