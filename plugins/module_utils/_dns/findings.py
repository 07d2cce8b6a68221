# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with the answers about a mail domain: a picture in, findings out.

Private to the collection: it can change at any time.
"""

import ipaddress
import typing as t

from .._addresses import is_address
from .._model.finding import ERROR, NOTICE, SEVERITIES, WARNING, Finding, make_finding
from . import query as _dns
from . import resolver
from .lookups import AUTHORITY, CHROOT, PUBLIC, RESOLVER, Own, Picture, Server
from .query import Answer

#: Seconds from which an answer is a slow one.
SLOW = 1.0
NO_ADDRESS = "it has no address"
#: How to empty a cache between the C library and the DNS. nscd keeps wrong answers by design, so its role fixes the cause.
_FLUSH_CACHE = {
    "nscd": "ansible {hosts} -m ansible.builtin.include_role -a name=postmaster.mta.nscd",
    "systemd-resolved": "resolvectl flush-caches",
}


def judge(picture: Picture) -> t.Tuple[Finding, ...]:
    """Return everything that is wrong, the worst first."""
    findings: t.List[Finding] = []
    for check in (_servers, _existence, _aliases, _agreement, _exchangers, _paths, _authorities, _chroot, _own):
        findings += check(picture)
    return tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))


# --- the servers themselves ---------------------------------------------------------------------------------------


def _servers(picture: Picture) -> t.List[Finding]:
    resolvers = picture.of(RESOLVER)
    silent = {server.address: (_why(picture, server),) for server in resolvers if _is_silent(picture, server)}
    addresses = [server.address for server in resolvers]
    findings = resolver.judge_silent(addresses, silent, picture.resolv.timeout)
    if len(silent) == len(resolvers) > 0:
        return findings
    for server in picture.of(CHROOT) + picture.of(PUBLIC):
        if _is_silent(picture, server):
            severity = WARNING if server.role == CHROOT else NOTICE
            what = f"the {_role(server)} {server.address} does not answer"
            findings.append(make_finding("server_silent", severity, server.address, what, (_why(picture, server),)))
    for server in resolvers + picture.of(CHROOT):
        if server.address not in silent:
            findings += _quality(picture, server)
    return findings


def _is_silent(picture: Picture, server: Server) -> bool:
    """Return whether a server said nothing at all, not even in answer to the control question about the root."""
    answers = _answers_of(picture, server)
    return bool(answers) and not any(answer.heard for answer in answers)


class _Fault(t.NamedTuple):
    """A kind of answer that a healthy server never gives."""

    status: str
    code: str
    what: str


_FAULTS = (
    _Fault(_dns.TRUNCATED, "truncated_without_tcp", "cuts answers short and takes no TCP, so nobody gets them whole"),
    _Fault(_dns.MALFORMED, "malformed_answer", "answers with what is no DNS message"),
    _Fault(_dns.LOOP, "alias_loop", "answers with aliases that lead in a circle"),
)


def _quality(picture: Picture, server: Server) -> t.List[Finding]:
    answers = [answer for answer in _answers_of(picture, server) if answer.heard]
    where = f"the {_role(server)} {server.address}"
    findings = []
    # The quickest answer: what must be fetched from afar may take its time.
    quickest = min((answer.seconds for answer in answers), default=0.0)
    if quickest > SLOW:
        what = f"{where} needs {quickest:.1f} s for its quickest answer"
        findings.append(make_finding("slow_server", WARNING, server.address, what, tuple(map(describe, answers[:4]))))
    for fault in _FAULTS:
        bad = [answer for answer in answers if answer.status == fault.status]
        if bad:
            severity = ERROR if any(answer.type == "MX" for answer in bad) else WARNING
            evidence = tuple(map(describe, bad[:4]))
            findings.append(make_finding(fault.code, severity, server.address, f"{where} {fault.what}", evidence))
    return findings


def _answers_of(picture: Picture, server: Server) -> t.List[Answer]:
    return [answer for (address, dummy, other), answer in sorted(picture.answers.items()) if address == server.address]


def _role(server: Server) -> str:
    return {
        RESOLVER: "name server",
        CHROOT: "name server of the MTA's chroot",
        PUBLIC: "public resolver",
        AUTHORITY: "authoritative server",
    }[server.role]


def _why(picture: Picture, server: Server) -> str:
    answers = _answers_of(picture, server)
    return describe(answers[0]) if answers else f"{server.address}: not asked"


def describe(answer: Answer) -> str:
    """Describe an answer on one line, as evidence."""
    text = ", ".join(answer.records[:6]) or answer.detail or "nothing"
    if answer.aliases:
        text = f"CNAME {' -> '.join(answer.aliases[:4])}" + (f" ({text})" if answer.records else "")
    ttl = "" if answer.ttl is None else f", TTL {answer.ttl}"
    status = "" if answer.status == _dns.NOERROR else f"{answer.status}: "
    return f"{answer.server} on {answer.name} {answer.type}: {status}{text}{ttl}, {answer.seconds:.2f} s"


# --- does the domain take mail at all -----------------------------------------------------------------------------


def _existence(picture: Picture) -> t.List[Finding]:
    domain = picture.domain
    unanswered = _leave_unanswered(picture)
    answers = _good(_best(picture, domain, "MX"))
    if unanswered or not answers:
        return unanswered
    evidence = tuple(map(describe, answers[:3]))
    if all(answer.status == _dns.NXDOMAIN for answer in answers):
        return [make_finding("no_such_domain", ERROR, domain, f"the domain {domain} does not exist", evidence)]
    if all(answer.records == ("0 .",) for answer in answers):
        what = f"{domain} says that it takes no mail (null MX, RFC 7505)"
        return [make_finding("null_mx", ERROR, domain, what, evidence)]
    return []


def _leave_unanswered(picture: Picture) -> t.List[Finding]:
    """Return the resolvers that answer, but not this question."""
    findings: t.List[Finding] = []
    for server in picture.of(RESOLVER):
        answer = picture.said(server, picture.domain, "MX")
        if answer is not None and not _is_silent(picture, server):
            findings += _unanswered(picture, server, answer)
    return findings


def _unanswered(picture: Picture, server: Server, answer: Answer) -> t.List[Finding]:
    domain = picture.domain
    again = picture.unvalidated.get(server.address)
    if answer.status == _dns.SERVFAIL and again is not None and again.status == _dns.NOERROR:
        what = f"{domain} is signed, and the signatures are wrong (DNSSEC bogus): who validates cannot send there"
        return [
            make_finding("bogus", ERROR, domain, what, (describe(answer), "without validation: " + describe(again)))
        ]
    if answer.status in _dns.SILENT or answer.status == _dns.SERVFAIL:
        how = "fails" if answer.status == _dns.SERVFAIL else "does not answer"
        what = f"the name server {server.address} {how} when it is asked for {domain}, though it answers otherwise"
        walk = (f"the way from the root: {picture.walk.problem}",) if picture.walk.problem else ()
        authorities = tuple(map(describe, _authoritative(picture, domain, "MX")))
        evidence = (describe(answer),) + walk + authorities
        return [make_finding("unanswered", ERROR, domain, what, evidence)]
    if answer.status not in (_dns.NOERROR, _dns.NXDOMAIN, _dns.MALFORMED, _dns.LOOP, _dns.TRUNCATED):
        what = f"the name server {server.address} answers {answer.status} when it is asked for {domain}"
        return [make_finding("refused_by_resolver", ERROR, server.address, what, (describe(answer),))]
    return []


# --- aliases ------------------------------------------------------------------------------------------------------


def _aliases(picture: Picture) -> t.List[Finding]:
    domain = picture.domain
    truth = _good(_authoritative(picture, domain, "MX"))
    told = _good(_of_role(picture, RESOLVER, domain, "MX"))
    findings = []
    if truth and not any(answer.aliases for answer in truth):
        findings += [_false_alias(domain, answer, truth) for answer in told if answer.aliases]
    aliased = [answer for answer in (truth or told) if answer.aliases]
    if aliased:
        what = (
            f"{domain} is an alias of {aliased[0].aliases[-1]}: a sendmail without FEATURE(nocanonify) rewrites the recipient "
            "to that name, and other records beside a CNAME are not allowed (RFC 1034 3.6.2)"
        )
        findings.append(make_finding("cname_at_domain", WARNING, domain, what, tuple(map(describe, aliased[:3]))))
    return findings


def _good(answers: t.Iterable[Answer]) -> t.List[Answer]:
    return [answer for answer in answers if answer.good]


def _false_alias(domain: str, answer: Answer, truth: t.Sequence[Answer]) -> Finding:
    what = (
        f"the name server {answer.server} lies: asked for the MX of {domain} it answers with an alias of {answer.aliases[-1]}, "
        "while the authoritative servers have MX records and no alias"
    )
    evidence = (describe(answer),) + tuple(map(describe, truth[:3]))
    return make_finding("cname_for_mx", ERROR, answer.server, what, evidence, server=answer.server, domain=domain)


# --- who disagrees ------------------------------------------------------------------------------------------------


def _agreement(picture: Picture) -> t.List[Finding]:
    questions = [(picture.domain, "MX")] + [(host, kind) for host in picture.exchangers for kind in ("A", "AAAA")]
    return [finding for name, kind in questions for finding in _agreement_on(picture, name, kind)]


def _agreement_on(picture: Picture, name: str, kind: str) -> t.List[Finding]:
    """Return who disagrees about one question: the authorities among them, a resolver with them, the resolvers among them."""
    findings: t.List[Finding] = []
    truth = _good(_authoritative(picture, name, kind))
    if _differ(truth):
        what = f"the authoritative servers of {name} do not agree on its {kind} records"
        findings.append(make_finding("authorities_disagree", WARNING, name, what, tuple(map(describe, truth))))
    told = [answer for answer in _good(_of_role(picture, RESOLVER, name, kind)) if not _lies(answer, truth)]
    if truth:
        findings += [_disagreement(answer, truth) for answer in told if not _agrees(answer, truth)]
    elif _differ(told):
        what = f"the name servers of resolv.conf do not agree on the {kind} records of {name}"
        findings.append(make_finding("resolvers_disagree", WARNING, name, what, tuple(map(describe, told))))
    return findings


def _differ(answers: t.Iterable[Answer]) -> bool:
    return len({answer.records for answer in answers}) > 1


def _lies(answer: Answer, truth: t.Sequence[Answer]) -> bool:
    """Return whether a server names an alias that the authoritative servers do not have, which is a finding of its own."""
    return bool(answer.aliases) and bool(truth) and not any(authority.aliases for authority in truth)


def _agrees(answer: Answer, truth: t.Sequence[Answer]) -> bool:
    if any(authority.aliases for authority in truth):
        # Where the alias leads to is another zone's business.
        return bool(answer.aliases) or any(answer.records == authority.records for authority in truth)
    records = {record for authority in truth for record in authority.records}
    return set(answer.records) == records or any(answer.records == authority.records for authority in truth)


def _disagreement(answer: Answer, truth: t.Sequence[Answer]) -> Finding:
    records = {record for authority in truth for record in authority.records}
    longest = max((authority.ttl for authority in truth if authority.ttl is not None), default=0)
    is_earlier = answer.ttl is not None and answer.ttl <= longest
    severity = WARNING if records & set(answer.records) else ERROR
    if is_earlier and answer.type != "MX":
        # Hosts with many addresses give everybody others of them; an honest cache of a moved one is not told apart from that.
        severity = NOTICE
    question = f"{answer.name} {answer.type}"
    why = _why_another(answer, longest)
    what = f"the name server {answer.server} has another answer for {question} than the authoritative servers: {why}"
    evidence = (describe(answer), *map(describe, truth[:3]))
    return make_finding(
        "resolver_disagrees", severity, question, what, evidence, name=answer.name, server=answer.server
    )


def _why_another(answer: Answer, longest: int) -> str:
    """Return why a resolver has another answer, by the time for which it keeps it."""
    if answer.ttl is None:
        return "it kept an answer of before, or it lies"
    if answer.ttl <= longest:
        return f"it kept an answer of before, and will keep it for another {answer.ttl} s"
    return f"its TTL of {answer.ttl} s is longer than the {longest} s that the record has: no honest cache has that"


# --- the mail exchangers ------------------------------------------------------------------------------------------


def _exchangers(picture: Picture) -> t.List[Finding]:
    answers = _good(_best(picture, picture.domain, "MX"))
    findings = _written_as_addresses(picture, answers)
    for host in picture.exchangers:
        findings += _alias_of(picture, host)
    if any(answer.status == _dns.NOERROR for answer in answers):
        findings += _without_address(picture)
    return findings


def _written_as_addresses(picture: Picture, answers: t.Sequence[Answer]) -> t.List[Finding]:
    findings = []
    for record in sorted({record for answer in answers for record in answer.records}):
        name = record.partition(" ")[2]
        if is_address(name):
            what = f"an MX record of {picture.domain} is an IP address, {name}, where a host name must be: no mail goes there"
            findings.append(make_finding("mx_is_address", WARNING, name, what, tuple(map(describe, answers[:2]))))
    return findings


def _without_address(picture: Picture) -> t.List[Finding]:
    domain = picture.domain
    lost = [host for host in picture.exchangers if _has_no_address(picture, host)]
    if not lost:
        return []
    evidence, names = _address_evidence(picture, lost), ", ".join(lost)
    if len(lost) == len(picture.exchangers):
        what = f"no mail exchanger of {domain} has an address ({names}): mail cannot be delivered"
        return [make_finding("no_mail_host", ERROR, domain, what, evidence)]
    what = f"mail exchangers of {domain} without an address: {names}"
    return [make_finding("mx_without_address", WARNING, domain, what, evidence)]


def _alias_of(picture: Picture, host: str) -> t.List[Finding]:
    if host == picture.domain:
        return []
    aliased = [answer for kind in ("A", "AAAA") for answer in _best(picture, host, kind) if answer.aliases]
    if not aliased:
        return []
    what = f"the mail exchanger {host} is an alias of {aliased[0].aliases[-1]}, which RFC 2181 10.3 forbids; most servers follow it"
    return [make_finding("mx_is_cname", NOTICE, host, what, tuple(map(describe, aliased[:2])))]


def _has_no_address(picture: Picture, host: str) -> bool:
    answers = [answer for kind in ("A", "AAAA") for answer in _address_answers(picture, host, kind)]
    fixed = picture.fixed.get(host)
    all_good = bool(answers) and all(answer.good for answer in answers)
    return all_good and not fixed and not any(answer.records for answer in answers)


def _address_answers(picture: Picture, host: str, kind: str) -> t.List[Answer]:
    """Return the answers of those who know a host's addresses best.

    The authoritative servers know nothing of the target of an alias that leads into another zone; the resolvers follow it.
    """
    best = _best(picture, host, kind)
    if any(answer.aliases and not answer.records for answer in best):
        return _of_role(picture, RESOLVER, host, kind)
    return best


def _address_evidence(picture: Picture, hosts: t.Sequence[str]) -> t.Tuple[str, ...]:
    return tuple(describe(answer) for host in hosts for answer in _address_answers(picture, host, "A")[:2])


# --- the MTA's own path -------------------------------------------------------------------------------------------


def _paths(picture: Picture) -> t.List[Finding]:
    if all(_is_silent(picture, resolver) for resolver in picture.of(RESOLVER)):
        return []
    return [finding for host in picture.exchangers for finding in _path(picture, host)]


def _path(picture: Picture, host: str) -> t.List[Finding]:
    """Return where the C library has other addresses of a host than the DNS."""
    answers = [answer for kind in ("A", "AAAA") for answer in _every(picture, host, kind)]
    addresses = frozenset(record for answer in answers for record in answer.records)
    libc = picture.libc.get(host)
    if libc is None:
        what = f"the C library has no answer for {host} after a long time; the MTA waits just as long"
        return [make_finding("libc_slow", WARNING, host, what)]
    if host in picture.fixed:
        return list(_from_hosts_file(picture, host, addresses))
    if not addresses:
        return []
    if libc.all - addresses:
        return [_stale(picture, host, libc.all - addresses, addresses)]
    if libc.all or _has_no_address(picture, host):
        return []
    what = f"the DNS has an address for {host}, but the C library finds none: this host's mail programs cannot connect"
    evidence = tuple(describe(answer) for answer in _every(picture, host, "A")[:3])
    return [make_finding("libc_fails", ERROR, host, what, evidence, host=host)]


def _from_hosts_file(picture: Picture, host: str, addresses: t.FrozenSet[str]) -> t.List[Finding]:
    wrong = sorted(set(picture.fixed[host]) - addresses)
    if not wrong or not addresses:
        return []
    what = f"/etc/hosts says that {host} is {', '.join(wrong)}; the DNS says {', '.join(sorted(addresses))}"
    return [make_finding("hosts_file", ERROR, host, what, host=host)]


def _stale(picture: Picture, host: str, old: t.AbstractSet[str], current: t.AbstractSet[str]) -> Finding:
    cache = picture.cache or "something between the C library and the DNS"
    what = (
        f"{cache} serves an old address: this host's mail programs are told that {host} is {', '.join(sorted(old))}, "
        f"while the DNS says {', '.join(sorted(current))}"
    )
    evidence = [
        f"C library, {how}: {', '.join(addresses)}"
        for how, addresses in picture.libc[host].addresses.items()
        if addresses
    ]
    evidence += [describe(answer) for kind in ("A", "AAAA") for answer in _every(picture, host, kind) if answer.records]
    return make_finding("stale_address", ERROR, host, what, evidence, flush=_FLUSH_CACHE.get(picture.cache, ""))


# --- the authoritative servers ------------------------------------------------------------------------------------


def _authorities(picture: Picture) -> t.List[Finding]:
    servers = picture.authorities.get(picture.domain, ())
    domain = picture.domain
    if not servers:
        why = picture.walk.problem or "the way from the root found none"
        what = f"the authoritative servers of {domain} could not be asked from here: {why}"
        return [make_finding("authority_unasked", NOTICE, domain, what, picture.walk.trail)]
    silent = [server for server in servers if _is_silent(picture, server)]
    if len(silent) == len(servers):
        what = f"no authoritative server of {domain} answers this host directly; outgoing DNS may be closed here"
        evidence = tuple(_why(picture, server) for server in silent)
        return [make_finding("authority_unasked", NOTICE, domain, what, evidence)]
    return [finding for server in servers for finding in _authority(picture, server, server in silent)]


def _authority(picture: Picture, server: Server, silent: bool) -> t.List[Finding]:
    """Return what is wrong with one authoritative server of the domain."""
    domain, where = picture.domain, f"{server.title} ({server.address})"
    if silent:
        what = f"the authoritative server {where} of {domain} does not answer"
        return [make_finding("authority_silent", WARNING, server.address, what, (_why(picture, server),))]
    answer = picture.said(server, domain, "MX")
    if answer is not None and answer.heard and (not answer.good or "aa" not in answer.flags):
        what = f"the server {where} is named as authoritative for {domain} and is not (lame)"
        return [make_finding("lame_server", WARNING, server.address, what, (describe(answer),))]
    return list(_quality(picture, server))


def _chroot(picture: Picture) -> t.List[Finding]:
    if picture.chroot is None or picture.chroot.servers == picture.resolv.servers:
        return []
    what = "the MTA's chroot has a resolv.conf with other name servers than the system"
    evidence = (f"system: {' '.join(picture.resolv.servers)}", f"chroot: {' '.join(picture.chroot.servers)}")
    return [make_finding("chroot_resolv_conf", WARNING, "resolv.conf", what, evidence)]


def _own(picture: Picture) -> t.List[Finding]:
    return [finding for own in picture.own for finding in _judge_own(own)]


def _judge_own(own: Own) -> t.List[Finding]:
    # From a private address nobody outside can see us; there it is only worth knowing.
    severity = WARNING if ipaddress.ip_address(own.address).is_global else NOTICE
    if not own.name:
        what = f"{own.address}, from which this host sends, has no name (PTR): many servers refuse such clients"
        return [make_finding("missing_ptr", severity, own.address, what)]
    if own.address not in own.addresses:
        what = f"{own.address}, from which this host sends, is named {own.name}, but that name has another address"
        return [
            make_finding(
                "ptr_not_confirmed",
                severity,
                own.address,
                what,
                (f"{own.name}: {', '.join(own.addresses) or NO_ADDRESS}",),
            )
        ]
    return []


# --- answers by rank ----------------------------------------------------------------------------------------------


def _of_role(picture: Picture, role: str, name: str, kind: str) -> t.List[Answer]:
    answers = (picture.said(server, name, kind) for server in picture.of(role))
    return [answer for answer in answers if answer is not None]


def _authoritative(picture: Picture, name: str, kind: str) -> t.List[Answer]:
    answers = (picture.said(server, name, kind) for server in picture.authorities.get(name, ()))
    return [answer for answer in answers if answer is not None and "aa" in answer.flags]


def _best(picture: Picture, name: str, kind: str) -> t.List[Answer]:
    """Return the answers of those who know best: the authoritative servers, else the resolvers."""
    best = [answer for answer in _authoritative(picture, name, kind) if answer.good]
    return best or _of_role(picture, RESOLVER, name, kind)


def _every(picture: Picture, name: str, kind: str) -> t.List[Answer]:
    return (
        _of_role(picture, RESOLVER, name, kind)
        + _of_role(picture, CHROOT, name, kind)
        + _authoritative(picture, name, kind)
    )
