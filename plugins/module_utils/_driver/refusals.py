# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of many senders an instance refuses already: asked in one go, where C(explain) of the part lookup asks about one.

Private to the collection: it can change at any time.
"""

import typing as t

from .._model.host import Protocol
from .._runner import Runner


class Refusals(Protocol):
    """The part of a driver that asks the access tables about many senders."""

    def refused_senders(self, runner: Runner, config_directory: str, addresses: t.Iterable[str]) -> t.FrozenSet[str]:
        """Return the addresses whose mail is rejected, discarded, held or answered with an error.

        :raises CommandError: when a table cannot be asked.
        """


def refusals_of(mta: str) -> Refusals:
    """Return this part of the driver of an MTA."""
    if mta == "postfix":
        from .._postfix import refusals as postfix

        return postfix
    from .._sendmail import refusals as sendmail

    return sendmail
