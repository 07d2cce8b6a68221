# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdict on a fleet: what is wrong, on which hosts, with the evidence and the remedy.

Private to the collection: it can change at any time.

It asks nothing. It is given what diagnosis_info returned from each host, and the greeting that a prober outside got from each.
"""

import typing as t

from .._model.finding import ERROR, NOTICE, WARNING, Finding, from_facts, make_finding

#: What diagnosis_info returned from one host, with C(greeting): what the module smtp returned about it.
HostReport = t.Mapping[str, t.Any]

#: Tables whose entries send mail elsewhere than DNS says.
ROUTING = frozenset(("mailertable", "transport_maps", "sender_dependent_relayhost_maps", "smarttable"))
#: How a conversation with the destination ends, and the finding that it becomes.
_DESTINATION = {
    "deferred": ("destination_defers", "says not now"),
    "refused": ("destination_refuses", "refuses"),
    "no_connection": ("destination_unreachable", "cannot be connected to"),
    "no_greeting": ("destination_silent", "accepts the connection and does not greet"),
    "no_conversation": ("destination_breaks_off", "breaks the conversation off"),
}
#: Findings that explain why the destination cannot be reached. Then that it cannot is no finding of its own.
_CAUSES = frozenset(
    ("stale_address", "hosts_file", "wrong_route", "cname_for_mx", "no_resolver", "libc_fails", "resolver_disagrees")
)


class Case(t.NamedTuple):
    """A finding with the hosts that have it."""

    finding: Finding
    hosts: t.Tuple[str, ...]


#: How a relay looks to a client outside that gets no greeting, and the finding that it becomes.
_FROM_OUTSIDE = {
    "no_connection": ("relay_unreachable", "from outside this relay cannot be reached"),
    "no_greeting": ("relay_silent", "from outside this relay does not greet"),
    "no_conversation": ("relay_silent", "from outside this relay breaks the conversation off"),
}


class FleetVerdict(t.NamedTuple):
    """What is wrong with the mail to a domain, on all hosts together.

    :param cases: the worst first.
    :param asked: the hosts that answered.
    :param missing: the other hosts, with the reason.
    :param unchecked: check and reason, with the hosts where the check could not be done.
    """

    domain: str
    cases: t.Tuple[Case, ...]
    asked: t.Tuple[str, ...]
    missing: t.Mapping[str, str]
    unchecked: t.Mapping[str, t.Tuple[str, ...]]

    @property
    def healthy(self) -> bool:
        """Return whether nothing is wrong of what could be checked."""
        return not self.missing and not any(case.finding.severity in (ERROR, WARNING) for case in self.cases)


def judge(domain: str, reports: t.Mapping[str, HostReport], missing: t.Mapping[str, str]) -> FleetVerdict:
    """Return the verdict on what the hosts reported.

    :param missing: hosts without a report, and why.
    """
    by_host = {host: host_findings(report) for host, report in reports.items()}
    for host, more in fleet_findings(reports).items():
        if not any(finding.severity == ERROR for finding in by_host[host]):
            by_host[host] += more
    queues = {host: report.get("queue") or {} for host, report in reports.items()}
    cases = sorted(_gathered(by_host, queues), key=_order)
    unchecked: t.Dict[str, t.Tuple[str, ...]] = {}
    for host, report in sorted(reports.items()):
        for check, why in sorted((report.get("problems") or {}).items()):
            key = f"{check}: {why}"
            unchecked[key] = unchecked.get(key, ()) + (host,)
    return FleetVerdict(domain, tuple(cases), tuple(sorted(reports)), dict(missing), unchecked)


def _gathered(by_host: t.Mapping[str, t.Sequence[Finding]], queues: t.Mapping[str, HostReport]) -> t.List[Case]:
    """Join the findings of all hosts: the same code about the same thing is one case."""
    cases: t.Dict[t.Tuple[str, str], t.Dict[str, Finding]] = {}
    for host, findings in by_host.items():
        for finding in findings:
            same = cases.setdefault((finding.code, finding.about), {})
            if host not in same or len(finding.evidence) > len(same[host].evidence):
                same[host] = finding
    return [_case(same, queues) for same in cases.values()]


def _case(same: t.Mapping[str, Finding], queues: t.Mapping[str, HostReport]) -> Case:
    """Return one case of the same finding on several hosts.

    It is told as the host with the worst finding and most evidence tells it. What another host says otherwise, a load or a
    number of bytes for instance, is evidence under its name: the number of one host is never told of all.
    """
    names = tuple(sorted(same))
    first = min(names, key=lambda host: (same[host].rank, -len(same[host].evidence)))
    worst = same[first]
    what, evidence = worst.what, worst.evidence
    others = [f"{host}: {same[host].what}" for host in names if same[host].what != worst.what]
    if others:
        what = f"{what} (on {first})"
        evidence += tuple(others)
    if worst.code in _WITH_QUEUE:
        waiting = _waiting({host: queues[host] for host in names if queues.get(host, {}).get("messages")})
        what = f"{what}; {waiting}" if what and waiting else what or waiting
    remedy = worst.remedy.replace("{hosts}", ",".join(names))
    return Case(worst._replace(what=what, evidence=evidence, remedy=remedy), names)


#: Findings whose sentence ends with what waits for the domain, counted on the hosts of the case.
_WITH_QUEUE = frozenset(("waiting", *(code for code, dummy in _DESTINATION.values())))


def _waiting(queues: t.Mapping[str, HostReport]) -> str:
    """Return how many messages wait for the domain, on all of some hosts and on each; empty where none do."""
    if not queues:
        return ""
    total = sum(queue["messages"] for queue in queues.values())
    oldest = min(str(queue["oldest"]) for queue in queues.values())
    each = [f"{queue['messages']} on {host}" for host, queue in sorted(queues.items())]
    where = f" ({', '.join(each)})" if len(each) > 1 else ""
    verb = "message of the domain waits" if total == 1 else "messages of the domain wait"
    return f"{total} {verb}{where}, the oldest since {oldest}"


def _order(case: Case) -> t.Tuple[t.Tuple[int, int], int, str]:
    return case.finding.rank, -len(case.hosts), case.finding.about


# --- one host -----------------------------------------------------------------------------------------------------


def host_findings(report: HostReport) -> t.List[Finding]:
    """Return what is wrong on one host: what its checks found, and what they mean together."""
    findings = _findings_of(report, "names") + _findings_of(report, "host")
    findings += _message_findings(report)
    route = report.get("route") or {}
    talks = report.get("talk") or []
    findings += _wrong_route(report["domain"], route, talks)
    findings += _refusing_route(report["domain"], route)
    if not any(finding.code in _CAUSES and finding.severity == ERROR for finding in findings):
        findings += _destination(report, talks)
    findings += _queue_findings(report, any(finding.severity == ERROR for finding in findings))
    findings += _greeting(report)
    return findings


def _findings_of(report: HostReport, check: str) -> t.List[Finding]:
    return [from_facts(facts) for facts in (report.get(check) or {}).get("findings") or ()]


def _message_findings(report: HostReport) -> t.List[Finding]:
    quotes = (report.get("message") or {}).get("open_quotes") or []
    if not quotes:
        return []
    evidence = [f"line {quote['line']} of the message: {quote['text']}" for quote in quotes]
    instances = (report.get("host") or {}).get("instances") or []
    if any(instance.get("closes_quotes") for instance in instances):
        what = (
            "the message opens a quote in a MIME field and does not close it, and sendmail closes it over the last letter: "
            "that is how the name of the attachment loses its last letter"
        )
        return [make_finding("lost_letter", ERROR, "message", what, evidence)]
    what = "the message opens a quote in a MIME field and does not close it; this host passes it on as it is"
    return [make_finding("open_quote", WARNING, "message", what, evidence)]


def _wrong_route(domain: str, route: HostReport, talks: t.Sequence[HostReport]) -> t.List[Finding]:
    """Find an entry that sends the domain's mail to where nobody takes it."""
    entry = route.get("decided_by") or {}
    if entry.get("role") not in ROUTING or route.get("verdict") != "remote":
        return []
    if not talks or any(talk["accepted"] for talk in talks):
        return []
    place = entry.get("source") or entry["table"]
    what = (
        f"an entry sends the mail for {domain} to {route['nexthop']}, where nobody takes it, and not to its MX: {place} says "
        f"{entry['key']} -> {entry['value']}"
    )
    evidence = tuple(f"{talk['host']}:{talk['port']} ({talk['why']}): {talk['last']}" for talk in talks)
    return [make_finding("wrong_route", ERROR, entry["key"], what, evidence, key=entry["key"], place=place)]


def _refusing_route(domain: str, route: HostReport) -> t.List[Finding]:
    if route.get("verdict") not in ("error", "discard"):
        return []
    does = "throws away" if route["verdict"] == "discard" else "refuses"
    what = f"this relay {does} mail for {domain}: {route.get('because')}"
    return [make_finding("route_refuses", ERROR, domain, what, (f"{route.get('transport')}: {route.get('nexthop')}",))]


def _destination(report: HostReport, talks: t.Sequence[HostReport]) -> t.List[Finding]:
    """Return what the servers of the destination do, and whether another one takes the mail."""
    queue = report.get("queue") or {}
    accepting = next((talk for talk in talks if talk["accepted"]), None)
    instead = f"; {accepting['host']} ({accepting['why']}) takes the mail" if accepting else ""
    findings = []
    for talk in talks:
        for finding in map(from_facts, talk["findings"]):
            if finding.code not in _DESTINATION:
                findings.append(finding)
                continue
            code, does = _DESTINATION[finding.code]
            server = f"{talk['host']}, which takes the mail of {report['domain']} ({talk['why']}),"
            evidence = list(talk["steps"][-4:])
            if queue.get("reason"):
                evidence.append(f"queue: {queue['reason']}")
            what = f"{server} {does}: {talk['last']}{instead}"
            findings.append(make_finding(code, finding.severity, talk["host"], what, evidence))
    return findings


def _queue_findings(report: HostReport, explained: bool) -> t.List[Finding]:
    """Return the mail that waits for the domain. Its sentence is made for the case, which counts on all its hosts.

    :param explained: whether another finding says why: then a flush would not help.
    """
    queue = report.get("queue") or {}
    if not queue.get("messages"):
        return []
    domain = report["domain"]
    evidence = [f"{queue['id']}: {queue['reason']}"] if queue.get("reason") else []
    finding = make_finding("waiting", NOTICE, domain, "", evidence, domain=domain)
    return [finding._replace(remedy="") if explained else finding]


def _greeting(report: HostReport) -> t.List[Finding]:
    """Return how the host greets a client from outside. A silent name server is what makes that slow."""
    findings = []
    for finding in _findings_of(report, "greeting"):
        if finding.code == "slow_greeting":
            finding = finding._replace(what=f"who connects to this relay waits for the greeting: {finding.what}")
        elif finding.code in _FROM_OUTSIDE:
            code, looks = _FROM_OUTSIDE[finding.code]
            what = f"{looks}: {finding.what}"
            finding = make_finding(code, finding.severity, finding.about, what, finding.evidence)
        findings.append(finding)
    return findings


# --- the fleet ----------------------------------------------------------------------------------------------------


#: What a host sees of the domain: names, each with what it is resolved to.
View = t.Mapping[str, t.FrozenSet[str]]


class _Comparison(t.NamedTuple):
    """One thing that the hosts of a fleet should see alike, with the words of the sentence about a host that does not."""

    code: str
    view: t.Callable[[HostReport], View]
    this_host: str
    others: str


def fleet_findings(reports: t.Mapping[str, HostReport]) -> t.Dict[str, t.List[Finding]]:
    """Return what one host does otherwise than most of the others."""
    findings: t.Dict[str, t.List[Finding]] = {host: [] for host in reports}
    for comparison in _COMPARISONS:
        observed = {host: comparison.view(report) for host, report in sorted(reports.items())}
        views = {host: view for host, view in observed.items() if view}
        majority = _usual(list(views.values()))
        if majority is None:
            continue
        odd = [host for host, view in views.items() if not _agree(view, majority)]
        usual = f"{len(views) - len(odd)} {comparison.others} {_shown(majority)}"
        for host in odd:
            shown = _shown(views[host])
            what = f"this host {comparison.this_host} {shown}; {usual}"
            findings[host].append(make_finding(comparison.code, WARNING, shown, what))
    return findings


def _usual(views: t.Sequence[View]) -> t.Optional[View]:
    """Return what more than half agree on; None where there is no such majority."""
    for candidate in views:
        if sum(1 for other in views if _agree(candidate, other)) > len(views) / 2:
            return candidate
    return None


def _agree(view: View, other: View) -> bool:
    """Return whether two hosts see the same. Of a name with many addresses that take turns, each may know another part."""
    if set(view) != set(other):
        return False
    return all(bool(view[name] & other[name]) or view[name] == other[name] for name in view)


def _shown(view: View) -> str:
    parts = [f"{name} ({', '.join(sorted(values))})" if values else name for name, values in sorted(view.items())]
    return ", ".join(parts)


def _resolution(report: HostReport) -> View:
    """Return the exchangers with the addresses that the MTA gets for them."""
    hosts = (report.get("names") or {}).get("mail_exchangers") or []
    return {host["name"]: frozenset(host["libc"]) for host in hosts}


def _routing(report: HostReport) -> View:
    route = report.get("route") or {}
    if route.get("verdict") != "remote":
        return {str(route["verdict"]): frozenset()} if route else {}
    return {f"{'the MX of ' if hop['by_mx'] else ''}{hop['name']}:{hop['port']}": frozenset() for hop in route["hops"]}


_COMPARISONS = (
    _Comparison("resolves_differently", _resolution, "finds the domain's mail at", "others at"),
    _Comparison("routes_differently", _routing, "sends the domain's mail to", "others to"),
)
