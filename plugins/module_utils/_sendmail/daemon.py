# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The daemon of a sendmail instance: whether it runs, what makes a change effective, and doing that. Twin of C(_postfix.daemon).

Private to the collection: it can change at any time.
"""

import os
import signal
import socket
import typing as t

from .. import _proc
from .._clock import comes_true
from .._errors import PostmasterError
from .._model.host import NOTHING, RELOAD, RESTART, Activation, Host, Instance, Rendering, Running
from .._runner import Runner
from . import cf, processes, tables, units
from .discover import content, parsed, pid_file, service_of

WAIT_SECONDS = 30.0
_SERVICE_TIMEOUT = 150
#: Files that a running daemon does not read again, beside those of classes; everything else that we write is a table or a source.
RELOADED = ("sendmail.cf", "local-host-names", "relay-domains", "helpfile.postmaster")
_RESTARTING = ("DaemonPortOptions", "RunAsUser", "PidFile", "QueueDirectory", "ControlSocketName")
#: What a daemon writes over its command line while the load, its children or a full disk keep it from listening.
_REFUSES = "rejecting connections on daemon"


class Generation(t.NamedTuple):
    """What tells a daemon from itself before a restart; in the foreground it stays the same process.

    :param sockets: the inodes of its listening sockets.
    """

    pid: t.Optional[int]
    started: t.Optional[int]
    sockets: t.FrozenSet[str]


_NONE = Generation(None, None, frozenset())


# --- what a change needs --------------------------------------------------------------------------------------------


def activation(host: Host, current: t.Callable[[str], t.Optional[bytes]], rendering: Rendering) -> Activation:
    """Return what makes a rendering effective: nothing for tables, a restart for listeners, a reload for the rest."""
    changed = [name for name, file in sorted(rendering.files.items()) if current(name) != file.content]
    restarting = _restarting(current, rendering, changed)
    if restarting:
        return Activation(RESTART, restarting)
    classes = tables.class_uses(parsed(_after(current, rendering)), host.instance.config_directory)
    reloaded = tuple(name for name in changed if name in RELOADED or name in classes)
    return Activation(RELOAD, reloaded) if reloaded else Activation(NOTHING)


def _restarting(
    current: t.Callable[[str], t.Optional[bytes]], rendering: Rendering, changed: t.Sequence[str]
) -> t.Tuple[str, ...]:
    """Return the options that a reload ignores, or the file that says how the daemon is started, where they change."""
    if "sendmail.cf" in changed:
        reasons = _restart_reasons(parsed(current("sendmail.cf")), parsed(rendering.files["sendmail.cf"].content))
        if reasons:
            return reasons
    for name in ("sendmail.conf", units.ENVIRONMENT):
        if name in changed:
            return (f"{name} (how the daemon is started)",)
    return ()


def _after(current: t.Callable[[str], t.Optional[bytes]], rendering: Rendering) -> t.Optional[bytes]:
    """Return the sendmail.cf that will be live."""
    file = rendering.files.get("sendmail.cf")
    return file.content if file else current("sendmail.cf")


def _restart_reasons(before: cf.Cf, after: cf.Cf) -> t.Tuple[str, ...]:
    return tuple(name for name in _RESTARTING if sorted(before.values(name)) != sorted(after.values(name)))


# --- doing it -------------------------------------------------------------------------------------------------------


def activate(host: Host, wanted: Activation) -> None:
    """Reload or restart the daemon, and wait until it answers again. A daemon that was stopped stays stopped.

    On SIGHUP sendmail starts itself anew: another process, the ports closed for a moment, open sessions kept.

    :raises CommandError: the service manager refuses.
    :raises PostmasterError: the daemon does not come back within WAIT_SECONDS.
    """
    if wanted.kind == NOTHING:
        return
    before = running(host)
    if before.pid is None:
        if should_run(host):
            _restart(host)
            await_daemon(host)
        return
    generation = _generation(before)
    keeps_running = _starts_itself_anew(host, before.pid)
    if wanted.kind == RELOAD and keeps_running:
        os.kill(before.pid, signal.SIGHUP)
    else:
        if not keeps_running:
            processes.end_all(host.instance.queue_directories[0], WAIT_SECONDS)
        _restart(host)
    await_daemon(host, generation)


def _starts_itself_anew(host: Host, pid: int) -> bool:
    """Return whether the daemon follows a SIGHUP and its service goes on with it.

    Nobody knows the command line of a daemon that was started manually.
    """
    return host.instance.primary or is_of_service(host.instance, pid)


def is_of_service(instance: Instance, pid: int) -> bool:
    """Return whether a process was started by the instance's own unit."""
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
    _restart(host)
    await_daemon(host)


def _restart(host: Host) -> None:
    host.runner.run(service_command(host.runner, service_of(host.instance), "restart"), timeout=_SERVICE_TIMEOUT)


def systemd(runner: Runner) -> bool:
    """Return whether systemd is the service manager here."""
    return os.path.isdir("/run/systemd/system") and runner.which("systemctl") is not None


def service_command(runner: Runner, service: str, verb: str) -> t.List[str]:
    """Return the command for this host's service manager: systemd where it runs, else the init script."""
    if systemd(runner):
        return ["systemctl", verb, service]
    return [f"/etc/init.d/{service}", verb]


def await_daemon(host: Host, before: Generation = _NONE) -> None:
    """Wait until another daemon than before runs and greets, or refuses connections as its configuration says.

    :raises PostmasterError: it does not within WAIT_SECONDS.
    """

    def is_another() -> bool:
        now = running(host)
        return now.pid is not None and _generation(now) != before and _is_up(now)

    if not comes_true(is_another, WAIT_SECONDS, 0.1):
        raise PostmasterError(f"{host.instance.name} did not come back within {WAIT_SECONDS:.0f} seconds")


def _generation(now: Running) -> Generation:
    own = _proc.socket_inodes(now.pid) if now.pid is not None else set()
    return Generation(now.pid, now.started, frozenset(entry.inode for entry in _proc.listeners() if entry.inode in own))


def _is_up(now: Running) -> bool:
    """Return whether a daemon greets, or says why it has closed its ports."""
    if now.listening:
        address, port = now.listening[0]
        return _greets(address, port)
    return bool(now.refuses)


def _greets(address: str, port: int) -> bool:
    place = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)
    try:
        with socket.create_connection((place, port), timeout=WAIT_SECONDS) as connection:
            return bool(connection.recv(3))
    except OSError:
        return False


# --- what runs ------------------------------------------------------------------------------------------------------


def running(host: Host) -> Running:
    """Return the daemon by its pid file and /proc; the pid file has two lines, and its process may be gone."""
    pid = _pid(host)
    if pid is None:
        return Running(None, None)
    listening = _proc.listening(pid)
    return Running(pid, _proc.started(pid), listening, "" if listening else _refuses(pid))


def _refuses(pid: int) -> str:
    """Return why a daemon has closed its ports: because of the load, or of another limit of its own."""
    title = _proc.read_text(f"/proc/{pid}/cmdline").replace("\0", " ")
    start = title.find(_REFUSES)
    return title[start:].strip() if start >= 0 else ""


def _pid(host: Host) -> t.Optional[int]:
    instance = host.instance
    first = (content(pid_file(instance.config_directory)) or b"").split(b"\n")[0].strip()
    pid = int(first) if first.isdigit() else None
    if not instance.primary:
        return _daemon_among(processes.working_in(instance.queue_directories[0]), pid)
    return pid if pid is not None and _proc.command(pid).startswith("sendmail") else None


def _daemon_among(pids: t.Sequence[int], named: t.Optional[int]) -> t.Optional[int]:
    """Return the daemon among the processes of an instance: the one that the pid file names, else the one that listens."""
    if named in pids:
        return named
    return next((pid for pid in pids if _proc.listening(pid)), None)
