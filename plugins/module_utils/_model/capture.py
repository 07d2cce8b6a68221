# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes to a capture instance, the same for both MTAs: which mail is captured, and where it goes.

A capture instance accepts everything from its own host and delivers nothing. The routes are on the production instance.

Private to the collection: it can change at any time.
"""

import ipaddress
import re
import typing as t

from .. import _addresses
from .._errors import OptionError
from . import access
from .access import CONNECT, DOMAIN, FROM, NETWORK, TO, USER

NULL = "null"
NULL_SENDER = "<>"
#: The head of each table of ours. It says where the mail goes, so that this is known without the task that wrote it.
_HEAD = "# postmaster.mta capture to {address} port {port}; written by the module capture, changes made here are lost\n"
_HEAD_LINE = re.compile(rb"# postmaster\.mta capture to (\S+) port ([0-9]+);")
_ROUTE_LINE = re.compile(rb"^# (from|to|connect) (\S+)( without subdomains)?$", re.MULTILINE)
#: Lines of one table by their keys.
Lines = t.Dict[str, str]


class CaptureRoute(t.NamedTuple):
    """Which mail is captured.

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
        """Return the route in words, as in its comment line in a table."""
        only = " without subdomains" if self.kind == DOMAIN and not self.subdomains else ""
        return f"{self.where} {self.pattern}{only}"

    @property
    def network(self) -> _addresses.Network:
        """Return the network of a route of that kind."""
        return ipaddress.ip_network(self.pattern)


class Endpoint(t.NamedTuple):
    """Where an instance listens."""

    address: str
    port: int

    @property
    def text(self) -> str:
        """Return it as a next hop is written: C([192.0.2.1]:25), C([ipv6:2001:db8::1]:25)."""
        return f"[{'ipv6:' if ':' in self.address else ''}{self.address}]:{self.port}"


class Envelope(t.NamedTuple):
    """The settings of a capture instance.

    :param own: the addresses of this host, which may connect.
    :param hop: where it listens.
    :param release: where released mail goes.
    :param hostname: not that of the production instance, or each would take the other for itself.
    """

    own: t.Tuple[str, ...]
    hop: Endpoint
    release: Endpoint
    hostname: str


# --- from options ---------------------------------------------------------------------------------------------------


def parse(params: t.Mapping[str, t.Any]) -> t.Tuple[CaptureRoute, ...]:
    """Return the routes of the options C(from), C(to), C(connect), C(subdomains), each once.

    :raises OptionError: naming the value.
    """
    subdomains = params.get("subdomains") is not False
    routes = [
        _route(f"{place}[{number}]", place, text, subdomains)
        for place in access.PLACES
        for number, text in enumerate(params.get(place) or ())
    ]
    return tuple(dict.fromkeys(routes))


def _route(option: str, place: str, text: t.Any, subdomains: bool) -> CaptureRoute:
    if place == FROM and text == NULL_SENDER:
        return CaptureRoute(place, NULL_SENDER, NULL)
    try:
        pattern, kind = access.pattern(place, text.strip(" ") if isinstance(text, str) else text)
        if kind == USER:
            raise ValueError("user@ in all domains cannot be a route; expected an address or a domain")
        if place == CONNECT and kind != NETWORK:
            raise ValueError("the owner of a name in DNS can change it; write the client's address or network")
    except ValueError as why:
        raise OptionError(option, text, str(why))
    return CaptureRoute(place, pattern, kind, kind == DOMAIN and subdomains)


def hop(address: t.Any, port: t.Any) -> Endpoint:
    """Return where the capture instance listens.

    :raises OptionError: not an address, or not a port.
    """
    try:
        parsed = _addresses.address(str(address))
    except ValueError as why:
        raise OptionError("address", address, str(why))
    if parsed.is_unspecified or parsed.is_multicast:
        raise OptionError("address", address, "expected one address of this host")
    if not 1 <= port <= 65535:
        raise OptionError("port", port, "a port is a number from 1 to 65535")
    return Endpoint(str(parsed), port)


# --- tables ---------------------------------------------------------------------------------------------------------


def table(routes: t.Sequence[t.Tuple[CaptureRoute, Lines]], to: Endpoint) -> t.Optional[bytes]:
    """Return the source of a table of ours; None where it has no lines. A key that two routes have stands there once."""
    written: t.Set[str] = set()
    text = ""
    for route, lines in routes:
        text += f"# {route.title}\n" if lines else ""
        for key, value in lines.items():
            if key.lower() not in written:
                text += f"{key}\t{value}\n"
            written.add(key.lower())
    return (_HEAD.format(address=to.address, port=to.port) + text).encode("ascii") if written else None


def hop_in(content: t.Optional[bytes]) -> t.Optional[Endpoint]:
    """Return where the routes of a table of ours go; None where it is no table of ours."""
    match = _HEAD_LINE.match(content or b"")
    return Endpoint(match.group(1).decode("ascii"), int(match.group(2))) if match else None


def titles_in(content: t.Optional[bytes]) -> t.Tuple[str, ...]:
    """Return the routes of a table of ours, in words."""
    comments = _ROUTE_LINE.finditer(content or b"")
    return tuple(match.group(0)[2:].decode("ascii", "replace") for match in comments)


def pairs_in(content: t.Optional[bytes]) -> t.Dict[str, str]:
    """Return the keys and values of a table of ours."""
    lines = [line for line in (content or b"").decode("utf-8", "surrogateescape").split("\n") if line]
    pairs = [line.partition("\t") for line in lines if not line.startswith("#")]
    return {key: value for key, dummy, value in pairs}


# --- what was captured ------------------------------------------------------------------------------------------------

_RECEIVED = re.compile(rb"^Received:((?:.|\n(?=[ \t]))*)", re.MULTILINE | re.IGNORECASE)
_CLIENT = re.compile(rb"\[(?:IPv6:)?([0-9A-Fa-f:.]+)\]")


def client_of(raw: bytes) -> str:
    """Return the client that gave a captured message to the production instance, as the Received field of that one says.

    The first field is the capture instance's, the second one the production instance's. Older fields can be forged.
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
