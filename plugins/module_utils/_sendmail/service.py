# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who starts and stops an additional sendmail daemon: a systemd unit of ours, even if it was started manually before.

Private to the collection: it can change at any time.
"""

import os
import typing as t

from .. import _files
from .._errors import PostmasterError
from .._model.host import Instance
from .._runner import Runner
from . import daemon, discover, processes, units

_TIMEOUT = 150
_PATIENCE = 30.0


def wanted(name: str, directory: str) -> bytes:
    """Return the unit as it should be."""
    layout = discover.the_layout()
    return units.text(name, directory, layout.program, layout.service).encode("ascii")


def write(runner: Runner, name: str, content: t.Optional[bytes]) -> None:
    """Put a unit there, or take it away, and have systemd read it."""
    if content is None:
        _files.remove(units.path(name))
    else:
        _files.write_new(units.path(name), content, 0o644)
    runner.run(["systemctl", "daemon-reload"], timeout=_TIMEOUT)


def set_at_boot(runner: Runner, name: str, on: bool) -> None:
    """Set whether it starts at boot."""
    runner.run(["systemctl", "enable" if on else "disable", name], timeout=_TIMEOUT)


def running(runner: Runner, instance: Instance) -> t.Optional[int]:
    """Return the process number of the instance's daemon, whoever started it."""
    return daemon.running(discover.host_of(runner, instance)).pid


def start(runner: Runner, instance: Instance) -> None:
    """Start it and wait until it greets."""
    runner.run(["systemctl", "start", instance.name], timeout=_TIMEOUT)
    daemon.await_daemon(discover.host_of(runner, instance))


def stop(runner: Runner, instance: Instance) -> None:
    """Stop it and wait until no process of it is left, whoever started it.

    :raises PostmasterError: one is left.
    """
    if os.path.exists(units.path(instance.name)):
        runner.run(["systemctl", "stop", instance.name], timeout=_TIMEOUT)
        runner.run(["systemctl", "reset-failed", instance.name], check=False)
    if not processes.end_all(instance.queue_directories[0], _PATIENCE):
        left = ", ".join(map(str, processes.working_in(instance.queue_directories[0])))
        raise PostmasterError(f"{instance.name}: processes that do not end: {left}")
