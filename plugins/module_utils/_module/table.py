# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring entries to one lookup table of an instance, as one transaction.

Private to the collection: it can change at any time.
"""

import os
import typing as t

from .. import _change, _files, _mta, _result
from .._driver.compile import compile_of
from .._driver.daemon import daemon_of
from .._driver.lookup import lookup_of
from .._driver.tables import tables_of
from .._errors import OptionError
from .._model import table
from .._model.host import NOTHING, RELOAD, Activation, File, Host, is_compiled
from .._runner import Runner
from .guard import guard_of
from .watched import CONFIRM_SPEC, TABLES, confirm_by, watched

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    **_mta.ARGUMENT_SPEC,
    "name": {"type": "str", "required": True},
    "type": {"type": "str"},
    "entries": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "no_log": False,
        "options": {"key": {"type": "str", "required": True, "no_log": False}, "value": {"type": "str"}},
    },
    "content": {"type": "str", "no_log": False},
    "src": {"type": "path"},
    "format": {"type": "str", "choices": list(table.FORMATS), "default": table.SOURCE},
    "state": {"type": "str", "choices": ["present", "absent", "exact"], "default": "present"},
    "secret": {"type": "bool", "default": False},
    "by": {"type": "str"},
    "ticket": {"type": "str"},
    **CONFIRM_SPEC,
    "lock_timeout": {"type": "float", "default": 60},
}
if t.TYPE_CHECKING:
    from .live_answers import LiveAnswers

#: How a table begins that is the relay policy's alone.
_WHOLE = b"# Written by postmaster.mta"
_PATTERNS = ("cidr", "pcre", "regexp")
_ALIASES = ("alias", "aliases")


class TableRun:
    """One run of the module."""

    def __init__(self, host: Host, params: t.Mapping[str, t.Any]) -> None:
        self.host = host
        self.tables = tables_of(host.mta)
        self.compile = compile_of(host.mta)
        self.directory = os.path.realpath(host.instance.config_directory)
        self.name = _name(params["name"])
        self.kind = self._kind(params["type"])
        self.syntax = _syntax(self.name, self.kind, host)
        self.state = params["state"]
        self.secret = params["secret"]
        if params.get("confirm"):
            from . import expire_table  # noqa: F401  # the watcher: named here, it is sent along
        author = _change.Author("table", params.get("by") or "", params.get("ticket") or "")
        self.author = watched(author, host, params.get("confirm"), TABLES)
        self.wanted = [
            self._wanted(f"entries[{number}]", entry["key"], entry.get("value"))
            for number, entry in enumerate(params["entries"])
        ]
        for name, text in _texts(params):
            self.wanted += [self._wanted(*row) for row in table.imported(name, text, params["format"], self.syntax)]
        table.refuse_contradictions(self.wanted, self.syntax)
        #: Whether the table decides what a running MTA keeps in mind: whom it takes mail for, and where that goes.
        self.decides = False
        self.answers: t.Optional["LiveAnswers"] = None
        self.before: t.List[table.SourceEntry] = []
        self.after: t.List[table.SourceEntry] = []

    def steps(self) -> _change.Steps:
        """Return the steps of this run, as the transaction takes them."""
        return _change.Steps(
            self.plan,
            self._build,
            self._check_stage,
            self._activate,
            self._verify,
            self.author,
            guard_of(self.host),
        )

    def plan(self) -> _change.Plan:
        """Return what is to be done on the host as it is now."""
        path = os.path.join(self.directory, self.name)
        content = _files.read(path) or b""
        if content.startswith(_WHOLE):
            why = "the relay policy writes this table whole, and would drop the entries; say them there"
            raise OptionError("name", self.name, why)
        wanted = table.edit(path, content, self.wanted, self.state, self.syntax)
        self.before = table.read(path, content.decode("utf-8", "surrogateescape"), self.syntax)
        self.after = table.read(path, wanted.decode("utf-8", "surrogateescape"), self.syntax)
        exists = os.path.exists(path)
        files: t.Tuple[_change.FileChange, ...] = ()
        if wanted or exists:
            files = _change.difference(self.directory, {self.name: self._file(wanted)})
        stale = bool(files) or (exists and self._stale(path))
        return self._planned(files, (self.name,) if stale and self._compiled() else ())

    def _planned(self, files: t.Tuple[_change.FileChange, ...], compiled: t.Tuple[str, ...]) -> _change.Plan:
        because = self.tables.reload_reasons(self.host, self.name) if files or compiled else ()
        activation = Activation(RELOAD, because) if because else Activation(NOTHING)
        self.decides = bool(because)
        return _change.Plan(self.directory, files, compiled, activation)

    def _file(self, content: bytes) -> File:
        return File(content, 0o600 if self.secret else 0o644, self.secret)

    def _kind(self, kind: t.Optional[str]) -> str:
        if kind and kind not in self.host.capabilities.table_types:
            types = ", ".join(self.host.capabilities.table_types)
            raise OptionError("type", kind, f"this MTA has no such tables; it has {types}")
        return kind or self.tables.type_in_use(self.host, self.name) or self.host.capabilities.default_table_type

    def _wanted(self, option: str, key: t.Any, value: t.Any) -> table.ExpectedEntry:
        return table.check(option, key, "-" if self.state == "absent" else value, self.syntax)

    def _compiled(self) -> t.Tuple[str, ...]:
        return self.compile.compiled_names(self.kind, self.name)

    def _stale(self, path: str) -> bool:
        source = os.stat(path).st_mtime_ns
        for name in self._compiled():
            compiled = os.path.join(self.directory, name)
            if not os.path.exists(compiled) or os.stat(compiled).st_mtime_ns < source:
                return True
        return False

    def _build(self, stage: str, names: t.Sequence[str]) -> None:
        for name in names:
            self.compile.make(self.host, stage, name, self.kind, aliases=self.syntax.form == table.ALIASES)
        self.compile.finish(stage)

    def _check_stage(self, stage: str) -> t.Sequence[str]:
        """Check the candidate. What the MTA takes now is noted, where the table decides that."""
        if self.decides:
            # Imported where it is needed: most tables do without.
            from .live_answers import LiveAnswers

            self.answers = LiveAnswers(self.host)
            self.answers.observe()
        return self._check(stage)

    def _verify(self) -> t.Sequence[str]:
        return [*self._check(self.directory), *(self.answers.findings() if self.answers else ())]

    def _check(self, directory: str) -> t.Sequence[str]:
        if self.syntax.form != table.MAP or not self._compiled():
            return ()
        keys = [entry.key for entry in self.wanted]
        answers = lookup_of(self.host.mta).ask(self.host, directory, self.name, self.kind, keys) if keys else {}
        live = {table.compared(key, self.syntax): value for key, value in answers.items()}
        findings = []
        for entry in self.wanted:
            expected = None if self.state == "absent" else entry.value
            if live.get(table.compared(entry.key, self.syntax)) != expected:
                findings.append(f"{self.name}: {entry.key}: the MTA finds another value there")
        return findings

    def _activate(self, activation: Activation) -> None:
        daemon_of(self.host.mta).activate(self.host, activation)


def _name(text: str) -> str:
    name = os.path.normpath(text)
    if os.path.isabs(name) or name.startswith("..") or not name.isprintable() or name.startswith((".", "-")):
        raise OptionError("name", text, "expected the name of a file in the configuration directory")
    if name.endswith((".cf", ".mc")) or is_compiled(name):
        raise OptionError("name", text, "expected the source of a table, not a configuration or a compiled table")
    return name


def _texts(params: t.Mapping[str, t.Any]) -> t.Iterator[t.Tuple[str, str]]:
    """Yield the texts with entries, each with the name by which a message speaks of its lines."""
    if params.get("content"):
        yield "content", params["content"]
    if params.get("src"):
        content = _files.read(params["src"])
        if content is None:
            raise OptionError("src", params["src"], "there is no such file on the host")
        yield params["src"], content.decode("utf-8", "replace")


def _syntax(name: str, kind: str, host: Host) -> table.Syntax:
    if kind in _PATTERNS:
        return table.Syntax(table.PATTERNS, True)
    if os.path.basename(name).split(".")[0] in _ALIASES:
        return table.Syntax(table.ALIASES, True)
    return table.Syntax(table.MAP, tables_of(host.mta).CONTINUES)


def run(params: t.Mapping[str, t.Any], check_mode: bool, runner: t.Optional[Runner] = None) -> t.Dict[str, t.Any]:
    """Do what the module's parameters ask for, and say what was done.

    :raises PostmasterError: with the host as it was before.
    """
    host = _mta.find(runner or Runner(), params["mta"], params["instance"])
    run = TableRun(host, params)
    outcome = _change.transact(run.steps(), run.directory, check_mode, params["lock_timeout"])
    return {
        **table.changes(run.before, run.after, run.syntax),
        **outcome.facts(),
        "diff": _result.diff(outcome.plan),
        "mta": host.instance.mta,
        "instance": host.instance.name,
        "source": os.path.join(host.instance.config_directory, run.name),
        "type": run.kind,
        "count": len(run.after),
        "used": bool(run.tables.type_in_use(host, run.name)),
        "verified": [] if check_mode or not run.answers else run.answers.verified,
        "confirm_by": confirm_by(run.author, outcome.generation),
        "warnings": list(outcome.warnings),
    }


def secrets(params: t.Mapping[str, t.Any]) -> t.Set[str]:
    """Return the values that must not be returned or logged."""
    if not params["secret"]:
        return set()
    values = {entry["value"] for entry in params["entries"] if entry.get("value")}
    return values | ({params["content"]} if params.get("content") else set())
