# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the kit stands on a host, and how a job of it keeps others of its kind out.

Private to the collection: it can change at any time.
"""

import contextlib
import fcntl
import os
import typing as t

#: The version of the collection; a test compares it with galaxy.yml.
VERSION = "1.0.0"
#: Everything of the kit is below this directory. Others may pass through it: the load service does not run as root.
ROOT = "/var/lib/postmaster.mta-kit"
UNITS = "/etc/systemd/system"
STAMPS = "/var/lib/systemd/timers"
CRON = "/etc/cron.d/postmaster-mta-kit"
#: How the name of each unit begins.
PREFIX = "postmaster-mta-kit-"
MARK = "# Written by postmaster.mta, module kit: changes of yours are lost."


def archive() -> str:
    """Return the path of the zipapp."""
    return os.path.join(ROOT, "kit.pyz")


def settings() -> str:
    """Return the path of the settings: what runs, and how."""
    return os.path.join(ROOT, "kit.json")


def state(name: str) -> str:
    """Return the path of what a job remembers."""
    return os.path.join(ROOT, "state", f"{name}.json")


@contextlib.contextmanager
def alone(name: str) -> t.Iterator[bool]:
    """Say whether this is the only run of a job; the lock goes with the process, however it ends."""
    path = os.path.join(ROOT, "state", f"{name}.lock")
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    with open(path, "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


__all__ = (
    "CRON",
    "MARK",
    "PREFIX",
    "ROOT",
    "STAMPS",
    "UNITS",
    "VERSION",
    "alone",
    "archive",
    "settings",
    "state",
)
