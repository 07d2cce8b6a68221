# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option C(confirm): a change that the host rolls back by itself unless it is confirmed in time.

Private to the collection: it can change at any time.
"""

import os
import time
import typing as t

from .. import _change
from .._model.host import Host

CONFIRM_SPEC: t.Dict[str, t.Any] = {"confirm": {"type": "str"}}
#: The watchers, by what they can roll back. Each is a file of this directory; the module that arms one sends it along.
CONFIGURATION, TABLES = "expire", "expire_table"


def watched(author: _change.Author, host: Host, wait: t.Optional[str], watcher: str = CONFIGURATION) -> _change.Author:
    """Return the author of a change that the host rolls back by itself unless it is confirmed in time.

    :param wait: the time, such as C(10m); without it nobody watches.
    """
    if not wait:
        return author
    from .._account import watch

    watch.refuse_without_systemd(host.runner, wait)
    deadline = time.time() + watch.seconds(wait)
    directory = os.path.realpath(host.instance.config_directory)
    return author._replace(
        more=dict(author.more, confirm_by=int(deadline)),
        arm=lambda number, stage: watch.arm(host.runner, host.mta, directory, number, deadline, watcher, stage),
        disarm=lambda number: watch.disarm(host.runner, directory, number),
    )


def confirm_by(author: _change.Author, generation: t.Optional[int]) -> t.Optional[int]:
    """Return until when a change must be confirmed, in seconds since the epoch; None where nobody has to."""
    deadline: t.Optional[int] = author.more.get("confirm_by") if generation else None
    return deadline


__all__ = ("CONFIGURATION", "CONFIRM_SPEC", "TABLES", "confirm_by", "watched")
