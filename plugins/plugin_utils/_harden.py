# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a rollout came on each relay, and the table that shows it.

The playbook registers what each relay answered. C(Names) says in which variables.

Private to the collection: it can change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.postmaster.mta.plugins.plugin_utils import tables
from ansible_collections.postmaster.mta.plugins.plugin_utils._checks import Check
from ansible_collections.postmaster.mta.plugins.plugin_utils.tables import Column

WAITING = "waiting"
UNREACHABLE = "unreachable"
FAILED = "failed"
UNFINISHED = "unfinished"
HARDENED = "hardened"
ROLLED_BACK, NOT_YET = "rolled back", "not rolled back yet"

#: Findings of an audit that a sentence names before it counts the rest.
_FINDINGS = 3
#: Settings that a row names before it counts them.
_SETTINGS = 3


class Names(t.NamedTuple):
    """The variables that a rollout registers for each relay.

    :param answered: the answer before the rollout.
    :param begun: the answer before the batch of the relay.
    :param prober: the answer of the host that probes from outside.
    :param checked: the check of what the probes need.
    :param relay: the result of the module relay.
    :param nscd: the result of the module nscd.
    :param audit: the result of the probes from outside.
    :param instances: the same for the additional instances.
    :param failure: the result of the task that failed.
    :param failed_task: the name of that task.
    :param rolled_back: the answer to the rollback of what the probes have not passed.
    """

    answered: str = "harden_answered"
    begun: str = "harden_begun"
    prober: str = "harden_prober_answered"
    checked: str = "harden_probes_checked"
    relay: str = "relay_result"
    nscd: str = "nscd_result"
    audit: str = "harden_audit"
    instances: str = "harden_instance_audits"
    failure: str = "harden_failure"
    failed_task: str = "harden_failed_task"
    rolled_back: str = "harden_rolled_back"


NAMES = Names()

#: The option of the plugins that read them.
ARGUMENT_SPEC: dict[str, t.Any] = {
    "variables": {
        "type": "dict",
        "default": {},
        "options": {name: {"type": "str", "default": default} for name, default in NAMES._asdict().items()},
    }
}


#: What the role relay registers about additional instances: each task that makes, removes or configures them.
_INSTANCE_TASKS = (
    "__relay_postfix_leaving",
    "__relay_sendmail_leaving",
    "__relay_postfix_instances",
    "__relay_sendmail_instances",
    "__relay_instance_policies",
)


class InstanceRow(t.NamedTuple):
    """What was done to an additional instance, and the result of its probes."""

    name: str
    actions: tuple[str, ...]
    audit: t.Mapping[str, t.Any]


class Relay(t.NamedTuple):
    """How far one relay came.

    :param state: one of C(waiting), C(unreachable), C(failed), C(unfinished), C(hardened).
    :param reason: why it is not hardened, in words; empty if it is.
    :param result: the result of the module relay, or nothing.
    :param probes: the column of that name.
    :param also: what was changed besides the settings of the relay.
    :param fate: what became of a change that is not proven; empty where nothing was rolled back.
    :param instances: the additional ones of this host.
    :param waits: what the probes waited for.
    :param audit: the result of the probes.
    """

    host: str
    state: str
    reason: str
    result: t.Mapping[str, t.Any]
    probes: str
    also: tuple[str, ...] = ()
    fate: str = ""
    instances: tuple[InstanceRow, ...] = ()
    waits: tuple[str, ...] = ()
    audit: t.Mapping[str, t.Any] = {}

    def not_touched(self) -> Relay:
        """Return the same relay, before its batch begins."""
        return self._replace(state=WAITING, reason="") if self.state == UNFINISHED else self


def registered(hostvars: t.Any, host: str) -> t.Mapping[str, t.Any]:
    """Return the variables of a host as they are kept: what a task registered is no template.

    To template a whole result is to use each part of it, and ansible-core deprecates some.
    """
    return _mapping(hostvars.raw_get(host))


def read(host: str, variables: t.Mapping[str, t.Any], names: Names = NAMES) -> Relay:
    """Read the variables of a relay."""
    result = _mapping(variables.get(names.relay))
    state, reason = _state(variables, result, names)
    also = ("nscd",) if _mapping(variables.get(names.nscd)).get("changed") else ()
    fate = _fate(_mapping(variables.get(names.rolled_back)))
    instances = _instances(variables, names)
    wrong = [f"{row.name}: {message(row.audit)}" for row in instances if _is_wrong(row.audit)]
    if state == HARDENED and wrong:
        state, reason = FAILED, "; ".join(wrong)
    audit = _mapping(variables.get(names.audit))
    waits = tuple(
        str(note) for probed in (audit, *(row.audit for row in instances)) for note in probed.get("notes") or ()
    )
    return Relay(host, state, reason, result, _probes(audit), also, fate, instances, waits, audit)


def _fate(answer: t.Mapping[str, t.Any]) -> str:
    if _has_failed(answer):
        return NOT_YET
    return ROLLED_BACK if answer.get("rolled_back") else ""


def _instances(variables: t.Mapping[str, t.Any], names: Names) -> tuple[InstanceRow, ...]:
    """Return the additional instances in the order of the inventory."""
    actions: dict[str, list[str]] = {}
    for task in _INSTANCE_TASKS:
        for item, result in _items(variables.get(task)):
            done = actions.setdefault(item, [])
            if result.get("changed"):
                done += [str(name) for name in result.get("settings") or result.get("actions") or ()]
    audits = dict(_items(variables.get(names.instances)))
    return tuple(InstanceRow(name, tuple(dict.fromkeys(done)), audits.get(name, {})) for name, done in actions.items())


def _items(register: object) -> t.Iterator[tuple[str, t.Mapping[str, t.Any]]]:
    """Yield name and result of each item of a loop over instances that was not skipped."""
    for result in _mapping(register).get("results") or ():
        item = result.get("item")
        instance = item if isinstance(item, t.Mapping) else (item or [{}])[0]
        if not result.get("skipped") and isinstance(instance, t.Mapping):
            yield str(instance.get("name")), result


def _is_wrong(audit: t.Mapping[str, t.Any]) -> bool:
    return bool(audit) and (audit.get("verdict") != "passed" or bool(audit.get("unreachable")))


def _state(variables: t.Mapping[str, t.Any], result: t.Mapping[str, t.Any], names: Names) -> tuple[str, str]:
    """Return how far a relay came, and why not further."""
    ended = _ended_early(variables, result, names)
    if ended is not None:
        return ended
    if names.begun not in variables:
        return WAITING, ""
    if not result:
        return UNFINISHED, "it was lost before its configuration was reported; run again to see and to finish"
    audit = _mapping(variables.get(names.audit))
    if not audit or _has_failed(audit):
        return UNFINISHED, "it was configured, but not proven from outside: " + message(audit)
    return HARDENED, ""


def _ended_early(
    variables: t.Mapping[str, t.Any], result: t.Mapping[str, t.Any], names: Names
) -> tuple[str, str] | None:
    """Return the state of a relay on which a task failed, with its message; None where none did."""
    failure = _mapping(variables.get(names.failure))
    if failure:
        task = str(variables.get(names.failed_task) or "")
        return FAILED, f"{task}: {message(failure)}" if task else message(failure)
    why = "" if result else _never_begun(variables, names)
    if why:
        return FAILED, why
    for name in (names.begun, names.answered, names.relay):
        answer = _mapping(variables.get(name))
        if answer.get("unreachable"):
            return UNREACHABLE, message(answer)
        if answer.get("failed"):
            return FAILED, message(answer)
    return None


def _never_begun(variables: t.Mapping[str, t.Any], names: Names) -> str:
    """Return why nothing was tried: the prober does not answer, or a check before the change failed."""
    prober = _mapping(variables.get(names.prober))
    if _has_failed(prober):
        return "the host that probes from outside does not answer: " + message(prober)
    checked = _mapping(variables.get(names.checked))
    return message(checked) if checked.get("failed") else ""


def _has_failed(answer: t.Mapping[str, t.Any]) -> bool:
    return bool(answer.get("unreachable") or answer.get("failed"))


def message(result: t.Mapping[str, t.Any]) -> str:
    """Return what a result says, on one line: its sentence, or the summary of an audit and its first findings."""
    items = _failed_items(result)
    if items:
        # Of a loop Ansible says only that an item failed.
        return "; ".join(_item(item) for item in items)
    sentence = " ".join(str(result.get("msg") or result.get("summary") or "").split())
    details = _end_of_traceback(result) + [_finding(finding) for finding in result.get("failures") or ()]
    return "; ".join(part for part in (sentence, *_shortened(details)) if part) or "no result"


def _failed_items(result: t.Mapping[str, t.Any]) -> list[t.Mapping[str, t.Any]]:
    items = [item for item in result.get("results") or () if isinstance(item, t.Mapping)]
    return [item for item in items if item.get("failed")]


def _shortened(details: list[str]) -> list[str]:
    """Return the first details, and how many more there are."""
    if len(details) <= _FINDINGS + 1:
        return details
    return [*details[:_FINDINGS], f"and {len(details) - _FINDINGS} more"]


def _end_of_traceback(result: t.Mapping[str, t.Any]) -> list[str]:
    """Return the last line of a traceback, which says most."""
    lines = str(result.get("module_stderr") or "").splitlines()
    return [line for line in lines if line.strip()][-1:]


def _item(item: t.Mapping[str, t.Any]) -> str:
    """Return the sentence of an item of a loop, after its label."""
    label = item.get("_ansible_item_label")
    return f"{label}: {message(item)}" if isinstance(label, str) and label else message(item)


def _finding(finding: t.Mapping[str, t.Any]) -> str:
    return f"{finding.get('probe')} {finding.get('trick')}: {finding.get('judgement')} ({finding.get('reason')})"


def _probes(audit: t.Mapping[str, t.Any]) -> str:
    if not audit or audit.get("skipped"):
        return "-"
    groups = _mapping(audit.get("groups")).values()
    if not groups:
        return "not done"
    return f"{sum(group['good'] for group in groups)} of {sum(group['total'] for group in groups)}"


def _mapping(value: object) -> t.Mapping[str, t.Any]:
    return value if isinstance(value, t.Mapping) else {}


def blamed_before(relays: t.Iterable[Relay]) -> dict[str, str]:
    """Return the relays that stop a rollout before a change, with the reason: every relay must have answered."""
    return {relay.host: relay.reason for relay in relays if relay.state in (UNREACHABLE, FAILED)}


def blamed_after(relays: t.Iterable[Relay]) -> dict[str, str]:
    """Return the relays that stop a rollout after a change, with the reason: every relay must be hardened."""
    return {relay.host: relay.reason or "it was not hardened" for relay in relays if relay.state != HARDENED}


def table(relays: t.Sequence[Relay], check_mode: bool = False) -> list[str]:
    """Return the lines of the table: one for each relay that was configured, then those that were not, and why."""
    configured = [relay for relay in relays if relay.result and not relay.result.get("failed")]
    lines = _configured_lines(configured, check_mode) if configured else []
    missing = [(relay.host, _why(relay)) for relay in relays if relay.state != HARDENED]
    if lines and missing:
        lines.append("")
    if missing:
        title = "Would not be hardened:" if check_mode else "Not hardened:"
        lines += [title, *tables.by_host(missing)]
    return lines + _notes(configured)


def _configured_lines(relays: t.Sequence[Relay], check_mode: bool) -> list[str]:
    columns = [
        Column("HOST"),
        Column("MTA"),
        Column("INSTANCE", least=8),
        Column("WOULD CHANGE" if check_mode else "CHANGED", least=12),
        Column("ACTIVATION", least=10),
        Column("PROBES"),
    ]
    rows = [row for relay in relays for row in (_cells(relay), *_instance_cells(relay))]
    return tables.table(columns, rows)


def checks(relays: t.Iterable[Relay]) -> list[Check]:
    """Return the checks of a rollout, for other programs: each group of probes, and whether the relay is hardened."""
    rows: list[Check] = []
    for relay in relays:
        rows += _probe_checks(relay)
        unknown = relay.state in (UNREACHABLE, WAITING)
        why = "" if relay.state == HARDENED else relay.reason or "it was not hardened"
        rows.append(Check(relay.host, "hardened", why, unknown))
    return rows


def _probe_checks(relay: Relay) -> t.Iterator[Check]:
    for name, group in _mapping(relay.audit.get("groups")).items():
        bad = [finding for finding in relay.audit.get("failures") or () if finding.get("group") == name]
        said = "; ".join([f"{group['good']} of {group['total']}", *map(_finding, bad)])
        yield Check(relay.host, name, said if group["good"] < group["total"] else "")


def _cells(relay: Relay) -> tuple[str, ...]:
    result = relay.result
    if result.get("skipped"):
        return (relay.host, "-", "-", "would be installed", "-", relay.probes)
    version = str(result.get("version") or "").partition(" ")[0]
    mta = f"{result.get('mta', '')} {version}".strip()
    return (relay.host, mta, str(result.get("instance", "")), _changed(relay), _activation(result), relay.probes)


def _instance_cells(relay: Relay) -> t.Iterator[tuple[str, ...]]:
    """Return a row for each additional instance."""
    mta = _cells(relay)[1]
    for row in relay.instances:
        yield (relay.host, mta, row.name, _counted(row.actions, "actions"), "-", _probes(row.audit))


def _changed(relay: Relay) -> str:
    if relay.fate:
        return relay.fate
    names = [str(name) for name in relay.result.get("settings") or ()] if relay.result.get("changed") else []
    if relay.result.get("changed") and not names:
        names = [f"{len(relay.result.get('actions') or ())} actions"]
    names += relay.also
    return _counted(names)


def _counted(names: t.Sequence[str], word: str = "settings") -> str:
    return f"{len(names)} {word}" if len(names) > _SETTINGS else ", ".join(names) or "nothing"


def _activation(result: t.Mapping[str, t.Any]) -> str:
    activation = _mapping(result.get("activation"))
    kind = str(activation.get("kind") or "nothing")
    if kind == "nothing" or not result.get("changed"):
        return "-"
    # A reload is the rule. What demands a restart is named.
    reasons = ", ".join(str(reason) for reason in activation.get("because") or ())
    return tables.shorten(f"{kind}: {reasons}", 30) if kind == "restart" and reasons else kind


def _why(relay: Relay) -> str:
    reason = relay.reason or "not touched, the rollout stopped before its turn"
    if relay.fate == ROLLED_BACK:
        reason += "; the change is rolled back"
    elif relay.fate == NOT_YET:
        reason += "; the change could not be rolled back from here, the host does so by itself when its time is over"
    return f"unreachable: {reason}" if relay.state == UNREACHABLE else reason


def _notes(relays: t.Sequence[Relay]) -> list[str]:
    names = ("warnings", "notes")
    notes = [(relay.host, str(note)) for relay in relays for name in names for note in relay.result.get(name) or ()]
    notes += [(relay.host, note) for relay in relays for note in relay.waits]
    return ["", "Notes:", *tables.by_host(notes)] if notes else []
