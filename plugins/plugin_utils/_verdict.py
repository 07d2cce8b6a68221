# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print a verdict as a postmaster reads it: what is wrong first, then the rest, then what was checked.

Private to the collection: it can change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.postmaster.mta.plugins.module_utils._diagnosis.verdict import Case, FleetVerdict
from ansible_collections.postmaster.mta.plugins.module_utils._model.finding import ERROR, NOTICE, WARNING
from ansible_collections.postmaster.mta.plugins.module_utils._report.words import harmless
from ansible_collections.postmaster.mta.plugins.plugin_utils import tables

_CHECKS = "name service, route, next hop, greeting, host, queue"
_EVIDENCE = 6


def lines(verdict: FleetVerdict, reports: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[str]:
    """Return the verdict with evidence and remedy, then what else is wrong, what is worth knowing, and the details."""
    wrong = [case for case in verdict.cases if case.finding.severity in (ERROR, WARNING)]
    notices = [case for case in verdict.cases if case.finding.severity == NOTICE]
    shown = _head(verdict, wrong)
    shown += _cases(verdict, "ALSO WRONG", wrong[1:], _EVIDENCE)
    shown += _cases(verdict, "WORTH KNOWING", notices, 2)
    shown += ["", "CHECKED"] + _checked(verdict, reports)
    return shown


def _cases(verdict: FleetVerdict, title: str, cases: t.Sequence[Case], evidence: int) -> list[str]:
    """Return a titled list of cases; nothing where there are none."""
    if not cases:
        return []
    return ["", title] + [line for case in cases for line in _case(verdict, case, "  - ", evidence)]


def _head(verdict: FleetVerdict, wrong: t.Sequence[Case]) -> list[str]:
    title = f"VERDICT for {verdict.domain}: "
    if wrong:
        return _case(verdict, wrong[0], title)
    if not verdict.asked:
        return [title + "nobody could be asked"]
    number = len(verdict.asked)
    sentence = f"nothing is wrong on {number} relay{'s' if number != 1 else ''} ({', '.join(verdict.asked)})"
    if verdict.missing or verdict.unchecked:
        sentence += "; but not everything could be checked, see below"
    return tables.sentence(title + sentence, "  ")


def _case(verdict: FleetVerdict, case: Case, title: str, evidence: int = _EVIDENCE) -> list[str]:
    finding = case.finding
    indent = "    "
    shown = tables.sentence(title + finding.what, indent)
    everywhere = len(case.hosts) == len(verdict.asked) and len(case.hosts) > 1
    others = sorted(set(verdict.asked) - set(case.hosts))
    where = "on every relay: " if everywhere else "on "
    shown += tables.sentence(
        f"{indent}{where}{', '.join(case.hosts)}" + (f" (not on {', '.join(others)})" if others else ""), indent * 2
    )
    for line in finding.evidence[:evidence]:
        shown += tables.sentence(f"{indent}observed: {line}", indent * 2)
    if finding.remedy:
        # A command is not broken into lines: it will be copied.
        shown.append(f"{indent}fix: {harmless(finding.remedy)}")
    return shown


def _checked(verdict: FleetVerdict, reports: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[str]:
    shown = [f"  {_CHECKS}"] if verdict.asked else []
    for host in verdict.asked:
        report = reports[host]
        shown += tables.sentence(f"  {host}: {_summary(report)}", "      ")
    for what, hosts in verdict.unchecked.items():
        shown += tables.sentence(f"  not checked on {', '.join(hosts)}: {what}", "      ")
    for host, why in sorted(verdict.missing.items()):
        shown += tables.sentence(f"  not asked: {host}: {why}", "      ")
    return shown


def _summary(report: t.Mapping[str, t.Any]) -> str:
    """Return what was checked on a host, on one line."""
    names, queue = report.get("names") or {}, report.get("queue") or {}
    exchangers = [f"{row['name']} ({', '.join(row['libc']) or '-'})" for row in names.get("mail_exchangers") or ()]
    parts = _route(report.get("route") or {})
    if exchangers:
        parts.append("MX " + ", ".join(exchangers[:3]))
    parts += [f"{talk['host']} says {talk['last']}" for talk in (report.get("talk") or ())[:2]]
    parts.append(f"{queue['messages']} waiting" if "messages" in queue else "the queue was not read")
    parts.append(f"{report.get('seconds', 0):.1f} s")
    return "; ".join(parts)


def _route(route: t.Mapping[str, t.Any]) -> list[str]:
    if not route:
        return []
    return [f"{route.get('mta')} sends it by {route.get('transport') or '?'} to {route.get('nexthop') or '-'}"]
