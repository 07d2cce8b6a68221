# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the hosts of a play answered, in words and tables.

Private to the collection: it can change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.postmaster.mta.plugins.module_utils._report.words import block_command, harmless
from ansible_collections.postmaster.mta.plugins.plugin_utils import (
    _account_report,
    _checks,
    _move_report,
    _status_report,
    tables,
)
from ansible_collections.postmaster.mta.plugins.plugin_utils._harden import message
from ansible_collections.postmaster.mta.plugins.plugin_utils.tables import Column

Result = t.Mapping[str, t.Any]
Results = t.Mapping[str, Result]


#: Domains of a campaign that are named.
_SHOWN_DOMAINS = 50


class Report(t.NamedTuple):
    """What is shown.

    :param lines: the lines for the terminal.
    :param wrong: the hosts that make the run fail, with the reason.
    :param figures: what programs take from it, by host.
    """

    lines: list[str]
    wrong: dict[str, str]
    figures: dict[str, t.Any] = {}


def collect(variables: t.Mapping[str, t.Any], name: str) -> dict[str, Result]:
    """Return the result that each host of the play registered; a host without one says so."""
    hosts = variables["ansible_play_hosts_all"]
    return {
        host: dict(variables["hostvars"][host].get(name) or {"failed": True, "msg": "it was not asked"})
        for host in hosts
    }


def not_asked(results: Results) -> dict[str, str]:
    """Return the hosts that could not be asked, with the reason."""
    return {
        host: message(result) for host, result in results.items() if result.get("failed") or result.get("unreachable")
    }


def checks(kind: str, results: Results, shown: Report) -> list[_checks.Check]:
    """Return one check for each host, for other programs."""
    missing = not_asked(results)
    return [_checks.Check(host, kind, shown.wrong.get(host, ""), host in missing) for host in results]


def missing_lines(missing: t.Mapping[str, str]) -> list[str]:
    """Return the lines that name the hosts that could not be asked."""
    return ["", "Not asked:", *tables.by_host(missing.items())] if missing else []


def report(kind: str, results: Results, title: str, verbose: bool = False) -> Report:
    """Return the report of one kind.

    :param title: what was asked about.
    :param verbose: show every step.
    """
    missing = not_asked(results)
    answered = {host: result for host, result in results.items() if host not in missing}
    shown = _KINDS[kind](answered, title, verbose)
    return Report(shown.lines + missing_lines(missing), {**shown.wrong, **missing}, shown.figures)


# --- one function for each kind ----------------------------------------------------------------------------------


def _dns(answered: Results, title: str, verbose: bool) -> Report:
    lines, wrong = _findings(answered)
    if not lines and answered:
        lines = tables.sentence(f"{title}: nothing is wrong on {_hosts(answered)}")
    if verbose:
        for host, result in answered.items():
            lines += ["", f"{host}:", *_facts(result.get("answers") or result.get("observations") or ())]
    return Report(lines, wrong)


def _egress(answered: Results, title: str, verbose: bool) -> Report:
    columns = [
        Column("HOST", least=8, whole=True),
        Column("SOURCE"),
        Column("SEEN AS"),
        Column("NAME", least=12),
        Column("SPF", least=8),
        Column("LISTED BY", least=10),
    ]
    rows, wrong = [], {}
    for host, result in answered.items():
        rows += [(host, *_source(address)) for address in result.get("addresses") or ()]
        for source, why in (result.get("undone") or {}).items():
            wrong[host] = f"{source}: {why}"
    findings, errors = _findings(answered)
    lines = tables.table(columns, rows) if rows else []
    if verbose:
        for host, result in answered.items():
            lines += ["", f"{host}:", *_facts(result.get("addresses") or ())]
    if answered and not (rows or findings or wrong):
        lines = tables.sentence(f"{title}: no address to ask about on {_hosts(answered)}")
    return Report([*lines, "", *findings], {**errors, **wrong})


def _source(address: t.Mapping[str, t.Any]) -> tuple[str, ...]:
    seen = any(echo["address"] for echo in address["echoes"])
    spf = ", ".join(f"{entry['domain']} {entry['result']}" for entry in address["spf"])
    listed = ", ".join(entry["zone"] for entry in address["listings"] if entry["status"] == "listed")
    return address["source"], address["outside"] if seen else "-", _name_of(address), spf or "-", listed or "-"


def _name_of(address: t.Mapping[str, t.Any]) -> str:
    if not address["name"]:
        return "-"
    return str(address["name"]) + ("" if address["confirmed"] else " (not confirmed)")


class _FindingKey(t.NamedTuple):
    """What is shown of a finding; hosts that agree in all of it share an entry."""

    severity: str
    what: str
    remedy: str
    evidence: tuple[str, ...]


def _findings(answered: Results) -> tuple[list[str], dict[str, str]]:
    """Return each finding once, with its hosts, and the hosts that have errors."""
    hosts: dict[_FindingKey, list[str]] = {}
    wrong: dict[str, str] = {}
    for host, result in answered.items():
        for finding in result.get("findings") or ():
            remedy, evidence = str(finding.get("remedy") or ""), tuple(finding["evidence"][:6])
            key = _FindingKey(finding["severity"], finding["what"], remedy, evidence)
            hosts.setdefault(key, []).append(host)
            if finding["severity"] == "error":
                wrong.setdefault(host, finding["what"])
    lines: list[str] = []
    for shown, names in hosts.items():
        lines += tables.sentence(f"{shown.severity.upper()}: {shown.what}")
        lines += tables.sentence(f"    on {', '.join(names)}", "      ")
        for line in shown.evidence:
            lines += tables.sentence(f"    observed: {line}", "      ")
        if shown.remedy:
            lines.append(f"    fix: {shown.remedy}")
    return lines, wrong


def _route(answered: Results, title: str, verbose: bool) -> Report:
    columns = [
        Column("HOST", least=8, whole=True),
        Column("VERDICT"),
        Column("TRANSPORT", least=8),
        Column("NEXT HOP", least=16, whole=True),
    ]
    rows, reasons, details = [], [], []
    for host, result in answered.items():
        rows.append((host, result.get("verdict"), result.get("transport") or "-", result.get("nexthop") or "-"))
        reasons.append("because: " + str(result.get("because") or "-"))
        if result.get("answer"):
            details += tables.sentence(f"{host}: the client would be told: {result['answer']}")
        if verbose:
            details += ["", f"{host}:", *_facts(result.get("steps") or ())]
    unknown = {host: result for host, result in answered.items() if result.get("verdict") == "unknown"}
    wrong = {host: str(result.get("because")) for host, result in unknown.items()}
    if not rows:
        return Report([], wrong)
    return Report([f"{harmless(title)}:", *tables.table(columns, rows, reasons), *details], wrong)


def _delivery(answered: Results, title: str, verbose: bool) -> Report:
    lines: list[str] = []
    wrong: dict[str, str] = {}
    for host, result in answered.items():
        steps = result.get("steps") or ()
        if not steps and "delivered" not in result:
            lines += [f"{host}: check mode, nothing was sent"]
            continue
        state = "delivered" if result.get("delivered") else "NOT DELIVERED"
        lines += ["", *tables.sentence(f"{host}: {title}: {state} by {result.get('host')}"), *_steps(steps)]
        if not result.get("delivered"):
            wrong[host] = "not delivered: " + _last(steps)
        lines += _changes(result)
    findings, errors = _findings(answered)
    return Report(lines + findings, {**errors, **wrong})


def _steps(steps: t.Iterable[t.Mapping[str, t.Any]]) -> list[str]:
    columns = [
        Column("STEP"),
        Column("SENT", least=16, whole=True),
        Column("CODE"),
        Column("ANSWER", least=20, whole=True),
    ]
    rows = []
    for step in steps:
        code = " ".join(str(step.get(name) or "") for name in ("code", "enhanced")).strip() or str(step.get("outcome"))
        answer = step.get("text") or step.get("detail") or ""
        rows.append((step.get("step"), step.get("sent") or "-", code, answer))
    return ["  " + line for line in tables.table(columns, rows, width=tables.terminal_width() - 2)] if rows else []


def _last(steps: t.Sequence[t.Mapping[str, t.Any]]) -> str:
    """Return the answer that decided: the first one that refuses, else the last one."""
    refusals = [step for step in steps if not 200 <= int(step.get("code") or 0) < 400]
    step: t.Mapping[str, t.Any] = {}
    if refusals:
        step = refusals[0]
    elif steps:
        step = steps[-1]
    words = (step.get("step"), step.get("code") or step.get("outcome"), step.get("enhanced"), step.get("text"))
    return " ".join(str(word) for word in words if word) or "no answer"


def _changes(result: Result) -> list[str]:
    lines: list[str] = []
    for change in result.get("changes") or ():
        lines += tables.sentence(f"  changed on the way, {change.get('kind')}:")
        lines += ["    sent:    " + harmless(str(change.get("sent")))]
        lines += ["    arrived: " + harmless(str(change.get("arrived")))]
    return lines


def _comparison(answered: Results, title: str, verbose: bool) -> Report:
    lines: list[str] = []
    wrong: dict[str, str] = {}
    columns = [Column("STEP"), Column("RELAY", least=20, whole=True), Column(title.upper(), least=20, whole=True)]
    for host, result in answered.items():
        rows = [(row["step"], row["here"], row["there"]) for row in result.get("differences") or ()]
        if rows:
            lines += ["", f"{host}: the answers differ", *tables.table(columns, rows)]
        elif "delivered" in result:
            lines += ["", *tables.sentence(f"{host}: the relay and {title} answer alike")]
        lines += _changes(result)
        if "delivered" in result and not result["delivered"]:
            wrong[host] = "not delivered: " + _last(result.get("steps") or ())
    findings, errors = _findings(answered)
    return Report(lines + findings, {**errors, **wrong})


def _message(answered: Results, title: str, verbose: bool) -> Report:
    lines: list[str] = []
    for host, result in answered.items():
        if result.get("exists"):
            lines += _one_message(host, result)
    if not lines and answered:
        sentence = f"{title}: no such message in the queues of {_hosts(answered)}"
        logs = [(host, line) for host, result in answered.items() for line in result.get("log") or ()]
        lines = [sentence, *(f"  {host}: {harmless(line)}" for host, line in logs)]
        return Report(lines, {host: sentence for host in answered})
    return Report(lines, {})


def _one_message(host: str, result: Result) -> list[str]:
    letter = result["message"]
    lines = [f"{host}: {letter['id']} ({letter['instance']}, {letter['status']})"]
    lines.append(f"  from {harmless(str(letter['sender']))}, arrived {letter['arrived']}, {letter['size']} bytes")
    lines += tables.sentence(f"  {result.get('waits_for') or ''}")
    for recipient in letter.get("recipients") or ():
        lines += tables.sentence(f"  to {recipient['address']}: {recipient.get('reason') or 'not tried yet'}", "      ")
    lines += ["", *_indented(f"{row['name']}: {row['value']}" for row in result.get("headers") or ())]
    if result.get("body"):
        lines += ["", *_indented(str(result["body"]).splitlines())]
    if result.get("log"):
        lines += ["", "  Log:", *_indented(result["log"])]
    return lines


def _indented(lines: t.Iterable[str]) -> list[str]:
    return [f"  {harmless(str(line))}" for line in lines]


def _campaigns(answered: Results, title: str, verbose: bool) -> Report:
    lines: list[str] = []
    for text in campaign_texts(answered):
        lines += ["", *text.splitlines()]
    if not lines and answered:
        lines = _no_campaign(answered)
    notes = [(host, str(note)) for host, result in answered.items() for note in result.get("notes") or ()]
    if notes:
        lines += ["", "Notes:", *tables.by_host(notes)]
    return Report(lines, {})


def _no_campaign(answered: Results) -> list[str]:
    """Return that there is none; a campaign that was told before, and is not refused yet, is still one."""
    lines = tables.sentence(f"no new campaign on {_hosts(answered)}")
    known = [(host, int(result.get("known") or 0)) for host, result in answered.items()]
    told = ", ".join(f"{host} {number}" for host, number in known if number)
    if told:
        sentence = f"told before, and not refused yet: {told}; campaign_only_new=false shows them, campaign_block=true blocks them"
        lines += tables.sentence(sentence)
    return lines


def campaign_texts(answered: Results) -> list[str]:
    """Return the text of each campaign, once for the fleet, after the hosts that have it."""
    shares: dict[tuple[str, str], dict[str, Result]] = {}
    for host, result in answered.items():
        for campaign in result.get("campaigns") or ():
            shares.setdefault((campaign["kind"], campaign["key"]), {})[host] = campaign
    return [_campaign_text(by_host) for by_host in shares.values()]


def _campaign_text(by_host: Results) -> str:
    """Return the text of one campaign. What one host counted is never told of another."""
    first = next(iter(by_host.values()))
    if len(by_host) == 1:
        return f"{_hosts(by_host)}: {first['text']}"
    rules = list({rule["from"]: rule for share in by_host.values() for rule in share["rules"]}.values())
    messages = sum(share["count"] for share in by_host.values())
    lines = [f"{_hosts(by_host)}: {first['kind']} {first['key']}: {messages} messages from {len(rules)} domains"]
    for host, share in by_host.items():
        times = f"first {share['first_seen']}, last {share['last_seen']}"
        numbers = f"{share['count']} messages to {share['recipient_count']} recipients"
        lines.append(f"  {host}: {numbers}, {times}, delivered {share['delivered']}, refused {share['refused']}")
    lines.append(f"  domains: {', '.join(str(rule['from']) for rule in rules[:_SHOWN_DOMAINS])}")
    lines += [f"  for example: {first['sample']}", f"  to block: {block_command(rule['from'] for rule in rules)}"]
    return "\n".join(lines)


def campaign_domains(answered: Results) -> list[str]:
    """Return the sender domains that the proposed rules block, each once."""
    domains: dict[str, None] = {}
    for result in answered.values():
        for campaign in result.get("campaigns") or ():
            domains.update({str(rule["from"]): None for rule in campaign["rules"] if rule.get("from")})
    return list(domains)


def _facts(rows: t.Iterable[t.Mapping[str, t.Any]]) -> list[str]:
    """Return dictionaries as lines, for the reader who wants every step."""
    lines = []
    for row in rows:
        words = [f"{name} {value}" for name, value in row.items() if value not in (None, "", [], {})]
        lines += tables.sentence("  " + "; ".join(words), "      ")
    return lines


def _hosts(answered: Results) -> str:
    return ", ".join(answered)


_KINDS: dict[str, t.Callable[[Results, str, bool], Report]] = {
    "campaigns": _campaigns,
    "comparison": _comparison,
    "delivery": _delivery,
    "dns": _dns,
    "drift": lambda answered, title, verbose: Report(*_account_report.drift(answered)),
    "egress": _egress,
    "history": lambda answered, title, verbose: Report(*_account_report.history(answered)),
    "message": _message,
    "move": lambda answered, title, verbose: Report(*_move_report.move(answered)),
    "move_compare": lambda answered, title, verbose: Report(*_move_report.compare(answered)),
    "move_switch": lambda answered, title, verbose: Report(*_move_report.switch(answered)),
    "route": _route,
    "status": lambda answered, title, verbose: Report(*_status_report.status(answered)),
    "tables": lambda answered, title, verbose: Report(*_account_report.tables_upgrade(answered)),
    "undo": lambda answered, title, verbose: Report(*_account_report.undo(answered)),
}
