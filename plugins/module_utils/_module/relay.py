# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apply a relay policy to one instance, as one transaction; read it back.

Private to the collection: it can change at any time.
"""

import hashlib
import json
import os
import typing as t

from .. import _change, _files, _mta, _result
from .._account import generations, history, notes
from .._account.ownership import ThreeWay
from .._driver.check import check_of
from .._driver.daemon import daemon_of
from .._driver.ownership import ownership_of
from .._driver.relay import render_of
from .._driver.tables import tables_of
from .._errors import PostmasterError, Unsupported
from .._model import policy as _policy
from .._model.finding import Finding
from .._model.host import NOTHING, RELOAD, Activation, Host, Native, Rendering, is_compiled
from .._runner import Runner
from . import risks
from .drift import shown
from .guard import guard_of
from .live_answers import LiveAnswers
from .watched import CONFIRM_SPEC, confirm_by, watched

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    **_mta.ARGUMENT_SPEC,
    "policy": {"type": "dict", "options": _policy.ARGUMENT_SPEC},
    "unsupported": {"type": "str", "choices": ["refuse", "note"], "default": "refuse"},
    "baseline": {"type": "str", "choices": ["hardened", "none"], "default": "hardened"},
    "main": {"type": "dict"},
    "main_secrets": {"type": "dict", "no_log": True},
    "master": {"type": "dict"},
    "mc": {"type": "dict"},
    "by": {"type": "str"},
    "ticket": {"type": "str"},
    "history": {"type": "int"},
    **CONFIRM_SPEC,
    "accept_risk": {"type": "dict"},
    "lock_timeout": {"type": "float", "default": 60},
}
#: The author under whose name the module itself owns what it writes.
RELAY = "relay"


class RelayRun:
    """One run of the module: the host, the wish, and the steps that the transaction takes."""

    def __init__(
        self,
        host: Host,
        policy: _policy.Policy,
        native: Native,
        render: t.Optional[t.Callable[..., Rendering]] = None,
        author: t.Optional[_change.Author] = None,
        lenient: bool = False,
        accepted: t.Optional[risks.Accepted] = None,
    ) -> None:
        self.host = host
        self._renderer = render or render_of(host.mta).render
        self.policy = policy
        self.lenient = lenient
        self.left_out: t.List[str] = []
        self.native = native
        self.directory = os.path.realpath(host.instance.config_directory)
        self.author = (author or _change.Author(RELAY))._replace(owned=self.owned)
        self.threeway: t.Optional[ThreeWay] = None
        self.rendering = Rendering({}, {})
        self.answers = LiveAnswers(host)
        self.daemon = daemon_of(host.mta)
        self.tables = tables_of(host.mta)
        self.accepted = accepted or {}
        self._risks: t.Optional[t.Sequence[Finding]] = None
        self._live: t.Optional[t.Sequence[Finding]] = None

    def plan(self) -> _change.Plan:
        """Return what is to be done on the host as it is now."""
        rendering = self._render()
        files = _change.difference(self.directory, rendering.files)
        tables = self.tables.stale(self.host, rendering.files)
        activation = self.daemon.activation(self.host, self._current, rendering) if files else Activation(NOTHING)
        if activation.kind == NOTHING:
            activation = told_of_tables(self.host, tables)
        return _change.Plan(self.directory, files, tables, activation)

    def steps(self) -> _change.Steps:
        """Return the steps of this run, as the transaction takes them."""
        guard = guard_of(self.host)
        return _change.Steps(
            self.plan, self._build, self._check, self._activate, self.answers.findings, self.author, guard
        )

    def owned(self, before: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
        """Return what every author owns after this run."""
        mine = self.threeway.owned() if self.threeway else {}
        return dict(before, **{self.author.module: {part: list(pair) for part, pair in mine.items()}})

    def note(self, lock_timeout: float) -> None:
        """Write down what is owned where it changes and no file does: what is adopted, and what is left to others."""
        with _change.locked(self.directory, lock_timeout):
            before = generations.newest(self.directory).get("owned", {})
            accepted = risks.accepted_before(self.directory)
            if self.owned(before) != before or {**accepted, **self.accepted} != accepted:
                notes.note(self.directory, self.author)

    def _render(self) -> Rendering:
        before = generations.newest(self.directory).get("owned", {})
        twin = ownership_of(self.host.mta).twin(self.host)
        self.threeway = ThreeWay(
            twin,
            self.author.module,
            before,
            self._current,
            self._rendered,
            adopt=self.author.module == RELAY,
        )
        rendering = self.threeway.rendering
        self.rendering = rendering._replace(files=history.with_recorded_bytes(self.directory, twin, rendering.files))
        return self.rendering

    def _rendered(self, current: t.Callable[[str], t.Optional[bytes]]) -> Rendering:
        """Return what the policy becomes; a lenient run leaves out what the MTA cannot do, and notes it."""
        while True:
            try:
                rendering = self._renderer(self.host, self.policy, self.native, current)
                return rendering._replace(notes=(*self.left_out, *rendering.notes))
            except Unsupported as problem:
                if not (self.lenient and problem.option.startswith("policy.")):
                    raise
                self.policy = self.policy.without(problem.option)
                self.left_out.append(f"left out: {problem}")

    def _current(self, name: str) -> t.Optional[bytes]:
        try:
            return _files.read(os.path.join(self.directory, name))
        except IsADirectoryError:
            # The driver refuses such a host, by name, before it renders anything.
            return None

    def _build(self, stage: str, names: t.Sequence[str]) -> None:
        self.tables.build(self.host, stage, names)

    def _check(self, stage: str) -> t.Sequence[str]:
        self.answers.observe()
        findings = check_of(self.host.mta).check(self.host, stage, self.policy, self.rendering)
        if self.author.module != RELAY:
            # A module that renders by itself knows what it does: an instance that captures everything is one that delivers nothing.
            return findings
        self._risks = risks.risks_of(self.host, stage)
        refusals = risks.refusals(self._live_risks(), self._risks, self.accepted)
        return refusals + risks.without_accepted(findings, self.accepted)

    def _activate(self, activation: Activation) -> None:
        self.daemon.activate(self.host, activation)

    def risks(self) -> t.Sequence[Finding]:
        """Return what is open or dead with this run; what is live, where nothing changes."""
        return self._live_risks() if self._risks is None else self._risks

    def _live_risks(self) -> t.Sequence[Finding]:
        """Return what is open or dead on the host; the MTA is asked once a run."""
        if self._live is None:
            try:
                self._live = risks.risks_of(self.host, self.directory)
            except PostmasterError:
                # A configuration that cannot be read has other defects, and those are told.
                self._live = ()
        return self._live


def told_of_tables(host: Host, compiled: t.Sequence[str]) -> Activation:
    """Return what makes tables effective that are compiled anew though their sources are as they were."""
    tables = tables_of(host.mta)
    sources = [os.path.splitext(name)[0] if is_compiled(name) else name for name in compiled]
    because = tuple(reason for name in sources for reason in tables.reload_reasons(host, name))
    return Activation(RELOAD, because) if because else Activation(NOTHING)


def run(params: t.Mapping[str, t.Any], check_mode: bool, runner: t.Optional[Runner] = None) -> t.Dict[str, t.Any]:
    """Do what the module's parameters ask for, and say what was done.

    :param params: besides the options of the module C(render), a function of the driver in the place of render(), and
        C(author), the module that calls this one and owns what it writes.
    :raises PostmasterError: with the host as it was before.
    """
    host = _mta.find(runner or Runner(), params["mta"], params["instance"])
    natives = {name: params[name] or {} for name in Native._fields}
    policy = _policy.parse(params["policy"], params["baseline"])
    if params.get("confirm"):
        from . import expire  # noqa: F401  # the watcher: named here, it is sent along
    author, accepted = _author(params), risks.accepted_by(params.get("accept_risk"))
    noted = dict(risks.accepted_before(os.path.realpath(host.instance.config_directory)), **accepted)
    if noted:
        author = author._replace(more=dict(author.more, accept_risk=noted))
    author = watched(author, host, params.get("confirm"))
    lenient = params.get("unsupported") == "note"
    relay = RelayRun(host, policy, Native(**natives), params.get("render"), author, lenient, accepted)
    outcome = _change.transact(relay.steps(), relay.directory, check_mode, params["lock_timeout"])
    if not (check_mode or outcome.plan.changed):
        relay.note(params["lock_timeout"])
    return _answer_of(relay, outcome, check_mode)


def _author(params: t.Mapping[str, t.Any]) -> _change.Author:
    digest = hashlib.sha256()
    for name in ("policy", "baseline", *Native._fields):
        digest.update(json.dumps([name, params.get(name)], sort_keys=True, default=str).encode("utf-8"))
    return _change.Author(
        params.get("author") or RELAY,
        params.get("by") or "",
        params.get("ticket") or "",
        digest.hexdigest()[:16],
        params.get("history"),
        more={"hidden": sorted(params.get("main_secrets") or ())},
    )


def secrets(params: t.Mapping[str, t.Any]) -> t.Set[str]:
    """Return the values among the native settings that must not be returned or logged."""
    values: t.Set[str] = set()
    for name in ("main", "mc"):
        values |= {text for key, text in _texts("", params.get(name)) if text and _result.looks_secret(key, text)}
    return values


def _texts(key: str, value: t.Any) -> t.Iterator[t.Tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(str(name), inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(key, inner)
    elif isinstance(value, str):
        yield key, value


def _answer_of(relay: RelayRun, outcome: _change.Outcome, check_mode: bool) -> t.Dict[str, t.Any]:
    plan, instance = outcome.plan, relay.host.instance
    hidden = generations.hidden(relay.directory).union(relay.native.main_secrets)
    accepted = relay.author.more.get("accept_risk", {})
    return {
        **outcome.facts(),
        "diff": _result.diff(plan, hidden),
        "mta": instance.mta,
        "instance": instance.name,
        "config_directory": instance.config_directory,
        "version": relay.host.capabilities.version_text,
        "settings": _result.changed_settings(plan),
        "notes": _notes(relay),
        "drift": [shown(relay.directory, drift, hidden) for drift in relay.threeway.drift] if relay.threeway else [],
        "confirm_by": confirm_by(relay.author, outcome.generation),
        "risks": risks.shown(relay.risks(), accepted),
        "warnings": list(outcome.warnings) + risks.warnings(relay.risks(), accepted),
        "verified": [] if check_mode else relay.answers.verified,
    }


def _notes(relay: RelayRun) -> t.List[str]:
    notes = list(relay.rendering.notes)
    if relay.threeway and relay.threeway.adopts:
        count = len(relay.threeway.owned())
        notes.append(
            f"adopted: an earlier version configured this instance; {count} settings are in the account now, "
            "and go back to the MTA's default when the policy no longer has them"
        )
    return notes
