# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module nscd does: keep the name service cache from answering for the DNS.

Private to the collection: it can change at any time.
"""

import typing as t

from .._dns import nscd
from .._runner import Runner

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "state": {"type": "str", "choices": [nscd.HOSTS_OFF, nscd.STOPPED], "default": nscd.HOSTS_OFF},
}


def run(params: t.Mapping[str, t.Any], check_mode: bool, runner: t.Optional[Runner] = None) -> t.Dict[str, t.Any]:
    """Bring the host to the state, and return what was done.

    :raises PostmasterError: a command failed, or the daemon goes on caching; nscd.conf is then as it was.
    """
    return nscd.apply(runner or Runner(), params["state"], check_mode)
