# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A way back: some files of an instance become what they were, on the one way through.

What judges the configuration that comes back is not in here. A table that goes back needs no dialogue, and the path of a block stays light.

Private to the collection: it can change at any time.
"""

import os
import typing as t

from .. import _change, _files
from .._account import damage, generations, history
from .._account.history import Contents
from .._driver.compile import compile_of
from .._driver.daemon import daemon_of
from .._driver.ownership import ownership_of
from .._driver.tables import tables_of
from .._model.host import COMPILED_SUFFIXES, NOTHING, Activation, File, Host, Rendering
from .guard import guard_of

_SUFFIXES = tuple(sorted({suffix for suffixes in COMPILED_SUFFIXES.values() for suffix in suffixes}))


class WayBack:
    """One way back.

    :param wanted: says, each time anew, which files shall be what.
    :param target: the generation to which it leads.
    """

    def __init__(self, host: Host, author: _change.Author, wanted: t.Callable[[], Contents], target: int) -> None:
        self.host = host
        self.author = author
        self.directory = os.path.realpath(host.instance.config_directory)
        self._wanted = wanted
        self._target = target
        #: Whether nothing beyond a stage may be written: check mode.
        self.dry = False
        self._outdated: t.Set[str] = set()
        self._files: t.Dict[str, File] = {}

    def plan(self) -> _change.Plan:
        """Return what is to be done on the host as it is now."""
        contents = self._wanted()
        if not damage.damaged(self.directory, list(contents)):
            # What is left of a lost file does not say which instances there are.
            contents = ownership_of(self.host.mta).twin(self.host).registered(self._current, contents)
        self._files = {name: self._file(name, content) for name, content in contents.items()}
        for name, content in contents.items():
            if content is None:
                compiled = [name + suffix for suffix in _SUFFIXES if self._current(name + suffix) is not None]
                self._files.update({path: File(None) for path in compiled})
        files = _change.difference(self.directory, self._files)
        changed = {change.name: self._files[change.name] for change in files if change.after is not None}
        if not files:
            return _change.Plan(self.directory, (), (), Activation(NOTHING))
        activation = daemon_of(self.host.mta).activation(self.host, self._current, self.rendering())
        return _change.Plan(self.directory, files, self._compiled(changed), activation)

    def steps(self) -> _change.Steps:
        """Return the transaction's view of this run."""
        guard = guard_of(self.host)
        return _change.Steps(self.plan, self._build, self._check, self._activate, self._verify, self.author, guard)

    def _file(self, name: str, content: t.Optional[bytes]) -> File:
        try:
            mode = os.stat(os.path.join(self.directory, name)).st_mode & 0o7777
        except OSError:
            mode = self._kept_mode(name)
        return File(content, mode, secret=not mode & 0o077)

    def _kept_mode(self, name: str) -> int:
        for record in reversed(history.records(self.directory)):
            for file in record["files"]:
                if file["name"] == name and file["before"] is not None:
                    return int(file["mode"])
        return 0o644

    def _current(self, name: str) -> t.Optional[bytes]:
        return _files.read(os.path.join(self.directory, name))

    def rendering(self) -> Rendering:
        """Return the files of this change, with the one that says which tables there are."""
        files = dict(self._files)
        for name in ("main.cf", "master.cf", "sendmail.cf"):
            content = self._current(name)
            if name not in files and content is not None:
                files[name] = File(content)
        return Rendering(files, {})

    def _compiled(self, changed: t.Mapping[str, File]) -> t.Tuple[str, ...]:
        """Return the tables to compile: those that the configuration names, and those that have a compiled file now."""
        stale = set(tables_of(self.host.mta).stale(self.host, self.rendering().files))
        self._outdated = set(tables_of(self.host.mta).outdated(self.host, self.rendering().files))
        stale |= self._outdated
        for name in changed:
            compiled = [name + suffix for suffix in _SUFFIXES]
            if not stale & {name, *compiled} and any(self._current(path) is not None for path in compiled):
                stale.add(name)
        return tuple(sorted(stale))

    def _build(self, stage: str, names: t.Sequence[str]) -> None:
        """Compile them in the stage; a table of a relay policy by what the configuration says of it."""
        self._set_times(stage)
        compiler, tables = compile_of(self.host.mta), tables_of(self.host.mta)
        outdated = [name for name in names if name in self._outdated]
        tables.build_outdated(self.host, stage, [name for name in outdated if not (self.dry and os.path.isabs(name))])
        names = [name for name in names if name not in outdated]
        plain = [name for name in names if name in self._files and not name.endswith(_SUFFIXES)]
        tables.build(self.host, stage, [name for name in names if name not in plain])
        for name in plain:
            kind = tables.type_in_use(self.host, name) or self.host.capabilities.default_table_type
            compiler.make(self.host, stage, name, kind, aliases=name.split(".")[0] == "aliases")
        compiler.finish(stage)

    def _set_times(self, stage: str) -> None:
        """Let a file that is what it was be as old as it was."""
        for name, (mark, time) in history.times(self.directory, self._target).items():
            content = self._files[name].content if name in self._files else None
            if content is not None and generations.mark(content) == mark:
                os.utime(os.path.join(stage, name), ns=(time, time))

    def _check(self, stage: str) -> t.Sequence[str]:
        """Return what is wrong with the candidate: it ran before."""
        return ()

    def _verify(self) -> t.Sequence[str]:
        """Return what the running MTA does not do."""
        return ()

    def _activate(self, activation: Activation) -> None:
        daemon_of(self.host.mta).activate(self.host, activation)


__all__ = ("WayBack",)
