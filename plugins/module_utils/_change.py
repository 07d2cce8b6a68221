# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one way through: plan, lock, stage, validate, swap, activate, verify; and back, when something fails.

A change replaces one directory, the configuration directory of an instance. It is prepared in a hard-linked copy
beside it and the two change places in one step, so at every moment the live path holds the complete old or the
complete new configuration. Once the new one is verified, the original directory is brought to the same content and
takes its place again, so that its inode, and a shell that stands in it, survive.

What was under way when the process died is told by the name of one file beside the directory::

    /etc/.postfix.postmaster         the stage: first the candidate, after the swap the old configuration
    /etc/.postfix.postmaster.old     where directories cannot change places: the old configuration
    /etc/.postfix.postmaster.swap    the swap may have happened, nothing is verified yet: go back
    /etc/.postfix.postmaster.settle  the new configuration is verified: go on

The next run finds it and heals, before it does anything else.

Private to the collection: it can change at any time.
"""

import contextlib
import fcntl
import json
import os
import signal
import time
import typing as t

from . import _files
from ._errors import Busy, PostmasterError, Refused, RolledBack
from ._model.host import NOTHING, RELOAD, Activation, Files

LOCK_DIRECTORY = "/run/postmaster-mta"
_SHIELDED = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGPIPE)


class FileChange(t.NamedTuple):
    """One file that becomes another; I(before) None creates it, I(after) None removes it."""

    name: str
    before: t.Optional[bytes]
    after: t.Optional[bytes]
    mode: int
    secret: bool


class Plan(t.NamedTuple):
    """All that is to be done; C(changed), the diff, check mode and the actions come from it and from nothing else.

    :param directory: the live configuration directory, symbolic links resolved.
    :param compile: compiled tables to make, relative to the directory.
    """

    directory: str
    files: t.Tuple[FileChange, ...]
    compile: t.Tuple[str, ...]
    activation: Activation

    @property
    def changed(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.files or self.compile)

    def actions(self) -> t.List[str]:
        """What is done, in order, one sentence each."""
        said = [f"{_verb(change)} {os.path.join(self.directory, change.name)}" for change in self.files]
        said += [f"compile {os.path.join(self.directory, name)}" for name in self.compile]
        if self.changed and self.activation.kind != NOTHING:
            said.append(f"{self.activation.kind}: {', '.join(self.activation.because)}")
        return said


class Steps(t.NamedTuple):
    """What a module feeds into the transaction.

    :param plan: observes the host and says what is to be done; changes nothing; called again under the lock.
    :param build: compiles the named tables in the stage.
    :param check: findings about the candidate in the stage; an empty tuple lets it pass.
    :param activate: makes the live configuration effective.
    :param verify: findings about the running MTA; an empty tuple is success.
    """

    plan: t.Callable[[], Plan]
    build: t.Callable[[str, t.Sequence[str]], None]
    check: t.Callable[[str], t.Sequence[str]]
    activate: t.Callable[[Activation], None]
    verify: t.Callable[[], t.Sequence[str]]


class Outcome(t.NamedTuple):
    """What a transaction did, or in check mode would do."""

    plan: Plan
    healed: t.Tuple[str, ...] = ()


def difference(directory: str, files: Files) -> t.Tuple[FileChange, ...]:
    """The files whose content is not what is wanted, in the order of their names."""
    changes = []
    for name in sorted(files):
        wanted, present = files[name], _files.read(os.path.join(directory, name))
        if wanted.content != present:
            changes.append(FileChange(name, present, wanted.content, wanted.mode, wanted.secret))
    return tuple(changes)


def transact(steps: Steps, directory: str, check_mode: bool = False, lock_timeout: float = 60) -> Outcome:
    """Take one change all the way, or leave the host as it was.

    :param lock_timeout: seconds to wait for another writer.
    :raises Refused: the candidate is not good; nothing was touched.
    :raises RolledBack: it went live, failed, and was taken back.
    :raises Busy: another writer did not end in time, or wrote into the directory meanwhile.
    """
    directory = os.path.realpath(directory)
    area = Area(directory)
    plan = steps.plan()
    if check_mode or not (plan.changed or area.unfinished()):
        return Outcome(plan, area.unfinished())
    try:
        with _shielded(), locked(directory, lock_timeout):
            healed, trouble = _heal(area, steps)
            # Observed again: what another writer did while we waited counts.
            plan = steps.plan()
            if plan.changed:
                _apply(area, plan, steps)
            elif trouble:
                raise trouble
            return Outcome(plan, healed)
    except OSError as problem:
        raise PostmasterError(f"{directory}: {problem}")


class Area:
    """The names beside the live directory, and what can be read from them."""

    def __init__(self, live: str) -> None:
        self.live = live
        self.stage = os.path.join(os.path.dirname(live), f".{os.path.basename(live)}.postmaster")
        self.swap = f"{self.stage}.swap"
        self.settle = f"{self.stage}.settle"
        self.old = f"{self.stage}.old"
        self.old_partial = f"{self.stage}.old-partial"
        self.journal_partial = _files.temporary(self.swap)
        #: A file on its way into what is kept; not in there, where a run that dies would leave it to go live again.
        self.copy = f"{self.stage}.copy"

    def unfinished(self) -> t.Tuple[str, ...]:
        """What a run that died has left to heal, in words."""
        if os.path.exists(self.swap):
            return ("take back a change that was never verified",)
        if os.path.exists(self.settle):
            return ("finish a change that was verified",)
        litter = [path for path in self._copies() if os.path.lexists(path)]
        return ("remove a candidate that never went live",) if litter else ()

    def remove(self) -> None:
        """Remove everything. The journal goes first: a copy that is half removed must never be gone back to."""
        for path in (self.swap, self.settle):
            _files.remove(path)
        _files.fsync_directory(os.path.dirname(self.live))
        for path in self._copies():
            _files.remove(path)

    def _copies(self) -> t.Tuple[str, ...]:
        return self.stage, self.old, self.old_partial, self.journal_partial, self.copy


@contextlib.contextmanager
def locked(directory: str, timeout: float) -> t.Iterator[None]:
    """Be the only writer of a directory; the lock ends with the process, however it ends (flock(2)).

    :raises Busy: after I(timeout) seconds.
    """
    os.makedirs(LOCK_DIRECTORY, mode=0o700, exist_ok=True)
    path = os.path.join(LOCK_DIRECTORY, directory.strip("/").replace("/", "-") + ".lock")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        _wait_for(descriptor, directory, time.monotonic() + timeout)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, directory: str, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                holder = os.pread(descriptor, 20, 0).decode() or "unknown"
                raise Busy(f"{directory}: another run is changing it (process {holder}); nothing was changed")
            time.sleep(0.05)


@contextlib.contextmanager
def _shielded() -> t.Iterator[None]:
    # A lost connection to the controller must not end a change half-way; SIGKILL is what the journal is for.
    before = [(number, signal.signal(number, signal.SIG_IGN)) for number in _SHIELDED]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _apply(area: Area, plan: Plan, steps: Steps) -> None:
    try:
        seen = _stage(area, plan, steps)
        findings = steps.check(area.stage)
        if findings:
            raise Refused(findings)
        _swap(area, plan, seen)
    except BaseException:
        _abandon(area)
        raise
    _prove(area, plan, steps)
    _settle(area)


def _stage(area: Area, plan: Plan, steps: Steps) -> _files.Fingerprint:
    _files.link_tree(area.live, area.stage)
    seen = _files.fingerprint(area.live)
    for change in plan.files:
        if _files.read(os.path.join(area.live, change.name)) != change.before:
            raise Busy(f"{area.live}/{change.name}: somebody else wrote it while the change was planned; run again")
        path = os.path.join(area.stage, change.name)
        if change.after is None:
            _files.remove(path)
        else:
            _files.write_new(path, change.after, change.mode, like=os.path.join(area.live, change.name))
    steps.build(area.stage, plan.compile)
    _files.fsync_directory(area.stage)
    return seen


def _swap(area: Area, plan: Plan, seen: _files.Fingerprint) -> None:
    if _files.fingerprint(area.live) != seen:
        raise Busy(f"{area.live}: somebody else wrote into it while the change was prepared; run again")
    _write_journal(area, plan)
    _go_live(area)
    if not os.path.exists(area.old) and _files.fingerprint(area.stage) != seen:
        _go_back(area)
        raise Busy(f"{area.live}: somebody else wrote into it at the moment of the change; run again")


def _write_journal(area: Area, plan: Plan) -> None:
    known = {"stage": os.stat(area.stage).st_ino, "activation": plan.activation.kind}
    _files.write_new(area.swap, json.dumps(known).encode(), 0o600)
    _files.fsync_directory(os.path.dirname(area.live))


def _go_live(area: Area) -> None:
    try:
        _files.exchange(area.stage, area.live)
    except OSError as problem:
        if problem.errno not in _files.CANNOT_EXCHANGE:
            raise
        # A mount point or an overlay: file by file, each in one step; the old ones are kept to go back to.
        _files.link_tree(area.live, area.old_partial)
        os.rename(area.old_partial, area.old)
        _files.sync_tree(area.stage, area.live)


def _go_back(area: Area) -> None:
    if os.path.exists(area.old):
        _files.sync_tree(area.old, area.live)
    elif os.stat(area.live).st_ino == _journal(area)["stage"]:
        _files.exchange(area.stage, area.live)


def _journal(area: Area) -> t.Mapping[str, t.Any]:
    content = _files.read(area.swap) or _files.read(area.settle) or b"{}"
    return dict({"stage": 0, "activation": RELOAD}, **json.loads(content.decode()))


def _prove(area: Area, plan: Plan, steps: Steps) -> None:
    try:
        if plan.activation.kind != NOTHING:
            steps.activate(plan.activation)
        else:
            _let_go(area)
        findings: t.Sequence[str] = steps.verify()
    except (PostmasterError, OSError) as problem:
        findings = (str(problem),)
    if findings:
        raise RolledBack(findings, restored=_restore(area, plan.activation, steps))


def _let_go(area: Area) -> None:
    """Leave the files that were replaced without a name; what is kept of them to go back to are copies.

    Nobody tells a daemon that a table is new: Postfix looks whether the file it has open is still there (dict_changed_name()
    in its source), and the old one would be, in the directory that is kept.
    """
    kept = area.old if os.path.exists(area.old) else area.stage
    for name in _files.replaced(kept, area.live):
        _files.renew(os.path.join(kept, name), area.copy)


def _restore(area: Area, activation: Activation, steps: Steps) -> bool:
    try:
        _go_back(area)
        if activation.kind != NOTHING:
            steps.activate(activation)
        area.remove()
    except (PostmasterError, OSError):
        return False
    return True


def _settle(area: Area) -> None:
    os.rename(area.swap, area.settle)
    # Verified and live: a full disk must not turn that into a failure; the next run tidies up.
    with contextlib.suppress(OSError):
        _finish(area)


def _finish(area: Area) -> None:
    if os.stat(area.live).st_ino == _journal(area)["stage"]:
        _files.sync_tree(area.live, area.stage)
        _files.exchange(area.stage, area.live)
    area.remove()


def _abandon(area: Area) -> None:
    with contextlib.suppress(OSError):
        _go_back(area)
    with contextlib.suppress(OSError):
        area.remove()


def _heal(area: Area, steps: Steps) -> t.Tuple[t.Tuple[str, ...], t.Optional[PostmasterError]]:
    """Mend what a run that died has left; returns what that was, and why the old configuration is not effective."""
    unfinished, trouble = area.unfinished(), None
    if os.path.exists(area.swap):
        activation = Activation(_journal(area)["activation"], ("healing",))
        _go_back(area)
        try:
            if activation.kind != NOTHING:
                steps.activate(activation)
        except PostmasterError as problem:
            # The change that follows activates again: what cannot be activated now must not stand in the way of its mending.
            trouble = problem
        area.remove()
    elif os.path.exists(area.settle):
        _finish(area)
    elif unfinished:
        area.remove()
    return unfinished, trouble


def _verb(change: FileChange) -> str:
    if change.before is None:
        return "create"
    return "remove" if change.after is None else "edit"


__all__ = ("Area", "FileChange", "Outcome", "Plan", "Steps", "difference", "locked", "transact")
