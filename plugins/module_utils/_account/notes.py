# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records of what leaves no state to go back to: an adoption, a confirmation, what the MTA's own program has done.

Private to the collection: it can change at any time.
"""

import os
import tempfile
import typing as t

from .. import _files
from . import generations
from .generations import Author, Record


def done(
    directory: str, before: t.Mapping[str, t.Optional[bytes]], author: Author, number: t.Optional[int] = None
) -> int:
    """Write the record of a change that the MTA's own program has made; return its number.

    It is no state to go back to: what was done besides these files, an undo does not take back.

    :param before: what the files were, by name.
    :param number: of a note that was written before the change and becomes its record.
    """
    place = generations.private(generations.place_of(directory))
    with tempfile.TemporaryDirectory(prefix="postmaster-") as scratch:
        for name, content in before.items():
            if content is not None:
                _files.write_new(
                    os.path.join(scratch, name), content, generations.mode_of(os.path.join(directory, name))
                )
        names = [name for name in sorted(before) if before[name] != _files.read(os.path.join(directory, name))]
        files, kept = generations.replaced(scratch, directory, names)
        contents = list(generations.read_extents(kept))
    record = _stateless(directory, author, files)
    record["number"] = number or record["number"]
    generations.write_blob(os.path.join(place, f"{record['number']:06d}{generations.BLOB}"), contents)
    generations.write(place, record)
    generations.prune(directory, 0)
    return int(record["number"])


def note(directory: str, author: Author) -> int:
    """Write a record of something that changes no file, such as an adoption; return its number."""
    place = generations.private(generations.place_of(directory))
    record = _stateless(directory, author, [])
    generations.write(place, record)
    generations.prune(directory, 0)
    return int(record["number"])


def _stateless(directory: str, author: Author, files: t.List[Record]) -> Record:
    """Return a new record that is no state to go back to: it leaves the one before it."""
    record = generations.new_record(directory, author, ("nothing", ()), files)
    last = generations.newest(directory)
    record.update(state=last.get("state", last.get("number", 0)), states=last.get("states", []))
    return record
