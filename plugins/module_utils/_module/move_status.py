# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a move is: which MTA listens, and what the other one still has in its queue.

Private to the collection: it can change at any time.
"""

import time
import typing as t

from .._driver.daemon import daemon_of
from . import move_drain, move_services
from .move_services import POSTFIX, SENDMAIL, Both


def facts(pair: Both) -> t.Dict[str, t.Any]:
    """Return it as plain data, with what a person has to know."""
    listening = [host.mta for host in (pair.old, pair.new) if daemon_of(host.mta).running(host).listening]
    mta = move_services.remembered().get("drains", "")
    rest = move_drain.left(pair.new if mta == POSTFIX else pair.old) if mta else None
    return {
        "listens": listening[0] if len(listening) == 1 else "",
        "drains": mta,
        "left": rest.messages if rest else 0,
        "notes": list(_notes(pair, rest)),
    }


def _notes(pair: Both, rest: t.Optional[move_drain.Left]) -> t.Iterator[str]:
    if rest is None:
        resting = move_drain.left(pair.old).resting if move_services.is_in_force() else 0
        if resting:
            yield f"{resting} messages are quarantined in the queue of {SENDMAIL}: they stay there"
        return
    if rest.messages and rest.oldest is not None:
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(rest.oldest))
        yield f"{rest.messages} messages are left in the queue of {rest.mta}, the oldest since {since}; it goes on delivering them"
    if rest.resting:
        yield f"{rest.resting} messages are held or quarantined in the queue of {rest.mta}: they stay there"
    yield from (
        f"{what}: the queue of {rest.mta} does not become empty before it is repaired" for what in rest.unreadable
    )
