# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same envelopes asked of two MTAs: what each answers, and where they differ.

Private to the collection: it can change at any time.
"""

import ipaddress
import re
import typing as t

from . import route as _route
from .move import CONSTRUCTS, DIFFERS, NOT_CONVERTED, Row
from .route import Hop

ACCEPTED, REFUSED, DEFERRED, DISCARDED, UNKNOWN = "accepted", "refused", "deferred", "discarded", "unknown"
DECISION, CODE, ROUTE, RECIPIENT, SENDER = "decision", "code", "route", "recipient", "sender"
#: A decision of which both sides are no: for good, and for now.
_NO = "no"
#: Why two MTAs that both refuse need not say the same number.
CODES = "both refuse; each MTA has its own reply code for this reason"
#: No address, and no word of a command: such a text is never asked.
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9][A-Za-z0-9.-]*\Z")
#: The words of a reply in a rule.
_QUOTED = re.compile(r'"(?:[45]\d\d )?([^"]+)"')
_NAME = re.compile(r"[A-Za-z0-9_.-]+\Z")


class Envelope(t.NamedTuple):
    """Who sends, in whose name, to whom.

    :param client: its address.
    :param name: its name; empty where it has none, or a forged one.
    :param sender: empty for the null sender.
    """

    client: str
    name: str
    sender: str
    recipient: str

    @property
    def subjects(self) -> t.Tuple[t.Tuple[str, str], ...]:
        """Return what access tables are asked about, in the order of a session: the place in it, and what stands there."""
        all_of_them = (("connect", self.client), ("connect", self.name), ("from", self.sender), ("to", self.recipient))
        return tuple((where, subject) for where, subject in all_of_them if subject)


class Answer(t.NamedTuple):
    """What an MTA makes of an envelope.

    :param decision: C(accepted), C(refused), C(deferred), C(discarded) or C(unknown).
    :param reply: code, enhanced status code and text of a refusal.
    :param verdict: of the route: C(remote), C(local), C(error), C(discard) or C(unknown).
    :param recipient: after all rewriting.
    :param sender: the envelope sender as the next hop gets it.
    """

    decision: str
    reply: str = ""
    verdict: str = _route.UNKNOWN
    hops: t.Tuple[Hop, ...] = ()
    recipient: str = ""
    sender: str = ""

    @property
    def route(self) -> str:
        """Return the route in words."""
        if self.verdict != _route.REMOTE:
            return self.verdict
        names = [f"{hop.name.lower()}{'' if hop.by_mx else ' (host)'}:{hop.port}" for hop in self.hops]
        return ", ".join(names) or self.verdict


class Difference(t.NamedTuple):
    """One thing about which two MTAs disagree, and how often they do.

    :param kind: C(decision), C(code), C(route), C(recipient) or C(sender).
    :param example: the first envelope.
    :param because: the row of the report that explains it; empty where none does.
    """

    kind: str
    old: str
    new: str
    because: str
    example: Envelope
    times: int = 1

    @property
    def is_explained(self) -> bool:
        """Return whether it is one that was announced."""
        return bool(self.because)


def is_askable(envelope: Envelope) -> bool:
    """Return whether every word is one that can be asked: no command hides in it."""
    try:
        ipaddress.ip_address(envelope.client)
    except ValueError:
        return False
    if envelope.name and not _NAME.match(envelope.name):
        return False
    return bool(_ADDRESS.match(envelope.recipient)) and (not envelope.sender or bool(_ADDRESS.match(envelope.sender)))


def decision_of(code: int) -> str:
    """Return what a reply to RCPT means."""
    return {2: ACCEPTED, 4: DEFERRED, 5: REFUSED}.get(code // 100, UNKNOWN)


# --- comparing ------------------------------------------------------------------------------------------------------


class Comparison:
    """Collects what differs; differences of the same shape are counted once.

    :param rows: what the report says about the configuration.
    :param accepted: the places of what is not converted, where somebody decided that it need not be.
    """

    def __init__(self, rows: t.Iterable[Row], accepted: t.Container[str] = ()) -> None:
        self._rows = [row for row in rows if row.verdict == DIFFERS or _is_accepted(row, accepted)]
        self._differences: t.Dict[t.Tuple[str, ...], Difference] = {}
        self.asked = 0
        self.alike = 0

    def take(self, envelope: Envelope, old: Answer, new: Answer) -> None:
        """Compare the answers about one envelope."""
        self.asked += 1
        pairs = list(differing(old, new))
        self.alike += not pairs
        for kind, before, after in pairs:
            because = CODES if kind == CODE else self._because(kind, envelope, before, after)
            key = (
                kind,
                _shape(kind, before),
                _shape(kind, after),
                because,
                "" if because else _subject(kind, envelope),
            )
            known = self._differences.get(key)
            if known is None:
                self._differences[key] = Difference(kind, before, after, because, envelope)
            else:
                self._differences[key] = known._replace(times=known.times + 1)

    @property
    def differences(self) -> t.List[Difference]:
        """Return the differences, those without an explanation first, then by how often they occur."""
        return sorted(self._differences.values(), key=lambda item: (item.is_explained, -item.times))

    def _because(self, kind: str, envelope: Envelope, before: str, after: str) -> str:
        if kind == DECISION and all(side.startswith((REFUSED, DEFERRED)) for side in (before, after)):
            kind = _NO
        row = next((row for row in self._rows if concerns(row, kind, envelope, f"{before} {after}")), None)
        return f"{row.number} {CONSTRUCTS[row.number]}, {row.where}: {row.sentence}" if row else ""


def _is_accepted(row: Row, accepted: t.Container[str]) -> bool:
    return row.verdict == NOT_CONVERTED and row.where in accepted


def differing(old: Answer, new: Answer) -> t.Iterator[t.Tuple[str, str, str]]:
    """Yield what differs: the kind and both sides. Where mail does not come in, its route does not matter."""
    if old.decision != new.decision:
        yield DECISION, f"{old.decision} {old.reply}".strip(), f"{new.decision} {new.reply}".strip()
        return
    if old.decision != ACCEPTED:
        if old.reply[:3] != new.reply[:3]:
            yield CODE, old.reply, new.reply
        return
    if old.route != new.route:
        yield ROUTE, old.route, new.route
        return
    if old.verdict == _route.LOCAL:
        if _user(old.recipient) != _user(new.recipient):
            yield RECIPIENT, old.recipient, new.recipient
        return
    if old.recipient.lower() != new.recipient.lower():
        yield RECIPIENT, old.recipient, new.recipient
    if old.verdict == _route.REMOTE and old.sender.lower() != new.sender.lower():
        yield SENDER, old.sender, new.sender


def _user(address: str) -> str:
    return address.rpartition("@")[0].lower() or address.lower()


def _shape(kind: str, text: str) -> str:
    """Return what two differences must share to be counted as one: texts with addresses in them count by their code."""
    if kind in (DECISION, CODE):
        return " ".join(text.split()[:2])
    return text.rpartition("@")[2] if kind in (RECIPIENT, SENDER) else text


def _subject(kind: str, envelope: Envelope) -> str:
    """Return what an unexplained difference is told apart by."""
    return (envelope.sender if kind == SENDER else envelope.recipient).rpartition("@")[2].lower()


# --- explaining -----------------------------------------------------------------------------------------------------

#: The kinds of differences that the lines of a table can explain, by the number of their construct. Limits, passwords and the
#: like stand in the same files and explain none of them.
_LINES: t.Mapping[int, t.Tuple[str, ...]] = {
    **dict.fromkeys((2, 3, 4, 5, 6, 7, 8), (DECISION,)),
    1: (DECISION, ROUTE),
    13: (SENDER,),
    14: (DECISION, ROUTE, RECIPIENT),
    15: (DECISION, ROUTE, RECIPIENT),
    16: (ROUTE,),
    17: (DECISION, ROUTE),
    20: (ROUTE,),
    # Senders that could relay.
    29: (DECISION,),
    # The one user whom Postfix takes whether there is one or not.
    21: (DECISION,),
}


class _General(t.NamedTuple):
    """A row about no single key: its construct and a word of it, the kinds that it explains, and what an answer must say.

    :param word: C({0}) is the argument of the feature, C({quoted}) the reply in a rule.
    """

    number: int
    text: str
    kinds: t.Tuple[str, ...]
    word: str


_GENERAL = (
    _General(8, "delay_checks", (_NO,), ""),
    _General(12, "", (SENDER,), ""),
    _General(19, "", (DECISION,), "user unknown"),
    _General(24, "", (DECISION,), "{0}"),
    _General(29, "", (DECISION,), "relay access denied"),
    _General(31, "require_rdns", (DECISION,), "cannot find your"),
    _General(31, "accept_unresolvable_domains", (DECISION,), "Domain of sender address"),
    # A rule of the configuration itself is known by the words of its reply.
    _General(32, "", (DECISION,), "{quoted}"),
)
#: The files whose lines are about single keys, and the place that a key without a tag stands for; empty is any.
_PLACES = {
    "access": "",
    "genericstable": "from",
    "virtusertable": "to",
    "domaintable": "to",
    "mailertable": "to",
    "local-host-names": "to",
    "smarttable": "from",
    "postmaster": "to",
    # What differs is that clients of that name may relay.
    "relay-domains": "connect",
}


def concerns(row: Row, kind: str, envelope: Envelope, answers: str) -> bool:
    """Return whether a row of the report announces a difference about this envelope."""
    file, colon, dummy = row.where.partition(":")
    if colon and file in _PLACES:
        return _explains(_LINES.get(row.number, ()), kind) and _is_about(row, envelope)
    return any(
        general.number == row.number
        and general.text in row.text
        and _explains(general.kinds, kind)
        and _argument(row.text, general.word).lower() in answers.lower()
        for general in _GENERAL
    )


def _explains(kinds: t.Collection[str], kind: str) -> bool:
    """Return whether a row that explains some kinds explains this one; two ways to say no are a decision, too."""
    return kind in kinds or (kind == _NO and DECISION in kinds)


def _argument(text: str, word: str) -> str:
    parts = text.rstrip(")").split(", ")
    reply = _QUOTED.search(text)
    quoted = reply.group(1) if reply else text
    return word.format(parts[1] if len(parts) > 1 else text, quoted=quoted).rstrip(".")


def _is_about(row: Row, envelope: Envelope) -> bool:
    """Return whether the key of a line is about the client, the sender or the recipient, as its tag and its table say."""
    key = row.text.split(" ")[0].lower()
    tag, colon, rest = key.partition(":")
    tagged = colon and tag in ("connect", "from", "to", "spam")
    place = tag if tagged else _PLACES[row.where.partition(":")[0]]
    key = (rest if tagged else key).strip("[]")
    parts = {
        "connect": (_is_client(key, envelope),),
        "from": (_is_address(key, envelope.sender),),
        "to": (_is_address(key, envelope.recipient),),
        "spam": (_is_address(key, envelope.recipient),),
        "": (_is_client(key, envelope), _is_address(key, envelope.sender), _is_address(key, envelope.recipient)),
    }
    return bool(key) and any(parts[place])


def _is_client(key: str, envelope: Envelope) -> bool:
    if envelope.client == key or envelope.client.startswith(key.rstrip(".") + "."):
        return True
    return bool(envelope.name) and _is_below(envelope.name.lower(), key)


def _is_address(key: str, address: str) -> bool:
    folded = address.lower()
    if "@" in key.strip("@"):
        return folded == key or folded.startswith(key) and key.endswith("@")
    if key.endswith("@"):
        return folded.startswith(key)
    return bool(folded) and _is_below(folded.rpartition("@")[2], key.lstrip("@."))


def _is_below(name: str, domain: str) -> bool:
    return name == domain or name.endswith("." + domain)


# --- envelopes that nobody has sent ---------------------------------------------------------------------------------

#: A stranger, and a recipient nobody relays to (RFC 5737, RFC 2606). The null sender is refused for no reason of its own.
STRANGER, ELSEWHERE = "198.51.100.77", "somebody@elsewhere.example"


def made_up(recipients: t.Iterable[str], senders: t.Iterable[str], clients: t.Iterable[str]) -> t.List[Envelope]:
    """Return envelopes about every key of the configuration.

    :param recipients: addresses or domains that some table is about; the same for I(senders).
    :param clients: addresses that some table is about.
    """
    to = [address for key in recipients for address in _addresses(key)]
    envelopes = [Envelope(STRANGER, "", "", address) for address in (*to, ELSEWHERE)]
    served = to[0] if to else ELSEWHERE
    for key in senders:
        envelopes += [Envelope(STRANGER, "", address, served) for address in _addresses(key)]
    for client in (*clients, "127.0.0.1"):
        envelopes += [Envelope(client, "", "", address) for address in (served, ELSEWHERE)]
    return [envelope for envelope in dict.fromkeys(envelopes) if is_askable(envelope)]


def _addresses(key: str) -> t.Tuple[str, ...]:
    """Return addresses that a key is about: itself, or some in the domain and below it."""
    # A pattern for any detail is asked with one.
    text = re.sub(r"\+[*+]@", "+detail@", key.lower()).lstrip("@")
    if "@" in text:
        return (text if not text.endswith("@") else f"{text}elsewhere.example",)
    if text.startswith("."):
        return (f"postmaster@host{text}",)
    return (f"postmaster@{text}", f"nobody-there@{text}", f"postmaster@below.{text}")
