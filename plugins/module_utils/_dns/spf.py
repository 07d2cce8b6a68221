# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sender Policy Framework (RFC 7208): may this address send mail of this domain?

The question of a relay is simple: does the domain's record cover the address that the outside sees? So the sender is
C(postmaster) of the domain, and a record that needs more (the local part, the receiver's name) is answered as far as it goes.

Private to the collection: it can change at any time.
"""

import ipaddress
import re
import typing as t

PASS, FAIL, SOFTFAIL, NEUTRAL = "pass", "fail", "softfail", "neutral"
NONE, TEMPERROR, PERMERROR = "none", "temperror", "permerror"
_QUALIFIERS = {"+": PASS, "-": FAIL, "~": SOFTFAIL, "?": NEUTRAL}
#: RFC 7208, 4.6.4: terms that ask the DNS, answers without records, and the names of one term.
MOST_LOOKUPS, MOST_VOID, MOST_NAMES = 10, 2, 10
_TERM = re.compile(r"([+?~-]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?:[:](.*?))?(/\d+)?(//\d+)?\Z", re.IGNORECASE)
_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9._-]*)=(.*)\Z")
_MACRO = re.compile(r"%(?:\{([slodiphcrtv])(\d*)(r?)([.+,/_=-]*)\}|([%_-]))", re.IGNORECASE)

Address = t.Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


class Records(t.NamedTuple):
    """What the DNS answered.

    :param records: the data of the records, without quotes; names without the last dot.
    :param failed: whether there was no usable answer (a time-out, SERVFAIL).
    """

    records: t.Tuple[str, ...]
    failed: bool = False


#: Asks for the records of a name: (name, type) to Records. A name that does not exist has none.
Ask = t.Callable[[str, str], Records]


class Verdict(t.NamedTuple):
    """The result of RFC 7208, 2.6, the term that decided, and why.

    :param lookups: how many of the ten DNS questions were needed.
    """

    result: str
    term: str
    why: str
    lookups: int


class _Decided(Exception):
    """Ends the evaluation with a result that is no match: temperror or permerror."""

    def __init__(self, result: str, term: str, why: str) -> None:
        super().__init__(why)
        self.result, self.term, self.why = result, term, why


def check(address: str, domain: str, ask: Ask) -> Verdict:
    """Return whether an address may send mail of a domain.

    :param address: IPv4 or IPv6, as the outside sees it.
    :raises ValueError: when the address is none.
    """
    evaluation = _Evaluation(ipaddress.ip_address(address), domain, ask)
    try:
        result, term = evaluation.record(domain)
        why = (
            "the domain has no SPF record" if result == NONE else f"the record says {term or 'nothing of this address'}"
        )
        return Verdict(result, term, why, evaluation.lookups)
    except _Decided as decided:
        return Verdict(decided.result, decided.term, decided.why, evaluation.lookups)


class _Evaluation:
    """One evaluation, with its budget of DNS questions."""

    def __init__(self, address: Address, sender_domain: str, ask: Ask) -> None:
        self._address = address
        self._sender_domain = sender_domain
        self._ask = ask
        self.lookups = 0
        self._void = 0

    def record(self, domain: str) -> t.Tuple[str, str]:
        """Evaluate the record of a domain; return the result and the term that decided."""
        answer = self._ask(domain, "TXT")
        if answer.failed:
            raise _Decided(TEMPERROR, "", f"{domain}: the DNS gives no answer")
        texts = [text for text in answer.records if text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")]
        if not texts:
            return NONE, ""
        if len(texts) > 1:
            raise _Decided(PERMERROR, "", f"{domain}: more than one SPF record")
        return self._terms(domain, texts[0].split()[1:])

    def _terms(self, domain: str, terms: t.Sequence[str]) -> t.Tuple[str, str]:
        for term in terms:
            if _MODIFIER.match(term):
                continue
            match = _TERM.match(term)
            if not match:
                raise _Decided(PERMERROR, term, f"{domain}: {term}: not a term of RFC 7208")
            if self._matches(domain, term, match):
                return _QUALIFIERS[match.group(1) or "+"], term
        modifiers = [match.groups() for match in map(_MODIFIER.match, terms) if match]
        for name, value in modifiers:
            if name.lower() == "redirect":
                return self._redirected(domain, value)
        return NEUTRAL, ""

    def _redirected(self, domain: str, target: str) -> t.Tuple[str, str]:
        term = f"redirect={target}"
        self._count(domain, term)
        result, inner = self.record(self._expand(domain, target))
        if result == NONE:
            raise _Decided(PERMERROR, term, f"{domain}: {term}: that domain has no SPF record")
        return result, inner or term

    def _matches(self, domain: str, term: str, match: t.Match[str]) -> bool:
        kind = match.group(2).lower()
        if kind == "all":
            return True
        if kind in ("ip4", "ip6"):
            return self._in_network(domain, term, match)
        self._count(domain, term)
        target = self._expand(domain, match.group(3)) if match.group(3) else domain
        if kind == "include":
            return self._included(domain, term, target)
        if kind == "exists":
            return bool(self._look(target, "A", term).records)
        if kind == "ptr":
            return self._named(target, term)
        names = [target] if kind == "a" else self._exchangers(domain, target, term)
        return any(self._has_address(name, match, term) for name in names)

    def _included(self, domain: str, term: str, target: str) -> bool:
        result, _inner = self.record(target)
        if result == NONE:
            raise _Decided(PERMERROR, term, f"{domain}: {term}: that domain has no SPF record")
        return result == PASS

    def _in_network(self, domain: str, term: str, match: t.Match[str]) -> bool:
        try:
            network = ipaddress.ip_network((match.group(3) or "") + (match.group(4) or ""), strict=False)
        except ValueError:
            raise _Decided(PERMERROR, term, f"{domain}: {term}: not a network")
        return network.version == self._address.version and self._address in network

    def _exchangers(self, domain: str, target: str, term: str) -> t.List[str]:
        hosts = [record.split()[-1] for record in self._look(target, "MX", term).records if record.split()]
        if len(hosts) > MOST_NAMES:
            raise _Decided(PERMERROR, term, f"{domain}: {term}: more than {MOST_NAMES} mail exchangers")
        return hosts

    def _has_address(self, name: str, match: t.Match[str], term: str) -> bool:
        is_ipv4 = self._address.version == 4
        length = match.group(4) if is_ipv4 else (match.group(5) or "")[1:]
        for record in self._look(name, "A" if is_ipv4 else "AAAA", term).records:
            network = ipaddress.ip_network(record + (length or ""), strict=False)
            if self._address in network:
                return True
        return False

    def _named(self, target: str, term: str) -> bool:
        """Return whether a confirmed name of the address lies in the domain (RFC 7208, 5.5; slow, and not to be used)."""
        kind = "A" if self._address.version == 4 else "AAAA"
        for name in self._look(self._address.reverse_pointer, "PTR", term).records[:MOST_NAMES]:
            inside = name.lower() == target.lower() or name.lower().endswith("." + target.lower())
            if inside and str(self._address) in self._look(name, kind, term).records:
                return True
        return False

    def _count(self, domain: str, term: str) -> None:
        self.lookups += 1
        if self.lookups > MOST_LOOKUPS:
            raise _Decided(PERMERROR, term, f"{domain}: {term}: more than {MOST_LOOKUPS} terms that ask the DNS")

    def _look(self, name: str, kind: str, term: str) -> Records:
        answer = self._ask(name, kind)
        if answer.failed:
            raise _Decided(TEMPERROR, term, f"{term}: {name}: the DNS gives no answer")
        if not answer.records:
            self._void += 1
            if self._void > MOST_VOID:
                raise _Decided(PERMERROR, term, f"{term}: more than {MOST_VOID} questions without an answer")
        return answer

    def _expand(self, domain: str, text: str) -> str:
        """Fill in the macros of RFC 7208, 7.2."""
        values = {
            "s": f"postmaster@{self._sender_domain}",
            "l": "postmaster",
            "o": self._sender_domain,
            "d": domain,
            "i": _dotted(self._address),
            "p": "unknown",
            "v": "in-addr" if self._address.version == 4 else "ip6",
            "h": domain,
        }
        return _MACRO.sub(lambda match: _filled(match, values), text)


def _filled(match: t.Match[str], values: t.Mapping[str, str]) -> str:
    letter, digits, reverse, delimiters, escape = match.groups()
    if escape:
        return {"%": "%", "_": " ", "-": "%20"}[escape]
    parts = re.split("[" + re.escape(delimiters or ".") + "]", values.get(letter.lower(), "unknown"))
    if reverse:
        parts.reverse()
    return ".".join(parts[-int(digits) :] if digits else parts)


def _dotted(address: Address) -> str:
    if address.version == 4:
        return str(address)
    return ".".join(address.exploded.replace(":", ""))


__all__ = ("FAIL", "NEUTRAL", "NONE", "PASS", "PERMERROR", "SOFTFAIL", "TEMPERROR", "Records", "Verdict", "check")
