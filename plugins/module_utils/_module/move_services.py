# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of two MTAs on one host has the ports, once a sendmail was moved: what main.cf of Postfix says decides.

Private to the collection: it can change at any time.

While C(master_service_disable) switches TCP services off, sendmail listens, and Postfix only delivers what is in its queue. Without it
Postfix listens, and a queue runner of sendmail, which listens nowhere, delivers what is in the queue of sendmail. settle() brings the
services to what the file says, so that each way through, an undo, a watcher and a roll back included, ends with one MTA at the ports.
"""

import json
import os
import signal
import sys
import typing as t

from .. import _files, _mta, _proc, _zipapp
from .._account import generations
from .._clock import comes_true
from .._driver.daemon import daemon_of
from .._errors import PostmasterError
from .._model.host import NOTHING, RELOAD, Activation, Host
from .._postfix import discover as postfix
from .._runner import Runner
from .._sendmail import daemon as sendmail_daemon
from .._sendmail import discover as sendmail

#: What stands here before the first move, and which MTA delivers what is left: a host without this file was never moved.
MEMORY = os.path.join(generations.ROOT, "move.json")
KIT = os.path.join(generations.ROOT, "move-drain.pyz")
SENDMAIL, POSTFIX = "sendmail", "postfix"
RUNNER_UNIT, END_UNIT = "postmaster-mta-drain", "postmaster-mta-drain-end"
UNITS = "/etc/systemd/system"
#: The program of Postfix where both are there, as the packages of RHEL and our documentation name it.
PROGRAM = "/usr/sbin/sendmail.postfix"
_ALTERNATIVES = "/etc/alternatives"
_PATIENCE, _TIMEOUT, _PAUSE = 30.0, 150, 0.05
#: Sessions may end for so long before Postfix ends them, as C(postfix stop) does.
_SESSIONS = 10.0
_MARK = "# Written by postmaster.mta: it goes when the queue is empty."
_RUNNER = """\
{mark}
[Unit]
Description=Queue runner of sendmail, which listens nowhere
After=network-online.target nss-lookup.target remote-fs.target

[Service]
Type=forking
PIDFile=/run/{runner}.pid
ExecStart={program} -L sm-drain -C {directory}/sendmail.cf -O PidFile=/run/{runner}.pid -q{interval}
# Each message is tried once now, however young it is.
ExecStartPost=-{program} -L sm-drain -C {directory}/sendmail.cf -O MinQueueAge=0 -q
# A delivery that is under way ends by itself: one that is cut off could be made twice.
KillMode=process

[Install]
WantedBy=multi-user.target
"""
_INTERVAL = "5m"
_END = """\
{mark}
[Unit]
Description=See whether the queue of the MTA that was left is empty

[Service]
Type=oneshot
ExecStart={python} {kit}
"""
_TIMER = """\
{mark}
[Unit]
Description=See whether the queue of the MTA that was left is empty

[Timer]
OnActiveSec=20
OnBootSec=60
OnUnitInactiveSec=60

[Install]
WantedBy=timers.target
"""


class Both(t.NamedTuple):
    """The two MTAs."""

    runner: Runner
    old: Host
    new: Host


# --- what is remembered ---------------------------------------------------------------------------------------------


def remembered() -> t.Dict[str, t.Any]:
    """Return what was before the first move; an empty mapping where there was none."""
    try:
        return dict(json.loads((_files.read(MEMORY) or b"{}").decode("ascii")))
    except ValueError:
        return {}


def remember(known: t.Mapping[str, t.Any]) -> None:
    """Write down what was before the first move, and which MTA delivers what is left."""
    generations.private(generations.ROOT)
    _files.write_new(MEMORY, json.dumps(known, sort_keys=True).encode("ascii"), 0o600)


def is_in_force() -> bool:
    """Return whether main.cf of Postfix decides who has the ports."""
    return os.path.exists(MEMORY)


def both(runner: Runner) -> Both:
    """Return the primary instances of both.

    :raises OptionError: one of the two is not there.
    """
    return Both(runner, _mta.find(runner, SENDMAIL), _mta.find(runner, POSTFIX))


def as_before(pair: Both) -> t.Dict[str, t.Any]:
    """Return what is to be remembered of the services, as they are now."""
    return {
        "sendmail_at_boot": _at_boot(pair.runner, _service(pair.old)),
        "postfix_at_boot": _at_boot(pair.runner, "postfix"),
        "drains": "",
    }


# --- the switch -----------------------------------------------------------------------------------------------------


def settle(runner: Runner, activation: Activation) -> None:
    """Bring the services to what main.cf says.

    :param activation: what makes other changes of the configuration of Postfix effective.
    :raises PostmasterError: who should listen does not.
    """
    pair = both(runner)
    wanted = activation if activation.kind != NOTHING else Activation(RELOAD, ("who has the ports",))
    if postfix.listens(pair.new):
        _to_postfix(pair, wanted)
    else:
        _to_sendmail(pair, wanted)


def _to_postfix(pair: Both, activation: Activation) -> None:
    pid = sendmail_daemon.running(pair.old).pid
    if pid is not None:
        # The daemon alone: sessions and deliveries are processes of their own, and go on to their end.
        os.kill(pid, signal.SIGTERM)
        if not _proc.ends(pid, _PATIENCE):
            raise PostmasterError(f"sendmail: process {pid} does not end")
    if daemon_of(POSTFIX).running(pair.new).pid is None:
        daemon_of(POSTFIX).start(pair.new)
    else:
        daemon_of(POSTFIX).activate(pair.new, activation)
    if not comes_true(lambda: bool(daemon_of(POSTFIX).running(pair.new).listening), _PATIENCE, _PAUSE):
        raise PostmasterError(f"{pair.new.instance.config_directory}: Postfix does not listen anywhere")
    _systemctl(pair.runner, "stop", _service(pair.old))
    _set_at_boot(pair.runner, _service(pair.old), False)
    _set_at_boot(pair.runner, "postfix", True)
    start_drain(pair, SENDMAIL)
    _use_program_of_postfix(pair.runner)


def _to_sendmail(pair: Both, activation: Activation) -> None:
    master = daemon_of(POSTFIX).running(pair.new).pid
    if master is not None:
        daemon_of(POSTFIX).activate(pair.new, activation)
        _let_sessions_end(pair)
    _stop_runner(pair.runner)
    if sendmail_daemon.running(pair.old).pid is None:
        _set_at_boot(pair.runner, _service(pair.old), remembered().get("sendmail_at_boot", True))
        # A unit whose daemon is gone can count as started.
        _systemctl(pair.runner, "restart", _service(pair.old))
        sendmail_daemon.await_daemon(pair.old)
    _use_program_of_sendmail(pair.runner)
    if master is not None:
        start_drain(pair, POSTFIX)


def _let_sessions_end(pair: Both) -> None:
    """Wait until no process of Postfix holds a port: a session under way keeps it to its end."""
    if comes_true(lambda: not _holders(pair.new), _SESSIONS, _PAUSE):
        return
    for pid in _holders(pair.new):
        os.kill(pid, signal.SIGTERM)
    if not comes_true(lambda: not _holders(pair.new), _PATIENCE, _PAUSE):
        raise PostmasterError(f"{pair.new.instance.config_directory}: Postfix does not give its ports back")


def _holders(host: Host) -> t.List[int]:
    """Return the processes of Postfix that hold a listening socket."""
    master = daemon_of(POSTFIX).running(host).pid
    if master is None:
        return []
    ports = {entry.inode for entry in _proc.listeners()}
    return [pid for pid in (master, *_proc.children(master)) if _proc.socket_inodes(pid) & ports]


# --- services -------------------------------------------------------------------------------------------------------


def _service(host: Host) -> str:
    return sendmail.service_of(host.instance)


def _systemctl(runner: Runner, verb: str, unit: str, check: bool = True) -> None:
    runner.run(["systemctl", verb, unit], check=check, timeout=_TIMEOUT)


def _at_boot(runner: Runner, unit: str) -> bool:
    return runner.run(["systemctl", "is-enabled", unit], check=False).out.strip() == "enabled"


def _set_at_boot(runner: Runner, unit: str, on: bool) -> None:
    runner.run(["systemctl", "enable" if on else "disable", "--quiet", unit], check=False, timeout=_TIMEOUT)


# --- the queue that is left -----------------------------------------------------------------------------------------


def start_drain(pair: Both, mta: str) -> None:
    """Let an MTA that no longer listens deliver what is in its queue; a timer ends that when the queue is empty."""
    from . import move_drain  # noqa: F401  # what the timer starts: named here, it is sent along

    words = {
        "mark": _MARK,
        "runner": RUNNER_UNIT,
        "program": sendmail.the_layout().program,
        "directory": pair.old.instance.config_directory,
        "interval": _INTERVAL,
        "python": sys.executable,
        "kit": KIT,
    }
    remember(dict(remembered(), drains=mta))
    _files.write_new(KIT, _zipapp.content("_module", "move_drain"), 0o600)
    _write_unit(f"{END_UNIT}.service", _END.format(**words))
    _write_unit(f"{END_UNIT}.timer", _TIMER.format(**words))
    if mta == SENDMAIL:
        _write_unit(f"{RUNNER_UNIT}.service", _RUNNER.format(**words))
    pair.runner.run(["systemctl", "daemon-reload"], timeout=_TIMEOUT)
    if mta == SENDMAIL:
        pair.runner.run(["systemctl", "enable", "--quiet", "--now", f"{RUNNER_UNIT}.service"], timeout=_TIMEOUT)
    pair.runner.run(["systemctl", "enable", "--quiet", f"{END_UNIT}.timer"], timeout=_TIMEOUT)
    _systemctl(pair.runner, "restart", f"{END_UNIT}.timer")


def _write_unit(name: str, text: str) -> None:
    _files.write_new(os.path.join(UNITS, name), text.encode("utf-8"), 0o644)


def _stop_runner(runner: Runner) -> None:
    """End the queue runner of sendmail; deliveries that are under way go on."""
    if os.path.exists(os.path.join(UNITS, f"{RUNNER_UNIT}.service")):
        runner.run(["systemctl", "disable", "--quiet", "--now", f"{RUNNER_UNIT}.service"], check=False)
        _files.remove(os.path.join(UNITS, f"{RUNNER_UNIT}.service"))


def end_drain(runner: Runner) -> None:
    """Remove what delivers the rest: there is none."""
    known = remembered()
    _stop_runner(runner)
    if known.get("drains") == POSTFIX:
        # It was not running before the move.
        _systemctl(runner, "stop", "postfix", check=False)
        _set_at_boot(runner, "postfix", known.get("postfix_at_boot", False))
        _files.remove(MEMORY)
    else:
        remember(dict(known, drains=""))
    runner.run(["systemctl", "disable", "--quiet", "--now", f"{END_UNIT}.timer"], check=False)
    for ending in ("timer", "service"):
        _files.remove(os.path.join(UNITS, f"{END_UNIT}.{ending}"))
    _files.remove(KIT)
    runner.run(["systemctl", "daemon-reload"], check=False, timeout=_TIMEOUT)


# --- the program that local users call ------------------------------------------------------------------------------


def _use_program_of_postfix(runner: Runner) -> None:
    """Let C(sendmail) be the program of Postfix, where that is there and the alternatives system decides."""
    if not os.path.exists(PROGRAM) or "program" in remembered():
        return
    if os.path.islink(os.path.join(_ALTERNATIVES, "mta")):
        remember(dict(remembered(), program=os.readlink(os.path.join(_ALTERNATIVES, "mta"))))
        runner.run(["update-alternatives", "--set", "mta", PROGRAM])
    elif os.path.islink(os.path.join(_ALTERNATIVES, "sendmail-msp")):
        # Debian: sendmail-mta stays, it is the daemon's own name.
        remember(dict(remembered(), program=""))
        runner.run(
            ["update-alternatives", "--install", "/usr/sbin/sendmail-msp", "sendmail-msp", PROGRAM, "5"]
            + ["--slave", "/usr/sbin/sendmail", "sendmail", PROGRAM]
            + ["--slave", "/usr/lib/sendmail", "lib.sendmail", PROGRAM]
        )
        runner.run(["update-alternatives", "--set", "sendmail-msp", PROGRAM])


def _use_program_of_sendmail(runner: Runner) -> None:
    known = remembered()
    program = known.pop("program", None)
    if program is None:
        return
    if program:
        runner.run(["update-alternatives", "--set", "mta", program])
    else:
        runner.run(["update-alternatives", "--remove", "sendmail-msp", PROGRAM])
    remember(known)


__all__ = ("Both", "as_before", "both", "end_drain", "is_in_force", "remember", "remembered", "settle", "start_drain")
