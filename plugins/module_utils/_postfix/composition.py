# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The values of main.cf that have several authors, and the one order in which these stand there, whichever of them ran last.

Private to the collection: it can change at any time.

In a restriction list, C(smtpd_client_restrictions) for instance, three modules put tables in front of what the administrator wrote:

1. C(capture): what it catches is caught first, and nothing slips by;
2. C(access): no C(permit) of anybody overtakes a rule;
3. the policy, with the delay of the greeting and the service that knows the load.

In a list of lookup tables, C(transport_maps) for instance, the same holds: what is captured, the routes of the policy, other tables.

A native setting of such a parameter replaces what the administrator wrote, and not what the modules hook in.
"""

import typing as t

from .parameters import split_list
from .restrictions import LISTS, elements, join

#: Lists of lookup tables with a table of the policy in them.
TABLE_LISTS = frozenset(
    (
        "alias_maps",
        "recipient_canonical_maps",
        "sender_canonical_maps",
        "sender_dependent_default_transport_maps",
        "sender_dependent_relayhost_maps",
        "smtp_tls_policy_maps",
        "transport_maps",
    )
)
_OWN = ":$config_directory/"
#: How the tables begin of the modules that put elements into lists of others, in the order of the modules.
_GUESTS = (_OWN + "capture_", _OWN + "access_")
#: How the tables of each author begin, in the order of the authors. Of the policy's tables this one stands in front.
_AUTHORS = (*_GUESTS, _OWN + "policy_greeting", "unix:private/policy_load,")


def is_guest(element: str) -> bool:
    """Return whether capture or access put an element into a list, and not the policy or the administrator."""
    return any(table in element for table in _GUESTS)


def is_hook(name: str, element: str) -> bool:
    """Return whether an element of a list is one that a module hooked in, and not the administrator's."""
    return _rank(name, element) < len(_authors(name))


def in_order(name: str, words: t.Iterable[str]) -> t.List[str]:
    """Return the elements of a list in the order of their authors; those of one author keep theirs."""
    return sorted(words, key=lambda word: _rank(name, word))


def with_hooks(name: str, native: t.Optional[str], before: str) -> t.Optional[str]:
    """Return a native value with what modules hook into it.

    :param native: the value as the user gave it; None where he removes the parameter.
    :param before: the value as it would be without the native setting.
    """
    if name not in LISTS and name not in TABLE_LISTS:
        return native
    hooks = _hooks(name, native or "", before)
    if not hooks:
        return native
    return join(in_order(name, hooks) + ([native] if native else []))


def _hooks(name: str, native: str, before: str) -> t.List[str]:
    """Return what modules hook into a value and the native value does not have itself."""
    natives = _split(name, native)
    hooks = [element for element in _split(name, before) if is_hook(name, element) and element not in natives]
    if natives or name in LISTS:
        return hooks
    # Who wants no table at all does not want that of the policy either.
    return [element for element in hooks if _OWN + "policy_" not in element]


def _authors(name: str) -> t.Tuple[str, ...]:
    return _AUTHORS if name in LISTS else (*_GUESTS, "unix:private/policy_load_map", _OWN + "policy_")


def _rank(name: str, element: str) -> int:
    authors = _authors(name)
    ranks = [number for number, beginning in enumerate(authors) if beginning in element]
    return ranks[0] if ranks else len(authors)


def _split(name: str, value: str) -> t.Tuple[str, ...]:
    return elements(value) if name in LISTS else split_list(value)
