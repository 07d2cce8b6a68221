# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes to a capture instance, the same for both MTAs: which mail is caught, and where it goes.

A capture instance accepts everything from its own host and delivers nothing. The routes stand on the production instance.

Private to the collection: it can change at any time.
"""

import ipaddress
import re
import typing as t

from .. import _addresses
from .._errors import OptionError
from . import access as _access
from .access import CONNECT, DOMAIN, FROM, NETWORK, TO, USER

NULL = "null"
NULL_SENDER = "<>"
#: The head of each table of ours: where the mail goes, so that it can be told without the task that wrote it.
_HEAD = "# postmaster.mta capture to {address} port {port}; written by the module capture, changes made here are lost\n"
_HEAD_LINE = re.compile(rb"# postmaster\.mta capture to (\S+) port ([0-9]+);")
_ROUTE_LINE = re.compile(rb"^# (from|to|connect) (\S+)( without subdomains)?$", re.MULTILINE)
#: Lines of one table by their keys.
Lines = t.Dict[str, str]


class CaptureRoute(t.NamedTuple):
    """Which mail is caught.

    :param where: C(from) (envelope sender), C(to) (recipient), C(connect) (the client's address).
    :param pattern: normalised: C(user@domain), a domain, C(<>), an address, a network.
    :param kind: C(address), C(domain), C(null), C(network).
    """

    where: str
    pattern: str
    kind: str
    subdomains: bool = False

    @property
    def title(self) -> str:
        """It in words; the same as its comment line in a table."""
        only = " without subdomains" if self.kind == DOMAIN and not self.subdomains else ""
        return f"{self.where} {self.pattern}{only}"

    @property
    def network(self) -> _addresses.Network:
        """The network of a route of that kind."""
        return ipaddress.ip_network(self.pattern)


class Endpoint(t.NamedTuple):
    """Where an instance listens."""

    address: str
    port: int

    @property
    def text(self) -> str:
        """C([192.0.2.1]:25), C([ipv6:2001:db8::1]:25)."""
        return f"[{'ipv6:' if ':' in self.address else ''}{self.address}]:{self.port}"


class Envelope(t.NamedTuple):
    """What a capture instance is told: the hosts that may connect, where it listens, and where a release goes.

    :param own: the addresses of this host.
    :param hostname: another one than the production instance has, or each would take the other for itself.
    """

    own: t.Tuple[str, ...]
    hop: Endpoint
    release: Endpoint
    hostname: str


# --- from options ---------------------------------------------------------------------------------------------------


def parse(params: t.Mapping[str, t.Any]) -> t.Tuple[CaptureRoute, ...]:
    """The routes that the options C(from), C(to), C(connect), C(subdomains) express, each once.

    :raises OptionError: naming the value.
    """
    subdomains = params.get("subdomains") is not False
    found = [
        _route(f"{place}[{number}]", place, text, subdomains)
        for place in _access.PLACES
        for number, text in enumerate(params.get(place) or ())
    ]
    return tuple(dict.fromkeys(found))


def _route(option: str, place: str, text: t.Any, subdomains: bool) -> CaptureRoute:
    if place == FROM and text == NULL_SENDER:
        return CaptureRoute(place, NULL_SENDER, NULL)
    try:
        pattern, kind = _access.pattern(place, text.strip(" ") if isinstance(text, str) else text)
        if kind == USER:
            raise ValueError("user@ in all domains cannot be a route; an address or a domain is wanted")
        if place == CONNECT and kind != NETWORK:
            raise ValueError("a name in DNS is its owner's; write the client's address or network")
    except ValueError as why:
        raise OptionError(option, text, str(why))
    return CaptureRoute(place, pattern, kind, kind == DOMAIN and subdomains)


def hop(address: t.Any, port: t.Any) -> Endpoint:
    """The place where the capture instance listens.

    :raises OptionError: no address, or no port.
    """
    try:
        found = _addresses.address(str(address))
    except ValueError as why:
        raise OptionError("address", address, str(why))
    if found.is_unspecified or found.is_multicast:
        raise OptionError("address", address, "one address of this host is wanted")
    if not 1 <= port <= 65535:
        raise OptionError("port", port, "a port is a number from 1 to 65535")
    return Endpoint(str(found), port)


# --- tables ---------------------------------------------------------------------------------------------------------


def table(wanted: t.Sequence[t.Tuple[CaptureRoute, Lines]], to: Endpoint) -> t.Optional[bytes]:
    """The source of a table of ours; None where no line is in it. A key that two routes have stands there once."""
    seen: t.Set[str] = set()
    text = ""
    for route, lines in wanted:
        text += f"# {route.title}\n" if lines else ""
        for key, value in lines.items():
            text += "" if key.lower() in seen else f"{key}\t{value}\n"
            seen.add(key.lower())
    return (_HEAD.format(address=to.address, port=to.port) + text).encode("ascii") if seen else None


def hop_in(content: t.Optional[bytes]) -> t.Optional[Endpoint]:
    """Where the routes of a table of ours go; None where it is no table of ours."""
    match = _HEAD_LINE.match(content or b"")
    return Endpoint(match.group(1).decode("ascii"), int(match.group(2))) if match else None


def titles_in(content: t.Optional[bytes]) -> t.Tuple[str, ...]:
    """The routes of a table of ours, in words."""
    found = _ROUTE_LINE.finditer(content or b"")
    return tuple(match.group(0)[2:].decode("ascii", "replace") for match in found)


def pairs_in(content: t.Optional[bytes]) -> t.Dict[str, str]:
    """The keys and values of a table of ours."""
    lines = [line for line in (content or b"").decode("utf-8", "surrogateescape").split("\n") if line]
    pairs = [line.partition("\t") for line in lines if not line.startswith("#")]
    return {key: value for key, dummy, value in pairs}


# --- what was caught ------------------------------------------------------------------------------------------------

_RECEIVED = re.compile(rb"^Received:((?:.|\n(?=[ \t]))*)", re.MULTILINE | re.IGNORECASE)
_CLIENT = re.compile(rb"\[(?:IPv6:)?([0-9A-Fa-f:.]+)\]")


def client_of(raw: bytes) -> str:
    """The client that gave a caught message to the production instance, as the Received field of that one says.

    The first field is the capture instance's own, the second one that of the production instance; older ones anybody can write.
    """
    head = raw.partition(b"\n\n")[0]
    fields = [match.group(1) for match in _RECEIVED.finditer(head)]
    match = _CLIENT.search(fields[1]) if len(fields) > 1 else None
    return match.group(1).decode("ascii") if match else ""


__all__ = (
    "CONNECT",
    "DOMAIN",
    "FROM",
    "NETWORK",
    "NULL",
    "TO",
    "CaptureRoute",
    "Endpoint",
    "Envelope",
    "Lines",
    "client_of",
    "hop",
    "hop_in",
    "pairs_in",
    "parse",
    "table",
    "titles_in",
)  # fmt: skip
