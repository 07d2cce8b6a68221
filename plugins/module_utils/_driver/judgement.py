# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The judgement of a whole configuration: is it open for strangers, or dead for everybody?

Private to the collection: it can change at any time.
"""

import typing as t

from .._model.finding import Finding
from .._model.host import Host, Protocol


class Judgement(Protocol):
    """The part of a driver that judges a configuration without asking a running MTA."""

    #: Whether the host's own addresses may relay, whatever the configuration says of them.
    RELAYS_FOR_OWN: bool

    def may_send(self, host: Host, questions: t.Sequence[t.Tuple[str, str]]) -> t.List[bool]:
        """Return whether each client without a name may send to a domain, by the MTA's own answer; nothing where it has none.

        :param questions: clients, each with a domain.
        """

    def judge(self, host: Host, directory: str, is_suffix: t.Callable[[str], bool]) -> t.Tuple[Finding, ...]:
        """Return what makes it open or dead; each finding names parameter, value, consequence and remedy.

        :param directory: the live configuration, or a stage of it.
        :param is_suffix: whether a domain is a public suffix or a name of one label.
        """


def judgement_of(mta: str) -> Judgement:
    """Return this part of the driver of an MTA."""
    if mta == "postfix":
        from .._postfix import judgement as postfix

        return postfix
    from .._sendmail import judgement as sendmail

    return sendmail
