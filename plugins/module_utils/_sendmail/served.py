# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The domains that a live sendmail takes mail for, as its files say it: a block of one of them is hardly ever meant.

Private to the collection: it can change at any time.

The sources of tables are read, no program is asked: this stands on the way of every block.
"""

import os
import re
import typing as t

from .. import _files

#: The classes of own names (w) and of domains that are relayed to (R), in a sendmail.cf.
_WORDS = re.compile(r"^C[wR](.*)$", re.MULTILINE)
_CLASS_FILES = re.compile(r"^F[wR](?:-o )?\s*(/\S+)", re.MULTILINE)
#: A domain that the access map lets mail pass to, with its tag or with none.
_RELAYED = re.compile(r"^(?:to:)?([a-z0-9_.-]+)[ \t]+relay\s*$", re.MULTILINE)


def domains(directory: str, tables: t.Iterable[str]) -> t.FrozenSet[str]:
    """Return the domains that the classes and the access map name, in lower case.

    :param tables: the sources behind the access map, relative to the directory.
    """
    text = _text(os.path.join(directory, "sendmail.cf"))
    names = {name.lower() for words in _WORDS.findall(text) for name in words.split()}
    for path in _CLASS_FILES.findall(text):
        lines = _text(path).splitlines()
        names.update(line.strip().lower() for line in lines if not line.startswith("#"))
    for table in tables:
        names.update(_RELAYED.findall(_text(os.path.join(directory, table)).lower()))
    return frozenset(name for name in names if _is_domain(name))


def _is_domain(name: str) -> bool:
    """Return whether a word is a domain. Classes and the access map hold networks by their octets, too."""
    return "." in name and not name.replace(".", "").isdigit() and not name.startswith((".", "["))


def _text(path: str) -> str:
    return (_files.read(path) or b"").decode("utf-8", "replace")
