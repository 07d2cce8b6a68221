# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remove the blocks whose last day is over, through the same transaction as every other change of rules.

Private to the collection: it can change at any time.
"""

import typing as t

from .._module import access
from .._runner import Runner

#: Another writer may be at work; a timer has the time to wait for him.
_LOCK_TIMEOUT = 300


def run(runner: Runner, part: t.Mapping[str, t.Any]) -> str:
    """Remove what has expired in the instances that are meant; return what was removed, in words.

    :raises PostmasterError: a change that failed; the instance is as it was before.
    """
    params = {name: option.get("default") for name, option in access.ARGUMENT_SPEC.items()}
    params.update(instance=part.get("instance", "all"), purge_expired=True, lock_timeout=_LOCK_TIMEOUT, by="kit")
    answer = access.run(params, False, runner)
    removed = answer["removed"]
    return f"removed {', '.join(removed)}" if removed else "nothing has expired"


__all__ = ("run",)
