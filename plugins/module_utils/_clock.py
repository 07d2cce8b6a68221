# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Instants as text: UTC, by RFC 3339, as everything of ours shows and stores them. And waiting for what comes true.

Private to the collection: it can change at any time.
"""

import time
import typing as t

STAMP = "%Y-%m-%dT%H:%M:%SZ"


def utc(seconds: float) -> str:
    """Return an instant, in seconds since the epoch, as text in UTC."""
    return time.strftime(STAMP, time.gmtime(seconds))


def comes_true(condition: t.Callable[[], bool], patience: float, pause: float) -> bool:
    """Wait until a condition holds; return whether it does within I(patience) seconds.

    :param pause: seconds between two looks.
    """
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True
