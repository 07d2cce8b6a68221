# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apply a relay policy to one instance, as one transaction; read it back.

Private to the collection: it can change at any time.
"""

import os
import typing as t

from .. import _change, _files, _mta
from .. import _result as _answer
from .._driver.check import check_of
from .._driver.daemon import daemon_of
from .._driver.read import read_of
from .._driver.relay import render_of, tables_of
from .._model import policy as _policy
from .._model.host import NOTHING, Activation, Host, Native, Rendering
from .._runner import Runner
from .._smtp import verify_policy as _verify

#: The options of the module C(relay) besides those that say which MTA is meant.
ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "policy": {"type": "dict", "options": _policy.ARGUMENT_SPEC},
    "baseline": {"type": "str", "choices": ["hardened", "none"], "default": "hardened"},
    "main": {"type": "dict"},
    "main_secrets": {"type": "dict", "no_log": True},
    "master": {"type": "dict"},
    "mc": {"type": "dict"},
    "lock_timeout": {"type": "float", "default": 60},
}


class RelayRun:
    """One run of the module: the host, the wish, and the steps that the transaction takes."""

    def __init__(
        self, host: Host, policy: _policy.Policy, native: Native, render: t.Optional[t.Callable[..., Rendering]] = None
    ) -> None:
        self.host = host
        self._renderer = render or render_of(host.mta).render
        self.policy = policy
        self.native = native
        self.directory = os.path.realpath(host.instance.config_directory)
        self.rendering: t.Optional[Rendering] = None
        self.verified: t.List[str] = []
        self.daemon = daemon_of(host.mta)
        self.tables = tables_of(host.mta)
        self.was_up = self.daemon.running(host).pid is not None

    def plan(self) -> _change.Plan:
        """What is to be done on the host as it is now."""
        rendering = self._render()
        files = _change.difference(self.directory, rendering.files)
        tables = self.tables.stale(self.host, rendering.files)
        if not files:
            return _change.Plan(self.directory, (), tables, Activation(NOTHING))
        activation = self.daemon.activation(self.host, self._current, rendering)
        return _change.Plan(self.directory, files, tables, activation)

    def steps(self) -> _change.Steps:
        """The transaction's view of this run."""
        return _change.Steps(self.plan, self._build, self._check, self._activate, self._verify)

    def _render(self) -> Rendering:
        self.rendering = self._renderer(self.host, self.policy, self.native, self._current)
        return self.rendering

    def _current(self, name: str) -> t.Optional[bytes]:
        return _files.read(os.path.join(self.directory, name))

    def _build(self, stage: str, names: t.Sequence[str]) -> None:
        self.tables.build(self.host, stage, names)

    def _check(self, stage: str) -> t.Sequence[str]:
        return check_of(self.host.mta).check(self.host, stage, self.policy, self.rendering)

    def _activate(self, activation: Activation) -> None:
        self.daemon.activate(self.host, activation)

    def _verify(self) -> t.Sequence[str]:
        if not self.was_up:
            self.verified.append("the MTA was not running before and was not started")
            return ()
        # What the live configuration says now: native settings have won where they differ from the policy.
        live = _policy.parse(read_of(self.host.mta).read(self.host)["policy"], baseline="none")
        wanted = _verify.expected(live)
        findings: t.List[str] = []
        for address, port in _verify.addresses(live):
            broken = _verify.settled(wanted, address, port)
            findings += [f"{address}:{port}: {finding}" for finding in broken]
            self.verified.append(f"{address}:{port} answers as its configuration says")
        return findings


def apply(params: t.Mapping[str, t.Any], check_mode: bool, runner: t.Optional[Runner] = None) -> t.Dict[str, t.Any]:
    """Do what the module's parameters ask for, and say what was done.

    :param params: C(render), which is no option of the module: a function of the driver in the place of render().
    :raises PostmasterError: with the host as it was before.
    """
    host = _mta.find(runner or Runner(), params["mta"], params["instance"])
    natives = {name: params[name] or {} for name in Native._fields}
    relay = RelayRun(host, _policy.parse(params["policy"], params["baseline"]), Native(**natives), params.get("render"))
    outcome = _change.transact(relay.steps(), relay.directory, check_mode, params["lock_timeout"])
    return _answer_of(relay, outcome, check_mode)


def describe(params: t.Mapping[str, t.Any], runner: t.Optional[Runner] = None) -> t.Dict[str, t.Any]:
    """Every instance that is meant: what it is, what it can do, whether it runs, and its configuration as a policy.

    :raises OptionError: when none answers to the description.
    """
    hosts = _mta.present(runner or Runner(), params["mta"], params["instance"])
    return {"instances": [_described(host) for host in hosts]}


def _described(host: Host) -> t.Dict[str, t.Any]:
    instance, capabilities, running = host.instance, host.capabilities, daemon_of(host.mta).running(host)
    live = read_of(host.mta).read(host)
    return {
        "mta": instance.mta,
        "name": instance.name,
        "config_directory": instance.config_directory,
        "queue_directories": list(instance.queue_directories),
        "primary": instance.primary,
        "enabled": instance.enabled,
        "version": capabilities.version_text,
        "table_types": list(capabilities.table_types),
        "default_table_type": capabilities.default_table_type,
        "features": sorted(capabilities.features),
        "running": running.pid is not None,
        "listening": [{"address": address, "port": port} for address, port in running.listening],
        "policy": live["policy"],
        "unexpressed": live["unexpressed"],
    }


def secrets(params: t.Mapping[str, t.Any]) -> t.Set[str]:
    """Values among the native settings that must not be returned or logged."""
    found: t.Set[str] = set()
    for name in ("main", "mc"):
        found |= {text for key, text in _texts("", params.get(name)) if text and _answer.looks_secret(key, text)}
    return found


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
    hidden = frozenset(relay.native.main_secrets)
    return {
        "changed": plan.changed or bool(outcome.healed),
        "diff": _answer.diff(plan, hidden),
        "mta": instance.mta,
        "instance": instance.name,
        "config_directory": instance.config_directory,
        "version": relay.host.capabilities.version_text,
        "settings": _answer.changed_settings(plan),
        "actions": list(outcome.healed) + plan.actions(),
        "activation": {"kind": plan.activation.kind, "because": list(plan.activation.because)},
        "notes": list(relay.rendering.notes) if relay.rendering else [],
        "verified": [] if check_mode else relay.verified,
    }
