# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the C library of a host looks names up: resolv.conf(5), nsswitch.conf(5), hosts(5), and what caches on the way.

Private to the collection: it can change at any time.
"""

import socket
import typing as t

from .._addresses import is_address
from .._model.finding import ERROR, WARNING, Finding, make_finding

RESOLV_CONF = "/etc/resolv.conf"
NSSWITCH_CONF = "/etc/nsswitch.conf"
HOSTS = "/etc/hosts"
#: The C library looks at no more (resolv.conf(5), MAXNS).
MAXIMUM_SERVERS = 3


class ResolvConf(t.NamedTuple):
    """A resolv.conf. I(timeout) is in seconds for one server, I(attempts) rounds over all servers."""

    servers: t.Tuple[str, ...] = ()
    search: t.Tuple[str, ...] = ()
    timeout: int = 5
    attempts: int = 2


class ByLibc(t.NamedTuple):
    """What the C library answers for a host name.

    The name with a dot behind it is another entry in nscd's cache, and so are the two ways to ask: sendmail asks for the address
    of the next hop with a dot.

    :param addresses: each way of asking, C(gethostbyname(name.)) for instance, with its addresses.
    """

    name: str
    addresses: t.Mapping[str, t.Tuple[str, ...]]

    @property
    def all(self) -> t.FrozenSet[str]:
        """Return every address, however it was asked for."""
        return frozenset(address for addresses in self.addresses.values() for address in addresses)


def parse_resolv_conf(text: str) -> ResolvConf:
    """Read resolv.conf(5) as the C library does: the first three servers, the last search or domain line."""
    servers: t.List[str] = []
    search: t.Tuple[str, ...] = ()
    options: t.Dict[str, int] = {}
    for line in text.splitlines():
        words = line.split("#")[0].split(";")[0].split()
        if len(words) < 2:
            continue
        if words[0] == "nameserver" and is_address(_without_zone(words[1])):
            servers.append(words[1])
        elif words[0] in ("search", "domain"):
            search = tuple(word.lower() for word in words[1:])
        elif words[0] == "options":
            options.update(_numbers(words[1:]))
    addresses = tuple(dict.fromkeys(servers))[:MAXIMUM_SERVERS] or ("127.0.0.1",)
    return ResolvConf(addresses, search, min(30, options.get("timeout", 5)), min(5, options.get("attempts", 2)))


def _numbers(words: t.Sequence[str]) -> t.Dict[str, int]:
    pairs = [word.partition(":") for word in words]
    return {name: int(value) for name, dummy, value in pairs if value.isdigit()}


def _without_zone(text: str) -> str:
    """Return an address without the interface that a link-local one may name: C(fe80::1%eth0)."""
    return text.partition("%")[0]


def sources_of_hosts(text: str) -> t.Tuple[str, ...]:
    """Read the services of the line C(hosts:) of nsswitch.conf(5), without the actions in brackets."""
    for line in text.splitlines():
        name, colon, rest = line.split("#")[0].partition(":")
        if colon and name.strip() == "hosts":
            return tuple(word for word in rest.split() if not word.startswith("[") and not word.endswith("]"))
    return ("files", "dns")


def parse_hosts(text: str) -> t.Dict[str, t.Tuple[str, ...]]:
    """Read the names of hosts(5) in lower case, each with its addresses."""
    addresses: t.Dict[str, t.Tuple[str, ...]] = {}
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if len(words) > 1 and is_address(_without_zone(words[0])):
            for name in words[1:]:
                key = name.lower().rstrip(".")
                addresses[key] = addresses.get(key, ()) + (words[0],)
    return addresses


def by_libc(name: str) -> ByLibc:
    """Ask the C library as the MTAs do; this can take as long as its resolver wants."""
    dotted = name.rstrip(".") + "."
    answers = {"gethostbyname(name.)": _by_name(dotted)}
    for family, title in ((socket.AF_INET, "IPv4"), (socket.AF_INET6, "IPv6")):
        answers[f"getaddrinfo(name, {title})"] = _by_info(name.rstrip("."), family)
    return ByLibc(name, answers)


def _by_name(name: str) -> t.Tuple[str, ...]:
    try:
        return tuple(sorted(socket.gethostbyname_ex(name)[2]))
    except (OSError, UnicodeError):
        return ()


def _by_info(name: str, family: int) -> t.Tuple[str, ...]:
    try:
        entries = socket.getaddrinfo(name, 25, family, socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(sorted({str(entry[4][0]) for entry in entries}))


def name_of(address: str) -> str:
    """Return the name that the C library has for an address; empty where it has none."""
    try:
        return socket.gethostbyaddr(address)[0].lower().rstrip(".")
    except (OSError, UnicodeError):
        return ""


def read(path: str) -> str:
    """Read a small file as text; empty where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(1024 * 1024).decode("utf-8", "replace")
    except OSError:
        return ""


def judge_silent(servers: t.Sequence[str], silent: t.Mapping[str, t.Sequence[str]], wait: int) -> t.List[Finding]:
    """Judge the name servers of resolv.conf that do not answer.

    :param servers: all of them, in the order of the file.
    :param silent: those that do not answer, each with the evidence.
    :param wait: seconds that a lookup waits for one of them.
    """
    if silent and len(silent) == len(servers):
        evidence = [line for address, lines in silent.items() for line in lines or (address,)]
        return [
            make_finding("no_resolver", ERROR, "resolv.conf", "no name server of /etc/resolv.conf answers", evidence)
        ]
    findings = []
    for address, lines in silent.items():
        evidence = [*lines, f"resolv.conf: {' '.join(servers)}"]
        if address == servers[0]:
            what = (
                f"the first name server of /etc/resolv.conf, {address}, does not answer: every lookup waits {wait} s for it, "
                "and so does every greeting that looks the client's name up"
            )
            findings.append(make_finding("first_resolver_silent", ERROR, address, what, evidence, server=address))
        else:
            what = f"the name server {address} of /etc/resolv.conf does not answer"
            findings.append(make_finding("resolver_silent", WARNING, address, what, evidence, server=address))
    return findings
