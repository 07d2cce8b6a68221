# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access rules, the same for both MTAs: where a rule looks, what it matches, what it does, and who asked for it.

Where an action lives, and so where a new one is added:

1. here: its word in ACTIONS, its reply in _STANDARD if it has one, and in L(_possible) the rules for which it would not mean
   the same on both MTAs;
2. C(_postfix/access.py) and C(_sendmail/access.py): the lines of a table that it becomes, and what a line means read back;
3. C(_postfix/lookup.py) and C(_sendmail/lookup.py): the answer of the MTA's own tools that proves it;
4. C(_smtp/verify_rules.py), L(judge): the reply that proves it on the wire;
5. C(_module/access_files.py): the words for it in access files of the two MTAs, which are imported;
6. C(plugins/modules/access.py): its documentation.

C(_module/access.py) is the module (plan, write, verify), C(_model/blocks.py) the lines in the source of a table, and
C(_module/access_info.py) the module that only looks. None of these knows the actions.

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
DROP = "drop"
ACTIONS = (REJECT, DEFER, DISCARD, DROP, HOLD, OK, RELAY, SKIP)
#: Lists in the answers are cut here. The answer has their full lengths.
SHOWN = 1000
#: The formats of files of rules: one pattern a line, CSV, and the access files of the two MTAs.
FORMATS = ("domains", "csv", "sendmail", "postfix")
TEXT = "Refused because of abuse. If this is a mistake, please ask the postmaster of the domain you wrote to"

#: The codes that a rule can have. 421 and 521 end the connection on one of the MTAs; old clients send again after 552.
_CODES = {REJECT: range(540, 600), DEFER: range(450, 460)}
_STANDARD = {REJECT: (550, "5.7.1", TEXT), DEFER: (450, "4.7.1", "Deferred, please try again later")}
# Not compiled here: few rules have one of these, and compiling takes time in every run.
_STATUS = r"([45])\.([0-9]{1,3})\.([0-9]{1,3})\Z"
# Characters without a meaning for m4, for sendmail's address scanner and in the syntax of a table.
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
        """Return the two words that tell it from all other rules."""
        return f"{self.where} {self.pattern}"

    @property
    def network(self) -> _addresses.Network:
        """Return the network of a rule of that kind."""
        import ipaddress

        return ipaddress.ip_network(self.pattern)

    def says(self) -> str:
        """Return what it does, in words."""
        reply = f" {self.code} {self.status} {self.text}" if self.code else f" {self.text}".rstrip()
        only = "" if self.subdomains or self.kind != DOMAIN else " (without subdomains)"
        return f"{self.title}{only}: {self.action}{reply}"

    def block(self, lines: t.Sequence[str]) -> Block:
        """Return its lines in a table, with its note."""
        return Block(self.title, tuple(lines), self.note)


# --- from options ---------------------------------------------------------------------------------------------------

#: Options of one rule. The module has them too, for rules without an own value.
RULE_OPTIONS: t.Dict[str, t.Any] = {
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
RULE_SPEC: t.Dict[str, t.Any] = dict({place: {"type": "list", "elements": "str"} for place in PLACES}, **RULE_OPTIONS)


def parse(
    option: str, entry: t.Mapping[str, t.Any], defaults: t.Mapping[str, t.Any], now: datetime.datetime
) -> t.List[Rule]:
    """Return the rules of one entry: one for each pattern.

    :param option: the name of the entry in messages, for instance C(rules[3]).
    :param defaults: the values of the options that the entry does not have.
    :param now: in UTC.
    :raises OptionError: naming the rule and the value.
    """
    places = [place for place in PLACES if entry.get(place)]
    if not places:
        raise OptionError(option, dict(entry), "a rule needs one of from, to, connect")
    options = {name: defaults.get(name) if entry.get(name) is None else entry[name] for name in RULE_OPTIONS}
    action = options["action"] or REJECT
    _check_action(f"{option}.action", action)
    code, status, text = _reply(option, action, options)
    note = _note(option, options, now)
    rules = []
    for place in places:
        for written in _written(entry[place]):
            key, kind = _pattern(f"{option}.{place}", place, written)
            subdomains = kind == DOMAIN and options["subdomains"] is not False
            rules.append(_possible(option, Rule(place, key, kind, subdomains, action, code, status, text, note)))
    return rules


def _written(value: t.Any) -> t.List[t.Any]:
    """Return the patterns of a rule, of which there may be one or a list."""
    patterns = value if isinstance(value, (list, tuple)) else [value]
    return [text.strip(" ") if isinstance(text, str) else text for text in patterns]


def pattern(where: str, text: str) -> t.Tuple[str, str]:
    """Return a pattern normalised, and its kind.

    :raises ValueError: saying what is wrong with it, and what would be right.
    """
    _refuse_unfit(text)
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


def _refuse_unfit(text: str) -> None:
    """Refuse what is no pattern in any place."""
    if not isinstance(text, str) or not text or len(text) > 320:
        raise ValueError("expected an address, a domain or a network of at most 320 characters")
    if not text.isprintable() or any(blank.isspace() for blank in text):
        raise ValueError("blanks and control characters are not allowed")
    if text.startswith((".", "*", "@")):
        raise ValueError("write the domain alone; its subdomains are covered unless subdomains is false")
    if text == "<>":
        raise ValueError("the null sender carries all bounces and cannot be a pattern (RFC 5321 4.5.5)")


class Rules(t.Collection[Rule]):
    """Rules without repetitions, made one by one when they are read: there may be a million of them.

    Of each rule only its title is kept. What many rules say alike is kept once.
    """

    def __init__(self) -> None:
        self._said: t.Dict[str, Rule] = {}
        self._shared: t.Dict[Rule, Rule] = {}

    def add(self, rule: Rule) -> None:
        """Add a rule.

        :raises OptionError: there is one with the same pattern that says something else.
        """
        said = Rule(rule.where, "", *rule[2:])
        said = self._shared.setdefault(said, said)
        other = self._said.setdefault(rule.title, said)
        if other is not said and other._replace(note=said.note) != said:
            raise OptionError("rules", rule.says(), f"another rule says {other._replace(pattern=rule.pattern).says()}")

    def __len__(self) -> int:
        return len(self._said)

    def __contains__(self, rule: object) -> bool:
        return isinstance(rule, Rule) and self.has(rule.title)

    def has(self, title: str) -> bool:
        """Return whether there is a rule of this title."""
        return title in self._said

    def __iter__(self) -> t.Iterator[Rule]:
        return (rule for dummy, rule in self.items())

    def items(self) -> t.Iterator[t.Tuple[str, Rule]]:
        """Yield the title of each rule, and the rule."""
        for title, said in self._said.items():
            yield title, Rule(said.where, title.partition(" ")[2], *said[2:])

    def titles(self) -> t.Iterator[str]:
        """Yield the titles."""
        return iter(self._said)

    def alike(self) -> t.Iterator[Rule]:
        """Yield what rules say, without a pattern; what many say alike comes once."""
        return iter(self._shared)

    def relaying(self) -> t.List[Rule]:
        """Return the rules that let clients relay; they are looked for only where there are some."""
        if not any(rule.action == RELAY for rule in self.alike()):
            return []
        return [rule for rule in self if rule.action == RELAY and rule.where == CONNECT]


def unique(rules: t.Iterable[Rule]) -> Rules:
    """Return the rules without repetitions.

    :raises OptionError: two rules have the same pattern and say different things.
    """
    collected = Rules()
    for rule in rules:
        collected.add(rule)
    return collected


def _pattern(option: str, where: str, text: t.Any) -> t.Tuple[str, str]:
    try:
        return pattern(where, text)
    except ValueError as why:
        raise OptionError(option, text, str(why))


def _network(text: str) -> t.Optional[str]:
    """Return a network, or a single address, in canonical form; None where the text is neither."""
    plain = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    plain = plain[5:] if plain.lower().startswith("ipv6:") else plain
    if not _looks_like_network(plain):
        return None
    import ipaddress

    network = _addresses.network(plain)
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is not None and network.prefixlen >= 96:
        network = ipaddress.ip_network(f"{mapped}/{network.prefixlen - 96}")
    if network.prefixlen < _WIDEST[network.version]:
        raise ValueError(
            f"a network must be /{_WIDEST[network.version]} or narrower; this one is a large part of the Internet"
        )
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def _looks_like_network(text: str) -> bool:
    if ":" in text:
        return bool(re.match(r"[0-9A-Fa-f:.]+(/[0-9]+)?\Z", text))
    return text.count(".") == 3 and bool(re.match(r"[0-9.]+(/[0-9]+)?\Z", text))


def _address(where: str, text: str) -> t.Tuple[str, str]:
    local, dummy, domain = text.rpartition("@")
    if len(local) > 64 or not re.match(_LOCAL, local):
        raise ValueError("the part before the @ has up to 64 letters, digits and . _ + - = & ~ ' /")
    local = local.lower()
    if domain:
        return f"{local}@{_addresses.domain(domain)}", ADDRESS
    if where != FROM:
        raise ValueError("user@ without a domain is possible with from only: sendmail compares it with its own users")
    if "+" in local:
        raise ValueError("user@ stands for user+anything@ as well; write it without the +")
    return f"{local}@", USER


def _check_action(option: str, action: t.Any) -> None:
    if action not in ACTIONS:
        raise OptionError(option, action, f"must be one of {', '.join(ACTIONS)}")


def _reply(option: str, action: str, options: t.Mapping[str, t.Any]) -> t.Tuple[int, str, str]:
    """Return code, status and text of a rule's reply."""
    text = options["text"]
    _check_text(f"{option}.text", text)
    if action == HOLD:
        _has_none(option, action, options, ("code", "status"))
        return 0, "", text or "held by an access rule"
    if action not in _STANDARD:
        _has_none(option, action, options, ("code", "status", "text"))
        return 0, "", ""
    code, status, standard_text = _STANDARD[action]
    if options["code"] is not None:
        code = _code(f"{option}.code", options["code"], action)
    if options["status"] is not None:
        status = _status(f"{option}.status", options["status"], str(code)[0])
    return code, status, standard_text if text is None else text


def _check_text(option: str, text: t.Optional[str]) -> None:
    if text is not None and (not re.match(_REPLY, text) or text != text.strip() or "  " in text):
        why = "1 to 200 characters that begin with a letter: letters, digits, single blanks and . , : ; ! ? / @ + = _ * & ~ ^ | -"
        raise OptionError(option, text, why)


def _has_none(option: str, action: str, options: t.Mapping[str, t.Any], names: t.Sequence[str]) -> None:
    for name in names:
        if options[name] is not None:
            raise OptionError(f"{option}.{name}", options[name], f"{action} has none")


def _code(option: str, code: t.Any, action: str) -> int:
    codes = _CODES[action]
    if isinstance(code, bool) or not isinstance(code, int) or code not in codes:
        raise OptionError(option, code, f"the code for {action} must be from {codes[0]} to {codes[-1]}")
    return code


def _status(option: str, status: t.Any, kind: str) -> str:
    match = re.match(_STATUS, status) if isinstance(status, str) else None
    if not match or match.group(1) != kind:
        raise OptionError(option, status, f"expected a status like {kind}.7.1, of the class of the code (RFC 3463)")
    return ".".join(str(int(part)) for part in match.groups())


def _note(option: str, options: t.Mapping[str, t.Any], now: datetime.datetime) -> Note:
    for name in ("ticket", "by"):
        value = options[name]
        if value and (not isinstance(value, str) or not re.match(_WORD, value)):
            why = "expected one word of up to 64 letters, digits and . _ : / @ + -"
            raise OptionError(f"{option}.{name}", value, why)
    return Note(
        added=now.strftime(STAMP),
        by=options["by"] or "",
        expires=_expiry(option, options["expires"], now),
        ticket=options["ticket"] or "",
        comment=_comment(f"{option}.comment", options["comment"] or ""),
    )


def _comment(option: str, text: t.Any) -> str:
    if not isinstance(text, str) or not text.isprintable() or len(text) > 200 or text != text.strip():
        raise OptionError(option, text, "expected one line of up to 200 printable characters")
    return text


def _expiry(option: str, value: t.Optional[str], now: datetime.datetime) -> str:
    """Return the last day, with a + in front where it was given as a span of time."""
    if not value:
        return ""
    try:
        if re.match(_DAY, value):
            return _future_day(
                f"{option}.expires", datetime.datetime.strptime(value, "%Y-%m-%d").strftime("%Y-%m-%d"), now
            )
        match = re.match(r"([0-9]{1,4})([dw])\Z", value)
        if match:
            days = int(match.group(1)) * (7 if match.group(2) == "w" else 1)
            return (now + datetime.timedelta(days=days)).strftime("+%Y-%m-%d")
    except OptionError:
        raise
    except (ValueError, OverflowError):
        pass
    raise OptionError(f"{option}.expires", value, "expected a day like 2026-12-24, or days or weeks like 30d or 4w")


def _future_day(option: str, day: str, now: datetime.datetime) -> str:
    if day < now.strftime("%Y-%m-%d"):
        raise OptionError(option, day, "this day is over; give a day to come, or state: absent to remove the rule")
    return day


def is_rule(title: str) -> bool:
    """Return whether the block of this title is an access rule: the policy writes blocks into the same tables."""
    return title.split(" ")[0] in PLACES


def expired(note: Note, now: datetime.datetime) -> bool:
    """Return whether the last day of a rule is over."""
    return bool(note.expires) and note.expires < now.strftime("%Y-%m-%d")


def _possible(option: str, rule: Rule) -> Rule:
    """Return the rule; refuse one that would not mean the same on both MTAs, or would open the relay."""
    if rule.action == RELAY and rule.kind != NETWORK:
        why = {
            FROM: "anybody can write a sender; let the client relay: connect with its address",
            TO: "which domains are served is the policy's: policy.relay.domains",
            CONNECT: "a name in DNS is its owner's; let the client relay by its address",
        }[rule.where]
        raise OptionError(f"{option}.action", RELAY, f"{rule.title}: {why}")
    if rule.action == DROP and rule.where != TO:
        raise OptionError(f"{option}.action", DROP, f"{rule.title}: only for recipients; use discard")
    if rule.action == DROP and rule.kind == DOMAIN and not rule.subdomains:
        why = f"{rule.title}: the domain with its subdomains, or addresses in it"
        raise OptionError(f"{option}.subdomains", False, why)
    if rule.action == SKIP and rule.kind in (ADDRESS, USER):
        raise OptionError(f"{option}.action", SKIP, f"{rule.title}: only for domains and networks; use ok")
    return rule


# --- keys -----------------------------------------------------------------------------------------------------------


def octets(network: _addresses.Network) -> t.Tuple[str, ...]:
    """Return the keys of whole octets that stand for an IPv4 network, at most 128: C(192.0.2), C(192.0.2.64) ..."""
    import ipaddress

    groups = -(-network.prefixlen // 8)
    count = 1 << (groups * 8 - network.prefixlen)
    step = 1 << (32 - groups * 8)
    first = int(network.network_address)
    return tuple(
        ".".join(str(ipaddress.IPv4Address(first + number * step)).split(".")[:groups]) for number in range(count)
    )


def unicode_form(name: str) -> str:
    """Return a domain or an address with its A-labels as SMTPUTF8 writes them; unchanged without A-labels (RFC 5891)."""
    local, at, domain = name.rpartition("@")
    if "xn--" not in domain:
        return name
    try:
        return local + at + domain.encode("ascii").decode("idna")
    except UnicodeError:
        return name


def parents(name: str) -> t.Tuple[str, ...]:
    """Return a domain and the domains above it, the longest first. A dot at its end says that it is whole, and is no label."""
    labels = [label for label in name.split(".") if label]
    return tuple(".".join(labels[number:]) for number in range(len(labels)))
