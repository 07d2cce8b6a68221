# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rewriting of addresses as both MTAs do it: keys, values, and which rules cannot live together.

A key is an address, or C(@domain) for all addresses of a domain. Both MTAs apply the rules until none matches. So that they come
to the same end, no rule may give what another one takes, except that an address rule may take what a domain gave.

Private to the collection: it can change at any time.
"""

import typing as t

from .._errors import OptionError
from .policy_record import Policy

#: The ends of domain rules that everybody may send to, by how their mail is delivered.
LOCAL, RELAYED = "local", "relayed"


class Rules(t.NamedTuple):
    """What becomes of senders and of recipients: key to value.

    :param masquerade: domains that hide the names below them.
    :param exposed: the parts before the C(@) of senders that masquerading leaves alone.
    :param headers: whether the rules hold for headers, too.
    """

    senders: t.Mapping[str, str]
    recipients: t.Mapping[str, str]
    masquerade: t.Tuple[str, ...]
    exposed: t.Tuple[str, ...]
    headers: bool


def rules_of(policy: Policy) -> Rules:
    """Return the rules of a policy.

    :raises OptionError: two rules for one address, a local domain with another name, or a rule that another one would undo.
    """
    rewrite = policy.rewrite
    masquerade = rewrite.masquerade
    senders: t.Dict[str, str] = {}
    recipients: t.Dict[str, str] = {}
    _add_records("policy.rewrite.senders", rewrite.senders, senders)
    _add_records("policy.rewrite.recipients", rewrite.recipients, recipients)
    for number, rule in enumerate(rewrite.domains):
        for rules in (senders, recipients):
            _add(f"policy.rewrite.domains[{number}].domain", f"@{rule.domain}", f"@{rule.to}", rules)
    _refuse_local(policy, recipients)
    hidden = tuple(sorted(masquerade.domains or ()))
    _refuse_nested(hidden)
    _refuse_chains("policy.rewrite.senders", senders, hidden)
    _refuse_chains("policy.rewrite.recipients", recipients, ())
    exposed = tuple(sorted({name.lower() for name in getattr(masquerade, "except") or ()}))
    return Rules(senders, recipients, hidden, exposed, rewrite.headers is not False)


def _add_records(path: str, records: t.Iterable[Policy], rules: t.Dict[str, str]) -> None:
    for number, rule in enumerate(records):
        here = f"{path}[{number}]"
        if "@" in rule.match and "@" not in rule.to:
            raise OptionError(f"{here}.to", rule.to, "an address needs an address in its place")
        if "@" not in rule.match and "@" in rule.to and path.endswith("recipients"):
            raise OptionError(f"{here}.to", rule.to, "a domain of recipients needs a domain in its place")
        _add(f"{here}.match", _key(rule.match), _key(rule.to), rules)


def _key(text: str) -> str:
    return text if "@" in text else f"@{text}"


def _add(path: str, key: str, value: str, rules: t.Dict[str, str]) -> None:
    if rules.setdefault(key.lower(), value) != value:
        raise OptionError(path, key.lstrip("@"), "another rule rewrites it already")


def _refuse_local(policy: Policy, recipients: t.Mapping[str, str]) -> None:
    for name in local_names(policy):
        if f"@{name}" in recipients:
            why = "the domain is delivered here, so its users are local ones; rewrite single addresses of it"
            raise OptionError("policy.rewrite.domains", name, why)


def local_names(policy: Policy) -> t.List[str]:
    """Return the domains that are delivered here."""
    identity = policy.identity
    return [name for name in (identity.hostname, "localhost", *(identity.local_domains or ())) if name]


def _refuse_nested(hidden: t.Sequence[str]) -> None:
    for name in hidden:
        if any(name.endswith(f".{other}") for other in hidden):
            raise OptionError("policy.rewrite.masquerade.domains", name, "a domain above it is masqueraded already")


def _refuse_chains(path: str, rules: t.Mapping[str, str], hidden: t.Sequence[str]) -> None:
    """Refuse a rule whose end another rule would rewrite again, unless a domain gave it and an address rule takes it."""
    for key, value in sorted(rules.items()):
        domain = "@" + value.lower().rpartition("@")[2]
        if _is_taken_on(key, value, rules) or any(domain.endswith(f".{name}") for name in hidden):
            raise OptionError(path, f"{key.lstrip('@')} to {value.lstrip('@')}", "another rule would rewrite it again")
    for name in hidden:
        if f"@{name}" in rules:
            raise OptionError(path, name, "masquerading gives this domain, and the rule would rewrite it again")


def _is_taken_on(key: str, value: str, rules: t.Mapping[str, str]) -> bool:
    """Return whether another rule takes the end of a rule."""
    address, domain = value.lower(), "@" + value.lower().rpartition("@")[2]
    if domain in rules and domain != key:
        return True
    return not _is_domain_rule(key, value) and address in rules and address != key


def implied_domains(policy: Policy, rules: Rules, how: str) -> t.List[str]:
    """Return the domains that everybody may send to because their other name is delivered here, or relayed."""
    local, relayed = local_names(policy), policy.relay.domains or ()
    ends = {key[1:]: value[1:] for key, value in rules.recipients.items() if key.startswith("@")}
    if how == LOCAL:
        return sorted(name for name, end in ends.items() if end in local)
    served = {name for name, end in ends.items() if end not in local and _is_served(end, relayed, policy)}
    return sorted(served - set(relayed))


def _is_served(name: str, relayed: t.Container[str], policy: Policy) -> bool:
    labels = name.split(".")
    parents = [".".join(labels[number:]) for number in range(1, len(labels))]
    return name in relayed or bool(policy.relay.subdomains and any(parent in relayed for parent in parents))


def as_options(rules: Rules) -> t.Dict[str, t.Any]:
    """Return rules as the options of the section C(rewrite)."""
    both = {key for key, value in rules.senders.items() if _is_domain_rule(key, value)}
    both = {key for key in both if rules.recipients.get(key) == rules.senders[key]}
    options: t.Dict[str, t.Any] = {
        "senders": _records(rules.senders, both),
        "recipients": _records(rules.recipients, both),
        "domains": [{"domain": key[1:], "to": rules.senders[key][1:]} for key in sorted(both)],
    }
    options = {name: records for name, records in options.items() if records}
    if rules.masquerade:
        options["masquerade"] = {"domains": list(rules.masquerade)}
        if rules.exposed:
            options["masquerade"]["except"] = list(rules.exposed)
    return dict(options, headers=rules.headers) if options else {}


def _is_domain_rule(key: str, value: str) -> bool:
    return key.startswith("@") and value.startswith("@")


def _records(rules: t.Mapping[str, str], both: t.Container[str]) -> t.List[t.Dict[str, str]]:
    keys = sorted((key for key in rules if key not in both), key=lambda key: (key.startswith("@"), key))
    return [{"match": key.lstrip("@"), "to": rules[key].lstrip("@")} for key in keys]


def without_implied(policy: t.Mapping[str, t.Any]) -> None:
    """Take the domains that follow from C(rewrite.domains) out of those that were read as served, in place."""
    ends = {rule["domain"]: rule["to"] for rule in policy.get("rewrite", {}).get("domains", ())}
    identity, relay = policy.get("identity", {}), policy.get("relay", {})
    local, relayed = identity.get("local_domains") or [], relay.get("domains") or []
    served = {identity.get("hostname"), *local, *relayed} - set(ends)
    for section, option, names in ((identity, "local_domains", local), (relay, "domains", relayed)):
        if option in section:
            section[option] = [name for name in names if not _follows(ends.get(name), served, relay)]
    rows = policy.get("recipients", {}).get("domains")
    if rows:
        policy["recipients"]["domains"] = [row for row in rows if not _follows(ends.get(row["domain"]), served, relay)]


def _follows(end: t.Optional[str], served: t.Container[t.Optional[str]], relay: t.Mapping[str, t.Any]) -> bool:
    if end is None:
        return False
    labels = end.split(".")
    parents = [".".join(labels[number:]) for number in range(1, len(labels))]
    return end in served or bool(relay.get("subdomains") and any(parent in served for parent in parents))
