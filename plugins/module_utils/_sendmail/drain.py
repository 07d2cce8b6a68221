# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mail that sendmail is sending to a capture instance when the route goes. Twin of C(_postfix.drain).

Private to the collection: it can change at any time.

What waits in the queue is routed anew at each attempt, so only connections that are open count.
"""

import time
import typing as t

from .._capture import Hop
from .._errors import PostmasterError
from .._records import Host
from . import instance

_PAUSE = 0.5
_ESTABLISHED = "01"


def drain(host: Host, hop: Hop, deadline: float) -> t.List[str]:
    """Wait until nobody sends to the capture instance.

    :param deadline: of the monotonic clock.
    :returns: what was done, in words.
    :raises PostmasterError: the time is over.
    """
    while connections(hop):
        if time.monotonic() > deadline:
            raise PostmasterError(f"{host.instance.name}: there are still connections to {hop.text}")
        time.sleep(_PAUSE)
    return []


def connections(hop: Hop) -> int:
    """How many connections to it are open on this host."""
    return sum(_to(path, hop) for path in ("/proc/net/tcp", "/proc/net/tcp6"))


def _to(path: str, hop: Hop) -> int:
    family = instance.socket.AF_INET6 if path.endswith("6") else instance.socket.AF_INET
    lines = (instance._content(path) or b"").decode("ascii").split("\n")[1:]
    fields = [line.split() for line in lines if line.strip()]
    return sum(1 for one in fields if one[3] == _ESTABLISHED and instance._endpoint(one[2], family) == hop)
