# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The live configuration as options of the module relay: what another run could write again without an effect.

Private to the collection: it can change at any time.
"""

import typing as t

from .._model.adopted import Adopted
from .._model.host import Host, Protocol


class Adoption(Protocol):
    """The part of a driver that says a host in the options of the module relay."""

    def adopt(self, host: Host, live: t.Mapping[str, t.Any], defaults: bool) -> Adopted:
        """Return policy and native settings that together, with C(baseline: none), change nothing that is effective.

        :param live: what the reader of the driver returned.
        :param defaults: whether the policy has the options that the host leaves at the MTA's default, too.
        """


def adoption_of(mta: str) -> Adoption:
    """Return this part of the driver of an MTA."""
    if mta == "postfix":
        from .._postfix import adoption as postfix

        return postfix
    from .._sendmail import adoption as sendmail

    return sendmail
