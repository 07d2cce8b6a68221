# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What smtpd(8) decides about a client, a name, a sender and a recipient, from the configuration alone.

Private to the collection: it can change at any time.

What needs the session (DNS, logins, a policy service) is passed over, as it is for a client that has nothing of these: so the answer is
C(permit) only where nothing of that can refuse it either. For the answer of a running relay with its reasons see C(rcpt_answer).
"""

import ipaddress
import typing as t

from . import restrictions
from .parameters import MalformedValue, expand, split_list
from .static_tables import Tables, is_table

PERMIT, REFUSE, DEFER, DISCARD, PASS = "permit", "refuse", "defer", "discard", ""
#: The lists in which a recipient is refused, in the order of smtpd(8) with smtpd_delay_reject: those before DATA.
LISTS = restrictions.LISTS[: restrictions.LISTS.index("smtpd_data_restrictions")]
#: What an access table is asked for, by the restriction that names it.
_SUBJECTS = {
    "check_client_access": "client",
    "check_reverse_client_hostname_access": "client",
    "check_helo_access": "helo",
    "check_ccert_access": "certificate",
    "check_sender_access": "sender",
    "check_recipient_access": "recipient",
}
_OF_LIST = {
    "smtpd_client_restrictions": "check_client_access",
    "smtpd_helo_restrictions": "check_helo_access",
    "smtpd_sender_restrictions": "check_sender_access",
    "smtpd_relay_restrictions": "check_recipient_access",
    "smtpd_recipient_restrictions": "check_recipient_access",
}
#: What the words of an access table do, and the codes by their first digit (access(5)).
_OF_WORDS = {
    "OK": PERMIT,
    "RELAY": PERMIT,
    "REJECT": REFUSE,
    "DEFER": DEFER,
    "DEFER_IF_PERMIT": DEFER,
    "DISCARD": DISCARD,
}
_OF_CODES = {"4": DEFER, "5": REFUSE}
#: Restrictions about the domain of the recipient: the verdict for ours, and for a foreign one.
_BY_DESTINATION = {
    "permit_auth_destination": (PERMIT, PASS),
    "reject_unauth_destination": (PASS, REFUSE),
    "defer_unauth_destination": (PASS, DEFER),
}
_DEPTH = 8


class Session(t.NamedTuple):
    """One attempt.

    :param name: the client's verified name.
    :param certificate: whether the client shows a certificate that some authority has signed.
    """

    client: str
    name: str
    helo: str
    sender: str
    recipient: str
    certificate: bool = False


class Decision(t.NamedTuple):
    """What a list decides, and the element that decided."""

    verdict: str
    list_name: str = ""
    element: str = ""


class Admission:
    """One listener: the parameters that are effective there, and the tables."""

    def __init__(self, values: t.Mapping[str, str], tables: Tables) -> None:
        self.values = values
        self.tables = tables

    def text(self, name: str) -> str:
        """Return a parameter with its references replaced; empty where that cannot be done."""
        try:
            return expand(self.values.get(name, ""), self.values)
        except MalformedValue:
            return ""

    def words(self, name: str) -> t.Tuple[str, ...]:
        """Return the elements of a list parameter."""
        return split_list(self.text(name))

    # -- lists of clients and domains

    def trusts(self, client: str, name: str = "unknown") -> bool:
        """Return whether a client is in mynetworks, by its address or by its verified name."""
        names = [] if name == "unknown" else [name, *self._above(name, "mynetworks")]
        return self._in_networks(client, names, self.words("mynetworks"))

    def believes(self, client: str) -> bool:
        """Return whether a client may say with XCLIENT that it has another address, one of mynetworks for instance."""
        return self._in_networks(client, [], self.words("smtpd_authorized_xclient_hosts"))

    def _in_networks(self, client: str, names: t.Sequence[str], words: t.Sequence[str], depth: int = 0) -> bool:
        address = ipaddress.ip_address(client)
        for word in words:
            plain = word.lstrip("!")
            if plain.startswith("/") and depth < _DEPTH:
                hit = self._in_networks(client, names, self.tables.words(plain), depth + 1)
            elif is_table(plain):
                wholes = [*names[:1], client]
                hit = any(self.tables.find(plain, [*names, client], whole) is not None for whole in wholes)
            else:
                hit = _is_in(address, plain) or plain.lower() in names
            if hit:
                return not word.startswith("!")
        return False

    def serves(self, domain: str) -> str:
        """Return the parameter by which a domain is one of ours; empty where it is not."""
        for name in ("mydestination", "virtual_alias_domains", "virtual_mailbox_domains", "relay_domains"):
            if self._in_domains(domain, name, self.words(name)):
                return name
        return ""

    def _in_domains(self, domain: str, name: str, words: t.Sequence[str], depth: int = 0) -> bool:
        # Of these lists only relay_domains knows subdomains; trivial-rewrite(8) compares the others whole.
        keys = [domain, *self._above(domain, name)] if name == "relay_domains" else [domain]
        for word in words:
            plain = word.lstrip("!")
            if plain.startswith("/") and depth < _DEPTH:
                hit = self._in_domains(domain, name, self.tables.words(plain), depth + 1)
            elif ":" in plain:
                hit = self.tables.find(plain, keys, domain) is not None
            else:
                hit = plain.lower() in keys
            if hit:
                return not word.startswith("!")
        return False

    def _above(self, domain: str, name: str) -> t.List[str]:
        """Return the keys by which a list, or a kind of table, has all that is below a domain."""
        plain = name in self.words("parent_domain_matches_subdomains")
        return [parent if plain else f".{parent}" for parent in _parents(domain)]

    # -- restriction lists

    def decide(self, session: Session) -> Decision:
        """Return what all lists together decide about a recipient, with the element that decided last."""
        last = Decision(PERMIT)
        for name in LISTS:
            decision = self.in_list(name, session)
            if decision.verdict in (REFUSE, DEFER, DISCARD):
                return decision
            if decision.verdict == PERMIT:
                last = decision
        return last

    def in_list(self, name: str, session: Session) -> Decision:
        """Return what one list decides."""
        for element in restrictions.elements(self.text(name)):
            verdict = self._element(name, element, session, 0)
            if verdict:
                return Decision(verdict, name, element)
        return Decision(PASS, name)

    def passed(self, name: str, session: Session) -> t.List[str]:
        """Return the elements of one list that a session comes to, the one that decides included."""
        reached = []
        for element in restrictions.elements(self.text(name)):
            reached.append(element)
            if self._element(name, element, session, 0):
                break
        return reached

    def _element(self, name: str, element: str, session: Session, depth: int) -> str:
        word, dummy, argument = element.partition(" ")
        if word == "warn_if_reject" or depth > _DEPTH:
            return PASS
        if word in _SUBJECTS:
            return self._in_table(name, _SUBJECTS[word], argument.strip(), session, depth)
        if ":" in word:
            return self._in_table(name, _SUBJECTS[_OF_LIST.get(name, "check_client_access")], word, session, depth)
        if word in self.words("smtpd_restriction_classes"):
            return self._first(name, restrictions.elements(self.text(word)), session, depth)
        return self._word(word, session)

    def _first(self, name: str, elements: t.Sequence[str], session: Session, depth: int) -> str:
        """Return the first verdict of several elements, which stand for one."""
        verdicts = (self._element(name, element, session, depth + 1) for element in elements)
        return next((verdict for verdict in verdicts if verdict), PASS)

    def _word(self, word: str, session: Session) -> str:
        if word in _FIXED:
            return _FIXED[word]
        if word in _BY_DESTINATION:
            ours, foreign = _BY_DESTINATION[word]
            return ours if self.serves(session.recipient.rpartition("@")[2]) else foreign
        if word not in restrictions.PLAIN and word not in restrictions.WITH_ARGUMENT and word not in _FORMER:
            # smtpd(8) answers 451 to everybody who gets to a word that it does not know.
            return DEFER
        return PERMIT if self._is_permitted(word, session) else PASS

    def _is_permitted(self, word: str, session: Session) -> bool:
        """Return whether a restriction that only permits does so."""
        if word in ("permit_mynetworks", "permit_inet_interfaces"):
            return self.trusts(session.client, session.name)
        if word == "permit_naked_ip_address":
            return is_address(session.helo)
        if word == "permit_tls_all_clientcerts":
            return self._shows_certificate(session)
        if word == "permit_tls_clientcerts":
            return self._shows_certificate(session) and self._knows_every_certificate()
        return False

    def _shows_certificate(self, session: Session) -> bool:
        """Return whether the client has a certificate, and is asked for it."""
        asks = self.text("smtpd_tls_ask_ccert") == "yes" or self.text("smtpd_tls_req_ccert") == "yes"
        return session.certificate and asks

    def _knows_every_certificate(self) -> bool:
        """Return whether the table of certificates that may relay has one that nobody has made."""
        tables = self.words("relay_clientcerts")
        return any(self.tables.find(table, [_NOBODYS], _NOBODYS) is not None for table in tables)

    def action_of(self, name: str, element: str, session: Session) -> str:
        """Return what the table of an element says about a session; empty where it asks none, or has no entry."""
        word, dummy, argument = element.partition(" ")
        table = argument.strip() if word in _SUBJECTS else (word if ":" in word else "")
        if not table:
            return ""
        subject = _SUBJECTS[word] if word in _SUBJECTS else _SUBJECTS[_OF_LIST.get(name, "check_client_access")]
        keys, wholes = self._keys(subject, session)
        return next((value for value in (self.tables.find(table, keys, whole) for whole in wholes) if value), "")

    def _in_table(self, name: str, subject: str, table: str, session: Session, depth: int) -> str:
        keys, wholes = self._keys(subject, session)
        for whole in wholes:
            value = self.tables.find(table, keys, whole)
            verdict = self._action(name, value, session, depth) if value else PASS
            if verdict:
                return verdict
        return PASS

    def _action(self, name: str, value: str, session: Session, depth: int) -> str:
        """Return what the right side of an access table does (access(5))."""
        word = value.split(None, 1)[0].upper() if value.strip() else ""
        if word.isdigit() and (word[0] in _OF_CODES or word == value.strip()):
            return _OF_CODES.get(word[0], PERMIT)
        if word in _OF_WORDS:
            return _OF_WORDS[word]
        if word in _NO_RESTRICTIONS:
            return PASS
        return self._first(name, restrictions.elements(value), session, depth)

    def _keys(self, subject: str, session: Session) -> t.Tuple[t.List[str], t.List[str]]:
        """Return the keys of an indexed table, and what a table of expressions is asked for, one after the other."""
        if subject == "client":
            return self._client_keys(session)
        if subject == "certificate":
            return ([_NOBODYS], [_NOBODYS]) if self._shows_certificate(session) else ([], [])
        if subject == "helo":
            return [session.helo, *self._above(session.helo, "smtpd_access_maps")], [session.helo]
        address = session.sender if subject == "sender" else session.recipient
        user, dummy, domain = address.rpartition("@")
        above = self._above(domain, "smtpd_access_maps")
        return [address or "<>", domain, *above, f"{user}@"], [address or "<>"]

    def _client_keys(self, session: Session) -> t.Tuple[t.List[str], t.List[str]]:
        separator = ":" if ":" in session.client else "."
        parts = session.client.split(separator)
        addresses = [separator.join(parts[:number]) for number in range(len(parts), 0, -1)]
        if session.name == "unknown":
            return addresses, [session.client]
        above = self._above(session.name, "smtpd_access_maps")
        return [session.name, *above, *addresses], [session.name, session.client]


#: Restrictions whose verdict does not depend on anything.
_FIXED = {
    "permit": PERMIT,
    "reject": REFUSE,
    "defer": DEFER,
}
#: Restrictions of older versions.
_FORMER = frozenset(("check_relay_domains", "reject_unknown_address"))
#: Actions of access(5) that let the list go on.
_NO_RESTRICTIONS = frozenset("DUNNO WARN INFO HOLD PREPEND REDIRECT FILTER BCC DEFER_IF_REJECT".split())


#: The fingerprint of a certificate that nobody has made.
_NOBODYS = ":".join(["5E"] * 32)


def is_address(text: str) -> bool:
    """Return whether a text is an IP address, without brackets."""
    try:
        return bool(ipaddress.ip_address(text))
    except ValueError:
        return False


def _parents(domain: str) -> t.List[str]:
    labels = domain.split(".")
    return [".".join(labels[number:]) for number in range(1, len(labels))]


def _is_in(address: t.Any, text: str) -> bool:
    try:
        network = ipaddress.ip_network(text.replace("[", "").replace("]", ""), strict=False)
    except ValueError:
        return False
    return network.version == address.version and address in network
