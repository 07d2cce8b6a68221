# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What everybody answers about a mail domain: the MTA's own path, the resolvers, the authoritative servers.

Private to the collection: it can change at any time.

look() asks and returns a Picture; what is wrong with it is judged in C(_dnsjudge), without asking anything more.
"""

import os
import socket
import time
import typing as t

from .. import _parallel as _together
from .._addresses import domain as parse_domain
from .._addresses import is_address
from .._errors import OptionError
from .._runner import Runner
from . import nscd as _nscd
from . import query as _dns
from . import resolver as _resolver
from .query import Answer, Asker, Walk
from .resolver import ByLibc, ResolvConf

#: Where a server's address comes from.
RESOLVER, CHROOT, PUBLIC, AUTHORITY = "resolver", "chroot", "public", "authority"
#: The root servers of the Internet (a, f, k and m), for hosts whose resolver does not name any.
ROOTS = ("198.41.0.4", "192.5.5.241", "193.0.14.129", "202.12.27.33")
_TYPES = ("MX", "A", "AAAA", "TXT")
#: Seconds after which an answer that may be one of several (round robin) is asked for again.
SECOND_LOOK = 2.0
_HOSTS = 8

Key = t.Tuple[str, str, str]
Answers = t.Dict[Key, Answer]


class Server(t.NamedTuple):
    """A name server that is asked; I(title) is its name where it has one."""

    address: str
    role: str
    title: str = ""


class Own(t.NamedTuple):
    """An address from which this host sends, the name that it has, and the addresses of that name."""

    address: str
    name: str
    addresses: t.Tuple[str, ...]


class Question(t.NamedTuple):
    """What is to be looked at.

    :param public: addresses of public resolvers to ask as well.
    :param hints: addresses to begin the walk to the authoritative servers with; empty: the root, as the resolver names it.
    :param chroot: a directory in which an MTA runs, with a resolv.conf of its own.
    :param limit: seconds for one question; I(patience): seconds for everything.
    """

    domain: str
    public: t.Tuple[str, ...] = ()
    hints: t.Tuple[str, ...] = ()
    chroot: str = ""
    limit: float = 4.0
    patience: float = 25.0


class Picture(t.NamedTuple):
    """Everything that was answered.

    :param answers: by server, name and type.
    :param exchangers: the hosts that take the domain's mail, best first, as anybody named them.
    :param libc: what the C library said; a host whose answer did not come in time is missing.
    :param authorities: the servers of the zone of each name.
    :param cache: what keeps host names between the C library and the DNS: C(nscd), C(systemd-resolved), or nothing.
    :param fixed: the names in /etc/hosts.
    """

    domain: str
    servers: t.Tuple[Server, ...]
    answers: t.Mapping[Key, Answer]
    exchangers: t.Tuple[str, ...] = ()
    libc: t.Mapping[str, ByLibc] = {}
    walk: Walk = Walk("", ())
    authorities: t.Mapping[str, t.Tuple[Server, ...]] = {}
    resolv: ResolvConf = ResolvConf()
    chroot: t.Optional[ResolvConf] = None
    cache: str = ""
    fixed: t.Mapping[str, t.Tuple[str, ...]] = {}
    own: t.Tuple[Own, ...] = ()
    unvalidated: t.Mapping[str, Answer] = {}
    seconds: float = 0.0

    def of(self, role: str) -> t.Tuple[Server, ...]:
        """Return the servers of a role."""
        return tuple(server for server in self.servers if server.role == role)

    def said(self, server: Server, name: str, kind: str) -> t.Optional[Answer]:
        """Return an answer, if it was asked for and came in time."""
        return self.answers.get((server.address, name, kind))


class Lookout:
    """One look: asks, in rounds, each of them side by side."""

    def __init__(self, runner: Runner, asker: Asker, question: Question) -> None:
        self.runner = runner
        self.asker = asker
        self.question = question
        self.end = time.monotonic() + question.patience
        self.answers: Answers = {}
        self.resolv = _resolver.parse_resolv_conf(_resolver.read(_resolver.RESOLV_CONF))
        self.chroot = self._chroot()

    def look(self) -> Picture:
        """Ask for everything about the domain."""
        started = time.monotonic()
        domain = self.question.domain
        servers = self._servers()
        walk = self._first_round(servers)
        zone_servers = tuple(Server(address, AUTHORITY, name) for name, address in walk.servers[:4])
        self._ask([(server, domain, kind) for server in zone_servers for kind in _TYPES])
        exchangers = self._exchangers(servers + zone_servers)
        authorities = self._authorities(exchangers, walk, zone_servers, servers)
        libc = self._ask_hosts(exchangers, servers, authorities)
        every_authority = dict.fromkeys(server for group in authorities.values() for server in group)
        return Picture(
            domain,
            servers + zone_servers + tuple(server for server in every_authority if server not in zone_servers),
            self.answers,
            exchangers,
            libc,
            walk,
            dict(authorities, **{domain: zone_servers}),
            self.resolv,
            self.chroot,
            self._cache(),
            _resolver.parse_hosts(_resolver.read(_resolver.HOSTS)),
            self._own(exchangers, libc),
            self._unvalidated(servers),
            time.monotonic() - started,
        )

    def _left(self) -> float:
        return max(0.5, self.end - time.monotonic())

    def _chroot(self) -> t.Optional[ResolvConf]:
        path = self.question.chroot + _resolver.RESOLV_CONF
        if not self.question.chroot or not os.path.exists(path):
            return None
        return _resolver.parse_resolv_conf(_resolver.read(path))

    def _servers(self) -> t.Tuple[Server, ...]:
        servers = [Server(address, RESOLVER) for address in self.resolv.servers]
        listed = set(self.resolv.servers)
        for role, addresses in ((CHROOT, self.chroot.servers if self.chroot else ()), (PUBLIC, self.question.public)):
            servers += [Server(address, role) for address in addresses if address not in listed]
            listed |= set(addresses)
        return tuple(servers)

    def _first_round(self, servers: t.Sequence[Server]) -> Walk:
        """Ask every resolver for the domain, and walk to its own servers, all at once."""
        domain = self.question.domain
        policies = [f"_dmarc.{domain}", f"_mta-sts.{domain}", f"_smtp._tls.{domain}"]
        wanted = [(server, domain, kind) for server in servers for kind in _TYPES]
        wanted += [(server, ".", "NS") for server in servers]
        wanted += [(server, name, "TXT") for server in servers[:1] for name in policies]
        jobs: t.Dict[t.Any, t.Callable[[], t.Any]] = {"walk": lambda: self._walk(domain)}
        results = self._ask(wanted, jobs)
        walked: Walk = results.get("walk") or Walk("", (), (), "the way from the root took too long")
        return walked

    def _walk(self, name: str) -> Walk:
        roots = self.question.hints or self._roots()
        return _dns.walk(self.asker, name, roots, self.resolv.servers, min(10.0, self._left()))

    def _roots(self) -> t.Tuple[str, ...]:
        """Return the root servers as the resolver names them: a private network has its own."""
        for resolver in self.resolv.servers:
            answer = self.asker.ask(resolver, ".", "NS")
            if answer.good and answer.records:
                names = answer.records[:3]
                addresses = [address for name in names for address in answer.glue.get(name, ())]
                if not addresses:
                    addresses = [address for name in names for address in self._addresses(resolver, name)]
                if addresses:
                    return tuple(sorted(addresses, key=lambda address: ":" in address)[:4])
        return ROOTS

    def _addresses(self, resolver: str, name: str) -> t.Tuple[str, ...]:
        return self.asker.ask(resolver, name, "A").records

    def _ask(
        self,
        wanted: t.Iterable[t.Tuple[Server, str, str]],
        also: t.Optional[t.Mapping[t.Any, t.Callable[[], t.Any]]] = None,
    ) -> t.Dict[t.Any, t.Any]:
        """Ask side by side; answers are kept, those that come too late are time-outs. Returns what the other jobs gave."""
        jobs: t.Dict[t.Any, t.Callable[[], t.Any]] = dict(also or {})
        keys: t.List[Key] = []
        for server, name, kind in wanted:
            key = (server.address, name, kind)
            if key not in self.answers:
                keys.append(key)
                jobs[key] = self._job(key, server.role != AUTHORITY)
        done = _together.values(jobs, self._left())
        for key in keys:
            self.answers[key] = done.pop(key, None) or Answer(*key, status=_dns.TIMEOUT)
        return done

    def _job(self, key: Key, recurse: bool) -> t.Callable[[], Answer]:
        server, name, kind = key
        return lambda: self.asker.ask(server, name, kind, recurse)

    def _exchangers(self, servers: t.Sequence[Server]) -> t.Tuple[str, ...]:
        domain = self.question.domain
        named: t.List[t.Tuple[int, str]] = []
        for server in servers:
            answer = self.answers.get((server.address, domain, "MX"))
            named += _dns.mail_exchangers(answer.records) if answer else ()
        hosts = [name for dummy, name in sorted(set(named)) if name != "." and not is_address(name)]
        # Without MX records the domain itself takes its mail (RFC 5321 section 5.1).
        return tuple(dict.fromkeys(hosts or ([] if named else [domain])))[:_HOSTS]

    def _authorities(
        self,
        hosts: t.Sequence[str],
        walk: Walk,
        zone_servers: t.Tuple[Server, ...],
        servers: t.Sequence[Server],
    ) -> t.Dict[str, t.Tuple[Server, ...]]:
        """Find the servers of each exchanger's zone, which may be another zone than the domain's."""
        inside = {host for host in hosts if walk.zone and (host + ".").endswith("." + walk.zone + ".")}
        authorities = {host: zone_servers for host in inside | ({self.question.domain} & set(hosts))}
        jobs = {host: self._walk_job(host) for host in hosts if host not in authorities and walk.servers}
        for host, walked in _together.values(jobs, self._left()).items():
            authorities[host] = tuple(Server(address, AUTHORITY, name) for name, address in walked.servers[:2])
        return authorities

    def _walk_job(self, host: str) -> t.Callable[[], Walk]:
        return lambda: self._walk(host)

    def _ask_hosts(
        self,
        hosts: t.Sequence[str],
        servers: t.Sequence[Server],
        authorities: t.Mapping[str, t.Tuple[Server, ...]],
    ) -> t.Dict[str, ByLibc]:
        wanted = []
        for host in hosts:
            for server in (*servers, *authorities.get(host, ())):
                wanted += [(server, host, "A"), (server, host, "AAAA")]
            for server in servers[:1]:
                wanted += [(server, f"_25._tcp.{host}", "TLSA"), (server, host, "CNAME")]
        libc = self._ask(wanted, {host: _libc_job(host) for host in hosts})
        odd = [host for host in hosts if host in libc and not libc[host].all <= self.addresses(host)]
        if odd and self._left() > SECOND_LOOK + 1:
            libc.update(self._second_look(odd, servers, libc))
        return libc

    def addresses(self, host: str) -> t.FrozenSet[str]:
        """Return every address that the DNS has for a host, whoever says so."""
        return frozenset(
            record
            for (dummy, name, kind), answer in self.answers.items()
            if name == host and kind in ("A", "AAAA")
            for record in answer.records
        )

    def _second_look(
        self, hosts: t.Sequence[str], servers: t.Sequence[Server], first: t.Mapping[str, ByLibc]
    ) -> t.Dict[str, ByLibc]:
        """Ask once more: an answer that is still different is not one of several that take turns."""
        time.sleep(SECOND_LOOK)
        jobs: t.Dict[t.Any, t.Callable[[], t.Any]] = {
            (server.address, host, kind): self._job((server.address, host, kind), True)
            for server in servers
            for host in hosts
            for kind in ("A", "AAAA")
        }
        again = _together.values(dict(jobs, **{host: _libc_job(host) for host in hosts}), self._left())
        for key in jobs:
            answer = again.get(key)
            if answer and answer.good:
                both = set(answer.records) | set(self.answers[key].records)
                self.answers[key] = answer._replace(records=tuple(sorted(both)))
        return {host: again.get(host, first[host]) for host in hosts}

    def _cache(self) -> str:
        return cache_in_the_path(self.runner, self.resolv)

    def _own(self, hosts: t.Sequence[str], libc: t.Mapping[str, ByLibc]) -> t.Tuple[Own, ...]:
        """Find the addresses from which this host would connect to the exchangers, and their names."""
        targets = sorted({address for host in hosts if host in libc for address in libc[host].all})
        sources = sorted({source for source in map(source_towards, targets[:6]) if source})
        jobs = {source: _own_job(source) for source in sources}
        return tuple(_together.values(jobs, min(self._left(), 12.0)).values())

    def _unvalidated(self, servers: t.Sequence[Server]) -> t.Dict[str, Answer]:
        """Ask resolvers that failed once more without validation: then a bogus zone answers."""
        domain = self.question.domain
        addresses = [server.address for server in servers]
        failed = [address for address in addresses if self.answers[(address, domain, "MX")].status == _dns.SERVFAIL]
        jobs = {address: self._unvalidated_job(address) for address in failed}
        return dict(_together.values(jobs, min(self._left(), self.question.limit + 1)))

    def _unvalidated_job(self, address: str) -> t.Callable[[], Answer]:
        return lambda: self.asker.ask(address, self.question.domain, "MX", True, False)


def look(runner: Runner, asker: Asker, question: Question) -> Picture:
    """Ask everybody about a domain."""
    return Lookout(runner, asker, question).look()


def question_of(params: t.Mapping[str, t.Any]) -> Question:
    """Read the module's options.

    :raises OptionError: a domain or a server that cannot be one.
    """
    try:
        domain = parse_domain(params["domain"].rpartition("@")[2])
    except ValueError as problem:
        raise OptionError("domain", params["domain"], str(problem))
    lists = {}
    for name in ("public_resolvers", "hints"):
        for address in params.get(name) or ():
            if not is_address(address):
                raise OptionError(name, address, "expected an IP address")
        lists[name] = tuple(params.get(name) or ())
    chroot = (params.get("chroot") or "").rstrip("/")
    return Question(
        domain, lists["public_resolvers"], lists["hints"], chroot, params["server_timeout"], params["timeout"]
    )


def cache_in_the_path(runner: Runner, resolv: ResolvConf) -> str:
    """Name what keeps host names between the C library and the DNS, judged by what runs; empty where nothing does."""
    if _nscd_caches(runner):
        return "nscd"
    sources = _resolver.sources_of_hosts(_resolver.read(_resolver.NSSWITCH_CONF))
    if "resolve" in sources or "127.0.0.53" in resolv.servers:
        return "systemd-resolved"
    on_this_host = any(address.startswith("127.") or address == "::1" for address in resolv.servers)
    return "a resolver on this host" if on_this_host else ""


def _nscd_caches(runner: Runner) -> bool:
    """Return whether an nscd keeps host names, whether or not a service manager knows it."""
    observed = _nscd.see(runner)
    if observed.caching or observed.daemon == "unscd.service":
        return True
    if observed.daemon is not None or not os.path.exists("/run/nscd/socket"):
        return False
    statistics = runner.run(("nscd", "-g"), check=False, timeout=10)
    return statistics.rc == 0 and bool(_nscd.caches_hosts(statistics.out))


def source_towards(address: str) -> str:
    """Return the address of this host from which it would talk to another; empty where there is no route."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as connection:
            connection.connect((address, 25))
            return str(connection.getsockname()[0])
    except OSError:
        return ""


def _libc_job(host: str) -> t.Callable[[], ByLibc]:
    return lambda: _resolver.by_libc(host)


def _own_job(address: str) -> t.Callable[[], Own]:
    def job() -> Own:
        name = _resolver.name_of(address)
        return Own(address, name, tuple(sorted(_resolver.by_libc(name).all)) if name else ())

    return job
