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
    "tls_clt": (11, "nearest: check_ccert_access, or demand STARTTLS with policy.tls.server.level"),
    "authinfo": (
        30,
        "a secret is not copied; smtp_sasl_password_maps needs the next hop as it is written in the route",
    ),
    "qgrp": (26, "Postfix has one queue; nearest: a transport of its own"),
    "compat": (31, "pairs of sender and recipient need restriction classes of Postfix"),
    "bcc": (31, "nearest: recipient_bcc_maps"),
}
_BY_SERVER = "sendmail looks up the name of the server, Postfix the domain of the next hop; nearest: policy.tls.domains"
_NOW = datetime.datetime(2000, 1, 1)

Rules = t.List[t.Dict[str, t.Any]]


class Access:
    """Reads the lines of the access file.

    :param recipients: whether keys without a tag count for recipients, too.
    """

    def __init__(self, recipients: bool, policy: t.Mapping[str, t.Any]) -> None:
        self._places = ("connect", "from", "to") if recipients else ("connect", "from")
        self._policy = policy

    def read(self, line: Entry, tag: str) -> t.Iterator[t.Tuple[Row, Rules]]:
        """Yield the rows of the report for one line, each with the rules that it became."""
        key = line.key.partition(":")[2] if tag else line.key
        where, text = f"access:{line.line}", f"{line.key} {line.value}"
        value = "" if tag == "authinfo" else line.value
        if tag == "authinfo":
            text = f"{line.key} (a secret, not shown)"
        if tag in _PLACES:
            yield self._rule(_NUMBERS[tag], tag, key, value, where, text)
        elif tag:
            yield self._other(tag, key, value, where, text), []
        elif value.upper() == "RELAY":
            yield self._untagged_relay(key, where, text), []
        else:
            expanded: Rules = []
            for place in self._places:
                row, rules = self._rule(6, place, key, value, where, text)
                expanded += rules
                if row.verdict == NOT_CONVERTED:
                    yield row, []
            places = ", ".join(sorted({name for rule in expanded for name in rule if name in _PLACES}))
            if expanded:
                yield Row(6, DIFFERS, where, text, f"a key without a tag counts in several places: {places}"), expanded

    def _untagged_relay(self, key: str, where: str, text: str) -> Row:
        if network_of(key):
            return Row(3, CONVERTED, where, text, "policy.relay.networks")
        sentence = "policy.relay.domains; sendmail also lets clients and senders of that name relay, Postfix lets them relay by address only"
        return Row(6, DIFFERS, where, text, sentence, f"a client named HOST.{key}, RCPT to another domain")

    def _rule(self, number: int, place: str, key: str, value: str, where: str, text: str) -> t.Tuple[Row, Rules]:
        if value.upper() == "RELAY":
            return self._relay(number, place, key, where, text)
        action, code, status, words = meaning(value, place)
        if not action:
            return Row(7, NOT_CONVERTED, where, text, "this value is none that has a rule", f"{place}: {key}"), []
        rule: t.Dict[str, t.Any] = {place: [_pattern(key)], "action": action}
        if code and value.upper() != "REJECT":
            rule.update(code=code, status=status)
        if words and value.upper() != "REJECT":
            rule["text"] = words
        try:
            _access.parse("rule", rule, {}, _NOW)
        except OptionError as problem:
            return Row(number, NOT_CONVERTED, where, text, f"{place}: {problem.why}", f"{place}: {key}"), []
        if action == "ok":
            sentence = f"a rule for {place}; it accepts even if others refuse, and never relays"
            return Row(number, DIFFERS, where, text, sentence, f"{place}: {key}"), [rule]
        return Row(7 if number == 6 else number, CONVERTED, where, text, f"a rule for {place}"), [rule]

    def _relay(self, number: int, place: str, key: str, where: str, text: str) -> t.Tuple[Row, Rules]:
        if place == "connect" and network_of(key):
            return Row(number, CONVERTED, where, text, "policy.relay.networks"), []
        if place == "connect" and key.startswith("["):
            return Row(
                number, NOT_CONVERTED, where, text, "in brackets it is a client without a name", f"connect: {key}"
            ), []
        if place == "connect" and key.lower() == "localhost":
            return Row(number, CONVERTED, where, text, "the host itself always may"), []
        if place == "connect":
            sentence = "who owns the reverse zone of an address chooses its name; let the client relay by its address"
            return Row(
                number, NOT_CONVERTED, where, text, sentence, f"a client named {key}, RCPT to another domain"
            ), []
        if place == "to" and key in (value_at(self._policy, ("relay", "domains")) or ()):
            return Row(number, CONVERTED, where, text, "policy.relay.domains"), []
        if place == "to":
            sentence = (
                "a single recipient is relayed; nearest: check_recipient_access with permit in smtpd_relay_restrictions"
            )
            return Row(number, NOT_CONVERTED, where, text, sentence, f"a stranger, RCPT to {key}"), []
        sentence = (
            "who claims this sender may relay, and a sender can be forged; say which clients with policy.relay.networks"
        )
        return Row(29, NOT_CONVERTED, where, text, sentence, f"a stranger, MAIL from {key}"), []

    def _other(self, tag: str, key: str, value: str, where: str, text: str) -> Row:
        if tag in _OTHER_TAGS:
            number, sentence = _OTHER_TAGS[tag]
            return Row(number, NOT_CONVERTED, where, text, sentence, f"{tag}: {key}")
        if tag in ("clientrate", "clientconn"):
            if not key:
                return Row(10, CONVERTED, where, text, "policy.limits")
            if value == "0":
                return Row(
                    10,
                    DIFFERS,
                    where,
                    text,
                    "Postfix exempts smtpd_client_event_limit_exceptions, as a rule the networks that may relay",
                )
            return Row(
                10, NOT_CONVERTED, where, text, "Postfix has one limit for all clients", f"many connections of {key}"
            )
        if tag == "greetpause":
            verdict = CONVERTED if not key or network_of(key) else NOT_CONVERTED
            return Row(9, verdict, where, text, "policy.session.greeting_delays, by network and in whole seconds")
        if tag == "tls_rcpt":
            verdict = DIFFERS if ":" in value else CONVERTED
            return Row(11, verdict, where, text, "policy.tls.domains; bits of the cipher have no counterpart")
        if tag in ("try_tls", "tls_srv"):
            return Row(
                11,
                DIFFERS if not key else NOT_CONVERTED,
                where,
                text,
                "policy.tls.client.level" if not key else _BY_SERVER,
            )
        return Row(27, DIFFERS, where, text, "policy.session: letters of Srv_Features")


def _pattern(key: str) -> str:
    network = network_of(key)
    return str(network) if network else key


class Virtual(t.NamedTuple):
    """What the virtusertable becomes."""

    lines: t.List[str]
    rules: Rules
    rows: t.List[Row]


def virtual(entries: t.Iterable[Entry], hostname: str) -> Virtual:
    """Return the virtusertable as lines of virtual(5), rules for its errors, and the rows of the report."""
    result = Virtual([], [], [])
    for line in entries:
        where, text, target = f"virtusertable:{line.line}", f"{line.key} {line.value}", line.value
        if target.lower().startswith("error:"):
            _virtual_error(result, line, where, text)
        elif "+" in line.key or re.search(r"%[23]", target):
            sentence = "Postfix has no pattern for the detail; nearest: a pcre table"
            result.rows.append(Row(15, NOT_CONVERTED, where, text, sentence, f"RCPT to {line.key.replace('*', 'x')}"))
        else:
            target = (
                target.replace("%1@", "@")
                if line.key.startswith("@")
                else target.replace("%1", line.key.partition("@")[0])
            )
            target = target if "@" in target else f"{target}@{hostname or 'localhost'}"
            result.lines.append(f"{line.key} {target}")
            result.rows.append(Row(15, CONVERTED, where, text, "virtual_alias_maps"))
    if result.lines:
        sentence = "sendmail asks it for its own and its virtual domains only, Postfix for every recipient, remote ones included"
        result.rows.append(
            Row(15, DIFFERS, "virtusertable", "", sentence, "RCPT to one of the keys, by a client that may relay")
        )
    return result


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


def rewriting(
    source: mc_source.Source, generics: t.Iterable[Entry], domains: t.Sequence[str]
) -> t.Tuple[t.List[str], t.List[Row]]:
    """Return masquerading and the genericstable as lines of canonical(5) for senders, and the rows of the report."""
    lines: t.List[str] = []
    rows: t.List[Row] = []
    for line in generics:
        keys = [line.key] if "@" in line.key else [f"{line.key}@{domain}" for domain in domains]
        where, text = f"genericstable:{line.line}", f"{line.key} {line.value}"
        if "%" in line.value or "+" in line.key or not keys:
            rows.append(
                Row(
                    13,
                    NOT_CONVERTED,
                    where,
                    text,
                    "Postfix has no pattern for it, or no GENERICS_DOMAIN is known",
                    f"MAIL from {line.key}",
                )
            )
            continue
        lines += [f"{key} {line.value}" for key in keys]
        rows.append(Row(13, CONVERTED, where, text, "sender_canonical_maps, for senders only"))
    target = [call for call in source.of("MASQUERADE_AS") if call.arguments]
    if not target:
        return lines, rows
    name = target[-1].arguments[0]
    for call in source.of("EXPOSED_USER"):
        users = [user for argument in call.arguments for user in argument.split()]
        lines += [f"{user}@{domain} {user}@{domain}" for user in users for domain in _masqueraded(source)]
        rows.append(_row(12, CONVERTED, call, "sender_canonical_maps: the address stays"))
    lines += [f"@{domain} @{name}" for domain in _masqueraded(source) if domain != name]
    sentence = "sender_canonical_maps; Postfix rewrites headers of clients in local_header_rewrite_clients only, and every user of these domains"
    for call in (*target, *source.of("MASQUERADE_DOMAIN")):
        rows.append(_row(12, DIFFERS, call, sentence, "a message from inside: envelope, From, Reply-To"))
    for call in (*source.of("MASQUERADE_EXCEPTION"), *source.of("MASQUERADE_DOMAIN_FILE")):
        rows.append(_row(12, NOT_CONVERTED, call, "nearest: a line in sender_canonical_maps that keeps the address"))
    return lines, rows


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
