# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put the kit on a host, renew it, and remove it without a trace: one archive, its settings, timers.

Private to the collection: it can change at any time.
"""

import contextlib
import glob
import os
import shutil
import stat
import sys
import typing as t

from .. import _files
from .._errors import OptionError, PostmasterError
from .._runner import Runner
from . import places
from .schedule import Schedule, cron_fields, timer_lines

_SERVICE = """\
{mark}
[Unit]
Description=postmaster.mta: {title}
After=network-online.target nss-lookup.target postfix.service sendmail.service

[Service]
Type=oneshot
ExecStart={command}
Nice=5
TimeoutStartSec=30min
"""
_TIMER = """\
{mark}
[Unit]
Description=postmaster.mta: {title}

[Timer]
{lines}

[Install]
WantedBy=timers.target
"""


class Job(t.NamedTuple):
    """Something that runs again and again.

    :param name: the end of the names of its units.
    :param option: the option of the module that says when, for messages.
    :param arguments: for the archive.
    """

    name: str
    title: str
    option: str
    arguments: t.Tuple[str, ...]
    schedule: Schedule


class FileChange(t.NamedTuple):
    """A file that is to be another one; None is no file."""

    path: str
    before: t.Optional[bytes]
    after: t.Optional[bytes]
    mode: int


class Plan(t.NamedTuple):
    """What is to be done.

    :param started: timers that are to be started, with what they have changed.
    :param stopped: timers that go.
    :param directories: directories that go at the end.
    """

    files: t.Tuple[FileChange, ...]
    started: t.Tuple[str, ...]
    stopped: t.Tuple[str, ...]
    directories: t.Tuple[str, ...]

    @property
    def changed(self) -> bool:
        """Return whether anything is to be done."""
        return any(self)

    def actions(self) -> t.List[str]:
        """Return what is to be done, in order, one line each."""
        return (
            [f"stop {name}" for name in self.stopped]
            + [f"{_verb(change)} {change.path}" for change in self.files]
            + [f"start {name}" for name in self.started]
            + [f"remove {path}" for path in self.directories]
        )


def _verb(change: FileChange) -> str:
    if change.before is None:
        return "create"
    return "remove" if change.after is None else "replace"


def has_systemd(runner: Runner) -> bool:
    """Return whether systemd runs this host."""
    return os.path.isdir("/run/systemd/system") and runner.which("systemctl") is not None


def plan(
    runner: Runner, jobs: t.Sequence[Job], settings: bytes, archive: bytes, leftovers: t.Sequence[str] = ()
) -> Plan:
    """Return what is to be done so that these jobs run, and no others.

    :param settings: the content of the kit's file, and I(archive) that of what runs.
    :param leftovers: files that a part has written which is no more.

    :raises OptionError: a schedule that this host cannot keep.
    """
    wanted = {places.archive(): (archive, 0o644), places.settings(): (settings, 0o600)}
    systemd = has_systemd(runner)
    if systemd:
        wanted.update({path: (text, 0o644) for job in jobs for path, text in _units(job)})
    elif jobs:
        _insist_on_cron(jobs[0])
        wanted[places.CRON] = (_crontab(jobs), 0o644)
    files = _differences(wanted, _present() + _stale_states({job.name for job in jobs}) + _existing(leftovers))
    timers = [f"{places.PREFIX}{job.name}.timer" for job in jobs] if systemd else []
    touched = {os.path.basename(change.path) for change in files}
    started = [name for name in timers if name in touched or not _runs(runner, name)]
    return Plan(files, tuple(started), _timers_without(timers), ())


def removal(leftovers: t.Sequence[str] = ()) -> Plan:
    """Return what is to be done so that nothing of the kit is left.

    :param leftovers: files that its parts have written.
    """
    directories = (places.ROOT,) if os.path.isdir(places.ROOT) else ()
    return Plan(_differences({}, _present() + _existing(leftovers)), (), _timers_without(()), directories)


def _insist_on_cron(job: Job) -> None:
    directory = os.path.dirname(places.CRON)
    if not os.path.isdir(directory):
        raise OptionError(job.option, job.name, f"neither systemd nor cron ({directory}) runs jobs on this host")


def _differences(wanted: t.Mapping[str, t.Tuple[bytes, int]], present: t.Iterable[str]) -> t.Tuple[FileChange, ...]:
    """Return the files that are not as they shall be, and those that are there and shall not be."""
    changes = []
    for path, (content, mode) in sorted(wanted.items()):
        before = _files.read(path)
        if before != content or stat.S_IMODE(os.stat(path).st_mode) != mode:
            changes.append(FileChange(path, before, content, mode))
    for path in sorted(set(present) - set(wanted)):
        changes.append(FileChange(path, _files.read(path), None, 0))
    return tuple(changes)


def _present() -> t.List[str]:
    """Return the files of ours outside the kit's directory."""
    paths = glob.glob(os.path.join(glob.escape(places.UNITS), places.PREFIX + "*"))
    return [path for path in paths if path.endswith((".service", ".timer"))] + _existing([places.CRON])


def _existing(paths: t.Iterable[str]) -> t.List[str]:
    return [path for path in paths if os.path.exists(path)]


def _stale_states(names: t.Container[str]) -> t.List[str]:
    """Return what jobs remember that there are no more."""
    paths = glob.glob(os.path.join(glob.escape(places.ROOT), "state", "*"))
    return [path for path in paths if os.path.splitext(os.path.basename(path))[0] not in names]


def _timers_without(timers: t.Container[str]) -> t.Tuple[str, ...]:
    names = [os.path.basename(path) for path in _present()]
    return tuple(sorted(name for name in names if _is_timer(name) and name not in timers))


def _is_timer(name: str) -> bool:
    return name.startswith(places.PREFIX) and name.endswith(".timer")


def _units(job: Job) -> t.Iterator[t.Tuple[str, bytes]]:
    words = {
        "mark": places.MARK,
        "title": job.title,
        "command": _command(job),
        "lines": "\n".join(timer_lines(job.schedule)),
    }
    for ending, text in (("service", _SERVICE), ("timer", _TIMER)):
        path = os.path.join(places.UNITS, f"{places.PREFIX}{job.name}.{ending}")
        yield path, text.format(**words).encode("utf-8")


def _command(job: Job) -> str:
    return " ".join((sys.executable, "-I", places.archive(), *job.arguments))


def _crontab(jobs: t.Sequence[Job]) -> bytes:
    lines = [places.MARK, "SHELL=/bin/sh", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
    lines += [f"{cron_fields(job.option, job.schedule)} root {_command(job)}" for job in jobs]
    return ("\n".join(lines) + "\n").encode("utf-8")


def _runs(runner: Runner, timer: str) -> bool:
    """Return whether a timer runs, and will after a restart of the host."""
    return all(runner.run(["systemctl", word, timer], check=False).rc == 0 for word in ("is-active", "is-enabled"))


# --- doing it -------------------------------------------------------------------------------------------------------


def apply(runner: Runner, todo: Plan) -> None:
    """Do what is planned; where a step fails, the host is as it was before.

    :raises PostmasterError: naming the step.
    """
    systemd = has_systemd(runner)
    stopped = [name for name in todo.stopped if systemd]
    try:
        if stopped:
            runner.run(["systemctl", "disable", "--now", *stopped])
        _write(todo.files)
        _start(runner, todo.started)
    except (OSError, PostmasterError):
        _restore(runner, todo, stopped, systemd)
        raise
    if stopped and not todo.started:
        runner.run(["systemctl", "daemon-reload"])
    for path in _leftover_stamps(todo.stopped):
        _files.remove(path)
    for path in todo.directories:
        shutil.rmtree(path)


def _write(files: t.Iterable[FileChange]) -> None:
    for change in files:
        if change.after is None:
            _files.remove(change.path)
            continue
        os.makedirs(os.path.dirname(change.path), 0o755, exist_ok=True)
        _files.write_new(change.path, change.after, change.mode)


def _start(runner: Runner, timers: t.Sequence[str]) -> None:
    if timers:
        runner.run(["systemctl", "daemon-reload"])
        runner.run(["systemctl", "enable", *timers])
        # A timer that runs does not notice a new schedule by itself.
        runner.run(["systemctl", "restart", *timers])


def _restore(runner: Runner, todo: Plan, stopped: t.Sequence[str], systemd: bool) -> None:
    with contextlib.suppress(OSError):
        for change in todo.files:
            if change.before is None:
                _files.remove(change.path)
            else:
                _files.write_new(change.path, change.before, change.mode or 0o644)
    if systemd:
        runner.run(["systemctl", "daemon-reload"], check=False)
        if stopped:
            runner.run(["systemctl", "enable", "--now", *stopped], check=False)


def _leftover_stamps(timers: t.Iterable[str]) -> t.List[str]:
    paths = (os.path.join(places.STAMPS, f"stamp-{name}") for name in timers)
    return [path for path in paths if os.path.exists(path)]


__all__ = ("FileChange", "Job", "Plan", "apply", "has_systemd", "plan", "removal")
