# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The daemon of a sendmail instance: see whether it runs, say what makes a change effective, and make it so. Twin of C(_postfix.daemon).

Private to the collection: it can change at any time.
"""

import os
import signal
import socket
import time
import typing as t

from .. import _proc
from .._errors import PostmasterError
from .._model.host import NOTHING, RELOAD, RESTART, Activation, Host, Instance, Rendering, Running
from .._runner import Runner
from . import cf, processes, units
from .discover import _cf, _content, pid_file, service_of

WAIT_SECONDS = 30.0


def activation(host: Host, current: t.Callable[[str], t.Optional[bytes]], rendering: Rendering) -> Activation:
    """What makes the files of a rendering effective: tables are read live, listeners need a restart, the rest a reload."""
    changed = [name for name, file in sorted(rendering.files.items()) if current(name) != file.content]
    if "sendmail.cf" in changed:
        restart = _restart_reasons(_cf(current("sendmail.cf")), _cf(rendering.files["sendmail.cf"].content))
        if restart:
            return Activation(RESTART, restart)
    for name in ("sendmail.conf", units.ENVIRONMENT):
        if name in changed:
            return Activation(RESTART, (f"{name} (how the daemon is started)",))
    reload_ = tuple(name for name in changed if name in RELOADED)
    return Activation(RELOAD, reload_) if reload_ else Activation(NOTHING)


#: Files that a running daemon does not look at again; everything else we write is a table or a source.
RELOADED = ("sendmail.cf", "local-host-names", "relay-domains", "helpfile.postmaster")
_RESTARTING = ("DaemonPortOptions", "RunAsUser", "PidFile", "QueueDirectory", "ControlSocketName")


def _restart_reasons(before: cf.Cf, after: cf.Cf) -> t.Tuple[str, ...]:
    return tuple(name for name in _RESTARTING if sorted(before.values(name)) != sorted(after.values(name)))


def activate(host: Host, wanted: Activation) -> None:
    """Do it, and wait until the daemon answers again. A daemon that was stopped stays so.

    On SIGHUP sendmail starts itself anew: another process, the ports closed for a moment, sessions that are open kept.

    :raises CommandError: when the service manager refuses.
    :raises PostmasterError: when the daemon does not come back within WAIT_SECONDS.
    """
    before = running(host)
    if wanted.kind == NOTHING or (before.pid is None and not should_run(host)):
        return
    generation = _generation(before)
    if wanted.kind == RELOAD and before.pid is not None and _starts_itself_anew(host, before.pid):
        os.kill(before.pid, signal.SIGHUP)
    else:
        if before.pid is not None and not _starts_itself_anew(host, before.pid):
            processes.end_all(host.instance.queue_directories[0], WAIT_SECONDS)
        host.runner.run(service_command(host.runner, service_of(host.instance), "restart"), timeout=150)
    await_daemon(host, generation)


def _starts_itself_anew(host: Host, pid: int) -> bool:
    """On SIGHUP, and so that the service goes on with it. Of one that was started by hand nobody knows with which words."""
    return host.instance.primary or is_of_service(host.instance, pid)


def is_of_service(instance: Instance, pid: int) -> bool:
    """Whether a process was started by the instance's own unit."""
    return _proc.service_unit(pid) == f"{service_of(instance)}.service"


def should_run(host: Host) -> bool:
    """Return whether a daemon runs, or its service was started and it died, or a start of it failed."""
    if running(host).pid is not None:
        return True
    if not systemd(host.runner):
        return False
    state = host.runner.run(["systemctl", "is-active", service_of(host.instance)], check=False)
    return state.out.strip() in ("active", "activating", "failed", "reloading")


def start(host: Host) -> None:
    """Start an instance that is down, and wait until it answers.

    :raises PostmasterError: it does not come up.
    """
    if systemd(host.runner):
        # A unit that failed too often is not started again before it is told to forget that.
        host.runner.run(["systemctl", "reset-failed", service_of(host.instance)], check=False)
    processes.end_all(host.instance.queue_directories[0], WAIT_SECONDS)
    host.runner.run(service_command(host.runner, service_of(host.instance), "restart"), timeout=150)
    await_daemon(host)


def systemd(runner: Runner) -> bool:
    """Whether systemd is the service manager here."""
    return os.path.isdir("/run/systemd/system") and runner.which("systemctl") is not None


def service_command(runner: Runner, service: str, verb: str) -> t.List[str]:
    """How this host's service manager is asked: systemd where it runs, else the init script."""
    if systemd(runner):
        return ["systemctl", verb, service]
    return [f"/etc/init.d/{service}", verb]


Generation = t.Tuple[t.Optional[int], t.Optional[int], t.FrozenSet[str]]


def _generation(now: Running) -> Generation:
    """What tells a daemon from the one that it was before it started itself anew: in the foreground it stays the same process."""
    own = _proc.socket_inodes(now.pid) if now.pid is not None else set()
    return now.pid, now.started, frozenset(entry.inode for entry in _proc.listeners() if entry.inode in own)


def await_daemon(host: Host, before: Generation = (None, None, frozenset())) -> None:
    """On SIGHUP sendmail starts itself anew, usually as another process; it is ready when that one has its ports open.

    :raises PostmasterError: it does not within WAIT_SECONDS.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        now = running(host)
        fresh = now.pid is not None and _generation(now) != before
        if fresh and now.listening and all(_greets(*where) for where in now.listening[:1]):
            return
        time.sleep(0.1)
    raise PostmasterError(f"{host.instance.name} did not come back within {WAIT_SECONDS:.0f} seconds")


def _greets(address: str, port: int) -> bool:
    where = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)
    try:
        with socket.create_connection((where, port), timeout=WAIT_SECONDS) as connection:
            return bool(connection.recv(3))
    except OSError:
        return False


def running(host: Host) -> Running:
    """The daemon by its pid file and /proc; the pid file has two lines, and the pid in it may be stale."""
    pid = _pid(host)
    if pid is None:
        return Running(None, None)
    return Running(pid, _proc.started(pid), _proc.listening(pid))


def _pid(host: Host) -> t.Optional[int]:
    instance = host.instance
    first = (_content(pid_file(instance.config_directory)) or b"").split(b"\n")[0].strip()
    pid = int(first) if first.isdigit() else None
    if not instance.primary:
        return _daemon_among(processes.working_in(instance.queue_directories[0]), pid)
    if pid is None:
        return None
    return pid if _proc.command(pid).startswith("sendmail") else None


def _daemon_among(pids: t.Sequence[int], named: t.Optional[int]) -> t.Optional[int]:
    """The daemon among the processes of an instance: the one that the pid file names, else the one that listens."""
    if named in pids:
        return named
    return next((pid for pid in pids if _proc.listening(pid)), None)
