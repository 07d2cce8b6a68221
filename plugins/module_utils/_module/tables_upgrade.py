# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring the lookup tables of a Postfix instance to another type, as one transaction.

Private to the collection: it can change at any time.
"""

import glob
import os
import re
import typing as t

from .. import _change, _files, _mta, _result
from .._account import generations
from .._driver.check import check_of
from .._driver.daemon import daemon_of
from .._errors import OptionError, PostmasterError, as_before
from .._model.host import NOTHING, Activation, File, Host, Rendering, compiled_names
from .._model.policy_record import SILENT
from .._postfix import compile as compiler
from .._postfix import table_build, table_types
from .._runner import Runner
from .guard import guard_of
from .live_answers import LiveAnswers
from .watched import CONFIRM_SPEC, confirm_by, watched

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    **_mta.ARGUMENT_SPEC,
    "to": {"type": "str", "choices": ["cdb", "lmdb", "hash", "btree"], "required": True},
    "from_types": {
        "type": "list",
        "elements": "str",
        "choices": ["hash", "btree", "cdb", "lmdb"],
        "default": list(table_types.OLD),
    },
    "keep": {"type": "list", "elements": "path", "default": []},
    "by": {"type": "str"},
    "ticket": {"type": "str"},
    **CONFIRM_SPEC,
    "lock_timeout": {"type": "float", "default": 60},
}
#: Where people keep what compiles tables again.
_SCRIPTS = ("/etc/crontab", "/etc/cron.*/*", "/var/spool/cron/crontabs/*", "/usr/local/bin/*", "/usr/local/sbin/*")
_LARGEST_SCRIPT = 1 << 20
_OTHERS = "left out: only the tables of Postfix change their type here; sendmail names the type of a table in its mc (FEATURE, K)"


class UpgradeRun:
    """One run of the module: the steps that the transaction takes."""

    def __init__(self, host: Host, params: t.Mapping[str, t.Any], check_mode: bool) -> None:
        self.host = host
        self.check_mode = check_mode
        self.directory = os.path.realpath(host.instance.config_directory)
        self.wanted = table_types.types(host, params["from_types"], params["to"], params["keep"])
        author = _change.Author("tables_upgrade", params.get("by") or "", params.get("ticket") or "", owned=self._owned)
        if params.get("confirm"):
            from . import expire  # noqa: F401  # the watcher: named here, it is sent along
        self.author = watched(author, host, params.get("confirm"))
        self.answers = LiveAnswers(host)
        self.inherited: t.List[str] = []
        self.notes: t.List[str] = []
        self.upgrade = table_types.Upgrade({}, (), (), {}, ())
        #: The compiled files beyond the directory that nobody had before.
        self.made: t.List[str] = []
        #: In check mode, where a table beyond the directory was compiled instead.
        self.elsewhere: t.Dict[str, str] = {}

    def steps(self) -> _change.Steps:
        """Return the steps of this run, as the transaction takes them."""
        guard = guard_of(self.host)
        return _change.Steps(self.plan, self._build, self._check, self._activate, self._verify, self.author, guard)

    def plan(self) -> _change.Plan:
        """Return what is to be done on the host as it is now."""
        self.upgrade = table_types.upgrade(self.host, self.wanted, self._current)
        files = _change.difference(self.directory, self._rendering().files)
        if not files:
            return _change.Plan(self.directory, (), (), Activation(NOTHING))
        compiled = [compiled_names(self.wanted.new, self._name(table.path))[0] for table in self.upgrade.tables]
        activation = daemon_of(self.host.mta).activation(self.host, self._current, self._rendering())
        return _change.Plan(self.directory, files, tuple(compiled), activation)

    def left(self) -> t.List[str]:
        """Return the compiled files of the old types: the way back needs them, and nothing reads them any more."""
        names = [name for table in self.upgrade.tables for name in compiled_names(table.old, table.path)]
        return sorted(name for name in set(names) if os.path.exists(name))

    def remove_what_was_made(self) -> None:
        """Remove the compiled tables beyond the directory: the change did not stay."""
        table_build.remove(self.wanted.new, self.made)

    def _current(self, name: str) -> t.Optional[bytes]:
        return _files.read(os.path.join(self.directory, name))

    def _rendering(self) -> Rendering:
        files = {name: File(content) for name, content in self.upgrade.files.items()}
        return Rendering(files, self.upgrade.settings)

    def _name(self, path: str) -> str:
        """Return a path relative to the directory; one beyond it as it is."""
        for top in (self.directory, self.host.instance.config_directory):
            if path.startswith(top + "/"):
                return path[len(top) + 1 :]
        return path

    def _build(self, stage: str, names: t.Sequence[str]) -> None:
        self.notes = []
        for table in self.upgrade.tables:
            name = self._name(table.path)
            source, target = table.path, table.path
            if not os.path.isabs(name):
                source = target = os.path.join(stage, name)
            elif self.check_mode:
                target = self._scratch(stage, table.path)
            elif not os.path.exists(compiled_names(self.wanted.new, target)[0]):
                self.made.append(target)
            self.notes += table_build.build(self.host, table, self.wanted.new, source, target)
        if not self.check_mode:
            for cache in self.upgrade.caches:
                self.notes += table_build.carry(self.host, cache)
        compiler.finish(stage)

    def _scratch(self, stage: str, path: str) -> str:
        directory = os.path.join(stage, f".beyond-{len(self.elsewhere)}")
        os.mkdir(directory, 0o755)
        self.elsewhere[path] = os.path.join(directory, os.path.basename(path))
        return self.elsewhere[path]

    def _check(self, stage: str) -> t.Sequence[str]:
        self.answers.observe()
        for path, place in self.elsewhere.items():
            table_types.point_to(stage, f"{self.wanted.new}:{path}", f"{self.wanted.new}:{place}")
        return check_of(self.host.mta).check(self.host, stage, SILENT, self._rendering(), self.inherited)

    def _activate(self, activation: Activation) -> None:
        daemon_of(self.host.mta).activate(self.host, activation)

    def _verify(self) -> t.Sequence[str]:
        findings = self.answers.findings()
        for table in self.upgrade.tables:
            if not table_build.is_current(table, self.wanted.new):
                findings.append(f"{table.path}: it was changed while the tables were compiled; run again")
        return findings

    def _owned(self, before: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
        """Return what every author owns: his values, in the new type."""
        return {
            author: {part: [self._retyped(part, text) for text in pair] for part, pair in parts.items()}
            for author, parts in before.items()
        }

    def _retyped(self, part: str, text: t.Optional[str]) -> t.Optional[str]:
        name = part.partition(" ")[2]
        if text is None or name not in self.upgrade.settings:
            return text
        return table_types.retyped(text, self.wanted)

    def told(self) -> t.List[str]:
        """Return what the person who asked has to know or to do."""
        return [*self.upgrade.notes, *self.notes, *self._inventory(), *_scripts(self.wanted.old)]

    def _inventory(self) -> t.List[str]:
        owned = generations.newest(self.directory).get("owned", {}).get("relay", {})
        names = sorted(part.partition(" ")[2] for part in owned if part.partition(" ")[2] in self.upgrade.settings)
        return [
            f"{name}: the module relay wrote it; where the inventory names its tables with a type, write the new one there"
            for name in names
            if "$config_directory/postmaster_" not in self.upgrade.settings[name]
        ]


def _left_out(host: Host) -> t.Dict[str, t.Any]:
    """Return the answer for an MTA whose tables have no other type to go to."""
    return {
        "changed": False,
        "mta": host.mta,
        "instance": host.instance.name,
        "to": "",
        "tables": [],
        "caches": [],
        "left": [],
        "notes": [_OTHERS],
        "actions": [],
        "activation": {"kind": NOTHING, "because": []},
        "generation": None,
        "confirm_by": None,
        "verified": [],
        "warnings": [],
    }


def _scripts(kinds: t.Sequence[str]) -> t.List[str]:
    """Return the lines of scripts that compile tables as an old type: their work would have no effect any more."""
    line_of = re.compile(r"\b(?:postmap|postalias)\b.*\b(?:{}):".format("|".join(kinds)))
    notes = []
    for path in sorted({path for pattern in _SCRIPTS for path in glob.glob(pattern)}):
        if os.path.isfile(path) and os.path.getsize(path) <= _LARGEST_SCRIPT:
            text = (_files.read(path) or b"").decode("utf-8", "replace")
            for number, line in enumerate(text.splitlines(), 1):
                if line_of.search(line) and not line.lstrip().startswith("#"):
                    notes.append(
                        f"{path}:{number}: {line.strip()}: it compiles what nobody reads any more; write the new type"
                    )
    return notes


def run(params: t.Mapping[str, t.Any], check_mode: bool, runner: t.Optional[Runner] = None) -> t.Dict[str, t.Any]:
    """Do what the module's parameters ask for, and say what was done.

    :raises PostmasterError: with the host as it was before.
    """
    host = _mta.find(runner or Runner(), params["mta"], params["instance"])
    if host.mta != "postfix":
        if params["mta"] != "auto":
            raise OptionError("mta", host.mta, _OTHERS)
        return _left_out(host)
    upgrade = UpgradeRun(host, params, check_mode)
    try:
        outcome = _change.transact(upgrade.steps(), upgrade.directory, check_mode, params["lock_timeout"])
    except PostmasterError:
        upgrade.remove_what_was_made()
        raise
    plan = outcome.plan
    return {
        **outcome.facts(),
        "diff": _result.diff(plan),
        "mta": host.mta,
        "instance": host.instance.name,
        "to": upgrade.wanted.new,
        "tables": [
            {"path": table.path, "from": table.old, "setting": table.setting} for table in upgrade.upgrade.tables
        ],
        "caches": [
            {"path": cache.path, "from": cache.old, "to": cache.new, "setting": cache.setting}
            for cache in upgrade.upgrade.caches
        ],
        "left": upgrade.left(),
        "notes": upgrade.told(),
        "confirm_by": confirm_by(upgrade.author, outcome.generation),
        "verified": [] if check_mode else upgrade.answers.verified,
        "warnings": list(outcome.warnings) + as_before(upgrade.inherited),
    }
