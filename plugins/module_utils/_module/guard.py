# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The daemon of an instance, as the one way through sees it: does it run, should it, start it, and what its own log says.

Private to the collection: it can change at any time.
"""

from .. import _change
from .._driver.compile import compile_of
from .._driver.daemon import daemon_of
from .._model.host import Host


def guard_of(host: Host) -> _change.Daemon:
    """Return the daemon of an instance, for the one way through."""
    # The driver is read when somebody wants to know: a change of a table alone asks none of it.
    return _change.Daemon(
        running=lambda: daemon_of(host.mta).running(host).pid is not None,
        meant=lambda: daemon_of(host.mta).should_run(host),
        start=lambda: daemon_of(host.mta).start(host),
        log=lambda since: _reason(host, since),
        watches=compile_of(host.mta).WATCHES_FILES,
    )


def _reason(host: Host, since: float) -> str:
    from . import daemon_log

    return daemon_log.reason(host.runner, since)
