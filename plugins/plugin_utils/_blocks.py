# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a rollout of access rules came on each relay, and the tables that show it.

Private to the collection: it can change at any time.
"""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.postmaster.mta.plugins.module_utils._report.words import harmless
from ansible_collections.postmaster.mta.plugins.plugin_utils import tables
from ansible_collections.postmaster.mta.plugins.plugin_utils._harden import message
from ansible_collections.postmaster.mta.plugins.plugin_utils.tables import Column

WAITING, UNREACHABLE, FAILED, DONE = "waiting", "unreachable", "failed", "done"


class Relay(t.NamedTuple):
    """How far one relay came.

    :param state: one of C(waiting), C(unreachable), C(failed), C(done).
    :param reason: why it is not done, in words.
    :param result: the result of M(postmaster.mta.access) or M(postmaster.mta.access_info).
    """

    host: str
    state: str
    reason: str
    result: t.Mapping[str, t.Any]


def read(host: str, result: object) -> Relay:
    """Read the result that a relay registered, or that it has none."""
    if not isinstance(result, t.Mapping):
        return Relay(host, WAITING, "", {})
    if result.get("unreachable"):
        return Relay(host, UNREACHABLE, message(result), {})
    if result.get("failed"):
        return Relay(host, FAILED, message(result), {})
    return Relay(host, DONE, "", result)


def stops(relays: t.Sequence[Relay], canaries: t.Collection[str]) -> dict[str, str]:
    """Return the relays that stop a rollout, with the reason.

    Each relay that failed stops it, and each of the canary batch, whatever keeps it away. A later relay that is down stops nobody:
    the block is urgent, and the relay is listed at the end.
    """
    reasons = {relay.host: relay.reason for relay in relays if relay.state == FAILED}
    for relay in relays:
        if relay.state == UNREACHABLE and relay.host in canaries:
            reasons[relay.host] = f"the canary is unreachable: {relay.reason}"
    return reasons


def table(relays: t.Sequence[Relay], check_mode: bool = False) -> list[str]:
    """Return one line for each relay that is done, then those that are not, and why."""
    done = [relay for relay in relays if relay.state == DONE]
    would = "WOULD " if check_mode else ""
    columns = [
        Column("HOST"),
        Column("MTA"),
        Column(would + "ADD"),
        Column(would + "REMOVE"),
        Column("ALREADY SO"),
        Column("VERIFIED REPLY", least=14),
    ]
    lines = tables.table(columns, [row for relay in done for row in _cells(relay)]) if done else []
    return lines + _missing(relays, hint="A repeat run changes only these.") + _unmanaged(done) + _warnings(done)


def _cells(relay: Relay) -> t.Iterator[tuple[str, ...]]:
    """Return a row for each instance of a relay."""
    instances = relay.result.get("instances") or [relay.result]
    for answer in instances:
        counts = answer.get("counts") or {}
        added = int(counts.get("added", 0)) + int(counts.get("updated", 0))
        numbers = (added, counts.get("removed", 0), counts.get("unchanged", 0))
        host = f"{relay.host} {answer.get('instance')}" if len(instances) > 1 else relay.host
        yield (host, _mta(answer), *(str(number) for number in numbers), _reply(answer))


def _mta(answer: t.Mapping[str, t.Any]) -> str:
    return f"{answer.get('mta', '')} {str(answer.get('version') or '').partition(' ')[0]}".strip()


def _reply(result: t.Mapping[str, t.Any]) -> str:
    """Return the code and the status of each reply that was observed on the wire, each once."""
    replies: list[str] = []
    for sentence in result.get("verified") or ():
        words = str(sentence).partition(": ")[2].split()
        if words and words[0].isdigit() and len(words[0]) == 3:
            replies.append(" ".join(words[:2]))
    return ", ".join(dict.fromkeys(replies)) or "-"


def _missing(relays: t.Sequence[Relay], title: str = "Not done:", hint: str = "") -> list[str]:
    missing = [relay for relay in relays if relay.state != DONE]
    lines = ["", title] if missing else []
    for relay in missing:
        reasons = {
            WAITING: "not touched, the rollout stopped before its turn",
            UNREACHABLE: f"unreachable: {relay.reason}",
        }
        lines += tables.sentence(f"  {relay.host}: {reasons.get(relay.state, relay.reason)}")
    return [*lines, hint] if missing and hint else lines


def _unmanaged(relays: t.Sequence[Relay]) -> list[str]:
    lines = [f"  {relay.host}: {line}" for relay in relays for line in relay.result.get("by_hand") or ()]
    shown = ["", "Unmanaged lines, left as they are:", *map(harmless, lines)] if lines else []
    left_out = [
        (relay.host, f"{line.get('line')}: {line.get('value')}: {line.get('why')}")
        for relay in relays
        for line in relay.result.get("left_out") or ()
    ]
    return shown + (["", "Lines that are no rules, left out:", *tables.by_host(left_out)] if left_out else [])


def _warnings(relays: t.Sequence[Relay]) -> list[str]:
    warnings = [(relay.host, str(warning)) for relay in relays for warning in relay.result.get("warnings") or ()]
    return ["", "Warnings:", *tables.by_host(warnings)] if warnings else []


def answers(relays: t.Sequence[Relay]) -> list[str]:
    """Return one line for each relay and question; where nothing was asked, one for each rule."""
    rows = [_answer(relay, answer) for relay in relays for answer in relay.result.get("answers") or ()]
    if not rows:
        return _rules(relays) + _missing(relays, "Not asked:")
    columns = [
        Column("HOST", least=8, whole=True),
        Column("ASKED", least=20, whole=True),
        Column("ANSWER", least=16),
        Column("BY", least=6),
        Column("TICKET", least=8),
        Column("EXPIRES"),
    ]
    rules = [_by_rule(answer) for relay in relays for answer in relay.result.get("answers") or ()]
    return tables.table(columns, rows, rules) + _missing(relays, "Not asked:")


def _by_rule(answer: t.Mapping[str, t.Any]) -> str:
    """Return the rule that decides, since when it stands, and its comment."""
    if answer.get("rule"):
        parts = [f"rule: {answer['rule']}", f"since {str(answer.get('added') or '-')[:10]}"]
    elif answer.get("table"):
        parts = [f"unmanaged line: {answer['table']}:{answer.get('line') or answer.get('key')}"]
    else:
        return ""
    return ", ".join(parts) + (f"; {_comment(answer)}" if answer.get("comment") else "")


def _comment(row: t.Mapping[str, t.Any]) -> str:
    return f"comment: {row['comment']}" if row.get("comment") else ""


def _answer(relay: Relay, answer: t.Mapping[str, t.Any]) -> tuple[str, ...]:
    reply = " ".join(str(answer.get(name) or "") for name in ("code", "status")).strip()
    action = "not blocked" if answer.get("action") == "none" else f"{answer.get('action')} {reply}".strip()
    several = relay.result.get("instance") == "all"
    return (
        f"{relay.host} {answer.get('instance')}" if several else relay.host,
        f"{answer.get('place')} {answer.get('asked')}",
        action,
        *(str(answer.get(name) or "-") for name in ("by", "ticket")),
        _last_day(answer),
    )


def _last_day(row: t.Mapping[str, t.Any]) -> str:
    day = str(row.get("expires") or "-")
    late = row.get("expired") or day < datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    return f"{day} EXPIRED" if late and day != "-" else day


class _RuleRow(t.NamedTuple):
    """What the table shows of a rule; relays that agree in all of it share a line."""

    rule: str
    reply: str
    since: str
    by: str
    ticket: str
    expires: str
    comment: str


def _rule_row(rule: t.Mapping[str, t.Any]) -> _RuleRow:
    reply = " ".join(str(rule.get(name) or "") for name in ("action", "code", "status")).strip()
    since, by, ticket = str(rule.get("added") or "-")[:10], str(rule.get("by") or "-"), str(rule.get("ticket") or "-")
    return _RuleRow(str(rule.get("rule")), reply, since, by, ticket, _last_day(rule), _comment(rule))


def _rules(relays: t.Sequence[Relay]) -> list[str]:
    """Return one line for each rule, with all relays that have it, or a sentence."""
    hosts = _hosts_by_rule(relays)
    done = [relay.host for relay in relays if relay.state == DONE]
    if not hosts:
        return tables.sentence(f"No rule of ours blocks anybody on {', '.join(done)}.") if done else []
    columns = [
        Column("RULE", least=16, whole=True),
        Column("ACTION", least=10),
        Column("SINCE"),
        Column("BY", least=6),
        Column("TICKET", least=6),
        Column("EXPIRES"),
        Column("HOSTS", least=8, whole=True),
    ]
    rows = []
    for row, names in hosts.items():
        where = "all" if names == done else ", ".join(names)
        rows.append((row.rule, row.reply, row.since, row.by, row.ticket, row.expires, where))
    lines = tables.table(columns, rows, [row.comment for row in hosts])
    cut = _cut(relays)
    title = "of the rules on" if cut else f"rule{'' if len(hosts) == 1 else 's'} on"
    return [*lines, *tables.sentence(f"{len(hosts)} {title} {', '.join(done)}"), *tables.by_host(cut)]


def _cut(relays: t.Sequence[Relay]) -> list[tuple[str, str]]:
    """Return a sentence for each relay with more rules than it was asked to list."""
    cut = []
    for relay in relays:
        count, shown = int(relay.result.get("count") or 0), len(relay.result.get("rules") or ())
        if count > shown:
            cut.append((relay.host, f"{shown} of {count} rules are shown; block_limit=0 shows all"))
    return cut


def _hosts_by_rule(relays: t.Sequence[Relay]) -> dict[_RuleRow, list[str]]:
    """Return the relays that have a rule, each once. Where only some of its instances have it, they are named."""
    hosts: dict[_RuleRow, list[str]] = {}
    for relay in relays:
        instances: dict[_RuleRow, list[str]] = {}
        for rule in relay.result.get("rules") or ():
            instances.setdefault(_rule_row(rule), []).append(str(rule.get("instance") or ""))
        asked = set(relay.result.get("instances") or ())
        for row, names in instances.items():
            everywhere = asked <= set(names)
            hosts.setdefault(row, []).extend([relay.host] if everywhere else [f"{relay.host} {name}" for name in names])
    return hosts
