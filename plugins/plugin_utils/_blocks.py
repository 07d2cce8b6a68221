# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rollout of access rules knows about each relay, and the tables that show it.

A relay's variable C(block_result) is what M(postmaster.mta.access) or M(postmaster.mta.access_info) returned there.

Private to the collection: it can change at any time.
"""

from __future__ import annotations

import textwrap
import typing as t

from ansible_collections.postmaster.mta.plugins.plugin_utils import _fleet

WIDTH = 110
WAITING, UNREACHABLE, FAILED, DONE = "waiting", "unreachable", "failed", "done"


class Relay(t.NamedTuple):
    """How far one relay came.

    :param state: one of C(waiting), C(unreachable), C(failed), C(done).
    :param reason: why it is not done, in words.
    """

    host: str
    state: str
    reason: str
    result: t.Mapping[str, t.Any]


def see(host: str, variables: t.Mapping[str, t.Any]) -> Relay:
    """Read a relay's variables."""
    result = variables.get("block_result")
    if not isinstance(result, t.Mapping):
        return Relay(host, WAITING, "", {})
    if result.get("unreachable"):
        return Relay(host, UNREACHABLE, _fleet.message(result), {})
    if result.get("failed"):
        return Relay(host, FAILED, _fleet.message(result), {})
    return Relay(host, DONE, "", result)


def stops(relays: t.Sequence[Relay], canaries: t.Collection[str]) -> dict[str, str]:
    """The relays that stop a rollout, with the reason: each that failed, and each of the canary batch, whatever keeps it away.

    A relay further on that is down stops nobody: the block is urgent, and it is listed at the end.
    """
    found = {relay.host: relay.reason for relay in relays if relay.state == FAILED}
    for relay in relays:
        if relay.state == UNREACHABLE and relay.host in canaries:
            found[relay.host] = f"the canary is unreachable: {relay.reason}"
    return found


def table(relays: t.Sequence[Relay], check_mode: bool = False) -> list[str]:
    """One line for each relay that is done, then those that are not, and why."""
    done = [relay for relay in relays if relay.state == DONE]
    would = "WOULD " if check_mode else ""
    head = ("HOST", "MTA", would + "ADD", would + "REMOVE", "ALREADY SO", "VERIFIED REPLY")
    lines = columns([head, *(_cells(relay) for relay in done)]) if done else []
    return lines + _missing(relays) + _by_hand(done)


def _cells(relay: Relay) -> tuple[str, ...]:
    counts = relay.result.get("counts") or {}
    added = int(counts.get("added", 0)) + int(counts.get("updated", 0))
    numbers = (added, counts.get("removed", 0), counts.get("unchanged", 0))
    return (relay.host, _mta(relay), *(str(number) for number in numbers), _reply(relay.result))


def _mta(relay: Relay) -> str:
    return f"{relay.result.get('mta', '')} {str(relay.result.get('version') or '').partition(' ')[0]}".strip()


def _reply(result: t.Mapping[str, t.Any]) -> str:
    """The code and the status of the replies that were seen on the wire, each once."""
    seen: list[str] = []
    for sentence in result.get("verified") or ():
        words = str(sentence).partition(": ")[2].split()
        if words and words[0].isdigit() and len(words[0]) == 3:
            seen.append(" ".join(words[:2]))
    return ", ".join(dict.fromkeys(seen)) or "-"


def _missing(relays: t.Sequence[Relay]) -> list[str]:
    missing = [relay for relay in relays if relay.state != DONE]
    lines = ["", "Not done:"] if missing else []
    for relay in missing:
        said = {
            WAITING: "not touched, the rollout stopped before its turn",
            UNREACHABLE: f"unreachable: {relay.reason}",
        }
        text = f"  {relay.host}: {said.get(relay.state, relay.reason)}"
        lines += textwrap.wrap(text, WIDTH, subsequent_indent="    ", break_on_hyphens=False)
    return [*lines, "A repeat run changes only these."] if missing else []


def _by_hand(relays: t.Sequence[Relay]) -> list[str]:
    lines = [f"  {relay.host}: {line}" for relay in relays for line in relay.result.get("by_hand") or ()]
    return ["", "Lines by hand, left as they are:", *lines] if lines else []


def answers(relays: t.Sequence[Relay]) -> list[str]:
    """One line for each relay and question."""
    head = ("HOST", "MTA", "ASKED", "ANSWER", "RULE", "ADDED", "BY", "TICKET", "EXPIRES")
    rows = [_answer(relay, answer) for relay in relays for answer in relay.result.get("answers") or ()]
    return (columns([head, *rows]) if rows else []) + _missing(relays)


def _answer(relay: Relay, answer: t.Mapping[str, t.Any]) -> tuple[str, ...]:
    reply = " ".join(str(answer.get(name) or "") for name in ("code", "status")).strip()
    rule = str(
        answer.get("rule")
        or (f"{answer['table']}:{answer.get('line') or answer.get('key')}" if answer.get("table") else "-")
    )
    notes = (str(answer.get(name) or "-") for name in ("added", "by", "ticket", "expires"))
    asked = f"{answer.get('place')} {answer.get('asked')}"
    several = relay.result.get("instance") == "all"
    return (
        f"{relay.host} {answer.get('instance')}" if several else relay.host,
        str(relay.result.get("mta", "")),
        asked,
        f"{answer.get('action')} {reply}".strip(),
        rule,
        *notes,
    )


def columns(rows: t.Sequence[tuple[str, ...]]) -> list[str]:
    """Rows as aligned text."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
