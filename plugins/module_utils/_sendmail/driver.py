# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sendmail driver: the functions that _mta.DRIVER_FUNCTIONS names.

Private to the collection: it can change at any time.
"""

from .check import check
from .instance import activate, activation, capabilities, instances, listens, running
from .read import read
from .render import render
from .tables import build, stale

__all__ = (
    "activate",
    "activation",
    "build",
    "capabilities",
    "check",
    "instances",
    "listens",
    "read",
    "render",
    "running",
    "stale",
)
