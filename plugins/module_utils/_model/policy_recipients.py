# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which recipients a policy knows, the same for both MTAs, and whether it contradicts itself.

Private to the collection: it can change at any time.
"""

import typing as t

from .._errors import OptionError
from .policy_record import Policy
from .rewriting import RELAYED, implied_domains, rules_of

_PATH = "policy.recipients"
#: This recipient every domain has (RFC 5321 4.5.1).
POSTMASTER = "postmaster"


class Known(t.NamedTuple):
    """The recipients that a policy knows.

    :param domains: the domains whose recipients are known.
    :param addresses: those that the policy names itself.
    :param tables: the names of the tables with more of them.
    """

    domains: t.Tuple[str, ...]
    addresses: t.Tuple[str, ...]
    tables: t.Tuple[str, ...]


def known(policy: Policy, present: t.Callable[[str], bool]) -> t.Optional[Known]:
    """Return the recipients that a policy knows; None where it takes every recipient of its domains.

    :param present: whether the configuration directory has a table.
    :raises OptionError: naming the option.
    """
    wanted = policy.recipients
    tables = tuple(wanted.tables or ())
    if not wanted.domains:
        if tables:
            raise OptionError(f"{_PATH}.tables", list(tables), "domains must say whose addresses are in them")
        return None
    for name in tables:
        if not present(name):
            raise OptionError(f"{_PATH}.tables", name, "there is no such table; write it with the module table first")
    addresses: t.Dict[str, t.Tuple[str, ...]] = {}
    for number, row in enumerate(wanted.domains):
        path = f"{_PATH}.domains[{number}]"
        _check(path, row, policy, addresses)
        addresses[row.domain] = tuple(f"{user}@{row.domain}" for user in {POSTMASTER, *(row.users or ())})
    _add_other_names(policy, addresses)
    everybody = tuple(sorted(address for items in addresses.values() for address in items))
    return Known(tuple(sorted(addresses)), everybody, tables)


def _add_other_names(policy: Policy, addresses: t.Dict[str, t.Tuple[str, ...]]) -> None:
    """Add the users of a domain under the other names that C(rewrite) gives it."""
    ends = rules_of(policy).recipients
    for name in implied_domains(policy, rules_of(policy), RELAYED):
        end = ends[f"@{name}"][1:]
        if end not in addresses:
            continue
        if policy.recipients.tables:
            why = f"the users of {end} are in tables, which know no other name of it; name them in policy.recipients"
            raise OptionError("policy.rewrite.domains", name, why)
        addresses[name] = tuple(f"{address.rpartition('@')[0]}@{name}" for address in addresses[end])


def _check(path: str, row: Policy, policy: Policy, others: t.Container[str]) -> None:
    if row.domain in others:
        raise OptionError(f"{path}.domain", row.domain, "the domain has another row already")
    if row.domain not in (policy.relay.domains or ()):
        raise OptionError(f"{path}.domain", row.domain, "it is none of policy.relay.domains")
    if not row.users and not policy.recipients.tables:
        raise OptionError(f"{path}.users", row.users, "nobody would exist in it: name its users, or tables")


def row_of(domain: str, addresses: t.Iterable[str]) -> t.Dict[str, t.Any]:
    """Return a domain with its users, as the policy has it, without the user that every domain has."""
    users = {address.rpartition("@")[0] for address in addresses if address.endswith(f"@{domain}")} - {"", POSTMASTER}
    return {"domain": domain, "users": sorted(users)} if users else {"domain": domain}
