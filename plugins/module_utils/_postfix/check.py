# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judge a candidate configuration before it goes live.

Private to the collection: it can change at any time.
"""

import typing as t

from .._policy import Policy
from .._records import Host, Rendering


def check(host: Host, stage: str, policy: Policy, rendering: Rendering) -> t.Tuple[str, ...]:
    """The defects of the candidate in I(stage), each with the setting it is about; none is good."""
    found = host.runner.run(["postconf", "-c", stage, "-nx"], check=False)
    return tuple(line for line in found.err.splitlines() if line)
