# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdict: what every host of a fleet saw, in; what is wrong, where, the evidence and the remedy, out.

Private to the collection: it can change at any time.

Pure: it asks nothing. What it is given is what the checks of each host returned (C(_checkup)), and the greeting that somebody
outside got from each.
"""

import typing as t

from .._model.finding import ERROR, NOTICE, SEVERITIES, WARNING, Finding, from_facts

Report = t.Mapping[str, t.Any]

#: What explains most comes first: a finding further down is often only the consequence of one further up.
RANK = (
    "mta_down",
    "queue_disk_read_only",
    "queue_disk_full",
    "queue_inodes_full",
    "no_resolver",
    "lost_letter",
    "wrong_route",
    "route_refuses",
    "loops_back",
    "cname_for_mx",
    "hosts_file",
    "stale_address",
    "libc_fails",
    "resolver_disagrees",
    "bogus",
    "no_such_domain",
    "null_mx",
    "no_mail_host",
    "unanswered",
    "first_resolver_silent",
    "load",
    "kernel_irq",
    "kernel_watchdog",
    "kernel_disk",
    "not_listening",
    "destination_defers",
    "destination_refuses",
    "destination_silent",
)
#: Tables whose entries send mail elsewhere than DNS says.
ROUTING = frozenset(("mailertable", "transport_maps", "sender_dependent_relayhost_maps", "smarttable"))
#: What the conversation with a destination ends with, and the finding that it becomes.
_DESTINATION = {
    "deferred": ("destination_defers", "says not now"),
    "refused": ("destination_refuses", "refuses"),
    "no_conversation": ("destination_silent", "does not answer"),
}
#: Findings that explain why the destination cannot be reached; it is then no finding of its own.
_CAUSES = frozenset(
    ("stale_address", "hosts_file", "wrong_route", "cname_for_mx", "no_resolver", "libc_fails", "resolver_disagrees")
)


class Case(t.NamedTuple):
    """A finding with the hosts that have it."""

    finding: Finding
    hosts: t.Tuple[str, ...]


class Verdict(t.NamedTuple):
    """What to think of it all.

    :param cases: the worst first.
    :param asked: the hosts that answered; I(missing): the others, with the reason.
    :param unchecked: check and reason, with the hosts where it could not be done.
    """

    domain: str
    cases: t.Tuple[Case, ...]
    asked: t.Tuple[str, ...]
    missing: t.Mapping[str, str]
    unchecked: t.Mapping[str, t.Tuple[str, ...]]

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong, of what could be checked."""
        return not self.missing and not any(case.finding.severity in (ERROR, WARNING) for case in self.cases)


def judge(domain: str, reports: t.Mapping[str, Report], missing: t.Mapping[str, str]) -> Verdict:
    """Put together what the hosts saw.

    :param reports: host to what its checks returned; C(greeting) is what the module smtp returned about it.
    :param missing: hosts without a report, and why.
    """
    by_host = {host: host_findings(report) for host, report in reports.items()}
    for host, more in fleet_findings(reports).items():
        if not any(finding.severity == ERROR for finding in by_host[host]):
            by_host[host] += more
    cases = sorted(_gathered(by_host), key=_order)
    unchecked: t.Dict[str, t.Tuple[str, ...]] = {}
    for host, report in sorted(reports.items()):
        for check, why in sorted((report.get("problems") or {}).items()):
            key = f"{check}: {why}"
            unchecked[key] = unchecked.get(key, ()) + (host,)
    return Verdict(domain, tuple(cases), tuple(sorted(reports)), dict(missing), unchecked)


def _gathered(by_host: t.Mapping[str, t.Sequence[Finding]]) -> t.List[Case]:
    """The same finding of several hosts is one case; of one host, the one with more evidence is kept."""
    found: t.Dict[t.Tuple[str, str], t.Dict[str, Finding]] = {}
    for host, findings in by_host.items():
        for finding in findings:
            hosts = found.setdefault((finding.code, finding.about), {})
            if host not in hosts or len(finding.evidence) > len(hosts[host].evidence):
                hosts[host] = finding
    cases = []
    for hosts in found.values():
        names = tuple(sorted(hosts))
        worst = min(hosts.values(), key=lambda finding: (SEVERITIES.index(finding.severity), -len(finding.evidence)))
        cases.append(Case(worst._replace(remedy=worst.remedy.replace("{hosts}", ",".join(names))), names))
    return cases


def _order(case: Case) -> t.Tuple[int, int, int, str]:
    code = case.finding.code
    rank = RANK.index(code) if code in RANK else len(RANK)
    return SEVERITIES.index(case.finding.severity), rank, -len(case.hosts), case.finding.about


# --- one host -----------------------------------------------------------------------------------------------------


def host_findings(report: Report) -> t.List[Finding]:
    """What is wrong on one host, by what its checks found and by what they mean together."""
    found = [
        from_facts(facts) for check in ("names", "host") for facts in (report.get(check) or {}).get("findings", ())
    ]
    found += _message_findings(report)
    route = report.get("route") or {}
    talks = report.get("talk") or []
    wrong = _wrong_route(report["domain"], route, talks)
    found += wrong
    found += _refusing_route(report["domain"], route)
    if not any(finding.code in _CAUSES and finding.severity == ERROR for finding in found):
        found += _destination(report, talks)
    found += _queue_findings(report, any(finding.severity == ERROR for finding in found))
    found += _greeting(report)
    return found


def _message_findings(report: Report) -> t.List[Finding]:
    quotes = (report.get("message") or {}).get("open_quotes") or []
    if not quotes:
        return []
    evidence = tuple(f"line {one['line']} of the message: {one['text']}" for one in quotes)
    instances = (report.get("host") or {}).get("instances") or []
    if any(one.get("closes_quotes") for one in instances):
        what = (
            "the message opens a quote in a MIME field and does not close it, and sendmail closes it over the last letter: "
            "that is how the name of the attachment loses its last letter"
        )
        return [Finding("lost_letter", ERROR, "message", what, evidence, _CLOSE)]
    what = "the message opens a quote in a MIME field and does not close it; this host passes it on as it is"
    return [
        Finding(
            "open_quote", WARNING, "message", what, evidence, "close the quote in the program that writes the message"
        )
    ]


_CLOSE = (
    "close the quote in the program that writes the message; until then on these relays: postmaster.mta.relay with "
    "mc: {defines: {confMAX_MIME_HEADER_LENGTH: '0'}}"
)


def _wrong_route(domain: str, route: Report, talks: t.Sequence[Report]) -> t.List[Finding]:
    """An entry that sends the domain's mail to where nobody takes it."""
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
    remedy = f"correct or remove {entry['key']} in {place} (postmaster.mta.relay, policy.routes), then flush the queue of the domain"
    return [Finding("wrong_route", ERROR, entry["key"], what, evidence, remedy)]


def _refusing_route(domain: str, route: Report) -> t.List[Finding]:
    if route.get("verdict") not in ("error", "discard"):
        return []
    does = "throws away" if route["verdict"] == "discard" else "refuses"
    what = f"this relay {does} mail for {domain}: {route.get('because')}"
    return [Finding("route_refuses", ERROR, domain, what, (f"{route.get('transport')}: {route.get('nexthop')}",))]


def _destination(report: Report, talks: t.Sequence[Report]) -> t.List[Finding]:
    """What the destination does, told with what waits for it and since when."""
    queue = report.get("queue") or {}
    found = []
    for talk in talks:
        for finding in map(from_facts, talk["findings"]):
            known = _DESTINATION.get(finding.code)
            if known is None:
                found.append(finding)
                continue
            code, does = known
            since = f"; {_waiting(queue)}" if queue.get("messages") else ""
            what = f"{talk['host']}, which takes the mail of {report['domain']} ({talk['why']}), {does}: {talk['last']}{since}"
            evidence = tuple(talk["steps"][-4:]) + ((f"queue: {queue['reason']}",) if queue.get("reason") else ())
            found.append(Finding(code, finding.severity, talk["host"], what, evidence))
    return found


def _waiting(queue: Report) -> str:
    number = queue["messages"]
    return f"{number} message{'s' if number != 1 else ''} of the domain wait, the oldest since {queue['oldest']}"


def _queue_findings(report: Report, explained: bool) -> t.List[Finding]:
    """Mail that waits although nothing else is wrong, or because of what is."""
    queue = report.get("queue") or {}
    if not queue.get("messages"):
        return []
    evidence = (f"{queue['id']}: {queue['reason']}",) if queue.get("reason") else ()
    remedy = "" if explained else f"ansible {{hosts}} -m postmaster.mta.queue -a '{_flush(report['domain'])}'"
    return [Finding("waiting", NOTICE, report["domain"], _waiting(queue), evidence, remedy)]


def _flush(domain: str) -> str:
    return f'{{"action": "flush", "select": {{"domain": ["{domain}"]}}}}'


def _greeting(report: Report) -> t.List[Finding]:
    """How the host greets somebody from outside; a silent name server is what makes that slow."""
    greeting = report.get("greeting") or {}
    found = []
    for finding in map(from_facts, greeting.get("findings") or ()):
        if finding.code == "slow_greeting":
            finding = finding._replace(what=f"who connects to this relay waits for the greeting: {finding.what}")
        elif finding.code == "no_conversation":
            finding = finding._replace(
                code="no_greeting", what=f"from outside this relay cannot be reached: {finding.what}"
            )
        found.append(finding)
    return found


# --- the fleet ----------------------------------------------------------------------------------------------------


def fleet_findings(reports: t.Mapping[str, Report]) -> t.Dict[str, t.List[Finding]]:
    """What one host does otherwise than most of the others."""
    found: t.Dict[str, t.List[Finding]] = {host: [] for host in reports}
    for code, title, view in (
        ("resolves_differently", "finds the domain's mail at", _resolution),
        ("routes_differently", "sends the domain's mail to", _routing),
    ):
        views = {host: view(report) for host, report in sorted(reports.items())}
        known = {host: seen for host, seen in views.items() if seen}
        usual = _usual(list(known.values()))
        for host, seen in known.items():
            if usual is not None and not _agree(seen, usual):
                others = sum(1 for other in known.values() if _agree(other, usual))
                what = f"this host {title} {_shown(seen)}; {others} others at {_shown(usual)}"
                found[host].append(Finding(code, WARNING, _shown(seen), what.replace("others at", _THERE[code])))
    return found


_THERE = {"resolves_differently": "others at", "routes_differently": "others to"}
#: Names, each with what was found for it.
View = t.Mapping[str, t.FrozenSet[str]]


def _usual(views: t.Sequence[View]) -> t.Optional[View]:
    """What more than half agree on; None where there is no such majority."""
    for candidate in views:
        if sum(1 for other in views if _agree(candidate, other)) > len(views) / 2:
            return candidate
    return None


def _agree(one: View, other: View) -> bool:
    """Of a name with many addresses that take turns, everybody may have seen another part."""
    if set(one) != set(other):
        return False
    return all(bool(one[name] & other[name]) or one[name] == other[name] for name in one)


def _shown(view: View) -> str:
    parts = [f"{name} ({', '.join(sorted(found))})" if found else name for name, found in sorted(view.items())]
    return ", ".join(parts)


def _resolution(report: Report) -> View:
    """The exchangers with the addresses that the MTA's own path has for them."""
    hosts = (report.get("names") or {}).get("mail_exchangers") or []
    return {one["name"]: frozenset(one["libc"]) for one in hosts}


def _routing(report: Report) -> View:
    route = report.get("route") or {}
    if route.get("verdict") != "remote":
        return {str(route["verdict"]): frozenset()} if route else {}
    return {f"{'the MX of ' if hop['by_mx'] else ''}{hop['name']}:{hop['port']}": frozenset() for hop in route["hops"]}
