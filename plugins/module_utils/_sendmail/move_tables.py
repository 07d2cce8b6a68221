# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of sendmail as rules and tables of Postfix.

Private to the collection: it can change at any time.
"""

import datetime
import re
import typing as t

from .. import _addresses
from .._errors import OptionError
from .._model import access as _access
from .._model.adopted import value_at
from .._model.move import CONVERTED, DIFFERS, NOT_CONVERTED, Row
from . import mc_source
from .compile import Entry
from .lookup import meaning
from .networks import network_of

_PLACES = {"connect": "connect", "from": "from", "to": "to"}
_NUMBERS = {"connect": 3, "to": 4, "from": 5}
ACCESS_TAGS = frozenset(
    (*_PLACES, "spam", "greetpause", "clientrate", "clientconn", "try_tls", "tls_srv", "tls_rcpt", "tls_clt")
    + ("srv_features", "clt_features", "authinfo", "qgrp", "compat", "bcc")
)
_OTHER_TAGS = {
    "spam": (8, "nearest: a rule for the recipient that comes behind the relay control"),
    "authinfo": (
        30,
        "a secret is not copied; smtp_sasl_password_maps needs the next hop as it is written in the route",
    ),
    "qgrp": (26, "Postfix has one queue; nearest: a transport of its own"),
    "compat": (31, "pairs of sender and recipient need restriction classes of Postfix"),
    "bcc": (31, "nearest: recipient_bcc_maps"),
}
_NOW = datetime.datetime(2000, 1, 1)

Rules = t.List[t.Dict[str, t.Any]]


class _Line(t.NamedTuple):
    """A line of the access file: its key without the tag, and what the report shows of it."""

    key: str
    value: str
    where: str
    text: str

    def row(self, number: int, verdict: str, sentence: str, test: str = "") -> Row:
        """Return the row of the report about the line."""
        return Row(number, verdict, self.where, self.text, sentence, test)


class Access:
    """Reads the lines of the access file.

    :param recipients: whether keys without a tag count for recipients, too.
    :param full: whether a single recipient can be relayed.
    :param by_sender: whether a sender can.
    :param own: the local domains: a recipient without a domain is one of them.
    """

    def __init__(
        self,
        recipients: bool,
        policy: t.Mapping[str, t.Any],
        full: bool = False,
        by_sender: bool = False,
        own: t.Sequence[str] = (),
    ) -> None:
        self._places = ("connect", "from", "to") if recipients else ("connect", "from")
        self._policy = policy
        self._full = full
        self._by_sender = by_sender
        self._own = own
        #: Names of clients and single recipients that are relayed.
        self.clients: t.List[str] = []
        self.recipients: t.List[str] = []

    def read(self, entry: Entry, tag: str) -> t.Iterator[t.Tuple[Row, Rules]]:
        """Yield the rows of the report for one line, each with the rules that it became."""
        key = entry.key.partition(":")[2] if tag else entry.key
        line = _Line(key, entry.value, f"access:{entry.line}", f"{entry.key} {entry.value}")
        if tag == "authinfo":
            line = line._replace(value="", text=f"{entry.key} (a secret, not shown)")
        if tag in _PLACES:
            yield self._rule(_NUMBERS[tag], tag, line)
        elif tag:
            yield _other(tag, line), []
        elif line.value.upper() == "RELAY":
            yield self._untagged_relay(line), []
        else:
            yield from self._untagged(line)

    def _untagged(self, line: _Line) -> t.Iterator[t.Tuple[Row, Rules]]:
        """Yield the rows about a line without a tag: the places where it cannot be a rule, then those where it is one."""
        expanded: Rules = []
        for place in self._places:
            if not _can_be(place, line.key):
                continue
            row, rules = self._rule(6, place, line)
            expanded += rules
            if row.verdict == NOT_CONVERTED:
                yield row, []
        places = ", ".join(sorted({name for rule in expanded for name in rule if name in _PLACES}))
        if expanded:
            yield line.row(6, DIFFERS, f"a key without a tag counts in several places: {places}"), expanded

    def _rule(self, number: int, place: str, line: _Line) -> t.Tuple[Row, Rules]:
        if line.value.upper() == "RELAY":
            return self._relay(number, place, line), []
        action, code, status, words = meaning(line.value, place)
        example = f"{place}: {line.key}"
        if not action:
            return line.row(7, NOT_CONVERTED, "this value is none that has a rule", example), []
        is_local = place == "to" and line.key.endswith("@")
        keys = [f"{line.key}{domain}" for domain in self._own] if is_local else []
        rule: t.Dict[str, t.Any] = {place: keys or [_pattern(line.key)], "action": action}
        if code and line.value.upper() != "REJECT":
            rule.update(code=code, status=status)
        if words and line.value.upper() != "REJECT":
            rule["text"] = words
        try:
            _access.parse("rule", rule, {}, _NOW)
        except OptionError as problem:
            return line.row(number, NOT_CONVERTED, f"{place}: {problem.why}", example), []
        if action == "ok":
            sentence = f"a rule for {place}; it accepts even if others refuse, and never relays"
            return line.row(number, DIFFERS, sentence, example), [rule]
        return line.row(7 if number == 6 else number, CONVERTED, f"a rule for {place}"), [rule]

    def _relay(self, number: int, place: str, line: _Line) -> Row:
        if place == "connect":
            return self._relaying_client(number, line)
        if place == "from":
            return self._relaying_sender(line)
        if line.key in (value_at(self._policy, ("relay", "domains")) or ()):
            return line.row(number, CONVERTED, "policy.relay.domains")
        if not self._full:
            sentence = "nothing: FEATURE(access_db) has no relaytofulladdress, and sendmail does not relay by this line"
            return line.row(number, CONVERTED, sentence)
        self.recipients.append(line.key)
        return line.row(number, CONVERTED, "check_recipient_access with OK in smtpd_relay_restrictions")

    def _relaying_sender(self, line: _Line) -> Row:
        if not self._by_sender:
            return line.row(
                29, CONVERTED, "nothing: without FEATURE(relay_mail_from) sendmail does not relay by this line"
            )
        sentence = (
            "who claims this sender may relay, and a sender can be forged; say which clients with policy.relay.networks"
        )
        return line.row(29, NOT_CONVERTED, sentence, f"a stranger, MAIL from {line.key}")

    def _relaying_client(self, number: int, line: _Line) -> Row:
        """Return the row about a client that may relay."""
        if network_of(line.key):
            return line.row(number, CONVERTED, "policy.relay.networks")
        if line.key.startswith("["):
            return line.row(number, NOT_CONVERTED, "in brackets it is a client without a name", f"connect: {line.key}")
        if line.key.lower() == "localhost":
            return line.row(number, CONVERTED, "the host itself always may")
        self.clients.append(line.key)
        sentence = (
            "check_client_access with OK in smtpd_relay_restrictions, by the verified name, names below it included"
        )
        return line.row(number, CONVERTED, sentence)

    def _untagged_relay(self, line: _Line) -> Row:
        if network_of(line.key):
            return line.row(3, CONVERTED, "policy.relay.networks")
        self.clients.append(line.key)
        where = "policy.relay.domains, and in smtpd_relay_restrictions clients whose verified name lies in it"
        if not self._by_sender:
            return line.row(6, CONVERTED, where)
        return line.row(
            6, DIFFERS, f"{where}; senders of this name relay no more", f"a stranger, MAIL from x@{line.key}"
        )


def _can_be(place: str, key: str) -> bool:
    """Return whether a key without a tag can match in a place: an address of a host is a client, a mail address is none."""
    return place == "connect" if network_of(key) else not (place == "connect" and "@" in key)


def _other(tag: str, line: _Line) -> Row:
    """Return the row about a tag that is about neither connections, senders nor recipients."""
    if tag in _OTHER_TAGS:
        number, sentence = _OTHER_TAGS[tag]
        return line.row(number, NOT_CONVERTED, sentence, f"{tag}: {line.key}")
    if tag in ("clientrate", "clientconn"):
        return _client_limit(line)
    if tag == "greetpause":
        verdict = CONVERTED if not line.key or network_of(line.key) else NOT_CONVERTED
        return line.row(9, verdict, "policy.session.greeting_delays, by network and in whole seconds")
    return line.row(27, DIFFERS, "policy.session: letters of Srv_Features")


def _client_limit(line: _Line) -> Row:
    """Return the row about a limit of connections; one without a key is for all clients."""
    if not line.key:
        return line.row(10, CONVERTED, "policy.limits")
    if line.value == "0":
        sentence = "Postfix exempts smtpd_client_event_limit_exceptions, as a rule the networks that may relay"
        return line.row(10, DIFFERS, sentence)
    return line.row(10, NOT_CONVERTED, "Postfix has one limit for all clients", f"many connections of {line.key}")


def _pattern(key: str) -> str:
    network = network_of(key)
    return str(network) if network else key


class Virtual(t.NamedTuple):
    """What the virtusertable becomes."""

    lines: t.List[str]
    rules: Rules
    rows: t.List[Row]
    #: Lines of regexp_table(5), for what depends on the detail.
    patterns: t.List[str]


def virtual(entries: t.Iterable[Entry], hostname: str, served: t.Optional[t.Container[str]] = None) -> Virtual:
    """Return the virtusertable as lines of virtual(5), rules for its errors, and the rows of the report.

    :param served: the domains about which sendmail asks it; None where they are not known.
    """
    result = Virtual([], [], [], [])
    for line in entries:
        where, text, target = f"virtusertable:{line.line}", f"{line.key} {line.value}", line.value
        if served is not None and line.key.rpartition("@")[2].lower() not in served:
            sentence = "nothing: the domain is neither a local nor a virtual one, and sendmail does not look here"
            result.rows.append(Row(15, CONVERTED, where, text, sentence))
        elif target.lower().startswith("error:"):
            _virtual_error(result, line, where, text)
        elif "+" in line.key or re.search(r"%[23]", target):
            pattern = _with_detail(line.key, target, hostname)
            result.patterns.extend([pattern] if pattern else [])
            verdict = CONVERTED if pattern else NOT_CONVERTED
            sentence = "virtual_alias_maps: a regexp table" if pattern else "nearest: a pcre table"
            result.rows.append(Row(15, verdict, where, text, sentence, f"RCPT to {line.key.replace('*', 'x')}"))
        else:
            target = (
                target.replace("%1@", "@")
                if line.key.startswith("@")
                else target.replace("%1", line.key.partition("@")[0])
            )
            target = target if "@" in target else f"{target}@{hostname or 'localhost'}"
            result.lines.append(f"{line.key} {target}")
            result.rows.append(Row(15, CONVERTED, where, text, "virtual_alias_maps"))
    if result.lines and served is None:
        sentence = "sendmail asks it for its own and its virtual domains only, Postfix for every recipient, remote ones included"
        result.rows.append(
            Row(15, DIFFERS, "virtusertable", "", sentence, "RCPT to one of the keys, by a client that may relay")
        )
    return result


#: C(user+*@domain) and C(user++@domain): any detail, or one that is not empty.
_DETAILED = re.compile(r"([^@+]+)\+([*+])@([^@+]+)\Z")


def _with_detail(key: str, value: str, hostname: str = "") -> str:
    """Return a key with a detail as a line of regexp_table(5); empty where it is none, or its value says more.

    C(%1) is the user, C(%2) the detail and C(%3) the detail with its plus sign.
    """
    match = _DETAILED.match(key)
    if not match or re.search(r"%[^123]|[$]", value):
        return ""
    user, kind, domain = match.groups()
    target = value.replace("%1", user).replace("%3", "+${1}").replace("%2", "${1}")
    target = target if "@" in target or not hostname else f"{target}@{hostname}"
    detail = "[^@]*" if kind == "*" else "[^@]+"
    return f"/^{literal(user)}\\+({detail})@{literal(domain)}$/ {target}"


def literal(text: str) -> str:
    """Return a text that means itself in a pattern."""
    return re.sub(r"([^A-Za-z0-9_@-])", r"\\\1", text)


def _virtual_error(result: Virtual, line: Entry, where: str, text: str) -> None:
    test = f"RCPT to {line.key.replace('@', 'x@', 1) if line.key.startswith('@') else line.key}"
    if line.key.startswith("@"):
        sentence = (
            "the other users of the domain exist; nearest: policy.recipients.domains with the addresses that there are"
        )
        result.rows.append(Row(15, NOT_CONVERTED, where, text, sentence, test))
        return
    match = re.match(r"error:(?:(\d\.\d{1,3}\.\d{1,3}):)?(?:(\d{3}) )?(.*)\Z", line.value, re.IGNORECASE)
    status, code, words = match.groups() if match else ("", "", "")
    rule: t.Dict[str, t.Any] = {"to": [line.key], "action": "reject"}
    if code and status and words:
        rule.update(code=int(code), status=status, text=words)
    result.rules.append(rule)
    verdict = CONVERTED if len(rule) > 2 else DIFFERS
    result.rows.append(Row(15, verdict, where, text, "a rule for the recipient", test))


class Rewriting(t.NamedTuple):
    """What masquerading and the genericstable become: lines of canonical(5) and of regexp_table(5) for senders, and the rows."""

    lines: t.List[str]
    patterns: t.List[str]
    rows: t.List[Row]


def rewriting(
    source: mc_source.Source, generics: t.Iterable[Entry], domains: t.Sequence[str], own: t.Sequence[str]
) -> Rewriting:
    """Return what masquerading and the genericstable become.

    :param domains: those of GENERICS_DOMAIN.
    :param own: the name of the host, and its local domains.
    """
    result = Rewriting([], [], [])
    for entry in generics:
        _generic(result, entry, [*domains, *own[:1]])
    target = [call for call in source.of("MASQUERADE_AS") if call.arguments and call.arguments[0]]
    if target:
        _masquerade(result, source, target, own)
    return result


def _generic(result: Rewriting, entry: Entry, domains: t.Sequence[str]) -> None:
    """Add one line of the genericstable; without a domain it is about users of all of them."""
    keys = [entry.key] if "@" in entry.key else [f"{entry.key}@{domain}" for domain in dict.fromkeys(domains)]
    where, text = f"genericstable:{entry.line}", f"{entry.key} {entry.value}"
    if "+" in entry.key:
        patterns = [_with_detail(key, entry.value.replace("%1", "%2")) for key in keys]
        is_known = bool(patterns) and all(patterns)
        result.patterns.extend(patterns if is_known else [])
    else:
        value = entry.value.replace("%1@", "@") if entry.key.startswith("@") else entry.value
        is_known = bool(keys) and "%" not in value
        result.lines.extend([f"{key} {value}" for key in keys] if is_known else [])
    verdict = CONVERTED if is_known else NOT_CONVERTED
    sentence = (
        "sender_canonical_maps, for senders only"
        if is_known
        else "no GENERICS_DOMAIN is known, or nearest: a pcre table"
    )
    result.rows.append(Row(13, verdict, where, text, sentence, "" if is_known else f"MAIL from {entry.key}"))


def _masquerade(
    result: Rewriting, source: mc_source.Source, target: t.Sequence[mc_source.Call], own: t.Sequence[str]
) -> None:
    """Add masquerading: those users and domains first whose addresses stay."""
    name = target[-1].arguments[0]
    features = source.features()
    entire = "masquerade_entire_domain" in features
    domains = _masqueraded(source)
    if "limited_masquerade" not in features and "local_no_masquerade" not in features:
        domains = list(dict.fromkeys([*domains, *own]))
    for call in source.of("EXPOSED_USER"):
        users = [user for argument in call.arguments for user in argument.split()]
        result.lines.extend([f"{user}@{domain} {user}@{domain}" for user in users for domain in domains])
        result.rows.append(_row(12, CONVERTED, call, "sender_canonical_maps: the address stays"))
    for call in source.of("MASQUERADE_EXCEPTION"):
        kept = " ".join(call.arguments).split()
        result.lines.extend([f"@{domain} @{domain}" for domain in kept])
        if entire:
            result.patterns.extend([f"/^(.*@{literal(domain)})$/ ${{1}}" for domain in kept])
        result.rows.append(_row(12, CONVERTED, call, "sender_canonical_maps: the domain stays"))
    result.lines.extend([f"@{domain} @{name}" for domain in domains if domain != name])
    if entire:
        result.patterns.extend([f"/^([^@]*)@.+\\.{literal(domain)}$/ ${{1}}@{name}" for domain in _masqueraded(source)])
    sentence = "sender_canonical_maps; Postfix rewrites headers of clients in local_header_rewrite_clients only, and every user of these domains"
    for call in (*target, *source.of("MASQUERADE_DOMAIN")):
        result.rows.append(_row(12, DIFFERS, call, sentence, "a message from inside: envelope, From, Reply-To"))
    for call in source.of("MASQUERADE_DOMAIN_FILE"):
        result.rows.append(_row(12, NOT_CONVERTED, call, "nearest: a line in sender_canonical_maps for each domain"))


def _masqueraded(source: mc_source.Source) -> t.List[str]:
    names = [
        word for call in source.of("MASQUERADE_DOMAIN") for argument in call.arguments for word in argument.split()
    ]
    return [name for name in names if _is_domain(name)]


def _is_domain(name: str) -> bool:
    try:
        return bool(_addresses.domain(name))
    except ValueError:
        return False


def block_list(name: str, arguments: t.Sequence[str]) -> t.Tuple[str, t.List[str]]:
    """Return the check of a block list, and a sentence for each part of it that has no counterpart.

    The arguments of enhdnsbl are the zone, the reply, C(t) for temporary failures, and the results that count.
    """
    zone = arguments[0].rstrip(".")
    results = [result.rstrip(".") for result in arguments[3:] if result] if name == "enhdnsbl" else []
    known = [result for result in results if re.match(r"127\.\d+\.\d+\.\d+\Z", result)]
    rest = [f"the result {result} of the list: say it as ZONE=127.0.0.N" for result in results if result not in known]
    check = "reject_rhsbl_sender" if name == "rhsbl" else "reject_rbl_client"
    zones = [f"{zone}={result}" for result in known] or [zone]
    return ", ".join(f"{check} {text}" for text in zones), rest


def milter(arguments: t.Sequence[str]) -> t.Tuple[str, str]:
    """Return a milter as smtpd_milters has it, and the sentence about it; the first is empty where it cannot be said."""
    options = dict(part.strip().partition("=")[::2] for part in (arguments[1] if len(arguments) > 1 else "").split(","))
    kind, dummy, rest = options.get("S", "").partition(":")
    if kind in ("inet", "inet6") and "@" in rest:
        port, dummy, address = rest.partition("@")
        place = f"inet:{f'[{address}]' if ':' in address else address}:{port}"
    elif kind in ("unix", "local") or options.get("S", "").startswith("/"):
        place = f"unix:{rest or options['S']}"
    else:
        return "", f"its socket cannot be read: {options.get('S', '')}"
    action = {"T": "tempfail", "R": "reject", "4": "tempfail"}.get(options.get("F", ""), "accept")
    sentence = f"smtpd_milters with default_action {action}; the macros and the timeouts T= of sendmail have other names and values"
    if place.startswith("unix:"):
        sentence += "; in a chroot the socket must lie below the queue directory"
    return f"{{ {place}, default_action={action} }}", sentence


def alias_rows(path: str, text: str) -> t.List[Row]:
    """Return the rows about a file of aliases."""
    rows = []
    plain = 0
    for number, line in enumerate(text.split("\n"), 1):
        name, colon, target = line.partition(":")
        if not colon or line.startswith("#"):
            continue
        where = f"{path}:{number}"
        if re.search(r'(^|[\s,"])\|', target):
            sentence = "Postfix runs the program as another user, and without smrsh"
            rows.append(Row(21, DIFFERS, where, line, sentence, f"mail to {name.strip()}"))
        elif ":include:" in target:
            sentence = "Postfix runs no program and writes no file that stands inside of it"
            rows.append(Row(21, DIFFERS, where, line, sentence, f"mail to {name.strip()}"))
        elif re.search(r'(^|[\s,"])/', target):
            rows.append(
                Row(21, DIFFERS, where, line, "Postfix writes the file as another user", f"mail to {name.strip()}")
            )
        else:
            plain += 1
    if plain:
        rows.append(
            Row(
                21,
                CONVERTED,
                path,
                f"{plain} aliases",
                "alias_maps reads the same file; run newaliases of Postfix once",
            )
        )
    return rows


def _row(number: int, verdict: str, call: mc_source.Call, sentence: str, test: str = "") -> Row:
    return Row(
        number, verdict, f"sendmail.mc:{call.line}", f"{call.macro}({', '.join(call.arguments)})", sentence, test
    )
