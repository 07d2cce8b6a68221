# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way back: what the files of a configuration directory were after an earlier generation.

Private to the collection: it can change at any time.
"""

import os
import typing as t

from .. import _files
from .._errors import OptionError, Refused
from . import generations
from .generations import Record

Contents = t.Dict[str, t.Optional[bytes]]


def records(directory: str) -> t.List[Record]:
    """Return the records that are live, the oldest first."""
    known = [generations.load(directory, number) for number in generations.numbers(directory)]
    return [record for record in known if record.get("ended") in (generations.LIVE, generations.CONFIRMED)]


def state_of(record: Record) -> int:
    """Return the generation whose configuration a record has left: its own, or the one that an undo went back to."""
    state: int = record["state"] if "state" in record else record["number"]
    return state


def target_of(directory: str, wanted: t.Optional[int]) -> int:
    """Return the generation to go back to; 0 is what stood there before the first one.

    :param wanted: its number; None is the one before that of now.
    :raises OptionError: there is no such generation, or none before.
    """
    known = records(directory)
    if not known:
        raise OptionError("to", wanted, f"{directory} has no account yet, so there is nothing to undo")
    first = known[0]["number"] - 1
    numbers = [first] + [record["number"] for record in known]
    if wanted is None:
        earlier = [number for number in numbers if number < state_of(known[-1]) and _changes(known, number, first)]
        if not earlier:
            raise OptionError("to", wanted, "this is the oldest state that the account of this instance has")
        last: int = earlier[-1]
        return last
    if wanted not in numbers:
        raise OptionError("to", wanted, f"no generation that is kept; there are {', '.join(map(str, numbers))}")
    return wanted


def _changes(known: t.Sequence[Record], number: int, first: int) -> bool:
    """Return whether a state is one of its own: an undo, and a record of an adoption, leave an older one."""
    record = next((record for record in known if record["number"] == number), None)
    return number == first or (record is not None and "state" not in record and bool(record["files"]))


def contents(directory: str, number: int) -> Contents:
    """Return the files that were other ones after a generation, with what they were then; None is no file.

    :raises Refused: a large table was changed manually since, so that the part of it that is kept does not fit.
    """
    found: Contents = {}
    for record in reversed(records(directory)):
        if record["number"] > number:
            found.update(_before(directory, record, found))
    return found


def _before(directory: str, record: Record, later: Contents) -> Contents:
    """Return what the files of one record were before it."""
    kept = _files.read(os.path.join(generations.place_of(directory), f"{record['number']:06d}.files")) or b""
    found: Contents = {}
    for file in record["files"]:
        name, start, end = file["name"], file["start"], file["end"]
        part = kept[file["at"] : file["at"] + file["length"]]
        if file["before"] is None:
            found[name] = None
        elif not start and not end:
            found[name] = part
        else:
            after = later[name] if name in later else _files.read(os.path.join(directory, name))
            if generations.mark(after) != file["after"]:
                raise Refused([f"{name}: changed manually since generation {record['number']}, so it cannot be undone"])
            found[name] = (after or b"")[:start] + part + (after or b"")[len(after or b"") - end :]
    return found


def changed_manually(directory: str) -> t.List[str]:
    """Return a sentence for each file that is not as we left it; an undo replaces it all the same."""
    return [
        f"{name}: changed manually since generation {record['number']} ({record['time']})"
        for name, record in generations.changed_since(directory)
    ]


def status(record: Record, undone: t.Container[int]) -> str:
    """Return how a generation ended, as a person says it."""
    if record["number"] in undone:
        return generations.UNDONE
    if record.get("confirm_by") and record["ended"] == generations.LIVE:
        return "not confirmed yet"
    return str(record["ended"])


def undone_by(known: t.Iterable[Record]) -> t.Set[int]:
    """Return the numbers that later records have undone."""
    return {
        number for record in known for number in record.get("undoes", ()) if record["ended"] != generations.ROLLED_BACK
    }
