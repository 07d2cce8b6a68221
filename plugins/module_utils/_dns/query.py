# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One DNS question to one server, whatever it answers; and the way from the root to the servers of a domain.

Private to the collection: it can change at any time.

A server may be dead, slow, lame or hostile. Every question ends within its time, and every answer is a record: what is wrong
with it stands in C(status). dnspython (1.15 or newer) reads and writes the messages; sockets and clocks are ours.
"""

import socket
import struct
import time
import typing as t

from .._errors import shorten

try:
    import dns.exception
    import dns.flags
    import dns.message
    import dns.name
    import dns.rcode
    import dns.rdata
    import dns.rdataclass
    import dns.rdatatype

    # It reads the file of a type when it first meets it, which may not be in two threads at once (see host_info.read_ahead).
    for _name in ("A", "AAAA", "CNAME", "DNAME", "DS", "MX", "NS", "OPT", "PTR", "RRSIG", "SOA", "TXT"):
        dns.rdata.get_rdata_class(dns.rdataclass.IN, dns.rdatatype.from_text(_name))
    MISSING = ""
except ImportError as problem:  # pragma: no cover - the caller says what to install
    MISSING = str(problem)

PORT = 53
#: What no fragment is needed for (DNS flag day 2020).
PAYLOAD = 1232

# The statuses besides the names of the response codes (NOERROR, NXDOMAIN, SERVFAIL, REFUSED, ...).
NOERROR, NXDOMAIN, SERVFAIL = "NOERROR", "NXDOMAIN", "SERVFAIL"
TIMEOUT = "timeout"  # no answer, or none in time
DEAD = "dead"  # the host says that nobody listens
UNREACHABLE = "unreachable"  # no route
MALFORMED = "malformed"  # bytes that are not a DNS message, or not an answer to the question
TRUNCATED = "truncated"  # the answer does not fit, and the server takes no TCP
LOOP = "loop"  # aliases that lead to themselves
#: With these the server has said nothing.
SILENT = frozenset((TIMEOUT, DEAD, UNREACHABLE))

_ALIASES = 16
_RECORDS = 100
_STEPS = 12


class Answer(t.NamedTuple):
    """What one server answered to one question.

    :param records: the data in the presentation format, sorted, names in lower case; at the end of the aliases.
    :param aliases: the names that CNAME records led to.
    :param ttl: the smallest of the answer, in seconds; None where there is none.
    :param flags: of C(aa), C(ad), C(tcp), C(signed).
    :param referral: C(zone) and the names of its servers, where the answer points somewhere else.
    :param glue: addresses of these names, as far as they came along.
    """

    server: str
    name: str
    type: str
    status: str
    records: t.Tuple[str, ...] = ()
    aliases: t.Tuple[str, ...] = ()
    ttl: t.Optional[int] = None
    seconds: float = 0.0
    flags: t.FrozenSet[str] = frozenset()
    detail: str = ""
    referral: t.Tuple[str, t.Tuple[str, ...]] = ("", ())
    glue: t.Mapping[str, t.Tuple[str, ...]] = {}
    owner: str = ""

    @property
    def heard(self) -> bool:
        """Return whether the server said anything at all."""
        return self.status not in SILENT

    @property
    def good(self) -> bool:
        """Return whether a mail server can work with this answer, even if it says that there is nothing."""
        return self.status in (NOERROR, NXDOMAIN)


class Walk(t.NamedTuple):
    """The servers of a domain's zone, as found from the root.

    :param servers: name and address of each.
    :param trail: what was asked on the way and what it said.
    :param problem: why there are none.
    """

    zone: str
    servers: t.Tuple[t.Tuple[str, str], ...]
    trail: t.Tuple[str, ...] = ()
    problem: str = ""


class Asker:
    """Asks questions.

    :param limit: seconds that one question may take, TCP and second try included.
    :param port: where servers listen; the tests have theirs elsewhere.
    """

    def __init__(self, limit: float = 4.0, port: int = PORT) -> None:
        self.limit = limit
        self.port = port

    def ask(self, server: str, name: str, kind: str, recurse: bool = True, validate: bool = True) -> Answer:
        """Ask one server for one type; never raises.

        :param validate: false asks a resolver not to judge signatures (CD), which tells a bogus zone from a dead one.
        """
        started = time.monotonic()
        blank = Answer(server, name, kind, TIMEOUT)
        try:
            query = _query(name, kind, recurse, validate)
        except (dns.exception.DNSException, ValueError, UnicodeError) as problem:
            return blank._replace(status=MALFORMED, detail=f"no question can be made of it: {problem}")
        answer = self._exchange(server, query, blank, started + self.limit)
        return answer._replace(seconds=time.monotonic() - started)

    def _exchange(self, server: str, query: t.Any, blank: Answer, end: float) -> Answer:
        try:
            # One packet may be lost: a second try has the second half of the time.
            middle = time.monotonic() + (end - time.monotonic()) / 2
            wire = self._by_udp(server, query, middle) or self._by_udp(server, query, end)
        except OSError as problem:
            return _failed(blank, problem)
        if wire is None:
            return blank
        answer = read_answer(wire, query, blank)
        if "tc" not in answer.flags:
            return answer
        try:
            whole = read_answer(self._by_tcp(server, query, end), query, blank)
        except (OSError, struct.error) as problem:
            return answer._replace(status=TRUNCATED, detail=f"no TCP: {problem}")
        return whole._replace(flags=whole.flags | {"tcp"})

    def _by_udp(self, server: str, query: t.Any, end: float) -> t.Optional[bytes]:
        """Return the first packet that answers this very question; the packets of a stranger are ignored."""
        wire = query.to_wire()
        with socket.socket(_family(server), socket.SOCK_DGRAM) as connection:
            connection.connect((server, self.port))
            connection.send(wire)
            while True:
                remaining = end - time.monotonic()
                if remaining <= 0:
                    return None
                connection.settimeout(remaining)
                try:
                    received = connection.recv(65535)
                except socket.timeout:
                    return None
                if received[:2] == wire[:2]:
                    return received

    def _by_tcp(self, server: str, query: t.Any, end: float) -> bytes:
        wire = query.to_wire()
        remaining = max(0.1, end - time.monotonic())
        with socket.create_connection((server, self.port), remaining) as connection:
            connection.sendall(struct.pack("!H", len(wire)) + wire)
            size = struct.unpack("!H", _receive(connection, 2, end))[0]
            return _receive(connection, size, end)


def _receive(connection: socket.socket, size: int, end: float) -> bytes:
    data = b""
    while len(data) < size:
        remaining = end - time.monotonic()
        if remaining <= 0:
            raise socket.timeout("timed out")
        connection.settimeout(remaining)
        chunk = connection.recv(size - len(data))
        if not chunk:
            raise ConnectionResetError("closed by the peer")
        data += chunk
    return data


def _family(server: str) -> int:
    return socket.AF_INET6 if ":" in server else socket.AF_INET


def _failed(blank: Answer, problem: OSError) -> Answer:
    status = DEAD if isinstance(problem, ConnectionError) else UNREACHABLE
    return blank._replace(status=status, detail=str(problem.strerror or problem))


def _query(name: str, kind: str, recurse: bool, validate: bool) -> t.Any:
    owner = dns.name.from_text(name.rstrip(".") + "." if name != "." else ".")
    query = dns.message.make_query(owner, kind, use_edns=0, want_dnssec=True, payload=PAYLOAD)
    if not recurse:
        query.flags &= ~dns.flags.RD
    query.flags |= dns.flags.AD
    if not validate:
        query.flags |= dns.flags.CD
    return query


# --- pure: what an answer says ------------------------------------------------------------------------------------


def read_answer(wire: bytes, query: t.Any, blank: Answer) -> Answer:
    """Judge the bytes that came back; never raises, whatever they are."""
    try:
        message = dns.message.from_wire(wire, ignore_trailing=True, one_rr_per_rrset=False)
        if message.id != query.id or not message.flags & dns.flags.QR:
            return blank._replace(status=MALFORMED, detail="not an answer to this question")
        if message.question and message.question != query.question:
            return blank._replace(status=MALFORMED, detail="the answer is to another question")
        return _facts(message, query.question[0].name, blank)
    except Exception as problem:
        # The library has a family of exceptions of its own, and odd bytes have made it raise others.
        return blank._replace(status=MALFORMED, detail=f"{type(problem).__name__}: {problem}")


def _facts(message: t.Any, name: t.Any, blank: Answer) -> Answer:
    wanted = dns.rdatatype.from_text(blank.type)
    status = dns.rcode.to_text(message.rcode())
    owner, aliases, ttls, looped = _follow(message.answer, name, wanted)
    rrsets = [rrset for rrset in message.answer if rrset.rdtype == wanted and rrset.name == owner]
    records = [presented(data) for rrset in rrsets for data in list(rrset)[:_RECORDS]]
    ttls += [rrset.ttl for rrset in rrsets]
    return blank._replace(
        status=LOOP if looped else status,
        records=tuple(sorted(set(records))[:_RECORDS]),
        aliases=tuple(aliases),
        ttl=min(ttls) if ttls else None,
        flags=_flags(message),
        referral=_referral(message),
        glue=_glue(message),
        owner=_authority_owner(message),
    )


def _follow(answer: t.Any, name: t.Any, wanted: int) -> t.Tuple[t.Any, t.List[str], t.List[int], bool]:
    """Follow the aliases of an answer: the last name, the names on the way, their TTLs, and whether it is a circle."""
    steps = {rrset.name: rrset for rrset in answer if rrset.rdtype == dns.rdatatype.CNAME}
    aliases: t.List[str] = []
    ttls: t.List[int] = []
    seen = {name}
    while name in steps and wanted != dns.rdatatype.CNAME:
        rrset = steps[name]
        name = list(rrset)[0].target
        aliases.append(plain_name(name))
        ttls.append(rrset.ttl)
        if name in seen or len(aliases) > _ALIASES:
            return name, aliases[:_ALIASES], ttls, True
        seen.add(name)
    return name, aliases, ttls, False


def _flags(message: t.Any) -> t.FrozenSet[str]:
    names = {"aa": dns.flags.AA, "ad": dns.flags.AD, "tc": dns.flags.TC}
    flags = {name for name, flag in names.items() if message.flags & flag}
    if any(rrset.rdtype == dns.rdatatype.RRSIG for rrset in message.answer):
        flags.add("signed")
    return frozenset(flags)


def _referral(message: t.Any) -> t.Tuple[str, t.Tuple[str, ...]]:
    for section in (message.answer, message.authority):
        for rrset in section:
            if rrset.rdtype == dns.rdatatype.NS:
                names = tuple(sorted(plain_name(data.target) for data in list(rrset)[:_RECORDS]))
                return plain_name(rrset.name), names
    return "", ()


def _glue(message: t.Any) -> t.Dict[str, t.Tuple[str, ...]]:
    addresses: t.Dict[str, t.Tuple[str, ...]] = {}
    for rrset in message.additional:
        if rrset.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA):
            name = plain_name(rrset.name)
            addresses[name] = addresses.get(name, ()) + tuple(data.address for data in list(rrset)[:_RECORDS])
    return addresses


def _authority_owner(message: t.Any) -> str:
    for rrset in message.authority:
        if rrset.rdtype == dns.rdatatype.SOA:
            return plain_name(rrset.name)
    return ""


def plain_name(name: t.Any) -> str:
    """Write a name in lower case without its last dot; special characters stay escaped (RFC 1035 5.1)."""
    text: str = name.to_text().lower()
    return text[:-1] if text.endswith(".") and text != "." else text


def presented(data: t.Any) -> str:
    """Write the data of a record as text on one line."""
    if data.rdtype == dns.rdatatype.MX:
        return f"{data.preference} {plain_name(data.exchange)}"
    if data.rdtype in (dns.rdatatype.CNAME, dns.rdatatype.NS, dns.rdatatype.PTR):
        return plain_name(data.target)
    if data.rdtype == dns.rdatatype.TXT:
        return shorten(b"".join(data.strings).decode("utf-8", "backslashreplace"), 500)
    return shorten(data.to_text(), 500)


def mail_exchangers(records: t.Sequence[str]) -> t.Tuple[t.Tuple[int, str], ...]:
    """Read the records of an MX answer as preference and name, best first."""
    pairs = [record.partition(" ") for record in records]
    return tuple(sorted((int(preference), name) for preference, dummy, name in pairs))


# --- the way from the root ----------------------------------------------------------------------------------------


def walk(asker: Asker, domain: str, roots: t.Sequence[str], resolvers: t.Sequence[str], seconds: float) -> Walk:
    """Find the servers of the zone that a domain is in.

    :param roots: addresses to begin with: servers of the root, or of any zone above the domain.
    :param resolvers: asked for the addresses of servers that came without.
    """
    end = time.monotonic() + seconds
    zone, servers = "", tuple((address, address) for address in roots)
    trail: t.List[str] = []
    for dummy in range(_STEPS):
        answer, replies = _first_good(asker, domain, servers, end)
        if answer is None:
            return Walk(zone, (), tuple(trail), f"no server of {zone or 'the root'} answers: {replies}")
        trail.append(f"{answer.server}: {answer.status} {answer.referral[0]} {' '.join(answer.referral[1])}".strip())
        if "aa" in answer.flags:
            return _arrived(asker, domain, answer, servers, resolvers, trail)
        below, names = answer.referral
        if not names or not _is_below(below, zone) or not _is_below(domain, below, True):
            return Walk(zone, (), tuple(trail), f"{answer.server} is lame: it has neither an answer nor a referral")
        zone, servers = below, _addresses(asker, names, answer.glue, resolvers)
        if not servers:
            return Walk(zone, (), tuple(trail), f"none of the servers of {zone} has an address")
    return Walk(zone, (), tuple(trail), f"more than {_STEPS} referrals")


def _first_good(
    asker: Asker, domain: str, servers: t.Sequence[t.Tuple[str, str]], end: float
) -> t.Tuple[t.Optional[Answer], str]:
    """Return the first answer that is of use, or what was answered instead."""
    replies = []
    for dummy, address in servers[:4]:
        if time.monotonic() > end:
            break
        answer = asker.ask(address, domain, "NS", recurse=False)
        if answer.good:
            return answer, ""
        replies.append(f"{address} {answer.status}")
    return None, ", ".join(replies)


def _arrived(
    asker: Asker,
    domain: str,
    answer: Answer,
    servers: t.Tuple[t.Tuple[str, str], ...],
    resolvers: t.Sequence[str],
    trail: t.Sequence[str],
) -> Walk:
    zone, names = answer.referral
    if answer.records and zone == domain and not answer.aliases:
        addresses = _addresses(asker, names, answer.glue, list(resolvers) + [answer.server])
        return Walk(domain, addresses or servers, tuple(trail))
    return Walk(answer.owner or zone, servers, tuple(trail))


def _is_below(name: str, zone: str, same: bool = False) -> bool:
    if zone in ("", "."):
        return True
    return name.endswith("." + zone) or (same and name == zone)


def _addresses(
    asker: Asker, names: t.Sequence[str], glue: t.Mapping[str, t.Sequence[str]], resolvers: t.Sequence[str]
) -> t.Tuple[t.Tuple[str, str], ...]:
    """Return name and address of each server, IPv4 first: not every host has the other."""
    pairs = []
    for name in names[:4]:
        addresses = list(glue.get(name, ()))
        for resolver in resolvers[:2] if not addresses else ():
            addresses += asker.ask(resolver, name, "A").records
            if addresses:
                break
        ranked = sorted(set(addresses), key=lambda address: (":" in address, address))
        pairs += [(name, address) for address in ranked[:2]]
    return tuple(pairs)
