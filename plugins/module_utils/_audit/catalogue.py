# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catalogue of probes: what is tried on a relay, as data. How an answer is judged stands in _judge.py.

Private to the collection: it can change at any time.

Placeholders: {R} the relay's own name, {I} its address as it stands in an address literal, {D} a domain that it serves,
{T} a third party's domain, {TU} the same in upper case, {TF} the same with ideographic full stops, {TI} a third party's
IPv4 address, {C} the prober's own domain, {M} a foreign domain that names the relay as a secondary MX, {S} a recipient
that the relay serves.
"""

import typing as t

# The groups, in the order in which they run.
RELAY = "relay"
SESSION = "session"
LIMITS = "limits"
TLS = "tls"
SMUGGLING = "smuggling"
CROSS = "cross"
LINE_ENDS = "line_ends"

#: What runs unless something else is asked for. The others take long (cross) or deliver mail (smuggling, line_ends).
DEFAULT_GROUPS = (RELAY, SESSION, LIMITS, TLS)
GROUPS = DEFAULT_GROUPS + (SMUGGLING, CROSS, LINE_ENDS)


class AddressProbe(t.NamedTuple):
    """One sender and one recipient, as they stand behind C(MAIL FROM:) and C(RCPT TO:)."""

    number: str
    mail: str
    rcpt: str
    trick: str


class SessionProbe(t.NamedTuple):
    """Lines of a session; the last one is judged. In a HELO trick a refusal of the HELO itself counts as well."""

    number: str
    trick: str
    lines: t.Tuple[str, ...]
    helo_trick: bool = False


class Sequence(t.NamedTuple):
    """Bytes between the text of a first message and a whole second transaction, all sent in one DATA phase."""

    number: str
    name: str
    wire: bytes


class Check(t.NamedTuple):
    """Lines of a session whose last reply must start with one of the I(expected) digits."""

    number: str
    trick: str
    lines: t.Tuple[str, ...]
    expected: t.Tuple[str, ...]


class TlsProbe(t.NamedTuple):
    """A handshake; I(version) and I(ciphers) are all that is offered. I(oldest) is the policy minimum that allows it."""

    number: str
    trick: str
    version: str
    ciphers: t.Optional[str]
    accepted: bool


class Names(t.NamedTuple):
    """What the placeholders stand for."""

    relay: str
    address: str
    served: str
    third_party: str
    third_party_address: str
    client: str
    mx_loop: str
    recipient: str

    def fill(self, text: str) -> str:
        """Put the names in the place of the placeholders."""
        literal = f"IPv6:{self.address}" if ":" in self.address else self.address
        return text.format(
            R=self.relay,
            I=literal,
            D=self.served,
            T=self.third_party,
            TU=self.third_party.upper(),
            TF=self.third_party.replace(".", "\u3002"),
            TI=self.third_party_address,
            C=self.client,
            M=self.mx_loop,
            S=self.recipient,
        )


# The 64 address probes. Expected from a hardened relay: 5xx in every row.
ADDRESS_PROBES = (
    AddressProbe("O01", "<probe@{C}>", "<victim@{T}>", "plain stranger to stranger"),
    AddressProbe("O02", "<probe>", "<victim@{T}>", "sender without domain"),
    AddressProbe("O03", "<>", "<victim@{T}>", "null sender"),
    AddressProbe("O04", "<probe@[{I}]>", "<victim@{T}>", "sender at relay's address literal"),
    AddressProbe("O05", "<probe@{R}>", "<victim@{T}>", "sender at relay's own name"),
    AddressProbe("O06", "<probe@localhost>", "<victim@{T}>", "sender at localhost"),
    AddressProbe("O07", "<probe@{D}>", "<victim@{T}>", "sender in a domain the relay serves"),
    AddressProbe("O08", "<postmaster@{D}>", "<victim@{T}>", "role sender in a served domain"),
    AddressProbe("O09", "<victim@{T}>", "<victim@{T}>", "sender equals recipient, both foreign"),
    AddressProbe("O10", "<probe@{C}>", "<victim%{T}@{R}>", "percent hack at name"),
    AddressProbe("O11", "<probe@{C}>", "<victim%{T}@[{I}]>", "percent hack at literal"),
    AddressProbe("O12", "<probe@{C}>", "<victim%{T}>", "percent hack, no at sign"),
    AddressProbe("O13", "<probe@{C}>", "<victim%{T}%{R}@{R}>", "double percent"),
    AddressProbe("O14", "<probe@{C}>", "<victim%{T}@localhost>", "percent hack at localhost"),
    AddressProbe("O15", "<probe@{C}>", "<victim%{T}@{D}>", "percent hack at served domain"),
    AddressProbe("O16", "<probe@{C}>", '<"victim@{T}">', "quoted whole address"),
    AddressProbe("O17", "<probe@{C}>", '<"victim%{T}">', "quoted percent"),
    AddressProbe("O18", "<probe@{C}>", '<"victim@{T}"@{R}>', "quoted address at name"),
    AddressProbe("O19", "<probe@{C}>", '<"victim@{T}"@[{I}]>', "quoted address at literal"),
    AddressProbe("O20", "<probe@{C}>", '<"victim%{T}"@{R}>', "quoted percent at name"),
    AddressProbe("O21", "<probe@{C}>", '<"victim%{T}"@[{I}]>', "quoted percent at literal"),
    AddressProbe("O22", "<probe@{C}>", '<"{T}!victim"@{R}>', "quoted bang path at name"),
    AddressProbe("O23", "<probe@{C}>", "<victim@{T}@{R}>", "two at signs, relay name last"),
    AddressProbe("O24", "<probe@{C}>", "<victim@{T}@[{I}]>", "two at signs, literal last"),
    AddressProbe("O25", "<probe@{C}>", "<victim@{R}@{T}>", "two at signs, relay name first"),
    AddressProbe("O26", "<probe@{C}>", "<victim\\@{T}@{R}>", "escaped at sign"),
    AddressProbe("O27", "<probe@{C}>", "<@{R}:victim@{T}>", "source route via name"),
    AddressProbe("O28", "<probe@{C}>", "<@[{I}]:victim@{T}>", "source route via literal"),
    AddressProbe("O29", "<probe@{C}>", "<@{R},@hop.{C}:victim@{T}>", "two-hop source route"),
    AddressProbe("O30", "<probe@{C}>", "<@{D}:victim@{T}>", "source route via served domain"),
    AddressProbe("O31", "<probe@{C}>", "<@:victim@{T}>", "empty source route"),
    AddressProbe("O32", "<probe@{C}>", "<{T}!victim>", "bang path"),
    AddressProbe("O33", "<probe@{C}>", "<{T}!victim@{R}>", "bang path at name"),
    AddressProbe("O34", "<probe@{C}>", "<{T}!victim@[{I}]>", "bang path at literal"),
    AddressProbe("O35", "<probe@{C}>", "<{R}!{T}!victim>", "two-hop bang path"),
    AddressProbe("O36", "<probe@{C}>", "<{D}!victim%{T}@{R}>", "bang and percent mixed"),
    AddressProbe("O37", "<probe@{C}>", "<victim@[{TI}]>", "foreign IPv4 literal"),
    AddressProbe("O38", "<probe@{C}>", "<victim@[IPv6:2001:db8::7]>", "foreign IPv6 literal"),
    AddressProbe("O39", "<probe@{C}>", "<victim@{TI}>", "foreign bare IP as domain"),
    AddressProbe("O40", "<probe@{C}>", "victim@{T}", "no angle brackets"),
    AddressProbe("O41", "<probe@{C}>", " <victim@{T}>", "space before path"),
    AddressProbe("O42", "<probe@{C}>", "<victim@{T}.>", "trailing dot"),
    AddressProbe("O43", "<probe@{C}>", "<Victim@{TU}>", "upper-case domain"),
    AddressProbe("O44", "<probe@{C}>", "<victim@{T},postmaster@{D}>", "comma list, served domain last"),
    AddressProbe("O45", "<probe@{C}>", "<postmaster@{D},victim@{T}>", "comma list, served domain first"),
    AddressProbe("O46", "<probe@{C}>", "<postmaster@{D}> <victim@{T}>", "two paths on one line"),
    AddressProbe("O47", "<probe@{C}>", "<victim@{T}> ORCPT=rfc822;postmaster@{D}", "ORCPT names a served address"),
    AddressProbe("O48", "<probe@{C}> AUTH=<postmaster@{D}>", "<victim@{T}>", "AUTH= claims a served identity"),
    AddressProbe("O49", "<probe@{C}>", "<victim@x{D}>", "suffix without a dot boundary"),
    AddressProbe("O50", "<probe@{C}>", "<victim@{D}.{T}>", "served domain as a left label"),
    AddressProbe("O51", "<probe@{C}>", "<victim@{T}(@{D})>", "comment after the domain"),
    AddressProbe("O52", "<probe@{C}>", "<victim(@{D})@{T}>", "comment in the local part"),
    AddressProbe("O53", "<probe@{C}>", "<postmaster@{D} @{T}>", "space inside the path"),
    AddressProbe("O54", "<probe@{C}>", '<"victim"@{T}>', "quoted local part, foreign"),
    AddressProbe("O55", "<probe@{C}> SMTPUTF8", "<victim@b\u00fccher.{T}>", "U-label foreign domain"),
    AddressProbe("O56", "<probe@{C}> SMTPUTF8", "<victim\uff20{T}@{R}>", "full-width at sign"),
    AddressProbe("O57", "<probe@{C}> SMTPUTF8", "<victim@{TF}>", "ideographic full stop"),
    AddressProbe("O58", "<probe@{C}>", "<victim@{T}\t>", "tab inside the path"),
    AddressProbe("O59", "<probe@{C}>", "<victim@{T}\0@{R}>", "NUL inside the path"),
    AddressProbe("O60", "<probe@{C}>", '<"|/usr/bin/id"@{R}>', "command as local part"),
    AddressProbe("O61", "<probe@{C}>", "</tmp/x@{R}>", "file name as local part"),
    AddressProbe("O62", "<probe@{C}>", '<":include:/etc/passwd"@{R}>', "include as local part"),
    AddressProbe("O63", "<probe@{C}>", "<victim@{M}>", "foreign domain whose MX is this relay"),
    AddressProbe("O64", "<probe@{C}>", "<victim@sub.{D}>", "subdomain of a served domain"),
)

_EHLO = "EHLO c.{C}"
_MAIL = "MAIL FROM:<probe@{C}>"
_RCPT = "RCPT TO:<victim@{T}>"
_OWN_RCPT = "RCPT TO:<postmaster@{R}>"
_SERVED_RCPT = "RCPT TO:<{S}>"
_LOOPBACK = "NAME=localhost ADDR=127.0.0.1"
_PROXY = "PROXY TCP4 127.0.0.1 127.0.0.1 40000 25"

# The 16 session probes.
SESSION_PROBES = (
    SessionProbe("T01", "HELO as localhost", ("HELO localhost", _MAIL, _RCPT), True),
    SessionProbe("T02", "HELO as the relay", ("EHLO {R}", "MAIL FROM:<probe@{R}>", _RCPT), True),
    SessionProbe("T03", "HELO as loopback literal", ("EHLO [127.0.0.1]", _MAIL, _RCPT), True),
    SessionProbe("T04", "HELO as a served domain", ("EHLO mx.{D}", "MAIL FROM:<probe@{D}>", _RCPT), True),
    SessionProbe("T05", "no HELO at all", (_MAIL, _RCPT)),
    SessionProbe("T06", "XCLIENT loopback", (_EHLO, "XCLIENT " + _LOOPBACK, _EHLO, _MAIL, _RCPT)),
    SessionProbe("T07", "XFORWARD loopback", (_EHLO, "XFORWARD " + _LOOPBACK, _MAIL, _RCPT)),
    SessionProbe("T08", "PROXY header first", (_PROXY, _EHLO, _MAIL, _RCPT)),
    SessionProbe("T09", "served recipient first, then foreign", (_EHLO, _MAIL, _OWN_RCPT, _RCPT)),
    SessionProbe("T10", "RSET between", (_EHLO, "MAIL FROM:<probe@{R}>", _OWN_RCPT, "RSET", _MAIL, _RCPT)),
    SessionProbe("T11", "ETRN foreign", (_EHLO, "ETRN {T}")),
    SessionProbe("T12", "AUTH PLAIN bogus, then relay", (_EHLO, "AUTH PLAIN AGEAYg==", _MAIL, _RCPT)),
    SessionProbe("T13", "TURN", (_EHLO, "TURN")),
    SessionProbe("T14", "VRFY", (_EHLO, "VRFY postmaster")),
    SessionProbe("T15", "EXPN", (_EHLO, "EXPN postmaster")),
    SessionProbe("T16", "DEBUG/WIZ", (_EHLO, "DEBUG")),
)

# The 12 end-of-data tricks (CVE-2023-51764, CVE-2023-51765). Expected: at most one message, no second transaction.
SEQUENCES = (
    Sequence("E01", "LF . LF", b"\n.\n"),
    Sequence("E02", "LF . CRLF", b"\n.\r\n"),
    Sequence("E03", "CRLF . LF", b"\r\n.\n"),
    Sequence("E04", "CR . CR", b"\r.\r"),
    Sequence("E05", "CRLF . CR", b"\r\n.\r"),
    Sequence("E06", "CR . CRLF", b"\r.\r\n"),
    Sequence("E07", "LF . CR", b"\n.\r"),
    Sequence("E08", "CR . LF", b"\r.\n"),
    Sequence("E09", "CRLF NUL . CRLF", b"\r\n\0.\r\n"),
    Sequence("E10", "CRLF . NUL CRLF", b"\r\n.\0\r\n"),
    Sequence("E11", "CR CRLF . CR CRLF", b"\r\r\n.\r\r\n"),
    Sequence("E12", "CRLF . CR CRLF", b"\r\n.\r\r\n"),
)

# Positive controls: without them a relay that refuses everything, for whatever reason, would look closed.
CONTROLS = (
    Check("C01", "stranger to a served recipient", (_EHLO, _MAIL, _SERVED_RCPT), ("2",)),
    Check("C02", "null sender to a served recipient", (_EHLO, "MAIL FROM:<>", _SERVED_RCPT), ("2",)),
)

# Limits and manners that need no more than one reply to judge; those with numbers of their own stand in _audit.py.
CHECKS = (
    Check("L01", "MAIL without HELO", (_MAIL,), ("503",)),
    Check("L02", "recipient without MAIL", (_EHLO, _SERVED_RCPT), ("503",)),
    Check(
        "L03",
        "sender domain that does not exist",
        (_EHLO, "MAIL FROM:<probe@nowhere.invalid>", _SERVED_RCPT),
        ("4", "5"),
    ),
    Check("L04", "a command that nobody knows", (_EHLO, "XYZZY plugh"), ("500", "502")),
)

# Handshakes. Security level 0 makes OpenSSL offer what it would hide by itself.
_NO_AEAD = "ALL:!aNULL:!eNULL:!AESGCM:!CHACHA20:!AESCCM:!ARIAGCM:@SECLEVEL=0"
TLS_PROBES = (
    TlsProbe("S01", "TLS 1.0", "1.0", None, False),
    TlsProbe("S02", "TLS 1.1", "1.1", None, False),
    TlsProbe("S03", "TLS 1.2", "1.2", None, True),
    TlsProbe("S04", "TLS 1.3", "1.3", None, True),
    TlsProbe("S05", "suites without authenticated encryption", "1.2", _NO_AEAD, False),
    TlsProbe("S06", "suites without forward secrecy", "1.2", "kRSA:!eNULL:@SECLEVEL=0", False),
    TlsProbe("S07", "anonymous suites", "1.2", "aNULL:!eNULL:@SECLEVEL=0", False),
    TlsProbe("S08", "suites that do not encrypt", "1.2", "eNULL:@SECLEVEL=0", False),
)

#: Product names that a greeting must not tell.
PRODUCTS = ("postfix", "sendmail", "exim", "debian", "ubuntu", "suse", "redhat", "red hat", "linux", "gnu")

#: Extensions that a relay must not offer a stranger on port 25.
UNWANTED_KEYWORDS = ("AUTH", "XCLIENT", "XFORWARD", "XADR", "ETRN", "EXPN", "VERB", "ONEX", "TURN")

# The senders of the classic lists; each is tried with each recipient form in the group "cross".
_CLASSIC_SENDERS = ("O01", "O02", "O03", "O04", "O05", "O06", "O07")

_ENDS = (
    ("LF", b"\n"),
    ("CR", b"\r"),
    ("CRLF", b"\r\n"),
    ("LFCR", b"\n\r"),
    ("CR CRLF", b"\r\r\n"),
    ("NUL CRLF", b"\0\r\n"),
    ("CRLF NUL", b"\r\n\0"),
    ("CR NUL LF", b"\r\0\n"),
)


def cross_probes() -> t.List[AddressProbe]:
    """Pair every classic sender with every form of recipient, without the pairs that the list itself has left out."""
    senders = [probe.mail for probe in ADDRESS_PROBES if probe.number in _CLASSIC_SENDERS]
    forms = list(dict.fromkeys(probe.rcpt for probe in ADDRESS_PROBES))
    pairs = [(sender, form) for sender in senders for form in forms]
    return [
        AddressProbe(f"X{count:03d}", sender, form, "every sender with every recipient")
        for count, (sender, form) in enumerate(pairs, 1)
    ]


def line_end_sequences() -> t.List[Sequence]:
    """Put a dot between every two line ends that a lax reader takes for CRLF. The genuine end of data is left out."""
    odd = []
    for before, first in _ENDS:
        for after, second in _ENDS:
            wire = first + b"." + second
            if b"\r\n.\r\n" not in wire:
                odd.append((f"{before} . {after}", wire))
    return [Sequence(f"F{count:02d}", name, wire) for count, (name, wire) in enumerate(odd, 1)]
