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
from .._model.host import File, Files
from . import generations, writers
from .generations import Record
from .ownership import Twin

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
        return _state_before(known, first)
    if wanted not in numbers:
        raise OptionError("to", wanted, f"no generation that is kept; there are {', '.join(map(str, numbers))}")
    return wanted


def _state_before(known: t.Sequence[Record], first: int) -> int:
    """Return the state in which the configuration was when a change made it what it is now.

    What was undone before that change is no such state; a record of an adoption leaves an older one.

    :raises OptionError: there is none.
    """
    changes = [record for record in known if "state" in record or record["files"]]
    now = state_of(changes[-1]) if changes else first
    if now <= first:
        raise OptionError("to", None, "this is the oldest state that the account of this instance has")
    earlier = [record for record in changes if record["number"] < now]
    return state_of(earlier[-1]) if earlier else first


def contents(directory: str, number: int, needed: t.Optional[t.Container[str]] = None) -> Contents:
    """Return the files that were other ones after a generation, with what they were then; None is no file.

    Of the state of now, these are the files that somebody else has changed or lost since.

    :param needed: the files that matter; others are left out where they cannot be told. By default all do.

    :raises Refused: a large table was changed manually since, so that the part of it that is kept does not fit; or what was
        replaced was too much to be kept.
    """
    expected: Contents = {}
    known = records(directory)
    for record in reversed(known):
        if record["number"] > number:
            earlier = _before(directory, record, expected, needed)
            expected = {name: content for name, content in expected.items() if name not in _names(record)}
            expected.update(earlier)
    if known and number in (known[-1]["number"], state_of(known[-1])):
        for name, content in lost(directory).items():
            expected.setdefault(name, content)
    return expected


def owned_after(directory: str, target: int) -> t.Mapping[str, t.Any]:
    """Return what each author owned after a generation, an adoption that followed it included."""
    owned: t.Mapping[str, t.Any] = generations.base(directory).get("owned", {})
    for record in records(directory):
        if record["number"] > target and record["files"]:
            break
        owned = record["owned"]
    return owned


def times(directory: str, number: int) -> t.Dict[str, t.Tuple[t.Any, int]]:
    """Return the files that were other ones after a generation, each with the mark of its content and when it was changed last.

    make(1), which starts the sendmail of Debian, goes by the order of these times.
    """
    return {
        file["name"]: (file["before"], file["time"])
        for record in reversed(records(directory))
        for file in record["files"]
        if record["number"] > number and file.get("time") is not None
    }


def lost(directory: str) -> Contents:
    """Return the files that are not as we wrote them last, with what we wrote, as far as it is kept."""
    written = writers.last_written(directory)
    kept: Contents = {}
    for name, dummy in writers.changed_since(directory):
        kept.update(kept_after(directory, *written[name]))
    return kept


def kept_after(directory: str, record: Record, file: Record) -> Contents:
    """Return what a file became by a record, under its name; nothing where the record has not kept it."""
    content = None
    if file["after"] is not None and "after_at" in file:
        content = _kept(directory, record)[file["after_at"] :][: file["after"][0]]
    return {file["name"]: content} if generations.mark(content) == file["after"] else {}


def _kept(directory: str, record: Record) -> bytes:
    return _files.read(os.path.join(generations.place_of(directory), f"{record['number']:06d}.files")) or b""


def _names(record: Record) -> t.Set[str]:
    return {file["name"] for file in record["files"]}


def _before(directory: str, record: Record, later: Contents, needed: t.Optional[t.Container[str]]) -> Contents:
    """Return what the files of one record were before it."""
    kept = _kept(directory, record)
    earlier: Contents = {}
    for file in record["files"]:
        try:
            earlier[file["name"]] = _one_before(directory, record, file, kept, later)
        except Refused:
            if needed is None or file["name"] in needed:
                raise
    return earlier


def _one_before(directory: str, record: Record, file: Record, kept: bytes, later: Contents) -> t.Optional[bytes]:
    content = None if file["before"] is None else _joined(directory, record, file, kept, later)
    if generations.mark(content) != file["before"]:
        why = f"what generation {record['number']} replaced is not kept, so it cannot be undone"
        raise Refused([f"{file['name']}: {why}"])
    return content


def _joined(directory: str, record: Record, file: Record, kept: bytes, later: Contents) -> bytes:
    """Return what a file was: of a large one, the part that is kept, in what it became."""
    name, start, end = file["name"], file["start"], file["end"]
    part = kept[file["at"] : file["at"] + file["length"]]
    if not start and not end:
        return part
    after = later[name] if name in later else _files.read(os.path.join(directory, name))
    if generations.mark(after) != file["after"]:
        raise Refused([f"{name}: changed manually since generation {record['number']}, so it cannot be undone"])
    whole = after or b""
    return whole[:start] + part + whole[len(whole) - end :]


def with_recorded_bytes(directory: str, twin: Twin, files: Files) -> t.Dict[str, File]:
    """Return the same files, with the bytes that stood there before where the meaning is the same.

    An edit writes a line as we write it. Who goes back expects the blanks and the line breaks that were there.
    """
    return {name: _as_recorded(directory, twin, name, file) for name, file in files.items()}


def _as_recorded(directory: str, twin: Twin, name: str, file: File) -> File:
    meaning = _meaning(twin, name, file.content)
    if not meaning or meaning == _meaning(twin, name, _files.read(os.path.join(directory, name))):
        return file
    for content in _earlier_bytes(directory, name):
        if _meaning(twin, name, content) == meaning:
            return file._replace(content=content)
    return file


def _meaning(twin: Twin, name: str, content: t.Optional[bytes]) -> t.Dict[str, t.List[str]]:
    """Return the parts of one file, without the blanks that nobody cares for."""
    parts = twin.parts({name: content}.get, [name])
    return {part: text.split() for part, text in parts.items() if part.startswith(name + " ")}


def _earlier_bytes(directory: str, name: str) -> t.Iterator[bytes]:
    """Yield what a file was, the newest first, as far back as nobody but us has written it."""
    content = _files.read(os.path.join(directory, name))
    for record in reversed(records(directory)):
        for file in record["files"]:
            if file["name"] != name:
                continue
            if generations.mark(content) != file["after"] or file["start"] or file["end"] or file["before"] is None:
                return
            content = _kept(directory, record)[file["at"] :][: file["length"]]
            yield content


def changed_manually(directory: str) -> t.List[str]:
    """Return a sentence for each file that is not as we left it; an undo replaces it all the same."""
    return [
        f"{name}: changed manually since generation {record['number']} ({record['time']})"
        for name, record in writers.changed_since(directory)
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
