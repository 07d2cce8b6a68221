# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The audit of a relay from outside: options in, verdict, counts and the failed conversations out.

Private to the collection: it can change at any time.
"""

import ipaddress
import socket
import typing as t

from .._addresses import domain, hostname, mail_address
from .._audit import catalogue
from .._audit import verdict as judge
from .._audit.prober import PAUSES, AuditReport, Expectations, ProbedRelay, Prober, ProbeResult
from .._errors import OptionError
from .._model.finding import ERROR
from .._model.kinds import duration, size
from .._runner import Runner
from .._smtp.dialogue import resolve, step_facts
from .._smtp.sink import Sinks

#: The group of the checks that the judgement of the configuration makes.
CONFIGURATION = "configuration"
#: The groups whose probes a good relay refuses; all other findings are checks.
PROBE_GROUPS = (catalogue.RELAY, catalogue.SESSION, catalogue.SMUGGLING, catalogue.CROSS, catalogue.LINE_ENDS)

_EXPECT: t.Dict[str, t.Any] = {
    "message_size": {"type": "str"},
    "recipients_per_message": {"type": "int"},
    "tls_minimum": {"type": "str", "choices": ["TLSv1.2", "TLSv1.3"], "default": "TLSv1.2"},
    "tls_offered": {"type": "bool", "default": True},
    "vrfy": {"type": "bool", "default": False},
    "smuggling": {"type": "str", "choices": ["reject", "normalize"], "default": "reject"},
    "greeting_delay": {"type": "str"},
}

_SINK: t.Dict[str, t.Any] = {
    "third_party": {"type": "path"},
    "served": {"type": "path"},
    "patience": {"type": "float", "default": 15},
}

#: The options of the module C(audit_info).
ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "host": {"type": "str", "required": True},
    "port": {"type": "int", "default": 25},
    "family": {"type": "str", "choices": ["auto", "ipv4", "ipv6"], "default": "auto"},
    "relay_name": {"type": "str"},
    "served_domain": {"type": "str", "required": True},
    "served_recipient": {"type": "str"},
    "third_party_domain": {"type": "str", "required": True},
    "third_party_address": {"type": "str", "default": "192.0.2.7"},
    "client_domain": {"type": "str", "required": True},
    "mx_loop_domain": {"type": "str"},
    "source_addresses": {"type": "list", "elements": "str", "default": []},
    "trusted": {"type": "list", "elements": "str", "default": []},
    "probes": {
        "type": "list",
        "elements": "str",
        "choices": list(catalogue.GROUPS),
        "default": list(catalogue.DEFAULT_GROUPS),
    },
    "expect": {"type": "dict", "options": _EXPECT, "apply_defaults": True},
    "sink": {"type": "dict", "options": _SINK, "apply_defaults": True},
    "risks": {"type": "list", "elements": "dict", "default": []},
    "concurrency": {"type": "int", "default": 10},
    "timeout": {"type": "float", "default": 60},
}


def run(params: t.Mapping[str, t.Any], check_mode: bool, runner: t.Optional[Runner] = None) -> t.Dict[str, t.Any]:
    """Audit a relay as the options say, and return what was found. No program is run for it.

    :raises OptionError: an option has a value that it cannot take. Trouble with the relay is a finding, not an error.
    """
    address = target_address(params["host"], params["port"], params["family"], params["source_addresses"])
    sources = chosen_sources(params["source_addresses"], address)
    prober = Prober(
        target=ProbedRelay(address, _positive("port", params["port"]), _positive("timeout", params["timeout"])),
        names=names(params, address),
        expected=expectations(params["expect"]),
        sources=sources,
        concurrency=_positive("concurrency", params["concurrency"]),
        sinks=Sinks(**{key: value for key, value in params["sink"].items() if value is not None}),
    )
    refuse_trusted(params["trusted"], sources or [own_address(prober.target)])
    if not params["probes"]:
        return {"verdict": "not probed", "groups": {}, "failures": []}
    report = prober.run(params["probes"])
    return report_facts(report._replace(findings=report.findings + judged(params["risks"])))


def judged(risks: t.Sequence[t.Mapping[str, t.Any]]) -> t.Tuple[ProbeResult, ...]:
    """Return what the judgement of the relay's configuration says as checks: no prober can be every stranger.

    :param risks: as the modules relay and relay_info return them; an accepted one is a check that has passed.
    """
    errors = [risk for risk in risks if risk.get("severity") == ERROR]
    return tuple(_judged(f"J{number:02}", risk) for number, risk in enumerate(errors, 1))


def _judged(number: str, risk: t.Mapping[str, t.Any]) -> ProbeResult:
    """Return one finding of the judgement as a check."""
    accepted = risk.get("accepted")
    reason = "; ".join(str(part) for part in (risk.get("what"), risk.get("remedy")) if part)
    reason += f" (accepted: {accepted})" if accepted else ""
    judgement = judge.PASSED if accepted else judge.FAILED
    return ProbeResult(number, CONFIGURATION, str(risk.get("code", "")), judgement, reason, "", 0, ())


def refuse_trusted(networks: t.Sequence[str], sources: t.Sequence[str]) -> None:
    """Refuse to probe from an address that may relay: every probe would find an open relay.

    :param networks: the networks that the policy of the relay trusts.
    :raises OptionError: naming the address and the network.
    """
    for source in filter(None, sources):
        address = ipaddress.ip_address(source)
        for name in networks:
            network = _checked("trusted", name, lambda text: ipaddress.ip_network(text, strict=False))
            if address.version == network.version and address in network:
                raise OptionError(
                    "source_addresses",
                    source,
                    f"the policy trusts this prober ({name}), which would see an open relay; probe from a stranger",
                )


def own_address(target: ProbedRelay) -> str:
    """Return the address of this host from which the relay is reached; empty when there is no route. Nothing is sent."""
    family = socket.AF_INET6 if ":" in target.address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((target.address, target.port))
        except OSError:
            return ""
        return str(probe.getsockname()[0])


def names(options: t.Mapping[str, t.Any], address: str) -> catalogue.Names:
    """Return what the placeholders of the probes stand for."""
    served = _checked("served_domain", options["served_domain"], domain)
    third_party = _checked("third_party_domain", options["third_party_domain"], domain)
    mx_loop = options["mx_loop_domain"] or f"mxloop.{third_party}"
    third_party_address = _checked("third_party_address", options["third_party_address"], ipaddress.IPv4Address)
    return catalogue.Names(
        relay=_checked("relay_name", options["relay_name"] or options["host"], hostname),
        address=address,
        served=served,
        third_party=third_party,
        third_party_address=str(third_party_address),
        client=_checked("client_domain", options["client_domain"], domain),
        mx_loop=_checked("mx_loop_domain", mx_loop, domain),
        recipient=_checked("served_recipient", options["served_recipient"] or f"postmaster@{served}", mail_address),
    )


def expectations(expect: t.Mapping[str, t.Any]) -> Expectations:
    """Return the promises of the policy in numbers."""
    return Expectations(
        message_size=_checked("expect.message_size", expect["message_size"] or 0, size),
        recipients_per_message=expect["recipients_per_message"] or 0,
        tls_minimum=expect["tls_minimum"],
        tls_offered=expect["tls_offered"],
        vrfy=expect["vrfy"],
        smuggling=expect["smuggling"],
        greeting_delay=_checked("expect.greeting_delay", expect["greeting_delay"] or 0, duration),
    )


def target_address(host: str, port: int, family: str, sources: t.Sequence[str]) -> str:
    """Return the numeric address of the relay: of the wanted family, and of one that there are source addresses for.

    :param family: C(ipv4), C(ipv6), or C(auto) for the first of the resolver's answers that fits.
    :raises OptionError: it has none, or no source address fits.
    """
    wanted = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}.get(family, socket.AF_UNSPEC)
    addresses = resolve(host, port, wanted)
    if not addresses:
        raise OptionError("host", host, "has no address" if family == "auto" else f"has no {family} address")
    for address in addresses:
        if not sources or chosen_sources(sources, address):
            return address
    raise OptionError("source_addresses", ", ".join(sources), f"none of them fits {' or '.join(addresses)}")


def chosen_sources(addresses: t.Sequence[str], target: str) -> t.List[str]:
    """Return those of I(addresses) that are of the IP version of I(target).

    :raises OptionError: one is no address.
    """
    version = ipaddress.ip_address(target).version
    parsed = [_checked("source_addresses", address, ipaddress.ip_address) for address in addresses]
    return [str(address) for address in parsed if address.version == version]


# --- what the module returns ---------------------------------------------------------------------------------------


def report_facts(report: AuditReport) -> t.Dict[str, t.Any]:
    """Return the report as the module does."""
    findings = report.findings
    return {
        "verdict": "passed" if findings and all(result.good for result in findings) else "failed",
        "summary": summary(report),
        "counts": {name: sum(result.judgement == name for result in findings) for name in judge.JUDGEMENTS},
        "groups": _group_facts(findings),
        "failures": [_failure_facts(result) for result in findings if not result.good],
        "probes": [_finding_facts(result) for result in findings],
        "notes": _waits(findings),
        "relay": {"greeting": report.greeting, "keywords": report.keywords, "tls": report.tls or None},
    }


def _waits(findings: t.Sequence[ProbeResult]) -> t.List[str]:
    """Return a sentence where the relay limited the prober, so that probes waited and were sent again."""
    again = [result for result in findings if result.attempts > 1]
    if not again:
        return []
    seconds = max(sum(PAUSES[: result.attempts - 1]) for result in again)
    probes = "1 probe was" if len(again) == 1 else f"{len(again)} probes were"
    return [
        f"the relay limited this prober: {probes} sent again, for up to {seconds:.0f} s; more source addresses or a minute "
        "between two runs avoid that"
    ]


def summary(report: AuditReport) -> str:
    """Return one line: C(80/80 probes refused, 24/24 checks passed (v4)), with what went wrong behind it."""
    refused = [result for result in report.findings if result.group in PROBE_GROUPS]
    checks = [result for result in report.findings if result.group not in PROBE_GROUPS]
    parts = []
    if refused:
        parts.append(f"{sum(result.good for result in refused)}/{len(refused)} probes refused")
    parts.append(f"{sum(result.good for result in checks)}/{len(checks)} checks passed")
    line = f"{', '.join(parts)} (v{report.version})"
    return "; ".join([line, *_bad_numbers(report)])


def _bad_numbers(report: AuditReport) -> t.List[str]:
    """Return the numbers of the probes and checks that went wrong, by judgement."""
    bad: t.Dict[str, t.List[str]] = {name: [] for name in judge.JUDGEMENTS}
    for result in report.findings:
        if not result.good:
            bad[result.judgement].append(result.number)
    return [f"{name}: {_shortened(numbers)}" for name, numbers in bad.items() if numbers]


def _shortened(numbers: t.Sequence[str]) -> str:
    shown = " ".join(numbers[:12])
    return shown if len(numbers) <= 12 else f"{shown} and {len(numbers) - 12} more"


def _group_facts(findings: t.Sequence[ProbeResult]) -> t.Dict[str, t.Dict[str, int]]:
    groups: t.Dict[str, t.Dict[str, int]] = {}
    for result in findings:
        counts = groups.setdefault(result.group, {"total": 0, "good": 0})
        counts["total"] += 1
        counts["good"] += result.good
    return groups


def _finding_facts(result: ProbeResult) -> t.Dict[str, t.Any]:
    return {
        "probe": result.number,
        "group": result.group,
        "trick": result.trick,
        "judgement": result.judgement,
        "reason": result.reason,
        "seconds": round(sum(step.seconds for step in result.steps), 3),
    }


def _failure_facts(result: ProbeResult) -> t.Dict[str, t.Any]:
    more = {
        "source": result.source,
        "attempts": result.attempts,
        "dialogue": [step_facts(step) for step in result.steps],
    }
    return dict(_finding_facts(result), **more)


def _checked(option: str, value: t.Any, parse: t.Callable[[t.Any], t.Any]) -> t.Any:
    try:
        return parse(value)
    except ValueError as error:
        raise OptionError(option, value, str(error)) from error


def _positive(option: str, value: t.Any) -> t.Any:
    if value <= 0:
        raise OptionError(option, value, "must be more than 0")
    return value
