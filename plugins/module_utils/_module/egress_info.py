# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module egress_info returns: each source address of this host as the outside sees it.

Private to the collection: it can change at any time.
"""

import socket
import time
import typing as t

from .. import _addresses, _mta, _parallel
from .._diagnosis import egress
from .._dns import blocklists, query, resolver, spf
from .._errors import OptionError, PostmasterError
from .._model.finding import as_facts
from .._runner import Runner
from . import sources

ARGUMENT_SPEC: t.Dict[str, t.Any] = dict(
    _mta.ARGUMENT_SPEC,
    addresses={"type": "list", "elements": "str", "default": []},
    smtp={"type": "str"},
    http={"type": "str"},
    hello={"type": "str"},
    domains={"type": "list", "elements": "str", "default": []},
    blocklists={
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "zone": {"type": "str", "required": True},
            "answers": {"type": "list", "elements": "str", "default": []},
        },
    },
    timeout={"type": "float", "default": 30.0},
)
#: Seconds for one DNS question, and for one conversation.
_ONE_QUESTION, _ONE_TALK = 4.0, 10.0


class Wish(t.NamedTuple):
    """What is to be found out, parsed."""

    sources: t.Tuple[str, ...]
    hello: str
    smtp: t.Optional[t.Tuple[str, int]]
    http: str
    domains: t.Tuple[str, ...]
    blocklists: t.Tuple[t.Tuple[str, t.Tuple[str, ...]], ...]
    seconds: float


def run(
    params: t.Mapping[str, t.Any], check_mode: bool = False, runner: t.Optional[Runner] = None
) -> t.Dict[str, t.Any]:
    """Look at every source address, all at the same time.

    :raises PostmasterError: a bad option, no source address, or dnspython is not installed.
    """
    if query.MISSING:
        raise PostmasterError(
            "egress_info needs dnspython for the Python that Ansible uses on this host: install python3-dnspython "
            f"({query.MISSING})"
        )
    started = time.monotonic()
    wish = _wish(runner or Runner(), params)
    answers, undone = _observed(wish)
    findings = [finding for answer in answers for finding in egress.judge(answer, wish.hello)]
    return {
        "hello": wish.hello,
        "addresses": [_facts(answer) for answer in answers],
        "undone": undone,
        "findings": [as_facts(finding) for finding in sorted(findings, key=lambda finding: finding.rank)],
        "seconds": round(time.monotonic() - started, 3),
    }


def _observed(wish: Wish) -> t.Tuple[t.List[egress.Egress], t.Dict[str, str]]:
    """Return what each source address looks like from outside, and why some could not be looked at."""
    outcomes = _parallel.together({source: _job(source, wish) for source in wish.sources}, wish.seconds)
    troubles = {source: _parallel.trouble(outcomes.get(source)) for source in wish.sources}
    answers = [outcomes[source].value for source, why in troubles.items() if not why]
    return answers, {source: why for source, why in troubles.items() if why}


def _wish(runner: Runner, params: t.Mapping[str, t.Any]) -> Wish:
    smtp = _host_and_port(params["smtp"]) if params["smtp"] else None
    identity = sources.identity(runner, params)
    addresses = params["addresses"] or identity.get("send_from") or sources.default_sources(smtp[0] if smtp else None)
    return Wish(
        sources=tuple(dict.fromkeys(_option("addresses", _addresses.address, text) for text in addresses)),
        hello=params["hello"] or identity.get("hostname") or socket.getfqdn(),
        smtp=smtp,
        http=params["http"] or "",
        domains=tuple(_option("domains", _addresses.domain, text) for text in params["domains"]),
        blocklists=tuple(
            (_option("blocklists.zone", _addresses.domain, entry["zone"]), tuple(entry["answers"]))
            for entry in params["blocklists"]
        ),
        seconds=params["timeout"],
    )


def _host_and_port(text: str) -> t.Tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or ":" in host or not port.isdigit():
        return text, 25
    return host, int(port)


def _option(name: str, parse: t.Callable[[str], t.Any], text: str) -> str:
    try:
        return str(parse(text))
    except ValueError as problem:
        raise OptionError(name, text, str(problem))


def _job(source: str, wish: Wish) -> t.Callable[[], egress.Egress]:
    return lambda: _look(source, wish)


def _look(source: str, wish: Wish) -> egress.Egress:
    ask = _asker()
    echoes = []
    if wish.smtp:
        echoes.append(egress.by_smtp(source, wish.smtp[0], wish.smtp[1], wish.hello, _ONE_TALK))
    if wish.http:
        echoes.append(egress.by_http(source, wish.http, _ONE_TALK))
    outside = next((echo.address for echo in echoes if echo.address), source)
    name = resolver.name_of(outside)
    return egress.Egress(
        source=source,
        echoes=tuple(echoes),
        outside=outside,
        name=name,
        confirmed=bool(name) and outside in resolver.by_libc(name).all,
        spf=tuple((domain, spf.check(outside, domain, ask)) for domain in wish.domains),
        listings=tuple(blocklists.look(outside, zone, answers, ask) for zone, answers in wish.blocklists),
    )


def _asker() -> spf.Ask:
    """Return a function that asks the host's own name servers, the next one where one is silent."""
    servers = resolver.parse_resolv_conf(resolver.read(resolver.RESOLV_CONF)).servers or ("127.0.0.1",)
    asker = query.Asker(_ONE_QUESTION)

    def ask(name: str, kind: str) -> spf.Records:
        for server in servers:
            answer = asker.ask(server, name, kind)
            if answer.good:
                return spf.Records(answer.records)
        return spf.Records((), failed=True)

    return ask


def _facts(answer: egress.Egress) -> t.Dict[str, t.Any]:
    return {
        "source": answer.source,
        "outside": answer.outside,
        "echoes": [echo._asdict() for echo in answer.echoes],
        "name": answer.name,
        "confirmed": answer.confirmed,
        "spf": [dict(verdict._asdict(), domain=domain) for domain, verdict in answer.spf],
        "listings": [listing._asdict() for listing in answer.listings],
    }
