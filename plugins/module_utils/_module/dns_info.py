# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module dns_info returns.

Private to the collection: it can change at any time.
"""

import typing as t

from .._dns import findings, lookups, query
from .._dns.lookups import Picture
from .._dns.query import Answer
from .._errors import PostmasterError
from .._model.finding import as_facts
from .._runner import Runner

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "domain": {"type": "str", "required": True},
    "public_resolvers": {"type": "list", "elements": "str", "default": []},
    "hints": {"type": "list", "elements": "str", "default": []},
    "chroot": {"type": "path", "default": "/var/spool/postfix"},
    "server_timeout": {"type": "float", "default": 4.0},
    "timeout": {"type": "float", "default": 25.0},
}


def run(params: t.Mapping[str, t.Any], check_mode: bool, runner: t.Optional[Runner] = None) -> t.Dict[str, t.Any]:
    """Ask everybody, judge, and tell.

    :raises PostmasterError: an option that cannot be meant, or dnspython is not installed.
    """
    runner = runner or Runner()
    if query.MISSING:
        raise PostmasterError(
            "dns_info needs dnspython on the host that it runs on, for the Python that Ansible uses there: install the package "
            f"python3-dnspython, or the library with pip ({query.MISSING})"
        )
    question = lookups.question_of(params)
    picture = lookups.look(runner, query.Asker(question.limit), question)
    return facts(picture)


def facts(picture: Picture) -> t.Dict[str, t.Any]:
    """Return a picture as the module does."""
    return {
        "domain": picture.domain,
        "findings": [as_facts(finding) for finding in findings.judge(picture)],
        "mail_exchangers": [_exchanger(picture, host) for host in picture.exchangers],
        "resolver_path": _path(picture),
        "authoritative": _authoritative(picture),
        "policies": _policies(picture),
        "dnssec": dnssec(picture),
        "own_addresses": [
            {"address": own.address, "name": own.name, "confirmed": own.address in own.addresses} for own in picture.own
        ],
        "answers": [_answer(picture, key, answer) for key, answer in sorted(picture.answers.items())],
        "seconds": round(picture.seconds, 3),
    }


def dnssec(picture: Picture) -> str:
    """Return C(secure) where a resolver vouches for it, C(bogus), C(signed) where nobody validates, C(unsigned) or C(unknown)."""
    if any(again.status == query.NOERROR for again in picture.unvalidated.values()):
        return "bogus"
    heard = [answer for answer in _answers_to(picture, picture.domain, "MX") if answer.good]
    if not heard:
        return "unknown"
    flags = {flag for answer in heard for flag in answer.flags}
    if "ad" in flags:
        return "secure"
    return "signed" if "signed" in flags else "unsigned"


def _answers_to(picture: Picture, name: str, kind: str) -> t.List[Answer]:
    """Return what every server answered to one question."""
    return [answer for (dummy, *asked), answer in picture.answers.items() if asked == [name, kind]]


def _exchanger(picture: Picture, host: str) -> t.Dict[str, t.Any]:
    libc = picture.libc.get(host)
    tlsa = [record for answer in _answers_to(picture, f"_25._tcp.{host}", "TLSA") for record in answer.records]
    return {
        "name": host,
        "addresses": sorted({*_records(picture, host, "A"), *_records(picture, host, "AAAA")}),
        "cname": sorted(_records(picture, host, "CNAME")),
        "tlsa": tlsa,
        "libc": sorted(libc.all) if libc else [],
        "libc_answers": {how: list(addresses) for how, addresses in libc.addresses.items()} if libc else {},
    }


def _records(picture: Picture, name: str, kind: str) -> t.Set[str]:
    return {record for answer in _answers_to(picture, name, kind) for record in answer.records}


def _path(picture: Picture) -> t.Dict[str, t.Any]:
    return {
        "name_servers": list(picture.resolv.servers),
        "search": list(picture.resolv.search),
        "timeout": picture.resolv.timeout,
        "attempts": picture.resolv.attempts,
        "chroot_name_servers": list(picture.chroot.servers) if picture.chroot else [],
        "cache": picture.cache,
    }


def _authoritative(picture: Picture) -> t.Dict[str, t.Any]:
    return {
        "zone": picture.walk.zone,
        "servers": [{"name": name, "address": address} for name, address in picture.walk.servers],
        "trail": list(picture.walk.trail),
        "problem": picture.walk.problem,
    }


def _policies(picture: Picture) -> t.Dict[str, t.List[str]]:
    domain = picture.domain
    places = {
        "spf": (domain, "v=spf1"),
        "dmarc": (f"_dmarc.{domain}", "v=dmarc1"),
        "mta_sts": (f"_mta-sts.{domain}", "v=stsv1"),
        "tls_rpt": (f"_smtp._tls.{domain}", "v=tlsrptv1"),
    }
    return {title: _texts(picture, name, start) for title, (name, start) in places.items()}


def _texts(picture: Picture, name: str, start: str) -> t.List[str]:
    return sorted(text for text in _records(picture, name, "TXT") if text.lower().startswith(start))


def _answer(picture: Picture, key: t.Tuple[str, str, str], answer: Answer) -> t.Dict[str, t.Any]:
    roles = [server.role for server in picture.servers if server.address == key[0]]
    return {
        "server": key[0],
        "role": roles[0] if roles else "",
        "name": answer.name,
        "type": answer.type,
        "status": answer.status,
        "records": list(answer.records),
        "aliases": list(answer.aliases),
        "ttl": answer.ttl,
        "seconds": round(answer.seconds, 3),
        "flags": sorted(answer.flags),
        "detail": answer.detail,
    }
