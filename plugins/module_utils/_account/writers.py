# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was last written into each file of a configuration, and what somebody has changed since.

Private to the collection: it can change at any time.
"""

import os
import typing as t

from .. import _files
from . import generations
from .generations import Record


def last_written(directory: str) -> t.Dict[str, t.Tuple[Record, Record]]:
    """Return for each file the newest live record that wrote it, and its entry there."""
    written: t.Dict[str, t.Tuple[Record, Record]] = {}
    for number in reversed(generations.numbers(directory)):
        record = generations.load(directory, number)
        if record.get("ended") in (generations.LIVE, generations.CONFIRMED):
            for file in record["files"]:
                written.setdefault(file["name"], (record, file))
    return written


def changed_since(directory: str) -> t.List[t.Tuple[str, Record]]:
    """Return the files that are not as the newest generation left them that wrote them, with the record of that one."""
    return [
        (name, record)
        for name, (record, file) in sorted(last_written(directory).items())
        if generations.mark_of(os.path.join(directory, name)) != file["after"]
    ]


def forget(directory: str) -> None:
    """Remove the account of a directory that is made anew: what was written into the one before it is no loss."""
    place = generations.place_of(directory)
    for name in os.listdir(place) if os.path.isdir(place) else ():
        _files.remove(os.path.join(place, name))
