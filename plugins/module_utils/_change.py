# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one way through: plan, lock, stage, validate, swap, activate, verify, record; and back, when something fails.

A change replaces one directory, the configuration directory of an instance. It is prepared in a hard-linked copy
beside it and the two change places in one step, so at every moment the live path holds the complete old or the
complete new configuration. Once the new one is verified, the original directory is brought to the same content and
takes its place again, so that its inode, and a shell that stands in it, survive.

What was under way when the process died is told by the name of one file beside the directory::

    /etc/.postfix.postmaster         the stage: first the candidate, after the swap the old configuration
    /etc/.postfix.postmaster.old     where directories cannot change places: the old configuration
    /etc/.postfix.postmaster.swap    the swap may have happened, nothing is verified yet: go back
    /etc/.postfix.postmaster.settle  the new configuration is verified: go on
    /etc/.postfix.postmaster.down    the old configuration is back, and the daemon did not start with it: start it

Where the directory is a mount point of its own, these names lie inside it and begin with C(.postmaster) instead. The next run reads
them and restores or finishes the change, before it does anything else. What each change replaced stands in the account (C(_account)).

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
from ._account import generations
from ._account.generations import Author
from ._errors import Busy, Down, PostmasterError, Refused, RolledBack
from ._model.host import NOTHING, RELOAD, Activation, Files, is_compiled

LOCK_DIRECTORY = "/run/postmaster-mta"
#: What is between the name of a stage and the number of the process whose check mode has it.
_SCRATCH = ".check-"
_SHIELDED = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGPIPE)


class Mark(t.NamedTuple):
    """What tells a file from the same file written again, where its content is too much to hold."""

    size: int
    time: int
    inode: int


def mark_of(path: str) -> t.Optional[Mark]:
    """Return the mark of a file, None where there is none."""
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return Mark(status.st_size, status.st_mtime_ns, status.st_ino)


class FileChange(t.NamedTuple):
    """One file that becomes another; I(before) None creates it, I(after) None removes it."""

    name: str
    before: t.Union[bytes, Mark, None]
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


class Daemon(t.NamedTuple):
    """The daemon whose configuration is changed.

    :param meant: whether it runs, or should: it died, or a start of it failed.
    :param start: starts it, and waits until it answers; raises PostmasterError.
    :param log: the reason that its own log gives since a time in seconds; empty where it gives none.
    :param watches: whether it refuses a table whose inode or number of names changes while it is opened. Then the stage is a copy,
        nothing changes places, and compiled tables are written over where they lie.
    """

    running: t.Callable[[], bool]
    meant: t.Callable[[], bool]
    start: t.Callable[[], None]
    log: t.Callable[[float], str]
    watches: bool = False


class Steps(t.NamedTuple):
    """What a module feeds into the transaction.

    :param plan: observes the host and says what is to be done; changes nothing; called again under the lock.
    :param build: compiles the named tables in the stage.
    :param check: findings about the candidate in the stage; an empty tuple lets it pass.
    :param activate: makes the live configuration effective.
    :param verify: findings about the running MTA; an empty tuple is success.
    :param author: who changes it, for the account; without one nothing is recorded.
    :param daemon: what runs with this configuration; without it nobody looks whether it does.
    """

    plan: t.Callable[[], Plan]
    build: t.Callable[[str, t.Sequence[str]], None]
    check: t.Callable[[str], t.Sequence[str]]
    activate: t.Callable[[Activation], None]
    verify: t.Callable[[], t.Sequence[str]]
    author: t.Optional[Author] = None
    daemon: t.Optional[Daemon] = None


class Outcome(t.NamedTuple):
    """What a transaction did, or in check mode would do."""

    plan: Plan
    healed: t.Tuple[str, ...] = ()
    warnings: t.Tuple[str, ...] = ()
    generation: t.Optional[int] = None

    def facts(self) -> t.Dict[str, t.Any]:
        """Return what every module that changes something answers."""
        activation = self.plan.activation
        return {
            "changed": self.plan.changed or bool(self.healed),
            "actions": list(self.healed) + self.plan.actions(),
            "activation": {"kind": activation.kind, "because": list(activation.because)},
            "generation": self.generation,
        }


def difference(directory: str, files: Files) -> t.Tuple[FileChange, ...]:
    """Return the files whose content is not the expected one, in the order of their names."""
    changes = []
    for name in sorted(files):
        wanted, present = files[name], _files.read(os.path.join(directory, name))
        if wanted.content != present:
            changes.append(FileChange(name, present, wanted.content, wanted.mode, wanted.secret))
    return tuple(changes)


def transact(
    steps: Steps, directory: str, check_mode: bool = False, lock_timeout: float = 60, trial: bool = True
) -> Outcome:
    """Take one change all the way, or leave the host as it was.

    In check mode the way ends before the swap: the candidate is staged in a scratch directory and checked as in a run, so that what the
    run refuses is refused with the same sentence.

    :param lock_timeout: seconds to wait for another writer.
    :param trial: whether check mode stages and checks; without it it only says what would be done.
    :raises Refused: the candidate is not good; nothing was touched.
    :raises RolledBack: it went live, failed, and was rolled back.
    :raises Down: an earlier run left the relay down, and it does not start.
    :raises Busy: another writer did not end in time, or wrote into the directory meanwhile.
    """
    directory = os.path.realpath(directory)
    area = Area(directory)
    try:
        plan = _sound_plan(steps, directory)
        if not check_mode and (plan.changed or area.unfinished()):
            with _shielded(), locked(directory, lock_timeout):
                return _commit(area, steps)
        if trial and plan.changed and not area.rolls_back():
            _try_out(area, plan, steps)
        return Outcome(plan, area.unfinished())
    except OSError as problem:
        raise PostmasterError(_files.sentence(problem, directory))


def _sound_plan(steps: Steps, directory: str) -> Plan:
    """Return what is to be done, on files that are whole and none of which is a link.

    :raises PostmasterError: where a file is lost, the way out is said, and not how it cannot be read.
    """
    try:
        plan = steps.plan()
    except (PostmasterError, OSError):
        _refuse_damaged(steps, directory)
        raise
    _refuse_links(plan)
    if plan.files:
        _refuse_damaged(steps, directory, [change.name for change in plan.files])
    return plan


def _refuse_links(plan: Plan) -> None:
    """Refuse to replace a symbolic link by a file: what it points to would go stale without a word.

    :raises Refused: naming the link and where it points.
    """
    names = [change.name for change in plan.files] + list(plan.compile)
    paths = [os.path.join(plan.directory, name) for name in dict.fromkeys(names)]
    links = [path for path in paths if os.path.islink(path)]
    if links:
        why = "change that file, or put it in the place of the link, and run again"
        raise Refused([f"{path}: a symbolic link to {os.path.realpath(path)}; {why}" for path in links])


def _refuse_damaged(steps: Steps, directory: str, names: t.Optional[t.Sequence[str]] = None) -> None:
    """Refuse to edit what is left of a configuration file; a way back may.

    :raises Refused: naming the file and the way out.
    """
    if steps.author and "state" not in steps.author.more:
        from ._account import damage

        damage.refuse_damaged(directory, names)


def _try_out(area: "Area", plan: Plan, steps: Steps) -> None:
    """Stage a change in a scratch directory and check it there.

    :raises Refused: as the run would.
    """
    from . import _scratch

    place = Area(area.live)
    place.stage = area.scratch()
    area.sweep()
    with _scratch.guarded(place.stage):
        try:
            change = _Change(place, plan, steps)
            # The live files are not touched: not even by a second name.
            change.watched = True
            findings = change.trial()
            if findings:
                raise Refused(findings)
        finally:
            with contextlib.suppress(OSError):
                _files.remove(place.stage)


class Area:
    """The names beside the live directory, and what can be read from them."""

    def __init__(self, live: str) -> None:
        self.live = live
        beside = os.path.join(os.path.dirname(live), f".{os.path.basename(live)}.postmaster")
        # What lies beside a mount point is on another file system, and cannot be moved into it.
        self.stage = os.path.join(live, f"{_files.PRIVATE}.stage") if _files.is_mount(live) else beside
        self.swap = f"{self.stage}.swap"
        self.settle = f"{self.stage}.settle"
        self.down = f"{self.stage}.down"
        self.old = f"{self.stage}.old"
        self.old_partial = f"{self.stage}.old-partial"
        self.journal_partial = _files.temporary(self.swap)
        #: A file on its way into what is kept; not in there, where a run that dies would leave it to go live again.
        self.copy = f"{self.stage}.copy"

    def rolls_back(self) -> bool:
        """Return whether the next run puts other files in the place of the live ones before it plans."""
        return os.path.exists(self.swap)

    def unfinished(self) -> t.Tuple[str, ...]:
        """Return what a run that died has left to do, in words."""
        if self.rolls_back():
            return ("roll back a change that was never verified",)
        if os.path.exists(self.settle):
            return ("finish a change that was verified",)
        if os.path.exists(self.down):
            return ("make the old configuration effective, which an earlier run could not do",)
        if generations.prepared(self.live):
            return ("finish the record of an earlier change",)
        litter = [path for path in self._copies() if os.path.lexists(path)]
        return ("remove a candidate that never went live",) if litter else ()

    def remove(self) -> None:
        """Remove everything. The journal goes first: a copy that is half removed must never be gone back to."""
        for path in (self.swap, self.settle):
            _files.remove(path)
        self.fsync()
        for path in self._copies():
            _files.remove(path)

    def scratch(self) -> str:
        """Return the name of a stage for check mode; each run has its own."""
        return f"{self.stage}{_SCRATCH}{os.getpid()}"

    def sweep(self) -> None:
        """Remove what a check mode that died has left."""
        parent, beginning = os.path.split(f"{self.stage}{_SCRATCH}")
        for name in os.listdir(parent):
            if name.startswith(beginning) and not os.path.exists(f"/proc/{name[len(beginning) :]}"):
                _files.remove(os.path.join(parent, name))

    def fsync(self) -> None:
        """Make the names of the journal durable."""
        _files.fsync_directory(os.path.dirname(self.stage))

    def _copies(self) -> t.Tuple[str, ...]:
        return self.stage, self.old, self.old_partial, self.journal_partial, self.copy


@contextlib.contextmanager
def locked(directory: str, timeout: float) -> t.Iterator[None]:
    """Be the only writer of a directory; the lock ends with the process, however it ends (flock(2)).

    :raises Busy: after I(timeout) seconds.
    """
    descriptor = _lock_file(directory.strip("/").replace("/", "-") + ".lock")
    try:
        _wait_for(descriptor, directory, time.monotonic() + timeout)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        os.close(descriptor)


def _lock_file(name: str) -> int:
    """Open a lock in our own directory; a link in its place would choose where we write."""
    try:
        os.makedirs(LOCK_DIRECTORY, mode=0o700, exist_ok=True)
        place = os.open(LOCK_DIRECTORY, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except (FileExistsError, NotADirectoryError) as error:
        raise PostmasterError(f"{LOCK_DIRECTORY}: expected a directory, and no link: {error.strerror}")
    try:
        return os.open(name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600, dir_fd=place)
    finally:
        os.close(place)


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


class _Change:
    """One change under the lock, from its stage to its record."""

    def __init__(self, area: Area, plan: Plan, steps: Steps) -> None:
        self.area = area
        self.plan = plan
        self.steps = steps
        self.began = time.time()
        self.entry: t.Optional[generations.Entry] = None
        #: Whether the daemon ran before, or should have.
        self.meant = False
        self.warnings: t.Tuple[str, ...] = ()
        self.watched = steps.daemon is not None and steps.daemon.watches
        #: The stage before anything was written into it.
        self.staged: _files.Fingerprint = {}

    @property
    def generation(self) -> t.Optional[int]:
        """The number of its record."""
        return self.entry.record["number"] if self.entry else None

    def trial(self) -> t.Sequence[str]:
        """Return what is wrong with the candidate; nothing goes live."""
        self._stage()
        return self.steps.check(self.area.stage)

    def apply(self) -> None:
        """Take it live, or leave everything as it was."""
        try:
            observed = self._stage()
            findings = self.steps.check(self.area.stage)
            if findings:
                raise Refused(findings)
            self._record()
            self._swap(observed)
        except BaseException:
            self._abandon()
            raise
        findings = self._findings()
        if findings:
            raise self._roll_back(findings)
        self._settle()

    def _stage(self) -> _files.Fingerprint:
        live, stage = self.area.live, self.area.stage
        if self.watched:
            _files.copy_tree(live, stage)
        else:
            _files.link_tree(live, stage)
        observed = _files.fingerprint(live)
        self.staged = _files.fingerprint(stage)
        for change in self.plan.files:
            read = mark_of if isinstance(change.before, Mark) else _files.read
            if read(os.path.join(live, change.name)) != change.before:
                raise Busy(f"{live}/{change.name}: somebody else wrote it while the change was planned; run again")
            path = os.path.join(stage, change.name)
            if change.after is None:
                _files.remove(path)
            else:
                _files.write_new(path, change.after, change.mode, like=os.path.join(live, change.name))
        self.steps.build(stage, self.plan.compile)
        if self.watched:
            self._make_later()
        _files.fsync_directory(stage)
        return observed

    def _make_later(self) -> None:
        """Let a reader that has a table open know that it is another one."""
        for name in _files.different(self.staged, _files.fingerprint(self.area.stage)):
            path = os.path.join(self.area.stage, name)
            if is_compiled(name) and os.path.exists(path):
                _files.make_later(path, os.path.join(self.area.live, name))

    def _record(self) -> None:
        """Write down what is about to be replaced; who only compiles a table anew replaces nothing."""
        if self.steps.author is None:
            return
        names = _files.different(self.staged, _files.fingerprint(self.area.stage))
        sources = [name for name in names if not generations.is_compiled(self.area.live, self.area.stage, name)]
        if sources:
            activation = (self.plan.activation.kind, self.plan.activation.because)
            self.entry = generations.prepare(self.area.live, self.area.stage, sources, activation, self.steps.author)
            if self.steps.author.arm:
                self.steps.author.arm(self.entry.record["number"], self.area.stage)

    def _swap(self, observed: _files.Fingerprint) -> None:
        area = self.area
        if _files.fingerprint(area.live) != observed:
            raise Busy(f"{area.live}: somebody else wrote into it while the change was prepared; run again")
        daemon, kind = self.steps.daemon, self.plan.activation.kind
        if daemon and kind != NOTHING:
            self.meant = os.path.exists(area.down) or daemon.meant()
        _write_journal(area, kind, self.meant, self.watched)
        _go_live(area)
        if not os.path.exists(area.old) and _files.fingerprint(area.stage) != observed:
            _go_back(area)
            raise Busy(f"{area.live}: somebody else wrote into it at the moment of the change; run again")

    def _disarm(self) -> None:
        author = self.steps.author
        if self.entry and author and author.disarm:
            author.disarm(self.entry.record["number"])

    def _abandon(self) -> None:
        with contextlib.suppress(OSError, PostmasterError):
            self._disarm()
        with contextlib.suppress(OSError):
            _go_back(self.area)
        with contextlib.suppress(OSError):
            if self.entry:
                self.entry.drop()
        with contextlib.suppress(OSError):
            self.area.remove()

    def _findings(self) -> t.Sequence[str]:
        try:
            if self.plan.activation.kind != NOTHING:
                self._activate()
            elif not self.watched:
                _let_go(self.area)
        except (PostmasterError, OSError) as problem:
            return [str(problem)] + self._log()
        if self.entry and not generations.agrees(self.area.live, self.entry.record):
            return (
                f"{self.area.live}: rewritten while the change was activated: whatever starts the daemon generates its "
                "configuration (on SUSE MAIL_CREATE_CONFIG in /etc/sysconfig/mail); switch that off",
            )
        try:
            return self.steps.verify()
        except (PostmasterError, OSError) as problem:
            return (str(problem),)

    def _activate(self) -> None:
        self.steps.activate(self.plan.activation)
        _keep_running(self.steps.daemon, self.meant)
        if self.steps.daemon and not self.meant:
            self.warnings = (f"{self.area.live}: the relay was not running before, and it was not started",)

    def _log(self) -> t.List[str]:
        said = self.steps.daemon.log(self.began) if self.steps.daemon else ""
        return [f"its own log says: {said}"] if said else []

    def _roll_back(self, findings: t.Sequence[str]) -> RolledBack:
        """Restore the files and what ran before; return the error that says how that went."""
        try:
            _go_back(self.area)
        except (PostmasterError, OSError) as problem:
            where = self.area.old if os.path.exists(self.area.old) else self.area.stage
            left = f"the old files lie in {where} ({problem})"
            return RolledBack(findings, False, f"AND THE OLD CONFIGURATION COULD NOT BE RESTORED: {left}{self._up()}")
        trouble: t.Optional[str] = None
        try:
            if self.plan.activation.kind != NOTHING:
                self.steps.activate(self.plan.activation)
                _keep_running(self.steps.daemon, self.meant)
        except (PostmasterError, OSError) as problem:
            trouble = str(problem)
        with contextlib.suppress(OSError, PostmasterError):
            self._disarm()
        with contextlib.suppress(OSError):
            if self.entry:
                self.entry.rolled_back("; ".join(findings))
        return self._fate(findings, trouble)

    def _fate(self, findings: t.Sequence[str], trouble: t.Optional[str]) -> RolledBack:
        if trouble is None:
            try:
                self.area.remove()
            except OSError as problem:
                return RolledBack(findings, False, f"the old files are back, {problem}{self._up()}")
            return RolledBack(findings, True)
        _leave_down(self.area)
        if self.steps.daemon and self.meant and not self.steps.daemon.running():
            return RolledBack(findings, False, _down(self.area.live, [trouble] + self._log()))
        return RolledBack(
            findings, False, f"the old files are back, but nobody could be told so: {trouble}{self._up()}"
        )

    def _up(self) -> str:
        if self.steps.daemon is None:
            return ""
        return "; the relay is up" if self.steps.daemon.running() else "; THE RELAY IS DOWN"

    def _settle(self) -> None:
        area = self.area
        os.rename(area.swap, area.settle)
        # Verified and live: a full disk must not turn that into a failure; the next run tidies up.
        with contextlib.suppress(OSError):
            if self.entry:
                self.entry.live()
            if self.plan.activation.kind != NOTHING:
                _files.remove(area.down)
            _finish(area)
            if self.entry:
                generations.prune(area.live, (self.entry.record["states"] or [0])[0])


def _keep_running(daemon: t.Optional[Daemon], meant: bool) -> None:
    """Start what should run and does not.

    :raises PostmasterError: it does not start.
    """
    if daemon and meant and not daemon.running():
        daemon.start()


def _down(directory: str, reasons: t.Sequence[str]) -> str:
    return f"THE RELAY IS DOWN: the files of {directory} are the old ones, and it does not start with them: {'; '.join(reasons)}"


def _write_journal(area: Area, kind: str, meant: bool, watched: bool) -> None:
    known = {"stage": os.stat(area.stage).st_ino, "activation": kind, "meant": meant, "watched": watched}
    _files.write_new(area.swap, json.dumps(known).encode(), 0o600)
    area.fsync()


def _journal(area: Area) -> t.Mapping[str, t.Any]:
    content = _files.read(area.swap) or _files.read(area.settle) or _files.read(area.down) or b"{}"
    usual = {"stage": 0, "activation": RELOAD, "meant": False, "watched": False}
    return dict(usual, **json.loads(content.decode()))


def _go_live(area: Area) -> None:
    if _journal(area)["watched"]:
        _files.copy_tree(area.live, area.old_partial)
        os.rename(area.old_partial, area.old)
        _files.put_tree(area.stage, area.live, is_compiled)
        return
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
        if _journal(area)["watched"]:
            _files.put_tree(area.old, area.live, is_compiled)
        else:
            _files.sync_tree(area.old, area.live)
    elif os.stat(area.live).st_ino == _journal(area)["stage"]:
        _files.exchange(area.stage, area.live)


def _let_go(area: Area) -> None:
    """Remove the names of the replaced files. Copies of them stay for the way back.

    Nobody tells a daemon that a table is new: Postfix looks whether the file it has open is still there (dict_changed_name()
    in its source), and the old one would be, in the directory that is kept.
    """
    kept = area.old if os.path.exists(area.old) else area.stage
    for name in _files.replaced(kept, area.live):
        _files.renew(os.path.join(kept, name), area.copy)


def _leave_down(area: Area) -> None:
    """Keep a mark that the daemon has not taken the old files: the next run, of whichever module, goes on here."""
    with contextlib.suppress(OSError):
        os.rename(area.swap, area.down)
        area.remove()


def _finish(area: Area) -> None:
    if os.stat(area.live).st_ino == _journal(area)["stage"]:
        _files.sync_tree(area.live, area.stage)
        _files.exchange(area.stage, area.live)
    area.remove()


def _commit(area: Area, steps: Steps) -> Outcome:
    """Recover what an earlier run left, and make the change, under the lock."""
    area.sweep()
    interrupted, trouble = _restore_interrupted(area, steps)
    # Observed again: what another writer did while we waited counts.
    plan = steps.plan()
    if not plan.changed:
        if trouble:
            raise trouble
        return Outcome(plan, interrupted)
    change = _Change(area, plan, steps)
    change.apply()
    if trouble and os.path.exists(area.down):
        raise trouble
    return Outcome(plan, interrupted, change.warnings, change.generation)


def _restore_interrupted(area: Area, steps: Steps) -> t.Tuple[t.Tuple[str, ...], t.Optional[PostmasterError]]:
    """Restore or finish what a run that died has left; return what that was, and why the old configuration is not effective."""
    unfinished = area.unfinished()
    trouble: t.Optional[PostmasterError] = None
    if not unfinished:
        return unfinished, trouble
    from ._account import recovery

    if area.rolls_back():
        _go_back(area)
        recovery.repair(area.live, "the run was killed before the change was verified")
        trouble = _make_effective(area, steps)
        if trouble:
            _leave_down(area)
        else:
            area.remove()
    elif os.path.exists(area.settle):
        recovery.repair(area.live)
        _finish(area)
    else:
        trouble = _make_effective(area, steps) if os.path.exists(area.down) else None
        recovery.repair(area.live)
        area.remove()
        if not trouble:
            _files.remove(area.down)
    return unfinished, trouble


def _make_effective(area: Area, steps: Steps) -> t.Optional[PostmasterError]:
    """Let the daemon run with the files that are back; return why it does not.

    The change that follows activates again: what cannot be activated now must not stand in the way of its own repair.
    """
    journal, began = _journal(area), time.time()
    try:
        if journal["activation"] != NOTHING:
            steps.activate(Activation(journal["activation"], ("an interrupted change",)))
        _keep_running(steps.daemon, journal["meant"])
    except PostmasterError as problem:
        if not steps.daemon or steps.daemon.running():
            return problem
        said = steps.daemon.log(began)
        return Down(_down(area.live, [str(problem)] + ([f"its own log says: {said}"] if said else [])))
    return None


def _verb(change: FileChange) -> str:
    if change.before is None:
        return "create"
    return "remove" if change.after is None else "edit"


__all__ = (
    "Area",
    "Author",
    "Daemon",
    "FileChange",
    "Mark",
    "Outcome",
    "Plan",
    "Steps",
    "difference",
    "locked",
    "mark_of",
    "transact",
)
