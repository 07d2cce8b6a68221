# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who starts and stops an additional instance: three ways that distributions have, and ours where there is none.

Debian 12 makes a unit for each directory in C(multi_instance_directories), C(postfix@NAME.service). On SLES and RHEL the one
C(postfix.service) says C(postfix start), and the multi-instance wrapper takes all enabled instances with it. From Debian 13
on that unit names its configuration directory and so means the primary instance alone: there an instance gets a unit of ours
that is part of C(postfix.service).

Private to the collection: it can change at any time.
"""

import os
import typing as t

from .. import _files, _proc
from .._errors import PostmasterError
from .._runner import Runner
from .master import comes_up, ends, find_master, pid_file

UNITS = "/etc/systemd/system"
MARK = "# Written by postmaster.mta: it goes when the instance is removed."
#: Who takes care of an instance.
TEMPLATE, WRAPPER, UNIT = "template", "wrapper", "unit"
_TIMEOUT = 120

_OURS = """\
{mark}
[Unit]
Description=Postfix Mail Transport Agent (instance {name})
Documentation=man:postmulti(1)
PartOf=postfix.service
ReloadPropagatedFrom=postfix.service
After=network-online.target nss-lookup.target
Wants=network-online.target

[Service]
Type=forking
PIDFile={queue}/pid/master.pid
ExecStart={postmulti} -i {name} -p start
ExecStop={postmulti} -i {name} -p stop
ExecReload={postmulti} -i {name} -p reload

[Install]
WantedBy=multi-user.target postfix.service
"""


class Daemon(t.NamedTuple):
    """What is needed to start and stop one instance."""

    name: str
    config_directory: str
    queue_directory: str

    @property
    def pid(self) -> t.Optional[int]:
        """Return the process id of its master, if it runs."""
        return find_master(pid_file(self.queue_directory))


def keeper(runner: Runner) -> str:
    """Return which of the three ways this host has; its units tell, not its name."""
    if not with_systemd(runner):
        return WRAPPER
    if "postmulti -i %i" in _cat(runner, "postfix@.service"):
        return TEMPLATE
    return UNIT if "MAIL_CONFIG=" in _cat(runner, "postfix.service") else WRAPPER


def with_systemd(runner: Runner) -> bool:
    """Return whether systemd runs this host."""
    return os.path.isdir("/run/systemd/system") and runner.which("systemctl") is not None


def unit_path(name: str) -> str:
    """Return the path of our unit for an instance."""
    return os.path.join(UNITS, f"{name}.service")


def unit_text(runner: Runner, daemon: Daemon) -> bytes:
    """Return the content of our unit."""
    postmulti = runner.which("postmulti") or "/usr/sbin/postmulti"
    return _OURS.format(mark=MARK, name=daemon.name, queue=daemon.queue_directory, postmulti=postmulti).encode("ascii")


def registered(runner: Runner, daemon: Daemon) -> bool:
    """Return whether the service manager knows the instance, as far as it must."""
    return keeper(runner) != UNIT or _files.read(unit_path(daemon.name)) == unit_text(runner, daemon)


def register(runner: Runner, daemon: Daemon) -> None:
    """Make the instance known to the service manager."""
    if keeper(runner) == UNIT:
        _files.write_new(unit_path(daemon.name), unit_text(runner, daemon), 0o644)
    reload_units(runner)


def forget(runner: Runner, daemon: Daemon) -> None:
    """Undo register(): remove our unit, and start it at no boot."""
    if keeper(runner) == UNIT and os.path.exists(unit_path(daemon.name)):
        runner.run(["systemctl", "disable", "--quiet", f"{daemon.name}.service"], check=False)
        _files.remove(unit_path(daemon.name))
    reload_units(runner)


def at_boot(runner: Runner, daemon: Daemon) -> bool:
    """Return whether the service manager starts it at boot, as far as that is not said in main.cf alone."""
    if keeper(runner) != UNIT:
        return True
    return runner.run(["systemctl", "is-enabled", f"{daemon.name}.service"], check=False).out.strip() == "enabled"


def set_at_boot(runner: Runner, daemon: Daemon, wanted: bool) -> None:
    """Set whether it starts at boot."""
    if keeper(runner) == UNIT:
        runner.run(["systemctl", "enable" if wanted else "disable", "--quiet", f"{daemon.name}.service"])
    reload_units(runner)


def reload_units(runner: Runner) -> None:
    """Let systemd read its units anew; Debian's generator looks at main.cf then."""
    if with_systemd(runner):
        runner.run(["systemctl", "daemon-reload"], timeout=_TIMEOUT)


def keeps(runner: Runner, daemon: Daemon, pid: int) -> bool:
    """Return whether stopping the service would stop this master: it runs in its unit, or the wrapper finds it anyway."""
    wanted = {TEMPLATE: f"postfix@{daemon.name}.service", UNIT: f"{daemon.name}.service"}.get(keeper(runner))
    return wanted is None or _proc.service_unit(pid) == wanted


def start(runner: Runner, daemon: Daemon) -> None:
    """Start it, in a control group of its own, and wait until it answers.

    :raises PostmasterError: it does not come up.
    """
    runner.run(_start_command(runner, daemon), timeout=_TIMEOUT)
    if not comes_up(lambda: daemon.pid):
        raise PostmasterError(f"{daemon.config_directory}: Postfix does not answer after the start; its log says why")


def _start_command(runner: Runner, daemon: Daemon) -> t.List[str]:
    way = keeper(runner)
    if way == TEMPLATE:
        return ["systemctl", "start", f"postfix@{daemon.name}.service"]
    if way == UNIT:
        return ["systemctl", "start", f"{daemon.name}.service"]
    command = ["postmulti", "-i", daemon.name, "-p", "start"]
    if with_systemd(runner) and runner.which("systemd-run"):
        # Not in the session that Ansible came with, which ends; after a boot it runs with the primary instance.
        return ["systemd-run", "--quiet", "--collect", f"--unit={daemon.name}", "--service-type=forking", *command]
    return command


def stop(runner: Runner, daemon: Daemon) -> None:
    """Stop it, whoever started it and whether it is enabled or not, and wait until its master is gone.

    C(postfix stop) and C(postmulti -p stop) leave a running instance alone that is disabled; with -c it is always meant.

    :raises PostmasterError: its master does not end.
    """
    pid = daemon.pid
    if pid is None:
        return
    unit = _active_unit(runner, daemon)
    if unit:
        runner.run(["systemctl", "stop", unit], timeout=_TIMEOUT, check=False)
    for verb in ("stop", "abort"):
        if daemon.pid is not None:
            runner.run(["postfix", "-c", daemon.config_directory, verb], timeout=_TIMEOUT, check=False)
        if ends(pid):
            return
    raise PostmasterError(f"{daemon.config_directory}: the Postfix master {pid} does not stop")


def restart(runner: Runner, daemon: Daemon) -> None:
    """Stop and start it; no other instance is touched."""
    stop(runner, daemon)
    start(runner, daemon)


def _active_unit(runner: Runner, daemon: Daemon) -> str:
    """Return the unit that runs this instance and no other; empty where there is none."""
    if not with_systemd(runner):
        return ""
    for unit in (f"postfix@{daemon.name}.service", f"{daemon.name}.service"):
        if runner.run(["systemctl", "is-active", unit], check=False).out.strip() in ("active", "activating"):
            return unit
    return ""


def _cat(runner: Runner, unit: str) -> str:
    return runner.run(["systemctl", "cat", unit], check=False).out
