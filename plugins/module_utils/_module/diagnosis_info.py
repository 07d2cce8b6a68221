# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module diagnosis_info does: every check of one host in parallel: names, route, next hop, host, queue, message.

Private to the collection: it can change at any time.

It takes as long as the slowest check. A check that cannot be done is named with the reason, and the others go on.
"""

import base64
import binascii
import functools
import itertools
import socket
import time
import typing as t

from .. import _addresses, _mta, _parallel
from .._diagnosis import destination
from .._diagnosis.destination import RCPT, Talk, TalkPlan
from .._dns import query, resolver
from .._errors import OptionError
from .._model.finding import ERROR, WARNING, as_facts, make_finding
from .._runner import Runner
from .._smtp import message as _message
from . import dns_info, host_info, queue_info, route_info

ARGUMENT_SPEC: t.Dict[str, t.Any] = dict(
    _mta.ARGUMENT_SPEC,
    domain={"type": "str", "required": True},
    sender={"type": "str", "default": ""},
    public_resolvers={"type": "list", "elements": "str", "default": []},
    hints={"type": "list", "elements": "str", "default": []},
    talk={"type": "bool", "default": True},
    talk_timeout={"type": "float", "default": 20.0},
    message_base64={"type": "str"},
    controller_time={"type": "float"},
    timeout={"type": "float", "default": 60.0},
)
NAMES, ROUTE, HOST, QUEUE, TALK, MESSAGE = CHECKS = ("names", "route", "host", "queue", "talk", "message")
#: Next hops that are talked to: the first ones by preference.
_HOPS = 3
#: Mail exchangers that are compared with this host.
_COMPARED = 20
#: Seconds of the whole time that are kept for saying what was late.
_MARGIN = 2.0

Params = t.Mapping[str, t.Any]


class Destination(t.NamedTuple):
    """A server that would get the mail.

    :param host: its name or address.
    :param why: what makes it one, for instance C(MX 10).
    :param here: whether it is this host itself, which does not talk to itself.
    """

    host: str
    port: int
    why: str
    here: bool = False


def run(params: Params, check_mode: bool, runner: t.Optional[Runner] = None) -> t.Dict[str, t.Any]:
    """Do every check; return what each of them found, with the seconds that it took.

    :raises OptionError: an option that cannot be meant.
    """
    runner = runner or Runner()
    request = _normalised(params)
    jobs: t.Dict[str, t.Callable[[], t.Any]] = {
        NAMES: lambda: dns_info.run(_options(dns_info.ARGUMENT_SPEC, request), True, runner),
        ROUTE: lambda: _route_and_talk(runner, request),
        HOST: lambda: host_info.run(_options(host_info.ARGUMENT_SPEC, request), True, runner),
        QUEUE: lambda: _waiting(runner, request),
    }
    if request["content"] is not None:
        jobs[MESSAGE] = lambda: {"open_quotes": [dict(q._asdict()) for q in _message.open_quotes(request["content"])]}
    # Otherwise each check would say it on its own, and the verdict nothing of it.
    _mta.insist_on_root(runner)
    mtas = _mta.installed(runner, request["mta"])
    host_info.read_ahead(mtas)
    queue_info.read_ahead(mtas)
    started = time.monotonic()
    outcomes = _parallel.together(jobs, request["timeout"] - _MARGIN)
    answer: t.Dict[str, t.Any] = {"domain": request["domain"], "address": request["address"], "problems": {}}
    answer["check_seconds"] = {name: round(outcome.seconds, 3) for name, outcome in sorted(outcomes.items())}
    for name in jobs:
        answer.update(_result(name, outcomes.get(name), answer["problems"]))
    answer["seconds"] = round(time.monotonic() - started, 3)
    return answer


def _result(name: str, outcome: t.Optional[_parallel.JobResult], problems: t.Dict[str, str]) -> t.Dict[str, t.Any]:
    """Return what one check contributes to the answer; why it contributes nothing goes to I(problems)."""
    trouble = _parallel.trouble(outcome)
    if outcome is None or trouble:
        problems[name] = trouble
        return {ROUTE: None, TALK: []} if name == ROUTE else {name: None}
    if name != ROUTE:
        return {name: outcome.value}
    if outcome.value["problem"]:
        problems[TALK] = outcome.value["problem"]
    return {ROUTE: outcome.value[ROUTE], TALK: outcome.value[TALK]}


def _normalised(params: Params) -> t.Dict[str, t.Any]:
    """Return the options, checked. A domain stands for its postmaster, an address that every domain has (RFC 5321 4.5.1)."""
    text = params["domain"]
    try:
        address = _addresses.mail_address(text if "@" in text else f"postmaster@{text}")
    except ValueError as problem:
        raise OptionError("domain", text, str(problem))
    content = None
    if params["message_base64"]:
        try:
            content = base64.b64decode(params["message_base64"], validate=True)
        except (binascii.Error, ValueError):
            raise OptionError("message_base64", params["message_base64"], "not base64")
    return dict(params, domain=address.rpartition("@")[2], address=address, recipient=text, content=content)


def _options(spec: t.Mapping[str, t.Any], request: Params) -> t.Dict[str, t.Any]:
    """Return the options of another module: ours of the same name, else its defaults. Its time is what is left of ours."""
    options = {name: request.get(name, option.get("default")) for name, option in spec.items()}
    if "timeout" in options:
        options["timeout"] = min(float(spec["timeout"]["default"]), request["timeout"] - 2 * _MARGIN)
    return options


# --- the way, and who stands at its end ---------------------------------------------------------------------------


def _route_and_talk(runner: Runner, request: Params) -> t.Dict[str, t.Any]:
    route = route_info.run(_options(route_info.ARGUMENT_SPEC, request), True, runner)
    if not request["talk"] or route["verdict"] != "remote":
        return {ROUTE: route, TALK: [], "problem": ""}
    servers, problem = destinations_of(route["hops"])
    jobs = {number: _talk_job(server, request) for number, server in enumerate(servers) if not server.here}
    # A server may have an address of each IP version, and each of them gets the time of its own.
    talks = _parallel.values(jobs, request["talk_timeout"] * 2 + _MARGIN)
    facts = [_talk_facts(server, talks.get(number)) for number, server in enumerate(servers)]
    return {ROUTE: route, TALK: _weighed(facts), "problem": problem}


def destinations_of(hops: t.Sequence[t.Mapping[str, t.Any]]) -> t.Tuple[t.List[Destination], str]:
    """Return the servers behind the next hops, by preference; and why some could not be found."""
    servers: t.List[Destination] = []
    for hop in hops:
        if not hop["by_mx"]:
            servers.append(Destination(hop["name"], hop["port"], "named by the route"))
        elif query.MISSING:
            return servers, "without dnspython the MX records cannot be looked up"
        else:
            servers += _by_mx(hop["name"], hop["port"])
    return servers[:_HOPS], ""


def _by_mx(name: str, port: int) -> t.List[Destination]:
    """Return the exchangers as the host's own resolver names them; the domain itself where it names none."""
    asker = query.Asker()
    for address in resolver.parse_resolv_conf(resolver.read(resolver.RESOLV_CONF)).servers:
        answer = asker.ask(address, name, "MX")
        if not answer.good:
            continue
        exchangers = query.mail_exchangers(answer.records)
        if exchangers:
            servers = [Destination(host, port, f"MX {preference}") for preference, host in exchangers if host != "."]
            return _before_this_host(servers)
        if answer.status == query.NOERROR:
            return [Destination(name, port, "the domain itself, without MX records")]
        return []
    return []


def _before_this_host(servers: t.Sequence[Destination]) -> t.List[Destination]:
    """Return the servers that an MTA which stands in the list would talk to: those before its own (RFC 5321 section 5.1)."""
    jobs = {number: functools.partial(is_here, server.host) for number, server in enumerate(servers[:_COMPARED])}
    here = [number for number, is_mine in sorted(_parallel.values(jobs, _MARGIN).items()) if is_mine]
    if not here:
        return list(servers)
    this_host = servers[here[0]]
    better = list(itertools.takewhile(lambda server: server.why != this_host.why, servers))
    return better or [this_host._replace(here=True)]


def is_here(host: str) -> bool:
    """Return whether a name or an address leads to this host: packets to an own address leave from that address."""
    try:
        entries = socket.getaddrinfo(host, 25, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return False
    return any(_source_for(entry[0], entry[4]) == entry[4][0] for entry in entries)


def _source_for(family: int, address: t.Any) -> str:
    """Return the address that packets would leave from. Connecting a datagram socket sends none."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as attempt:
            attempt.connect(address)
            return str(attempt.getsockname()[0])
    except OSError:
        return ""


def _talk_job(server: Destination, request: Params) -> t.Callable[[], Talk]:
    plan = TalkPlan(
        server.host,
        server.port,
        helo=destination.own_name(),
        until=RCPT,
        sender=request["sender"],
        recipients=(request["address"],),
        timeout=request["talk_timeout"],
    )
    return lambda: destination.talk(plan)


def _talk_facts(server: Destination, talk: t.Optional[Talk]) -> t.Dict[str, t.Any]:
    facts: t.Dict[str, t.Any] = {"host": server.host, "port": server.port, "why": server.why, "accepted": False}
    if server.here:
        what = f"the best mail exchanger of the domain is this host itself ({server.host}), which does not take its mail: it would loop"
        loops = make_finding("loops_back", ERROR, server.host, what, (f"{server.host} is {server.why}",))
        return dict(facts, findings=[as_facts(loops)], steps=[], seconds=0.0, last="this host itself")
    if talk is None:
        where = f"{server.host}:{server.port}"
        late = make_finding("no_conversation", ERROR, where, f"the conversation with {where} did not end in time")
        return dict(facts, findings=[as_facts(late)], steps=[], seconds=None, last="no end in time")
    return dict(
        facts,
        accepted=bool(talk.accepted),
        findings=[as_facts(finding) for finding in destination.judge(talk, time.time())],
        steps=[f"{step.name}: {step} ({step.seconds:.2f} s)" for step in talk.steps],
        seconds=round(talk.seconds, 3),
        last=next((str(step) for step in reversed(talk.steps) if step.name != "quit"), ""),
    )


def _weighed(talks: t.List[t.Dict[str, t.Any]]) -> t.List[t.Dict[str, t.Any]]:
    """Make warnings of the errors where another server takes the mail: then none of them stops it."""
    if not any(talk["accepted"] for talk in talks):
        return talks
    for talk in talks:
        for finding in talk["findings"]:
            if finding["severity"] == ERROR:
                finding["severity"] = WARNING
    return talks


# --- the queue ----------------------------------------------------------------------------------------------------


def _waiting(runner: Runner, request: Params) -> t.Dict[str, t.Any]:
    """Return what waits for the domain, since when and why."""
    options = _options(queue_info.ARGUMENT_SPEC, request)
    options.update(instance=request["instance"] or _mta.ALL, limit=1, top=3, select={"domain": [request["domain"]]})
    queue = queue_info.run(options, True, runner)
    oldest = queue["messages"][0] if queue["messages"] else None
    return {
        "messages": queue["summary"]["total"]["messages"],
        "oldest": oldest["arrived"] if oldest else "",
        "id": oldest["id"] if oldest else "",
        "reason": _reason(oldest, request["domain"]) if oldest else "",
        "unreadable": queue["unreadable"],
    }


def _reason(message: t.Mapping[str, t.Any], domain: str) -> str:
    for recipient in message["recipients"]:
        if recipient["address"].lower().rpartition("@")[2] == domain and recipient.get("reason"):
            return str(recipient["reason"])
    return str(message.get("reason") or "")
