# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Helpers: the programs of others that an MTA asks about messages, such as milters. One that is dead stops all mail.

Private to the collection: it can change at any time.
"""

import typing as t

MILTER, POLICY, FILTER = "milter", "policy service", "content filter"


class Helper(t.NamedTuple):
    """A program that the MTA asks about messages, or hands them to.

    :param kind: C(milter), C(policy service) or C(content filter).
    :param place: where it listens, as the configuration writes it.
    :param setting: the setting that names it.
    :param path: its socket in the file system; empty where it listens on a network.
    :param host: its name or address in the network.
    :param refuses: whether mail is refused or deferred while it does not answer.
    :param consequence: what the MTA does then, for a sentence: C(every message gets a 451).
    """

    kind: str
    place: str
    setting: str
    path: str = ""
    host: str = ""
    port: int = 0
    refuses: bool = True
    consequence: str = ""
