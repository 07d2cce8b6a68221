# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Capture for sendmail: the routes on the production instance, and what makes an instance a capture instance. Twin of C(_postfix.capture).

Private to the collection: it can change at any time.

One map, C(capture), with keys tagged From:, To:, Connect:, is asked in ParseLocal (LOCAL_RULE_0), which comes before local names,
virtusertable and mailertable, so that nothing slips by. The sender is C($f), the client C($_): both are kept in the queue file, so
a queue run decides as the session did. A message of the sender or the client is caught with each of its recipients.
"""

import ipaddress
import os
import typing as t

from .._errors import Refused
from .._model import access as _access
from .._model.capture import (
    CONNECT,
    DOMAIN,
    FROM,
    NETWORK,
    NULL,
    CaptureRoute,
    Endpoint,
    Envelope,
    Lines,
    hop_in,
    pairs_in,
    table,
    titles_in,
)
from .._model.host import File, Host
from . import build, discover
from . import capture_map as wiring
from .capture_map import NAME
from .compile import compiled_names
from .lookup import TAGS, ask
from .networks import prefixes

#: How many routes of each place are tried when the wiring is verified.
_SAMPLE = 20


def refuse_hop(hop: Endpoint, release: Endpoint) -> None:
    """Refuse nothing: sendmail knows a loop by the name in the greeting, and the capture instance has another one."""


def wire(
    host: Host,
    routes: t.Sequence[CaptureRoute],
    hop: t.Optional[Endpoint],
    service: bool,
    release: t.Optional[Endpoint] = None,
) -> t.Dict[str, File]:
    """Return all files of the configuration directory that belong to capture, as they should be.

    :param hop: where the capture instance listens; None only without routes.
    :param service: of no meaning here: mail in the queue is routed anew at each attempt.
    :param release: of no meaning here: sendmail does the same to headers whoever the client is.
    :raises Refused: there is no sendmail.mc to write the wiring into.
    """
    placed = [(route, _place(route, hop)) for route in routes if hop]
    source = table(placed, hop) if hop else None
    files = {NAME: File(source, 0o640)}
    path = os.path.join(host.instance.config_directory, "sendmail.mc")
    current = _content(host, "sendmail.mc")
    if current is None and source is None:
        return files
    if current is None:
        raise Refused([f"{path}: it is not there, and the routes need a place in it"])
    before = current.decode("utf-8", "surrogateescape")
    after = wiring.wired(before, wiring.block(host, source))
    if after != before:
        files["sendmail.mc"] = File(after.encode("utf-8", "surrogateescape"))
        files["sendmail.cf"] = File(build.build_cf(host, after).encode("utf-8", "surrogateescape"))
    if source is None:
        for name in compiled_names(host.capabilities.default_table_type, NAME):
            files[name] = File(None)
    return files


def _place(route: CaptureRoute, hop: Endpoint) -> Lines:
    """Return the lines of a route. The wiring adds the brackets around the address and knows the port."""
    value = f"IPv6:{hop.address}" if ":" in hop.address else hop.address
    return {f"{TAGS[route.where]}:{key}": value for key in _keys(route)}


def _keys(route: CaptureRoute) -> t.Tuple[str, ...]:
    if route.kind == NULL:
        return ("@",)
    if route.kind == DOMAIN and route.subdomains:
        return route.pattern, "." + route.pattern
    if route.kind != NETWORK:
        return (route.pattern,)
    if route.network.version == 4:
        return _access.octets(route.network)
    try:
        return prefixes(route.network)
    except ValueError as why:
        raise discover.unsupported("connect", route.pattern, str(why))


# --- lookups --------------------------------------------------------------------------------------------------------


def hop_there(host: Host) -> t.Optional[Endpoint]:
    """Return where the live routes go; None without any."""
    return hop_in(_content(host, NAME))


def routes_there(host: Host) -> t.Tuple[str, ...]:
    """Return the live routes in words."""
    return titles_in(_content(host, NAME))


def verify(host: Host, routes: t.Sequence[CaptureRoute], hop: t.Optional[Endpoint]) -> t.List[str]:
    """Return findings: keys whose value sendmail does not find, and messages that its rulesets would send elsewhere."""
    wanted = pairs_in(_content(host, NAME))
    kind = host.capabilities.default_table_type
    values = ask(host, host.instance.config_directory, NAME, kind, list(wanted))
    findings = [
        f"{NAME}: {key}: sendmail finds {values.get(key)!r} there"
        for key, value in wanted.items()
        if values.get(key) != value
    ]
    sample = _sample(routes)
    if findings or not sample or hop is None:
        return findings
    answers = resolved(host, [_example(route) for route in sample])
    mailer = f"$# {wiring.MAILER} "
    return [
        f"{NAME}: {route.title}: sendmail would route such a message to {answer or 'nowhere'}"
        for route, answer in zip(sample, answers)
        if not answer.startswith(mailer)
    ]


def _sample(routes: t.Sequence[CaptureRoute]) -> t.List[CaptureRoute]:
    """Return the first routes of each place."""
    sample: t.List[CaptureRoute] = []
    for where in TAGS:
        sample += [route for route in routes if route.where == where][:_SAMPLE]
    return sample


class Example(t.NamedTuple):
    """Mail as the rulesets see it."""

    sender: str
    client: str
    recipient: str


def _example(route: CaptureRoute) -> Example:
    nobody = Example("nobody@example.invalid", "[192.0.2.0]", "nobody@example.invalid")
    if route.where == CONNECT:
        first = route.network.network_address
        text = str(first) if first.version == 4 else prefixes(ipaddress.ip_network(first))[0]
        return nobody._replace(client=f"[{text}]")
    address = _example_address(route)
    return nobody._replace(sender=address) if route.where == FROM else nobody._replace(recipient=address)


def _example_address(route: CaptureRoute) -> str:
    if route.kind == NULL:
        return "<>"
    return route.pattern if "@" in route.pattern else f"nobody@{route.pattern}"


def resolved(host: Host, examples: t.Sequence[Example]) -> t.List[str]:
    """Return what ParseLocal makes of the recipient of each message: C($# mailer $@ host $: user), or the recipient itself."""
    lines = []
    for example in examples:
        local, dummy, domain = example.recipient.rpartition("@")
        lines += [
            ".D{addr_type}e r",
            f".Df{example.sender}",
            f".D_{example.client}",
            f"ParseLocal {local} < @ {domain} . >",
        ]
    path = os.path.join(host.instance.config_directory, "sendmail.cf")
    argv = [discover.the_layout().program, "-C", path, "-bt"]
    result = host.runner.run(argv, stdin="".join(f"{line}\n" for line in lines), check=False, timeout=120)
    answers = [
        line.partition("returns:")[2].strip()
        for line in result.out.split("\n")
        if line.startswith("ParseLocal ") and "returns:" in line
    ]
    if len(answers) != len(examples):
        raise Refused(
            [f"sendmail answers {len(answers)} of {len(examples)} questions: {(result.err or result.out)[-300:]}"]
        )
    return answers


def _content(host: Host, name: str) -> t.Optional[bytes]:
    try:
        with open(os.path.join(host.instance.config_directory, name), "rb") as stream:
            return stream.read()
    except OSError:
        return None


# --- the capture instance -------------------------------------------------------------------------------------------

# Quarantined at reception: no queue run delivers it, whoever starts one.
_QUARANTINE = """\
SLocal_check_mail
R$*\t$#error $@ quarantine $: captured
SLocal_check_relay
{own}
R$*\t$#error $@ 5.7.1 $: "550 Only this host may connect\""""
_RELEASE = """\
R$* < @ $* . > $*\t$1 < @ $2 > $3
R$+\t$#postmaster_release $@ {host} $: $1"""


def settings(about: Envelope) -> t.Dict[str, t.Any]:
    """Return the parameters by which the module relay makes an instance a capture instance.

    Everything from this host is accepted as it is and quarantined, which C(sendmail -q) leaves alone. What is released goes to the
    production instance, whose routes and aliases then apply; so nothing is local here.
    """
    policy = {
        "identity": {"hostname": about.hostname, "listen": [about.hop.address], "port": about.hop.port},
        "relay": {"networks": list(about.own)},
        "limits": {"message_size": "0", "header_size": "0", "hops": 1000},
        "load": {"delay": 0, "queue": 0, "refuse": 0},
        "timeouts": {"ident": "0s"},
        "queue": {"lifetime": "100d", "bounce_lifetime": "100d", "warning_time": "0s"},
    }
    defines = {
        "confDELIVERY_MODE": "queueonly",
        "confMAX_MIME_HEADER_LENGTH": "0/0",
        "confEIGHT_BIT_HANDLING": "pass8",
        "confMIN_QUEUE_AGE": "0",
        "confPRIVACY_FLAGS": "noreceipts",
        "confMAX_RCPTS_PER_MESSAGE": "0",
    }
    features = {"accept_unresolvable_domains": True, "accept_unqualified_senders": True, "delay_checks": None}
    own = "\n".join(f"R$* $| {_shown(address)}\t$@ OK" for address in about.own)
    mc = {
        "defines": defines,
        "features": features,
        "local_rule_0": _RELEASE.format(host=f"[{_shown(about.release.address)}]"),
        "local_rulesets": _QUARANTINE.format(own=own),
        "mailer_definitions": wiring.mailer("postmaster_release", about.release.port),
    }
    return {"policy": policy, "baseline": "none", "mc": mc}


def _shown(address: str) -> str:
    return f"IPv6:{address}" if ":" in address else address
