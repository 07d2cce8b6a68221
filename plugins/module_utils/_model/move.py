# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a relay becomes on the other MTA, construct by construct.

Private to the collection: it can change at any time.
"""

import typing as t

CONVERTED, DIFFERS, NOT_CONVERTED = "converted", "differs", "not converted"

#: The constructs of a sendmail configuration, by their number.
CONSTRUCTS = {
    1: "local domains (class w)",
    2: "relayed domains (class R)",
    3: "access: clients",
    4: "access: recipients",
    5: "access: senders",
    6: "access: keys without a tag",
    7: "access: answers",
    8: "access: Spam",
    9: "greeting pause",
    10: "limits of single clients",
    11: "TLS by host or domain",
    12: "masquerading",
    13: "genericstable",
    14: "domaintable",
    15: "virtusertable",
    16: "mailertable: routes",
    17: "mailertable: mailers and actions",
    18: "smart host and hubs",
    19: "relay for unknown users",
    20: "routes by sender",
    21: "aliases",
    22: ".forward",
    23: "milters",
    24: "block lists",
    25: "listeners",
    26: "queue groups",
    27: "options",
    28: "submission and scripts",
    29: "relaying by sender, MX or domain",
    30: "passwords for other servers",
    31: "other features",
    32: "rules, maps and mailers of its own",
    33: "the queue",
}


class Row(t.NamedTuple):
    """One thing that stands in the configuration, and what becomes of it.

    :param where: file and line.
    :param text: what stands there.
    :param sentence: where it went, how it differs, or what it seems to do.
    :param test: what would show the difference.
    """

    number: int
    verdict: str
    where: str
    text: str
    sentence: str
    test: str = ""


class Moved(t.NamedTuple):
    """A whole configuration in the words of the other MTA.

    :param natives: C(main) and C(master) of the module relay.
    :param tables: the lines of each lookup table of Postfix.
    :param rules: rules of the module access.
    """

    policy: t.Dict[str, t.Any]
    natives: t.Dict[str, t.Any]
    tables: t.Dict[str, t.List[str]]
    rules: t.Tuple[t.Dict[str, t.Any], ...]
    rows: t.Tuple[Row, ...]


def facts(row: Row) -> t.Dict[str, t.Any]:
    """Return a row as plain data."""
    return dict(row._asdict(), construct=CONSTRUCTS[row.number])
