# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access rules, the same for both MTAs: where a rule looks, what it matches, what it does, and the postmaster's own words.

Private to the collection: it can change at any time.
"""

import datetime
import re
import typing as t

from .. import _addresses
from .._clock import STAMP
from .._errors import OptionError
from .blocks import Block, Note

FROM, TO, CONNECT = "from", "to", "connect"
PLACES = (FROM, TO, CONNECT)
ADDRESS, USER, DOMAIN, NETWORK = "address", "user", "domain", "network"
REJECT, DEFER, DISCARD, HOLD, OK, RELAY, SKIP = "reject", "defer", "discard", "hold", "ok", "relay", "skip"
ACTIONS = (REJECT, DEFER, DISCARD, HOLD, OK, RELAY, SKIP)
#: Lists in the answers are cut here; their lengths are told.
SHOWN = 1000
#: Files of rules: one pattern a line, CSV, and the access files of the two MTAs.
FORMATS = ("domains", "csv", "sendmail", "postfix")
TEXT = "Refused because of abuse. If this is a mistake, please ask the postmaster of the domain you wrote to"

#: The codes that can be asked for. 421 and 521 would end the connection on one of the MTAs; 552 is sent again by old clients.
_CODES = {REJECT: range(540, 600), DEFER: range(450, 460)}
_STANDARD = {REJECT: (550, "5.7.1", TEXT), DEFER: (450, "4.7.1", "Deferred, please try again later")}
# Texts, not compiled: few rules have one of these.
_STATUS = r"([45])\.([0-9]{1,3})\.([0-9]{1,3})\Z"
# What neither m4, nor sendmail's address scanner, nor the syntax of a table makes anything else of.
_REPLY = r"[A-Za-z][A-Za-z0-9 .,:;!?/@+=_*&~^|-]{0,199}\Z"
_LOCAL = r"[A-Za-z0-9_][A-Za-z0-9_+=&~'/-]*(\.[A-Za-z0-9_+=&~'/-]+)*\Z"
_WORD = r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,63}\Z"
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z"
#: The widest networks that a rule may name.
_WIDEST = {4: 8, 6: 16}


class Rule(t.NamedTuple):
    """One rule.

    :param where: C(from) (envelope sender), C(to) (recipient), C(connect) (the client's address or verified name).
    :param pattern: normalised: C(user@domain), C(user@), a domain, an address, a network.
    :param kind: C(address), C(user), C(domain), C(network); a single client address is a network of one.
    :param subdomains: whether a domain stands for its subdomains as well.
    :param code: of the reply, for C(reject) and C(defer); else 0.
    :param text: of the reply; for C(hold) the reason.
    """

    where: str
    pattern: str
    kind: str
    subdomains: bool
    action: str
    code: int = 0
    status: str = ""
    text: str = ""
    note: Note = Note()

    @property
    def title(self) -> str:
        """What tells it from all others."""
        return f"{self.where} {self.pattern}"

    @property
    def network(self) -> _addresses.Network:
        """The network of a rule of that kind."""
        import ipaddress

        return ipaddress.ip_network(self.pattern)

    def says(self) -> str:
        """What it does, in words."""
        reply = f" {self.code} {self.status} {self.text}" if self.code else f" {self.text}".rstrip()
        only = "" if self.subdomains or self.kind != DOMAIN else " (without subdomains)"
        return f"{self.title}{only}: {self.action}{reply}"

    def block(self, lines: t.Sequence[str]) -> Block:
        """Its lines in a table, with its note."""
        return Block(self.title, tuple(lines), self.note)


# --- from options ---------------------------------------------------------------------------------------------------

#: Options of one rule, and of the module for rules that do not say it themselves.
WORDS: t.Dict[str, t.Any] = {
    "subdomains": {"type": "bool"},
    "action": {"type": "str", "choices": list(ACTIONS)},
    "code": {"type": "int"},
    "status": {"type": "str"},
    "text": {"type": "str"},
    "comment": {"type": "str"},
    "ticket": {"type": "str"},
    "by": {"type": "str"},
    "expires": {"type": "str"},
}
RULE_SPEC: t.Dict[str, t.Any] = dict({place: {"type": "list", "elements": "str"} for place in PLACES}, **WORDS)


def parse(
    option: str, given: t.Mapping[str, t.Any], usual: t.Mapping[str, t.Any], now: datetime.datetime
) -> t.List[Rule]:
    """The rules of one entry: one for each pattern.

    :param option: how the entry is called in messages, for instance C(rules[3]).
    :param usual: what counts for words that the entry does not say.
    :param now: in UTC.
    :raises OptionError: naming the rule and the value.
    """
    places = [place for place in PLACES if given.get(place)]
    if not places:
        raise OptionError(option, dict(given), "a rule needs one of from, to, connect")
    words = {name: usual.get(name) if given.get(name) is None else given[name] for name in WORDS}
    action = words["action"] or REJECT
    _choice(f"{option}.action", action)
    code, status, text = _reply(option, action, words)
    note = _note(option, words, now)
    rules = []
    for place in places:
        patterns = given[place] if isinstance(given[place], (list, tuple)) else [given[place]]
        for text_ in patterns:
            pattern, kind = _pattern(f"{option}.{place}", place, text_.strip(" ") if isinstance(text_, str) else text_)
            subdomains = kind == DOMAIN and words["subdomains"] is not False
            rules.append(_possible(option, Rule(place, pattern, kind, subdomains, action, code, status, text, note)))
    return rules


def pattern(where: str, text: str) -> t.Tuple[str, str]:
    """A pattern normalised, and its kind.

    :raises ValueError: what it is not, and what would be right.
    """
    if not isinstance(text, str) or not text or len(text) > 320:
        raise ValueError("an address, a domain or a network of at most 320 characters is wanted")
    if not text.isprintable() or any(blank.isspace() for blank in text):
        raise ValueError("blanks and control characters are not allowed")
    if text.startswith((".", "*")) or text.startswith("@"):
        raise ValueError("write the domain alone; its subdomains are covered unless subdomains is false")
    if text == "<>":
        raise ValueError("the null sender carries all bounces and cannot be a pattern (RFC 5321 4.5.5)")
    network = _network(text)
    if network is not None:
        if where != CONNECT:
            raise ValueError("an IP address is a client's: use connect")
        return network, NETWORK
    if "@" not in text:
        return _addresses.domain(text), DOMAIN
    if where == CONNECT:
        raise ValueError("a client has no mail address: use from")
    return _address(where, text)


def unique(rules: t.Sequence[Rule]) -> t.Tuple[Rule, ...]:
    """The rules without repetitions.

    :raises OptionError: two of them speak of the same and say different things.
    """
    found: t.Dict[str, Rule] = {}
    for rule in rules:
        other = found.setdefault(rule.title, rule)
        if other._replace(note=rule.note) != rule:
            raise OptionError("rules", rule.says(), f"another rule says {other.says()}")
    return tuple(found.values())


def _pattern(option: str, where: str, text: t.Any) -> t.Tuple[str, str]:
    try:
        return pattern(where, text)
    except ValueError as why:
        raise OptionError(option, text, str(why))


def _network(text: str) -> t.Optional[str]:
    """A network, or an address alone, in its one canonical form; None where the text is nothing of the kind."""
    plain = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    plain = plain[5:] if plain.lower().startswith("ipv6:") else plain
    if not (":" in plain or plain.count(".") == 3) or not re.match(r"[0-9A-Fa-f:.]+(/[0-9]+)?\Z", plain):
        return None
    if plain.count(".") == 3 and ":" not in plain and not re.match(r"[0-9./]+\Z", plain):
        return None
    import ipaddress

    network = _addresses.network(plain)
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is not None and network.prefixlen >= 96:
        network = ipaddress.ip_network(f"{mapped}/{network.prefixlen - 96}")
    if network.prefixlen < _WIDEST[network.version]:
        raise ValueError(f"a network of at most /{_WIDEST[network.version]} is wanted; this is half the Internet")
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def _address(where: str, text: str) -> t.Tuple[str, str]:
    local, dummy, domain = text.rpartition("@")
    if len(local) > 64 or not re.match(_LOCAL, local):
        raise ValueError("the part before the @ has up to 64 letters, digits and . _ + - = & ~ ' /")
    local = local.lower()
    if domain:
        return f"{local}@{_addresses.domain(domain)}", ADDRESS
    if where != FROM:
        raise ValueError("user@ without a domain is possible for from only: sendmail would look at its own users alone")
    if "+" in local:
        raise ValueError("user@ stands for user+anything@ as well; write it without the +")
    return f"{local}@", USER


def _choice(option: str, action: t.Any) -> None:
    if action not in ACTIONS:
        raise OptionError(option, action, f"one of {', '.join(ACTIONS)} is wanted")


def _reply(option: str, action: str, words: t.Mapping[str, t.Any]) -> t.Tuple[int, str, str]:
    text = words["text"]
    if text is not None and (not re.match(_REPLY, text) or text != text.strip() or "  " in text):
        why = "1 to 200 characters that begin with a letter: letters, digits, single blanks and . , : ; ! ? / @ + = _ * & ~ ^ | -"
        raise OptionError(f"{option}.text", text, why)
    if action not in _STANDARD:
        for name in ("code", "status") + (() if action == HOLD else ("text",)):
            if words[name] is not None:
                raise OptionError(f"{option}.{name}", words[name], f"{action} has none")
        return 0, "", (text or "held by an access rule") if action == HOLD else ""
    code, status, usual = _STANDARD[action]
    code = code if words["code"] is None else words["code"]
    if isinstance(code, bool) or not isinstance(code, int) or code not in _CODES[action]:
        known = _CODES[action]
        raise OptionError(
            f"{option}.code", words["code"], f"a code from {known[0]} to {known[-1]} is wanted for {action}"
        )
    if words["status"] is not None:
        status = _status(f"{option}.status", words["status"], str(code)[0])
    return code, status, usual if text is None else text


def _status(option: str, status: t.Any, kind: str) -> str:
    match = re.match(_STATUS, status) if isinstance(status, str) else None
    if not match or match.group(1) != kind:
        raise OptionError(option, status, f"a status like {kind}.7.1 is wanted, of the class of the code (RFC 3463)")
    return ".".join(str(int(part)) for part in match.groups())


def _note(option: str, words: t.Mapping[str, t.Any], now: datetime.datetime) -> Note:
    for name in ("ticket", "by"):
        value = words[name]
        if value and (not isinstance(value, str) or not re.match(_WORD, value)):
            raise OptionError(
                f"{option}.{name}", value, "one word of up to 64 letters, digits and . _ : / @ + - is wanted"
            )
    comment = words["comment"] or ""
    if not isinstance(comment, str) or not comment.isprintable() or len(comment) > 200 or comment != comment.strip():
        raise OptionError(f"{option}.comment", comment, "one line of up to 200 printable characters is wanted")
    added = now.strftime(STAMP)
    return Note(added, words["by"] or "", _expiry(option, words["expires"], now), words["ticket"] or "", comment)


def _expiry(option: str, value: t.Optional[str], now: datetime.datetime) -> str:
    """The last day; with a + in front where it was given as a span of time."""
    if not value:
        return ""
    try:
        if re.match(_DAY, value):
            return datetime.datetime.strptime(value, "%Y-%m-%d").strftime("%Y-%m-%d")
        match = re.match(r"([0-9]{1,4})([dw])\Z", value)
        if match:
            days = int(match.group(1)) * (7 if match.group(2) == "w" else 1)
            return (now + datetime.timedelta(days=days)).strftime("+%Y-%m-%d")
    except (ValueError, OverflowError):
        pass
    raise OptionError(f"{option}.expires", value, "a day like 2026-12-24, or days or weeks like 30d or 4w, is wanted")


def expired(note: Note, now: datetime.datetime) -> bool:
    """Whether the last day of a rule is over."""
    return bool(note.expires) and note.expires < now.strftime("%Y-%m-%d")


def _possible(option: str, rule: Rule) -> Rule:
    """What would not mean the same on both MTAs, or would open the relay, is refused on both."""
    if rule.action == RELAY and rule.kind != NETWORK:
        why = {
            FROM: "anybody can write a sender; let the client relay: connect with its address",
            TO: "which domains are served is the policy's: policy.relay.domains",
            CONNECT: "a name in DNS is its owner's; let the client relay by its address",
        }[rule.where]
        raise OptionError(f"{option}.action", RELAY, f"{rule.title}: {why}")
    if rule.action == SKIP and rule.kind in (ADDRESS, USER):
        raise OptionError(f"{option}.action", SKIP, f"{rule.title}: only for domains and networks; use ok")
    return rule


# --- keys -----------------------------------------------------------------------------------------------------------


def octets(network: _addresses.Network) -> t.Tuple[str, ...]:
    """The keys of whole octets that stand for an IPv4 network, at most 128: C(192.0.2), C(192.0.2.64) ..."""
    import ipaddress

    groups = -(-network.prefixlen // 8)
    count = 1 << (groups * 8 - network.prefixlen)
    step = 1 << (32 - groups * 8)
    first = int(network.network_address)
    return tuple(
        ".".join(str(ipaddress.IPv4Address(first + number * step)).split(".")[:groups]) for number in range(count)
    )


def unicode_form(name: str) -> str:
    """A domain, or an address, in A-labels as SMTPUTF8 writes it; the same where it has none (RFC 5891)."""
    local, at, domain = name.rpartition("@")
    if "xn--" not in domain:
        return name
    try:
        return local + at + domain.encode("ascii").decode("idna")
    except UnicodeError:
        return name


def parents(name: str) -> t.Tuple[str, ...]:
    """A domain and the domains above it, the longest first."""
    labels = name.split(".")
    return tuple(".".join(labels[number:]) for number in range(len(labels)))
