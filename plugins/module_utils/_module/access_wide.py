# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refuse to let clients relay from networks that are together a large part of the Internet, also over several runs.

Private to the collection: it can change at any time.
"""

import typing as t

from .._errors import OptionError
from .._model import access, blocks, trust

if t.TYPE_CHECKING:
    from .access import AccessRun


def refuse(patterns: t.Iterable[str], standing: t.AbstractSet[str] = frozenset()) -> None:
    """Refuse networks that are together a large part of the Internet, however small each is.

    :param standing: those that may relay already. They are no reason to refuse a narrow one.
    :raises OptionError: naming one of them.
    """
    new = set(patterns) - standing
    if len(new) + len(standing) < 2 or not new:
        return
    wide = trust.wide(trust.networks_in(sorted(new | standing)))
    if wide and (set(wide) & set(trust.networks_in(new)) or not trust.wide(trust.networks_in(standing))):
        why = "may relay together: a large part of the Internet, an open relay; name the networks of your own clients"
        raise OptionError("rules", f"{len(new | standing)} networks, {wide[0]} among them", why)


def standing_like(run: "AccessRun", rules: t.Sequence[access.Rule]) -> t.Set[str]:
    """Return the clients of the rules that stand where some rules would, and say the same."""
    values: t.Dict[str, t.Set[str]] = {}
    for rule in rules:
        for name, lines in run.driver.place(run.facts, rule).items():
            values.setdefault(name, set()).update(line.partition("\t")[2] for line in lines)
    standing = set()
    for name, said in values.items():
        for placed in blocks.walk(run.read(name)[1]):
            where, dummy, pattern = placed.block.title.partition(" ")
            if where == access.CONNECT and said & {line.partition("\t")[2] for line in placed.block.lines}:
                standing.add(pattern)
    return standing
