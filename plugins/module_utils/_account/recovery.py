# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bring the account and the configuration into agreement after a run that died.

Private to the collection: it can change at any time.
"""

import os
import typing as t

from .. import _files
from . import generations


def repair(directory: str, why: str = "") -> None:
    """Bring prepared records into agreement with the live files.

    :param why: what to say of a change that is not live; without it such a record is removed.
    """
    place = generations.place_of(directory)
    for number in generations.prepared(directory):
        entry = generations.Entry(
            place, dict({"number": number}, **generations.load(directory, number, generations.PREPARED))
        )
        if generations.agrees(directory, entry.record):
            entry.live()
        elif why and entry.record.get("files"):
            entry.rolled_back(why)
        else:
            entry.drop()
    for name in _orphans(place):
        _files.remove(os.path.join(place, name))


def _orphans(place: str) -> t.List[str]:
    """Return files that a run which died was about to write, and contents without a record."""
    names = os.listdir(place) if os.path.isdir(place) else []
    return [
        name
        for name in names
        if name.endswith(_files.temporary(""))
        or (name.endswith(generations.BLOB) and name[: -len(generations.BLOB)] + generations.RECORD not in names)
    ]
