# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an MTA answers to many envelopes, asked of its own programs. Nothing is delivered.

Private to the collection: it can change at any time.
"""

import typing as t

from .._model.host import Host, Protocol
from .._model.replay import Answer, Envelope


class Asked(Protocol):
    """An MTA that is asked."""

    def answers(self, envelopes: t.Sequence[Envelope]) -> t.List[Answer]:
        """Return the answer to each envelope, in their order.

        :raises PostmasterError: the MTA cannot be asked.
        """

    def rules(self, asked: t.Sequence[t.Tuple[Envelope, bool]]) -> t.List[str]:
        """Return the rule about each envelope: the line or the setting that decides.

        :param asked: envelopes, each with whether its route is meant, and not whether mail is taken.
        """


class Replay(Protocol):
    """The part of a driver that answers envelopes in bulk."""

    def asking(self, host: Host) -> t.ContextManager[Asked]:
        """Return what is asked while the block runs; what was started for it is gone afterwards.

        :raises PostmasterError: the MTA cannot be asked.
        """


def replay_of(mta: str) -> Replay:
    """Return this part of the driver of an MTA."""
    if mta == "postfix":
        from .._postfix import replay as postfix

        return postfix
    from .._sendmail import replay as sendmail

    return sendmail
