# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access rules for sendmail: which lines of the access map, and how sendmail is made to ask it. Twin of C(_postfix.access).

Private to the collection: it can change at any time.
"""

import itertools
import os
import re
import typing as t

from .. import _files
from .._errors import Refused
from .._model.access import ADDRESS, DEFER, DISCARD, DOMAIN, DROP, HOLD, NETWORK, REJECT, TO, Rule, octets
from .._model.host import File, Host
from .compile import compiled_names
from .discover import live_cf, unsupported
from .lookup import DROP_TAG, REFUSE_TAG, TAGS, ask
from .networks import prefixes

NAME = "access"
#: The table of the policy, which is asked before that of the rules.
POLICY_TABLE = "access.postmaster"
#: Whether a table without lines is removed; this one is the administrator's.
REMOVE_EMPTY = False
NEW_MODE = 0o640
_MAP = re.compile(r"^K(access\w*)[ \t]+(\w+)[ \t]+(.*)$", re.MULTILINE)
#: The ruleset that asks for the rules that are routes.
_ROUTES = "\nSPostmasterRefuse"
#: About so many rules sendmail is asked in one call.
_AT_ONCE = 10000
#: A recipient that no rule is about.
_NOBODY = "postmaster-mta-asks"


class Facts(t.NamedTuple):
    """What the live configuration says about access.

    :param maps: the files behind the access map in the order in which they are looked up: path relative to the directory, type.
    :param blocklist: whether To: is looked up (FEATURE(blocklist_recipients)).
    :param skip: whether SKIP is known (the third argument of access_db).
    :param drops: whether rules that are routes are asked for.
    :param serves: whether the policy's own table lets everybody send to a domain.
    """

    kind: str
    maps: t.Tuple[t.Tuple[str, str], ...]
    blocklist: bool
    skip: bool
    drops: bool = False
    serves: t.Callable[[str], bool] = lambda domain: False

    def type_of(self, name: str) -> str:
        """Return the type of a table."""
        return dict(self.maps).get(name, self.kind)


def facts(host: Host) -> Facts:
    """Read sendmail.cf."""
    directory = host.instance.config_directory
    with open(os.path.join(directory, "sendmail.cf"), encoding="utf-8", errors="surrogateescape") as stream:
        text = stream.read()
    maps = _maps(text, directory.rstrip("/") + "/")
    kind = dict(maps).get(NAME) or host.capabilities.default_table_type
    return Facts(kind, maps, "SearchList <+ To>" in text, "\nR<SKIP>" in text, _ROUTES in text, _serving(directory))


def _serving(directory: str) -> t.Callable[[str], bool]:
    """Return what tells the domains that the policy serves, which reads its table when it is first asked."""
    content: t.List[bytes] = []

    def serves(domain: str) -> bool:
        if not content:
            content.append(_files.read(os.path.join(directory, POLICY_TABLE)) or b"")
        return f"\nTo:{domain}\tRELAY\n".encode("ascii") in content[0]

    return serves


def _maps(text: str, directory: str) -> t.Tuple[t.Tuple[str, str], ...]:
    """Return path and type of each file of the directory behind the access map, which may be a sequence of maps."""
    definitions = {name: (kind, words.split()) for name, kind, words in _MAP.findall(text)}
    kind, words = definitions.get(NAME, ("", []))
    members = words if kind == "sequence" else [NAME]
    maps = []
    for member in members:
        kind, words = definitions.get(member, ("", []))
        path = next((word for word in words if word.startswith(directory)), "")
        if path:
            maps.append((path[len(directory) :].rsplit(".db", 1)[0], kind))
    return tuple(maps)


def names(known: Facts, where: str) -> t.Tuple[str, ...]:
    """Return the tables in which rules of a place can stand: one for all."""
    return (NAME,)


# --- rules to lines -------------------------------------------------------------------------------------------------


def place(known: Facts, rule: Rule) -> t.Dict[str, t.Tuple[str, ...]]:
    """Return the lines of a rule by table.

    :raises Unsupported: sendmail cannot do it.
    """
    if rule.kind == DOMAIN and not rule.subdomains:
        nearest = "the domain with its subdomains, or addresses in it"
        raise unsupported("subdomains", f"false for {rule.title}", nearest)
    value = value_of(rule)
    return {NAME: tuple(f"{_tag(known, rule)}:{key}\t{value}" for key in _keys(rule))}


def _tag(known: Facts, rule: Rule) -> str:
    if not is_routed(known, rule):
        return TAGS[rule.where]
    return DROP_TAG if rule.action == DROP else REFUSE_TAG


def is_routed(known: Facts, rule: Rule) -> bool:
    """Return whether a rule is asked where recipients are parsed: a drop, and the refusal of a domain that the policy serves.

    At RCPT the policy's own table would be asked before the rule, and lets everybody send to the domain.
    """
    refuses = rule.where == TO and rule.kind == DOMAIN and rule.action in (REJECT, DEFER)
    return rule.action == DROP or (refuses and known.serves(rule.pattern))


def _keys(rule: Rule) -> t.Tuple[str, ...]:
    if rule.kind != NETWORK:
        return (rule.pattern,)
    if rule.network.version == 4:
        return octets(rule.network)
    try:
        return prefixes(rule.network)
    except ValueError as why:
        raise unsupported("connect", rule.pattern, str(why))


def value_of(rule: Rule) -> str:
    """Return the right side of a line."""
    if rule.action in (REJECT, DEFER):
        return f'ERROR:{rule.status}:"{rule.code} {rule.text}"'
    if rule.action == HOLD:
        return f"QUARANTINE:{rule.text}"
    return rule.action.upper()


# --- rules that are refused -----------------------------------------------------------------------------------------


def refuse_unfit(host: Host, known: Facts, rules: t.Iterable[Rule]) -> None:
    """Refuse rules about recipients that would take in strangers' mail for others, or that sendmail would never look up.

    :raises Unsupported: naming the rule.
    """
    about = (rule for rule in rules if rule.where == TO)
    for some in iter(lambda: list(itertools.islice(about, _AT_ONCE)), []):
        _keep_closed(host, [rule for rule in some if rule.action in (DISCARD, HOLD)])
        _refuse_served(host, known, [rule for rule in some if rule.kind == DOMAIN and not is_routed(known, rule)])


def _keep_closed(host: Host, rules: t.Sequence[Rule]) -> None:
    """Refuse to discard or hold what the relay would not take in from everybody.

    sendmail looks To: up before it controls who relays: such a rule would take mail in from strangers for any domain. So these
    actions are for single recipients in domains that the relay takes mail in for from everybody.
    """
    served = _served(host, {_domain(rule) for rule in rules if rule.kind == ADDRESS})
    for rule in rules:
        if rule.kind != ADDRESS or _domain(rule) not in served:
            nearest = (
                "reject, or this action for an address in a domain that the relay takes in mail for from everybody"
            )
            raise unsupported("action", f"{rule.action} for {rule.title}", nearest)


def _domain(rule: Rule) -> str:
    return rule.pattern.rpartition("@")[2]


def _refuse_served(host: Host, known: Facts, rules: t.Sequence[Rule]) -> None:
    """Refuse rules for domains that the policy serves: their own table comes first, so the rule would count for nothing."""
    by_key = {f"{TAGS[TO]}:{rule.pattern}": rule for rule in rules}
    for name, kind in known.maps[: _place_of(known, NAME)]:
        for key, value in ask(host, host.instance.config_directory, name, kind, list(by_key)).items():
            nearest = f"single addresses; {name} has {key} {value}, which comes first (policy.relay.domains)"
            raise unsupported("to", by_key[key].title, nearest)


def _place_of(known: Facts, name: str) -> int:
    order = [member for member, dummy in known.maps]
    return order.index(name) if name in order else 0


def _served(host: Host, domains: t.AbstractSet[str]) -> t.Set[str]:
    """Return the domains that a stranger may send to, by what the rulesets say about an address that no rule is about."""
    if not domains:
        return set()
    from . import rulesets

    directory = host.instance.config_directory
    addresses = [f"{_NOBODY}@{domain}" for domain in domains]
    ruleset = rulesets.about_recipients(live_cf(directory))
    verdicts = rulesets.ask(host, os.path.join(directory, "sendmail.cf"), ruleset, rulesets.STRANGERS[0], addresses)
    return {address.rpartition("@")[2] for address, verdict in verdicts.items() if rulesets.taken(verdict)}


def own_domains(host: Host, known: Facts) -> t.FrozenSet[str]:
    """Return the domains that the live configuration takes mail for, as its files say it."""
    from . import served

    return served.domains(host.instance.config_directory, [name for name, dummy in known.maps])


# --- wiring ---------------------------------------------------------------------------------------------------------


def wire(host: Host, known: Facts, filled: t.Mapping[str, bool], places: t.AbstractSet[str]) -> t.Dict[str, File]:
    """Return the files that make sendmail ask the access map; an unmanaged sendmail.mc gets the features that it lacks.

    :param places: where the rules look; only C(to) needs more than the map.
    :raises Refused: there is no place for them.
    """
    complete = NAME in dict(known.maps) and (known.blocklist or TO not in places)
    complete = complete and (known.drops or DROP not in places)
    if complete or not any(filled.values()):
        return {}
    path = os.path.join(host.instance.config_directory, "sendmail.mc")
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as stream:
            lines = stream.read().split("\n")
    except OSError:
        raise Refused([f"{path}: it does not exist, and the live sendmail.cf does not ask the table access"])
    from .build import build_cf

    text = "\n".join(_with_features(host, path, lines))
    if DROP in places:
        from . import drop_map

        text = drop_map.wired(text)
    pair = {"sendmail.mc": text, "sendmail.cf": build_cf(host, text)}
    return {name: File(content.encode("utf-8", "surrogateescape")) for name, content in pair.items()}


def _with_features(host: Host, path: str, lines: t.Sequence[str]) -> t.List[str]:
    """Return a sendmail.mc with access_db before every feature that uses it, and blocklist_recipients right behind it."""
    edited = list(lines)
    first = _first_line(edited, "FEATURE(", "MAILER(")
    if first is None:
        raise Refused([f"{path}: no MAILER() to put FEATURE(access_db) before"])
    access_db = _first_line(edited, "FEATURE(`access_db'")
    if access_db is None:
        table = f"{host.capabilities.default_table_type} -T<TMPF> -o {os.path.join(os.path.dirname(path), NAME)}"
        edited.insert(first, f"FEATURE(`access_db', `{table}', `skip')dnl")
        access_db = first
    if _first_line(edited, "FEATURE(`blocklist_rec", "FEATURE(`blacklist_rec") is None:
        word = "blocklist" if host.capabilities.version >= (8, 16) else "blacklist"
        edited.insert(access_db + 1, f"FEATURE(`{word}_recipients')dnl")
    return edited


def _first_line(lines: t.Sequence[str], *beginnings: str) -> t.Optional[int]:
    return next((number for number, line in enumerate(lines) if line.startswith(beginnings)), None)


def reload_reasons(known: Facts, changed: t.Iterable[str]) -> t.Tuple[str, ...]:
    """Return nothing: sendmail opens its tables anew at every connection."""
    return ()


def compiled(known: Facts, name: str) -> t.Tuple[str, ...]:
    """Return the compiled files of a table."""
    return compiled_names(known.type_of(name), name)
