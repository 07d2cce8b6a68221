# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The watcher of a change of the configuration: what comes back is judged as a new configuration is, and asked on the wire.

Private to the collection: it can change at any time.
"""

import functools
import typing as t

from . import expiry
from .undo import UndoRun


def main(arguments: t.Sequence[str]) -> int:
    """Roll back what the arguments name. Return the exit status."""
    return expiry.main(functools.partial(expiry.expire, UndoRun), arguments)


__all__ = ("main",)
