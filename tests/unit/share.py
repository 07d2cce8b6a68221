# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much of a long test the gate runs: a share of it. C(make proof) runs the whole."""

import os
import sys

#: Run everything.
WHOLE = os.environ.get("UNIT_WHOLE") == "1"
#: The gate's part of random examples. What Python 3.6 adds is another interpreter and not other values.
_PART = 8 if sys.version_info >= (3, 8) else 24


def examples(whole: int) -> int:
    """Return with how many random examples a property is tried."""
    return whole if WHOLE else max(20, whole // _PART)


def stride(gate: int) -> int:
    """Return the distance between two points that are tried, where the whole tries every one."""
    return 1 if WHOLE else gate
