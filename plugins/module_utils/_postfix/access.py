# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access rules for Postfix: which lines of which tables, and where smtpd asks them. Twin of C(_sendmail.access).

Private to the collection: it can change at any time.

C(from) is asked first thing in smtpd_sender_restrictions, C(connect) in smtpd_client_restrictions, C(to) in
smtpd_recipient_restrictions, so nothing overtakes them. DISCARD is asked in smtpd_recipient_restrictions only, behind the
relay control: asked earlier it would answer 250 to every recipient in the world. OK never stands there, so that no rule but
a relay rule can open the relay; relay rules are asked in smtpd_relay_restrictions. DROP is a route: the recipient is taken, and
goes to Postfix's own discard service.
"""

import os
import typing as t

from .. import _files
from .._errors import OptionError, Refused
from .._model import access as _access
from .._model.access import CONNECT, DEFER, DISCARD, DROP, FROM, HOLD, OK, REJECT, RELAY, SKIP, TO, Rule
from .._model.host import COMPILED_SUFFIXES, File, Host, compiled_names
from . import main_cf
from .discover import READ_AT_START
from .parameters import defaults, expand, split_list

SENDER, CLIENT = "smtpd_sender_restrictions", "smtpd_client_restrictions"
RECIPIENT, RELAY_CONTROL = "smtpd_recipient_restrictions", "smtpd_relay_restrictions"
TRANSPORT = "transport_maps"
_SUBDOMAINS = "parent_domain_matches_subdomains"
_RELAY_FIRST = "smtpd_relay_before_recipient_restrictions"
CHECKS = {FROM: "check_sender_access", TO: "check_recipient_access", CONNECT: "check_client_access"}
#: Actions that let a message pass smtpd's first lists; what becomes of it is decided behind the relay control.
_ANSWERED_LATE = (DISCARD, OK, SKIP, HOLD)
#: Whether a table without lines is removed, and no longer asked.
REMOVE_EMPTY = True
NEW_MODE = 0o644


class Table(t.NamedTuple):
    """A table of ours.

    :param type: C(regexp) or C(cidr), or empty for the instance's own indexed type.
    :param asked_in: the restriction list, or the list of lookup tables.
    """

    name: str
    where: str
    type: str
    asked_in: str


#: In the order in which a list asks them: the more special first.
TABLES = (
    Table("access_relay", CONNECT, "", RELAY_CONTROL),
    Table("access_relay_networks", CONNECT, "cidr", RELAY_CONTROL),
    Table("access_connect_names", CONNECT, "regexp", CLIENT),
    Table("access_connect", CONNECT, "", CLIENT),
    Table("access_connect_networks", CONNECT, "cidr", CLIENT),
    Table("access_from_addresses", FROM, "", SENDER),
    Table("access_from_patterns", FROM, "regexp", SENDER),
    Table("access_from", FROM, "", SENDER),
    Table("access_to_patterns", TO, "regexp", RECIPIENT),
    Table("access_to", TO, "", RECIPIENT),
    Table("access_from_discard", FROM, "", RECIPIENT),
    Table("access_connect_discard", CONNECT, "", RECIPIENT),
    Table("access_connect_discard_networks", CONNECT, "cidr", RECIPIENT),
    Table("access_drop_patterns", TO, "regexp", TRANSPORT),
    Table("access_drop", TO, "", TRANSPORT),
)
#: The tables of the module capture, which are asked before all others: what they say is not final, and nothing must slip by.
CAPTURE = (
    Table("capture_connect", CONNECT, "", CLIENT),
    Table("capture_connect_networks", CONNECT, "cidr", CLIENT),
    Table("capture_from_patterns", FROM, "regexp", SENDER),
    Table("capture_from", FROM, "", SENDER),
)
#: Its tables of routes, which the module itself hooks in.
CAPTURE_TO = (
    Table("capture_to_patterns", TO, "regexp", TRANSPORT),
    Table("capture_to", TO, "", TRANSPORT),
)
_ALL = CAPTURE + CAPTURE_TO + TABLES
_DROPPED = "discard:dropped by an access rule"
#: The services that serve clients on port 25.
MAIN_SERVICES = ("smtp/inet", "25/inet", "smtpd/pass")
_BY_NAME = {table.name: table for table in _ALL}


class Facts(t.NamedTuple):
    """What the live configuration says about access.

    :param kind: the type of indexed tables.
    :param values: the effective parameters, as they are written.
    :param relay: the relay control that is built in.
    """

    kind: str
    content: bytes
    main: main_cf.MainCf
    values: t.Mapping[str, str]
    relay: str = ""

    def type_of(self, name: str) -> str:
        """Return the type of a table of ours."""
        return _BY_NAME[name].type or self.kind

    def element(self, table: Table) -> str:
        """Return how a list asks a table."""
        if table.asked_in == TRANSPORT:
            return f"{self.type_of(table.name)}:$config_directory/{table.name}"
        return f"{CHECKS[table.where]} {self.type_of(table.name)}:$config_directory/{table.name}"


def facts(host: Host) -> Facts:
    """Read main.cf.

    :raises SyntaxProblem: it cannot be edited safely.
    """
    path = os.path.join(host.instance.config_directory, "main.cf")
    with open(path, "rb") as stream:
        content = stream.read()
    main = main_cf.sound(main_cf.parse(content, path))
    builtin = defaults(host.runner)
    values = dict(builtin, **main.values)
    # The type that ours have already: a new version of Postfix may prefer another one.
    kind = _wired_type(values) or host.capabilities.default_table_type
    return Facts(kind, content, main, values, builtin.get(RELAY_CONTROL, ""))


def _wired_type(values: t.Mapping[str, str]) -> str:
    """Return the type by which the live configuration asks those tables of ours that are of the instance's own type."""
    ours = {table.name for table in TABLES if not table.type}
    for name in dict.fromkeys(table.asked_in for table in TABLES):
        for word in split_list(values.get(name, "")):
            kind, dummy, path = word.partition(":$config_directory/")
            if path in ours and kind in COMPILED_SUFFIXES:
                return kind
    return ""


def names(known: Facts, where: str) -> t.Tuple[str, ...]:
    """Return the tables in which rules of a place can stand."""
    return tuple(table.name for table in TABLES if table.where == where)


# --- rules to lines -------------------------------------------------------------------------------------------------


def place(known: Facts, rule: Rule) -> t.Dict[str, t.Tuple[str, ...]]:
    """Return the lines of a rule by table.

    :raises OptionError: it cannot be done here.
    """
    if rule.kind == _access.DOMAIN and not rule.subdomains:
        return _exact(rule)
    if rule.kind == _access.NETWORK:
        return _place_network(rule)
    if rule.action == DROP:
        return _place_drop(known, rule)
    value, keys = value_of(rule), _keys(rule)
    with_detail = rule.where == FROM and rule.kind == _access.USER
    lines = {_table_of(rule): (_with_detail(rule, value, True),) if with_detail else _lines(keys, value)}
    if _needs_detail(known, rule):
        lines[f"access_{rule.where}_patterns"] = (_with_detail(rule, value, False),)
    if rule.where != TO and rule.action in _ANSWERED_LATE:
        lines[f"access_{rule.where}_discard"] = _lines(keys, _late_value(rule))
    return lines


def _needs_detail(known: Facts, rule: Rule) -> bool:
    """Return whether a rule for user@ needs a line for user+anything@, too."""
    return rule.kind == _access.ADDRESS and rule.action != OK and not has_detail(known)


def _place_drop(known: Facts, rule: Rule) -> t.Dict[str, t.Tuple[str, ...]]:
    """Return the lines of a route to nowhere; transport(5) takes subdomains with the dot only."""
    keys = list(_keys(rule))
    if rule.kind == _access.DOMAIN:
        keys += [f".{key}" for key in keys]
    lines = {"access_drop": _lines(keys, _DROPPED)}
    if _needs_detail(known, rule):
        lines["access_drop_patterns"] = (_with_detail(rule, _DROPPED, False),)
    return lines


def _table_of(rule: Rule) -> str:
    """Return the table of a rule that covers what it names, subdomains included."""
    if rule.where != FROM:
        return f"access_{rule.where}"
    tables = {_access.ADDRESS: "access_from_addresses", _access.DOMAIN: "access_from"}
    return tables.get(rule.kind, "access_from_patterns")


def _late_value(rule: Rule) -> str:
    """Return the right side of a line that is asked behind the relay control."""
    return "DISCARD" if rule.action == DISCARD else "DUNNO"


def _place_network(rule: Rule) -> t.Dict[str, t.Tuple[str, ...]]:
    """Return the lines of a network, by octets where possible: the indexed table is read live, a CIDR table is not."""
    network = rule.network
    suffix, keys = "", _access.octets(network) if network.version == 4 else (str(network.network_address),)
    if network.version == 6 and network.prefixlen < 128:
        suffix, keys = "_networks", (str(network),)
    if rule.action == RELAY:
        return {"access_relay" + suffix: _lines(keys, "OK")}
    lines = {"access_connect" + suffix: _lines(keys, value_of(rule))}
    if rule.action in _ANSWERED_LATE:
        lines["access_connect_discard" + suffix] = _lines(keys, _late_value(rule))
    return lines


def _exact(rule: Rule) -> t.Dict[str, t.Tuple[str, ...]]:
    if rule.action not in (REJECT, DEFER):
        raise OptionError(
            "subdomains", False, f"{rule.title}: without its subdomains a domain can be rejected or deferred only"
        )
    before = "" if rule.where == CONNECT else "@"
    lines = tuple(f"/{before or '^'}{escaped(key)}$/\t{value_of(rule)}" for key in _keys(rule))
    return {f"access_{rule.where}_{'names' if rule.where == CONNECT else 'patterns'}": lines}


def value_of(rule: Rule) -> str:
    """Return the right side of a line where the rule's place is asked."""
    if rule.action in (REJECT, DEFER):
        return f"{rule.code} {rule.status} {rule.text}"
    if rule.action == HOLD:
        return f"HOLD {rule.text}"
    if rule.where == TO:
        return "DISCARD" if rule.action == DISCARD else "DUNNO"
    # DISCARD follows behind the relay control; here it ends the list, so that no other check answers first.
    return "DUNNO" if rule.action == SKIP else "OK"


def _keys(rule: Rule) -> t.Tuple[str, ...]:
    """Return both spellings of an internationalised domain: with SMTPUTF8 a client may send either."""
    return tuple(dict.fromkeys((rule.pattern, _access.unicode_form(rule.pattern).lower())))


def _lines(keys: t.Iterable[str], value: str) -> t.Tuple[str, ...]:
    return tuple(f"{key}\t{value}" for key in keys)


def has_detail(known: Facts) -> bool:
    """Return whether this Postfix itself takes user+anything@ for user@."""
    return "+" in expand(known.values.get("recipient_delimiter", ""), known.values)


def _with_detail(rule: Rule, value: str, bare: bool) -> str:
    """Return the line for user+anything@: sendmail takes it for user@ always, Postfix only with a recipient_delimiter."""
    local, dummy, domain = rule.pattern.rpartition("@")
    detail = r"(\+[^@]*)?" if bare else r"\+[^@]*"
    end = f"{escaped(domain)}$" if domain else ""
    return f"/^{escaped(local)}{detail}@{end}/\t{value}"


def escaped(text: str) -> str:
    """Return a key as a part of a regular expression."""
    return "".join("\\" + letter if letter in ".+/" else letter for letter in text)


def is_routed(known: Facts, rule: Rule) -> bool:
    """Return whether a rule is a route, and no restriction."""
    return rule.action == DROP


# --- rules that are not taken ---------------------------------------------------------------------------------------


def refuse_unfit(host: Host, known: Facts, rules: t.Iterable[Rule]) -> None:
    """Refuse nothing: what takes mail in is asked behind the relay control, and our tables come before all others."""


def own_domains(host: Host, known: Facts) -> t.FrozenSet[str]:
    """Return the domains that the live configuration takes mail for, as its files say it."""
    from . import served

    return served.domains(dict(known.values, config_directory=host.instance.config_directory))


# --- wiring ---------------------------------------------------------------------------------------------------------


def wire(host: Host, known: Facts, filled: t.Mapping[str, bool], places: t.AbstractSet[str]) -> t.Dict[str, File]:
    """Return the files that make smtpd ask the tables, and no others of ours.

    :param filled: for each table whether it has lines after the change; those that are not named stay as they are.
    :param places: where the rules look.
    :raises Refused: a setting would keep the rules from meaning what they say.
    """
    content = known.content
    for name in (RELAY_CONTROL, CLIENT, SENDER, RECIPIENT, TRANSPORT):
        content = _rewired(content, known, name, filled)
    asked = [_BY_NAME[name] for name, lines in filled.items() if lines]
    problems = [f"{name}: {why}" for name, why in conflicts(known.values, asked)] if asked else []
    problems += _overridden(host, asked) if asked else []
    if problems:
        raise Refused(problems)
    return {} if content == known.content else {"main.cf": File(content)}


def _rewired(content: bytes, known: Facts, name: str, filled: t.Mapping[str, bool]) -> bytes:
    """Return main.cf with those of our tables in one restriction list that have lines, or that stay as they are."""
    current = elements_of(known, name)
    ours = {known.element(table): table for table in _ALL if table.asked_in == name}
    expected = [element for element, table in ours.items() if filled.get(table.name, element in current)]
    if [element for element in current if element in ours] == expected:
        return content
    from . import access_wiring

    return access_wiring.rewired(content, name, list(ours), expected, known)


def elements_of(known: Facts, name: str) -> t.List[str]:
    """Return the pairs of words in a restriction list: each restriction with its argument is one of them.

    Of a list of lookup tables, its words.
    """
    words = split_list(known.values.get(name, ""))
    if name == TRANSPORT:
        return list(words)
    return [f"{word} {other}" for word, other in zip(words, words[1:])]


def hooked(values: t.Mapping[str, str]) -> t.List[Table]:
    """Return the tables of the module access that a configuration asks."""
    return [table for table in TABLES if f":$config_directory/{table.name}" in _words_of(values, table.asked_in)]


def _words_of(values: t.Mapping[str, str], name: str) -> t.Set[str]:
    words = split_list(values.get(name, ""))
    return {colon + path for dummy, colon, path in (word.partition(":") for word in words)}


def conflicts(values: t.Mapping[str, str], tables: t.Sequence[Table]) -> t.Iterator[t.Tuple[str, str]]:
    """Yield the settings that keep rules from meaning what they say: the parameter, and why.

    :param tables: those that have rules.
    """
    if "smtpd_access_maps" not in split_list(expand(values.get(_SUBDOMAINS, ""), values)):
        yield _SUBDOMAINS, "without smtpd_access_maps a rule for a domain would not cover its subdomains"
    control = {"reject_unauth_destination", "defer_unauth_destination"} & set(split_list(values.get(RECIPIENT, "")))
    if control and any(table.asked_in == RELAY_CONTROL for table in tables):
        yield RECIPIENT, f"{control.pop()} in it would refuse whom a relay rule lets relay; {RELAY_CONTROL} has it"
    late = any("_discard" in table.name for table in tables)
    if late and expand(values.get(_RELAY_FIRST, "no"), values) != "yes":
        yield _RELAY_FIRST, "it must be yes for discard rules, or they would be asked before the relay control"


def _overridden(host: Host, filled: t.Sequence[Table]) -> t.List[str]:
    """Return the options of the main service that take the place of a list in which rules stand."""
    path = os.path.join(host.instance.config_directory, "master.cf")
    lists = {table.asked_in for table in filled}
    content = _files.read(path) or b""
    if not _mentions(content, lists):
        return []
    from . import master_cf

    services = master_cf.parse(content, path).services
    main = [service for key, service in services.items() if key in MAIN_SERVICES]
    return [
        f"{path}: {service.name}/{service.type}: -o {name}={value} is stronger than main.cf, and the rules would not be asked"
        for service in main
        for name, value in service.options
        if name in lists and "access_" not in value
    ]


def _mentions(content: bytes, names: t.AbstractSet[str]) -> bool:
    """Return whether one of these parameters stands outside the comments."""
    lines = [line for line in content.split(b"\n") if not line.startswith(b"#")]
    return any(name.encode() in line for line in lines for name in names)


def reload_reasons(known: Facts, changed: t.Iterable[str]) -> t.Tuple[str, ...]:
    """Return the changed tables that a daemon reads once, when it starts, or looks at now and then only."""
    slow = [name for name in changed if known.type_of(name) in READ_AT_START or _BY_NAME[name].asked_in == TRANSPORT]
    return tuple(f"{known.type_of(name)}:{name}" for name in slow)


# --- compiled tables ------------------------------------------------------------------------------------------------


def compiled(known: Facts, name: str) -> t.Tuple[str, ...]:
    """Return the compiled files of a table of ours."""
    return compiled_names(known.type_of(name), name)
