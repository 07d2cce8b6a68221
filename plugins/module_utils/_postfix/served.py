# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The domains that a live Postfix takes mail for, as its files say it: a block of one of them is hardly ever meant.

Private to the collection: it can change at any time.

The sources of tables are read, no program is asked: this stands on the way of every block.
"""

import os
import typing as t

from .. import _files
from .parameters import MalformedValue, expand, split_list

_SETTINGS = ("relay_domains", "mydestination", "virtual_alias_domains", "virtual_mailbox_domains")
#: Tables whose source is a list of keys with values.
_KEYED = ("hash", "lmdb", "btree", "cdb", "dbm", "sdbm", "texthash")


def domains(values: t.Mapping[str, str]) -> t.FrozenSet[str]:
    """Return the domains that the settings name, themselves or in their files, in lower case."""
    names: t.Set[str] = set()
    for setting in _SETTINGS:
        for word in split_list(_expanded(values, setting)):
            names.update(_names(word))
    return frozenset(name for name in names if "." in name and "@" not in name)


def _expanded(values: t.Mapping[str, str], setting: str) -> str:
    try:
        return expand(values.get(setting, ""), values)
    except MalformedValue:
        return ""


def _names(word: str) -> t.Iterable[str]:
    kind, colon, path = word.partition(":")
    if word.startswith("/"):
        return _text(word).lower().split()
    if not colon:
        return (word.lower().lstrip("."),)
    if kind not in _KEYED or not os.path.isabs(path):
        return ()
    lines = (line.split(None, 1) for line in _text(path).lower().splitlines() if line[:1] not in ("#", " ", "\t"))
    return [words[0] for words in lines if words]


def _text(path: str) -> str:
    return (_files.read(path) or b"").decode("utf-8", "replace")
