# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether there is a sendmail on this host; the parts of the driver are in C(_driver). Twin of C(_postfix).

Private to the collection: it can change at any time.
"""

import os

from .._runner import Runner

#: What a sendmail.cf is built from, wherever a distribution keeps it (discover.LAYOUTS); Postfix brings no such thing.
SOURCES = (
    "/usr/share/sendmail/cf/m4/cf.m4",
    "/usr/share/sendmail/m4/cf.m4",
    "/usr/share/sendmail-cf/m4/cf.m4",
)


def installed(runner: Runner) -> bool:
    """Return whether sendmail can be installed here; where it is not, nothing else of this driver is read."""
    return any(os.path.exists(path) for path in SOURCES)
