# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The check of a staged configuration.

Private to the collection: it can change at any time.
"""

import typing as t

from .._model.host import Host, Protocol, Rendering
from .._model.policy_record import Policy


class Check(Protocol):
    """The part of a driver that asks the MTA about a candidate before it goes live."""

    def check(
        self,
        host: Host,
        stage: str,
        policy: Policy,
        rendering: Rendering,
        inherited: t.Optional[t.List[str]] = None,
    ) -> t.Tuple[str, ...]:
        """Return what is wrong with it, one sentence each: the MTA's own checker, ours, and a shadow instance.

        :param policy: SILENT where the change is not one of policy.
        :param inherited: of an urgent change: gets the defects that the live configuration has as well. They do not stop it.
        """


def check_of(mta: str) -> Check:
    """Return this part of the driver of an MTA."""
    if mta == "postfix":
        from .._postfix import check as postfix

        return postfix
    from .._sendmail import check as sendmail

    return sendmail
