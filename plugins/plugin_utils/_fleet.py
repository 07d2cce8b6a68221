# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rollout knows about each relay, and the table that shows it.

A relay's variables tell how far it came: C(harden_answered) and C(harden_there) (it answered before the rollout, and before
its batch), C(relay_result) (the module relay), C(harden_prober_there), C(harden_audit) (the probes from outside), C(harden_failure) and
C(harden_failed_task) (what went wrong).

Private to the collection: it can change at any time.
"""

from __future__ import annotations

import textwrap
import typing as t

WIDTH = 100

WAITING = "waiting"
UNREACHABLE = "unreachable"
FAILED = "failed"
UNFINISHED = "unfinished"
HARDENED = "hardened"


class Relay(t.NamedTuple):
    """How far one relay came.

    :param state: one of C(waiting), C(unreachable), C(failed), C(unfinished), C(hardened).
    :param reason: why it is not hardened, in words; empty if it is.
    :param result: what the module relay returned, or nothing.
    :param probes: the column of that name.
    :param also: what was changed besides the relay's own settings.
    """

    host: str
    state: str
    reason: str
    result: t.Mapping[str, t.Any]
    probes: str
    also: tuple[str, ...] = ()

    def not_touched(self) -> Relay:
        """The same relay, before its batch begins."""
        return self._replace(state=WAITING, reason="") if self.state == UNFINISHED else self


def see(host: str, variables: t.Mapping[str, t.Any]) -> Relay:
    """Read a relay's variables."""
    result = _mapping(variables.get("relay_result"))
    state, reason = _state(variables, result)
    also = ("nscd",) if _mapping(variables.get("nscd_result")).get("changed") else ()
    return Relay(host, state, reason, result, _probes(_mapping(variables.get("harden_audit"))), also)


def _state(variables: t.Mapping[str, t.Any], result: t.Mapping[str, t.Any]) -> tuple[str, str]:
    failure = _mapping(variables.get("harden_failure"))
    if failure:
        task = str(variables.get("harden_failed_task") or "")
        return FAILED, f"{task}: {message(failure)}" if task else message(failure)
    prober = _mapping(variables.get("harden_prober_there"))
    if not result and (prober.get("unreachable") or prober.get("failed")):
        return FAILED, "the host that probes from outside does not answer: " + message(prober)
    for name in ("harden_there", "harden_answered", "relay_result"):
        answer = _mapping(variables.get(name))
        if answer.get("unreachable"):
            return UNREACHABLE, message(answer)
        if answer.get("failed"):
            return FAILED, message(answer)
    if "harden_there" not in variables:
        return WAITING, ""
    if not result:
        return UNFINISHED, "it was lost before its configuration was reported; run again to see and to finish"
    audit = _mapping(variables.get("harden_audit"))
    if not audit or audit.get("failed") or audit.get("unreachable"):
        return UNFINISHED, "it was configured, but not proven from outside: " + message(audit)
    return HARDENED, ""


def message(result: t.Mapping[str, t.Any]) -> str:
    """What a result says, on one line: its sentence, or the summary of an audit and its first findings."""
    said = " ".join(str(result.get("msg") or result.get("summary") or "").split())
    # What a module that died has left: the last line of its traceback says most.
    last = [line for line in str(result.get("module_stderr") or "").splitlines() if line.strip()][-1:]
    found = last + [_finding(finding) for finding in result.get("failures") or ()]
    if len(found) > 4:
        found = [*found[:3], f"and {len(found) - 3} more"]
    return "; ".join(([said] if said else []) + found) or "no result"


def _finding(finding: t.Mapping[str, t.Any]) -> str:
    return f"{finding.get('probe')} {finding.get('trick')}: {finding.get('judgement')} ({finding.get('reason')})"


def _probes(audit: t.Mapping[str, t.Any]) -> str:
    if not audit or audit.get("skipped"):
        return "-"
    groups = _mapping(audit.get("groups")).values()
    if not groups:
        return "not done"
    return f"{sum(group['good'] for group in groups)} of {sum(group['total'] for group in groups)}"


def _mapping(value: t.Any) -> t.Mapping[str, t.Any]:
    return value if isinstance(value, t.Mapping) else {}


class Verdict(t.NamedTuple):
    """Whether a rollout may go on; I(blamed) maps the hosts that stop it to the reason."""

    blamed: t.Mapping[str, str]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.blamed


def judge_answers(relays: t.Iterable[Relay]) -> Verdict:
    """Before a change: everybody must have answered."""
    return Verdict({relay.host: relay.reason for relay in relays if relay.state in (UNREACHABLE, FAILED)})


def judge_finished(relays: t.Iterable[Relay]) -> Verdict:
    """After a change: everybody must be hardened, whatever Ansible thinks of the others."""
    return Verdict({relay.host: relay.reason or "it was not hardened" for relay in relays if relay.state != HARDENED})


def table(relays: t.Sequence[Relay], check_mode: bool = False) -> list[str]:
    """The lines of the table: one for each relay that was seen to, then those that were not, and why."""
    seen = [relay for relay in relays if relay.result and not relay.result.get("failed")]
    head = ("HOST", "MTA", "INSTANCE", "WOULD CHANGE" if check_mode else "CHANGED", "ACTIVATION", "PROBES")
    lines = _columns([head] + [_cells(relay, check_mode) for relay in seen]) if seen else []
    missing = [relay for relay in relays if relay.state != HARDENED]
    if missing:
        title = "Would not be hardened:" if check_mode else "Not hardened:"
        lines += ([""] if lines else []) + [title] + _grouped([(relay.host, _why(relay)) for relay in missing])
    return lines + _notes(seen)


def _cells(relay: Relay, check_mode: bool) -> tuple[str, ...]:
    result = relay.result
    if result.get("skipped"):
        return (relay.host, "-", "-", "would be installed", "-", relay.probes)
    version = str(result.get("version") or "").partition(" ")[0]
    mta = f"{result.get('mta', '')} {version}".strip()
    return (relay.host, mta, str(result.get("instance", "")), _changed(relay), _activation(result), relay.probes)


def _changed(relay: Relay) -> str:
    names = [str(name) for name in relay.result.get("settings") or ()] if relay.result.get("changed") else []
    if relay.result.get("changed") and not names:
        names = [f"{len(relay.result.get('actions') or ())} actions"]
    names += relay.also
    return ", ".join(names) or "nothing" if len(names) <= 3 else f"{len(names)} settings"


def _activation(result: t.Mapping[str, t.Any]) -> str:
    activation = _mapping(result.get("activation"))
    kind = str(activation.get("kind") or "nothing")
    if kind == "nothing" or not result.get("changed"):
        return "-"
    # A reload is the rule; what asks for more than that is worth a word.
    reasons = ", ".join(str(reason) for reason in activation.get("because") or ())
    return _fit(f"{kind}: {reasons}", 30) if kind == "restart" and reasons else kind


def _columns(rows: t.Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    # The column of the changes takes what the others leave.
    widths[3] = max(12, min(widths[3], WIDTH - sum(widths[:3]) - sum(widths[4:]) - 2 * (len(widths) - 1)))
    return [
        "  ".join(_fit(cell, width).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _fit(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3].rstrip(" ,:") + "..."


def _why(relay: Relay) -> str:
    said = relay.reason or "not touched, the rollout stopped before its turn"
    return f"unreachable: {said}" if relay.state == UNREACHABLE else said


def _notes(relays: t.Sequence[Relay]) -> list[str]:
    said = [(relay.host, str(note)) for relay in relays for note in relay.result.get("notes") or ()]
    return ["", "Notes:", *_grouped(said)] if said else []


def _grouped(said: t.Iterable[tuple[str, str]]) -> list[str]:
    """Each sentence once, with all its hosts before it."""
    hosts: dict[str, list[str]] = {}
    for host, sentence in said:
        hosts.setdefault(sentence, []).append(host)
    lines = []
    for sentence, names in hosts.items():
        text = f"  {', '.join(names)}: {sentence}"
        lines += textwrap.wrap(text, WIDTH, subsequent_indent="    ", break_on_hyphens=False)
    return lines
