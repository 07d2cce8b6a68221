# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module sendmail_instance does: additional instances of sendmail.

Private to the collection: it can change at any time.
"""

import typing as t

from .._runner import Runner
from . import instance

ARGUMENT_SPEC: t.Dict[str, t.Any] = instance.ARGUMENT_SPEC


def run(params: t.Mapping[str, t.Any], check_mode: bool, runner: t.Optional[Runner] = None) -> t.Dict[str, t.Any]:
    """Bring the instance to its state, and return what was done.

    :raises PostmasterError: as instance.apply().
    """
    return instance.apply("sendmail", params, check_mode, runner)
