# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The daemon of a Postfix instance: whether it runs, what makes a change effective, and doing that. Twin of C(_sendmail.daemon).

Private to the collection: it can change at any time.
"""

import os
import typing as t

from .. import _proc
from .._errors import PostmasterError
from .._model.host import NOTHING, RELOAD, RESTART, Activation, Host, Rendering, Running
from . import main_cf, master, tables
from .parameters import MalformedValue, defaults, expand, split_list

if t.TYPE_CHECKING:
    from .service import Daemon

#: Only a stop and a start make these effective. The master says so of inet_*; the others are what it holds open or locked.
RESTART_PARAMETERS = ("data_directory", "inet_interfaces", "inet_protocols", "process_id_directory", "queue_directory")
_CONFIGURATION = ("main.cf", "master.cf")
_CHROOT_SCRIPTS = ("/usr/lib/postfix/configure-instance.sh",)


def running(host: Host) -> Running:
    """Return the instance's master process, from its pid file and /proc."""
    pid = master.find_master(_pid_file(host))
    if pid is None:
        return Running(None, None)
    return Running(pid, _proc.started(pid), _proc.listening(pid))


def activation(host: Host, current: t.Callable[[str], t.Optional[bytes]], rendering: Rendering) -> Activation:
    """Return what makes the change from the live files to the expected ones effective."""
    changed = {name for name, file in rendering.files.items() if file.content != current(name)}
    if not changed:
        return Activation(NOTHING)
    parameters = _changed_parameters(current, rendering)
    restarting = _restarting(host, current, rendering) if parameters else ()
    if restarting:
        return Activation(RESTART, restarting)
    reasons = [*parameters, *_changed_services(current, rendering), *_slow_tables(host, current, rendering, changed)]
    reasons = reasons or [name for name in ("main.cf", "master.cf") if name in changed]
    return Activation(RELOAD, tuple(reasons), _proxied(host, current, rendering)) if reasons else Activation(NOTHING)


def activate(host: Host, wanted: Activation) -> None:
    """Reload or restart a running instance, and wait until it answers; one that is down stays down.

    :raises PostmasterError: it does not come up again.
    """
    pid = master.find_master(_pid_file(host))
    if pid is None or wanted.kind == NOTHING:
        return
    if wanted.kind == RESTART:
        _restart(host, pid)
    else:
        _refresh_chroot(host)
        _reload(host, wanted, pid)
    if not master.comes_up(lambda: master.find_master(_pid_file(host))):
        raise PostmasterError(f"{host.instance.config_directory}: Postfix does not answer after the {wanted.kind}")


def _reload(host: Host, wanted: Activation, pid: int) -> None:
    """Reload; the tables that proxymap(8) serves to running processes stay served until these have ended."""
    command = _postfix(host, "reload")
    if not wanted.serve:
        host.runner.run(command)
        return
    from . import proxied

    with proxied.served(host, wanted.serve, pid):
        host.runner.run(command)


def should_run(host: Host) -> bool:
    """Return whether a daemon runs, or its service was started and it died, or a start of it failed."""
    if running(host).pid is not None:
        return True
    from . import service

    if not service.with_systemd(host.runner):
        return False
    state = host.runner.run(["systemctl", "is-active", _unit(host)], check=False).out.strip()
    return state in ("failed", "activating", "reloading")


def start(host: Host) -> None:
    """Start an instance that is down, and wait until it answers.

    :raises PostmasterError: it does not come up.
    """
    from . import service

    _refresh_chroot(host)
    if not host.instance.primary:
        service.start(host.runner, _daemon_of(host))
        return
    if service.with_systemd(host.runner):
        # A unit that failed too often is not started again before it is told to forget that.
        host.runner.run(["systemctl", "reset-failed", _unit(host)], check=False)
        host.runner.run(["systemctl", "restart", _unit(host)], timeout=120)
    else:
        host.runner.run(_postfix(host, "start"), timeout=120)
    if not master.comes_up(lambda: master.find_master(_pid_file(host))):
        raise PostmasterError(f"{host.instance.config_directory}: Postfix does not answer after the start")


def _unit(host: Host) -> str:
    """Return the unit of this one instance."""
    from . import service

    keeper = service.keeper(host.runner)
    name = "-" if host.instance.primary else host.instance.name
    if keeper == service.TEMPLATE:
        return f"postfix@{name}.service"
    return f"{name}.service" if keeper == service.UNIT and not host.instance.primary else "postfix.service"


def _pid_file(host: Host) -> str:
    return master.pid_file(host.instance.queue_directories[0])


def _changed_parameters(current: t.Callable[[str], t.Optional[bytes]], rendering: Rendering) -> t.Tuple[str, ...]:
    if "main.cf" not in rendering.files:
        return ()
    before = main_cf.parse(current("main.cf") or b"").values
    after = main_cf.parse(rendering.files["main.cf"].content or b"").values
    names = sorted(set(before) | set(after))
    return tuple(name for name in names if before.get(name) != after.get(name))


def _restarting(host: Host, current: t.Callable[[str], t.Optional[bytes]], rendering: Rendering) -> t.Tuple[str, ...]:
    """Return the parameters whose effect changes and that a reload ignores; C(inet_protocols = all) is no change where it is the default."""
    builtin = defaults(host.runner)
    both = []
    for content in (current("main.cf"), rendering.files["main.cf"].content):
        values = dict(builtin, **main_cf.parse(content or b"").values)
        try:
            both.append({name: split_list(expand(values.get(name, ""), values)) for name in RESTART_PARAMETERS})
        except MalformedValue:
            both.append({})
    return tuple(name for name in RESTART_PARAMETERS if both[0].get(name) != both[1].get(name))


def _changed_services(current: t.Callable[[str], t.Optional[bytes]], rendering: Rendering) -> t.List[str]:
    live = current("master.cf")
    if "master.cf" not in rendering.files or rendering.files["master.cf"].content == live:
        return []
    from . import master_cf

    before = master_cf.parse(live or b"").services
    after = master_cf.parse(rendering.files["master.cf"].content or b"").services
    return [key for key in sorted(set(before) | set(after)) if before.get(key) != after.get(key)]


def _proxied(host: Host, current: t.Callable[[str], t.Optional[bytes]], rendering: Rendering) -> t.Tuple[str, ...]:
    """Return the proxied tables that only one of both configurations has."""
    before = current("main.cf") or b"", current("master.cf") or b""
    main, services = [
        rendering.files[name].content if name in rendering.files else current(name) for name in _CONFIGURATION
    ]
    if all(b"proxy:" not in (content or b"") for content in (*before, main, services)):
        return ()
    from . import proxied

    return proxied.changed(host, before, (main or b"", services or b""))


def _slow_tables(
    host: Host, current: t.Callable[[str], t.Optional[bytes]], rendering: Rendering, changed: t.AbstractSet[str]
) -> t.List[str]:
    """Return the uses of changed tables that the daemons do not notice before the next client."""
    others = changed - {"main.cf", "master.cf"}
    if not others:
        return []
    main, master_file = [
        (rendering.files[name].content if name in rendering.files else current(name)) or b""
        for name in ("main.cf", "master.cf")
    ]
    values = dict(defaults(host.runner), **main_cf.parse(main).values)
    uses = tables.slow_tables(values, master_file, host.instance.config_directory)
    return sorted({use for name in others for use in uses.get(name, ())})


def _postfix(host: Host, verb: str) -> t.List[str]:
    # With -c the command keeps to this one instance, also where a multi-instance wrapper is set (postfix(1)).
    return ["postfix", "-c", host.instance.config_directory, verb]


def _restart(host: Host, pid: int) -> None:
    """Restart this one instance. A unit that runs more than it is not asked: it would take the others with it."""
    unit = _proc.service_unit(pid)
    alone = host.instance.primary or host.instance.name in (unit or "")
    if unit and unit.startswith("postfix") and alone:
        host.runner.run(["systemctl", "restart", unit], timeout=120)
    elif host.instance.primary:
        _stop_and_start(host, pid)
    else:
        from . import service

        _refresh_chroot(host)
        service.restart(host.runner, _daemon_of(host))


def _daemon_of(host: Host) -> "Daemon":
    from . import service

    instance = host.instance
    return service.Daemon(instance.name, instance.config_directory, instance.queue_directories[0])


def _stop_and_start(host: Host, pid: int) -> None:
    host.runner.run(_postfix(host, "stop"), timeout=120)
    if not master.ends(pid):
        raise PostmasterError(f"{host.instance.config_directory}: the Postfix master {pid} does not stop")
    _refresh_chroot(host)
    host.runner.run(_postfix(host, "start"), timeout=120)


def _refresh_chroot(host: Host) -> None:
    """Renew the copies of resolv.conf and the like in the chroot, where the packager has a script for it.

    Debian 12 runs it when the service starts, with the instance's name as argument. From Debian 13 on postfix-script runs it
    itself and it takes no argument; there it ends with an error that does no harm.
    """
    name = "-" if host.instance.primary else host.instance.name
    for script in _CHROOT_SCRIPTS:
        if os.access(script, os.X_OK):
            host.runner.run([script, name], check=False)
