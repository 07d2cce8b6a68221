# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Time in tests: a limit must be kept, but a busy machine may stop everything for a while, and that is no failure."""

import contextlib
import time
import typing as t

#: Seconds that a busy machine may add. What ignores its limit altogether must take longer than that, or the test cannot fail.
BUSY = 40.0
#: The limit, in seconds, of what is answered at once. It is never waited for.
AT_ONCE = 30.0


@contextlib.contextmanager
def ends_within(limit: float) -> t.Iterator[None]:
    """Fail unless the block ends within a limit in seconds, with what a busy machine may add."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < limit + BUSY
