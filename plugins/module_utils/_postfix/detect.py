# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether there is a Postfix on this host; the parts of the driver are in C(_driver). Twin of C(_sendmail).

Private to the collection: it can change at any time.
"""

from .._runner import Runner


def installed(runner: Runner) -> bool:
    """Return whether there is a Postfix to ask; where there is none, nothing else of this driver is read."""
    return runner.which("postconf") is not None
