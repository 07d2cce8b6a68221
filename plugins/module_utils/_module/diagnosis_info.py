# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every check of the diagnosis on one host, side by side: names, route, next hop, host, queue, message.

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

from .. import _addresses, _mta
from .. import _parallel as _together
from .._dns import query as _dns
from .._dns import resolver as _resolver
from .._errors import OptionError
from .._model.finding import ERROR, WARNING, Finding, as_facts
from .._runner import Runner
from .._smtp import message as _message
from . import dns_info as _dnsinfo
from . import host_info as _hostchecks
from . import queue as _queues
from . import route_info as _routes
from . import smtp as _smtptest

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
#: Mail exchangers that are looked at, whether they are this host.
_LOOKED_AT = 20
#: Seconds of the time for everything that are kept for telling what was late.
_MARGIN = 2.0

Params = t.Mapping[str, t.Any]


class Target(t.NamedTuple):
    """A server that would get the mail: its name or address, its port, and why it is one.

    :param here: it is this host itself, which would not talk to itself.
    """

    host: str
    port: int
    why: str
    here: bool = False


def run(runner: Runner, params: Params) -> t.Dict[str, t.Any]:
    """Do every check, and return what each of them saw, with the seconds that it took.

    :raises OptionError: an option that cannot be meant.
    """
    given = _normalised(params)
    jobs: t.Dict[str, t.Callable[[], t.Any]] = {
        NAMES: lambda: _dnsinfo.info(runner, _options(_dnsinfo.ARGUMENT_SPEC, given)),
        ROUTE: lambda: _route_and_talk(runner, given),
        HOST: lambda: _hostchecks.info(runner, _options(_hostchecks.ARGUMENT_SPEC, given)),
        QUEUE: lambda: _waiting(runner, given),
    }
    if given["content"] is not None:
        jobs[MESSAGE] = lambda: {"open_quotes": [dict(one._asdict()) for one in _message.open_quotes(given["content"])]}
    _mta.read_all(runner, given["mta"])
    started = time.monotonic()
    outcomes = _together.together(jobs, given["timeout"] - _MARGIN)
    answer: t.Dict[str, t.Any] = {"domain": given["domain"], "address": given["address"], "problems": {}}
    answer["check_seconds"] = {name: round(outcome.seconds, 3) for name, outcome in sorted(outcomes.items())}
    for name in jobs:
        answer.update(_told(name, outcomes.get(name), answer["problems"]))
    answer["seconds"] = round(time.monotonic() - started, 3)
    return answer


def _told(name: str, outcome: t.Optional[_together.Outcome], problems: t.Dict[str, str]) -> t.Dict[str, t.Any]:
    """The result of one check, or none and the reason."""
    trouble = _together.trouble(outcome)
    if outcome is None or trouble:
        problems[name] = trouble
    elif name == ROUTE:
        talks, problem = outcome.value[TALK], outcome.value["problem"]
        if problem:
            problems[TALK] = problem
        return {ROUTE: outcome.value[ROUTE], TALK: talks}
    else:
        return {name: outcome.value}
    return {ROUTE: None, TALK: []} if name == ROUTE else {name: None}


def _normalised(params: Params) -> t.Dict[str, t.Any]:
    """The options; of a domain alone, the address that every domain has is asked for (RFC 5321 section 4.5.1)."""
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


def _options(spec: t.Mapping[str, t.Any], given: Params) -> t.Dict[str, t.Any]:
    """The options of another module: those of the same name, and its defaults. The time is what is left of ours."""
    options = {name: given[name] if name in given else one.get("default") for name, one in spec.items()}
    if "timeout" in options:
        options["timeout"] = min(float(spec["timeout"]["default"]), given["timeout"] - 2 * _MARGIN)
    return options


# --- the way, and who stands at its end ---------------------------------------------------------------------------


def _route_and_talk(runner: Runner, given: Params) -> t.Dict[str, t.Any]:
    route = _routes.info(runner, _options(_routes.ARGUMENT_SPEC, given))
    if not given["talk"] or route["verdict"] != "remote":
        return {ROUTE: route, TALK: [], "problem": ""}
    targets, problem = targets_of(route["hops"])
    jobs = {number: _talk_job(one, given) for number, one in enumerate(targets) if not one.here}
    # A server may have an address of each IP version, and each of them its time.
    done = _together.values(jobs, given["talk_timeout"] * 2 + _MARGIN)
    talks = [_talk_facts(one, done.get(number)) for number, one in enumerate(targets)]
    return {ROUTE: route, TALK: _weighed(talks), "problem": problem}


def targets_of(hops: t.Sequence[t.Mapping[str, t.Any]]) -> t.Tuple[t.List[Target], str]:
    """The servers behind the next hops, by preference; and why some could not be found."""
    found: t.List[Target] = []
    for hop in hops:
        if not hop["by_mx"]:
            found.append(Target(hop["name"], hop["port"], "named by the route"))
        elif _dns.MISSING:
            return found, "without dnspython the MX records cannot be asked for"
        else:
            found += _by_mx(hop["name"], hop["port"])
    return found[:_HOPS], ""


def _by_mx(name: str, port: int) -> t.List[Target]:
    """The exchangers as the host's own resolver names them; the domain itself where it names none."""
    asker = _dns.Asker()
    for server in _resolver.parse_resolv_conf(_resolver.read(_resolver.RESOLV_CONF)).servers:
        answer = asker.ask(server, name, "MX")
        if answer.good:
            named = _dns.mail_exchangers(answer.records)
            if not named:
                return (
                    [Target(name, port, "the domain itself, without MX records")]
                    if answer.status == _dns.NOERROR
                    else []
                )
            return _before_me([Target(host, port, f"MX {preference}") for preference, host in named if host != "."])
    return []


def _before_me(targets: t.Sequence[Target]) -> t.List[Target]:
    """Those that an MTA with a place in the list would talk to: the ones before its own (RFC 5321 section 5.1)."""
    jobs = {number: functools.partial(is_here, one.host) for number, one in enumerate(targets[:_LOOKED_AT])}
    here = [number for number, mine in sorted(_together.values(jobs, _MARGIN).items()) if mine]
    if not here:
        return list(targets)
    mine = targets[here[0]]
    before = list(itertools.takewhile(lambda one: one.why != mine.why, targets))
    return before or [mine._replace(here=True)]


def is_here(host: str) -> bool:
    """Whether a name or an address leads to this host: who goes to an address of his own, comes from it."""
    try:
        found = socket.getaddrinfo(host, 25, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return False
    return any(_source_for(family, address) == address[0] for family, dummy, dummy, dummy, address in found)


def _source_for(family: int, address: t.Any) -> str:
    """The address from which packets would go; a datagram socket that is connected sends none."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as attempt:
            attempt.connect(address)
            return str(attempt.getsockname()[0])
    except OSError:
        return ""


def _talk_job(target: Target, given: Params) -> t.Callable[[], _smtptest.Talk]:
    plan = _smtptest.Plan(
        target.host,
        target.port,
        helo=_smtptest.own_name(),
        until=_smtptest.RCPT,
        sender=given["sender"],
        recipients=(given["address"],),
        timeout=given["talk_timeout"],
    )
    return lambda: _smtptest.talk(plan)


def _talk_facts(target: Target, said: t.Optional[_smtptest.Talk]) -> t.Dict[str, t.Any]:
    facts: t.Dict[str, t.Any] = {"host": target.host, "port": target.port, "why": target.why, "accepted": False}
    if target.here:
        what = f"the best mail exchanger of the domain is this host itself ({target.host}), which does not take its mail: it would loop"
        loops = Finding("loops_back", ERROR, target.host, what, (f"{target.host} is {target.why}",))
        return dict(facts, findings=[as_facts(loops)], steps=[], seconds=0.0, last="this host itself")
    if said is None:
        where = f"{target.host}:{target.port}"
        late = Finding("no_conversation", ERROR, where, f"the conversation with {where} did not end in time")
        return dict(facts, findings=[as_facts(late)], steps=[], seconds=None, last="no end in time")
    return dict(
        facts,
        accepted=bool(said.accepted),
        findings=[as_facts(finding) for finding in _smtptest.judge(said, time.time())],
        steps=[f"{step.name}: {step} ({step.seconds:.2f} s)" for step in said.steps],
        seconds=round(said.seconds, 3),
        last=next((str(step) for step in reversed(said.steps) if step.name != "quit"), ""),
    )


def _weighed(talks: t.List[t.Dict[str, t.Any]]) -> t.List[t.Dict[str, t.Any]]:
    """Where one server takes the mail, what another does keeps none from flowing."""
    if any(talk["accepted"] for talk in talks):
        for talk in talks:
            talk["findings"] = [
                dict(one, severity=WARNING) if one["severity"] == "error" else one for one in talk["findings"]
            ]
    return talks


# --- the queue ----------------------------------------------------------------------------------------------------


def _waiting(runner: Runner, given: Params) -> t.Dict[str, t.Any]:
    """What waits for the domain, since when and why."""
    options = _options(_queues.INFO_ARGUMENTS, given)
    options.update(instance=given["instance"] or _mta.ALL, limit=1, top=3, select={"domain": [given["domain"]]})
    found = _queues.info(runner, options)
    oldest = found["messages"][0] if found["messages"] else None
    return {
        "messages": found["summary"]["total"]["messages"],
        "oldest": oldest["arrived"] if oldest else "",
        "id": oldest["id"] if oldest else "",
        "reason": _reason(oldest, given["domain"]) if oldest else "",
        "unreadable": found["unreadable"],
    }


def _reason(message: t.Mapping[str, t.Any], domain: str) -> str:
    for recipient in message["recipients"]:
        if recipient["address"].lower().rpartition("@")[2] == domain and recipient.get("reason"):
            return str(recipient["reason"])
    return str(message.get("reason") or "")
