# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A relay policy as native configuration.

Private to the collection: it can change at any time.
"""

import typing as t

from .._model.host import Host, Native, Protocol, Rendering
from .._model.policy_record import Policy


class Render(Protocol):
    """The part of a driver that writes configuration."""

    def render(
        self, host: Host, policy: Policy, native: Native, current: t.Callable[[str], t.Optional[bytes]]
    ) -> Rendering:
        """Return every file that must change, whole, with what stood in it and is not ours.

        :param native: wins over the policy.
        :param current: reads a live file by its name in the configuration directory.
        :raises Unsupported: an option that this MTA cannot do, with the nearest thing that it can.
        """


def render_of(mta: str) -> Render:
    """Return this part of the driver of an MTA."""
    if mta == "postfix":
        from .._postfix import render as postfix

        return postfix
    from .._sendmail import render as sendmail

    return sendmail
