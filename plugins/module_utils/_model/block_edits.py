# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sources of lookup tables: edit our blocks of lines without touching the lines that people wrote.

An edit is a list of places with their new content, which is made when it is written: a million blocks need not be held.

Private to the collection: it can change at any time.
"""

import typing as t

from .._errors import PostmasterError, shorten
from .blocks import Block, Line, PlacedBlock, find_blocks, key_of, line_number, text_of, unmanaged, walk
from .ledger import ABSENT, ADD, CHANGE, REMOVE, Changes, Ledger
from .sources import Source, raw


class Conflict(PostmasterError):
    """An unmanaged line has the key of a rule and says something else. It is not ours to change."""


class Texts:
    """The text of some blocks, made when it is read.

    :param joined: whether the first one keeps the word that the newline before it is ours.
    :param before: what stands before the first one.
    """

    def __init__(self, ledger: Ledger, titles: t.List[str], joined: bool = False, before: bytes = b"") -> None:
        self.titles = titles
        self._ledger = ledger
        self._joined = joined
        self._before = before

    def __iter__(self) -> t.Iterator[bytes]:
        yield self._before
        joined = self._joined
        for title in self.titles:
            block = self._ledger.after(title)
            if block is not None:
                yield text_of(block, joined)
            joined = False


class Edit(t.NamedTuple):
    """New content for the bytes from I(start) to I(end)."""

    start: int
    end: int
    content: Texts


class Edited(t.NamedTuple):
    """What to do to one source.

    :param kept: unmanaged lines that already say what a block would, or that have the key of a block to be removed.
    """

    edits: t.Sequence[Edit]
    changes: Changes
    kept: t.Sequence[Line] = ()


def edit(source: Source, ledger: Ledger) -> Edited:
    """Add the blocks that a ledger asks for, and remove those that it asks to be gone.

    A block that is there with the same lines stays as it is, apart from the fields of its note that are given anew.

    :param ledger: learns what becomes of each block.
    :raises Conflict: naming the unmanaged line that says something else.
    """
    editor = _Editor(source, ledger)
    kept: t.List[Line] = []
    if source.size:
        for placed in find_blocks(source, ledger):
            editor.meet(placed)
        kept = _kept(source, ledger)
    return Edited(editor.finished(), Changes(ledger), kept)


class _Editor:
    """Collects the edits of one source. Edits that touch each other are one.

    A file without a newline at its end gets one with our first block, and loses it with our last one.
    """

    def __init__(self, source: Source, ledger: Ledger) -> None:
        self._source = source
        self._ledger = ledger
        self._edits: t.List[Edit] = []
        #: Blocks that become our first ones, and get the word that the newline before them is ours, by where they begin.
        self._heirs: t.Dict[int, PlacedBlock] = {}
        #: Where our last block begins, which takes that newline away.
        self._alone: t.Optional[int] = None

    def meet(self, placed: PlacedBlock) -> None:
        """Take a block of the ledger that stands in the source; they come in its order."""
        verb = self._ledger.met(placed.block)
        if verb == REMOVE:
            if placed.joined:
                self._pass_on(placed)
            self._put(placed, [])
        elif verb == CHANGE:
            joined = placed.joined or self._heirs.pop(placed.start, None) is not None
            self._put(placed, [placed.block.title], joined)

    def _put(self, placed: PlacedBlock, titles: t.List[str], joined: bool = False) -> None:
        last = self._edits[-1] if self._edits else None
        if last is None or last.end != placed.start or joined:
            self._edits.append(Edit(placed.start, placed.end, Texts(self._ledger, titles, joined)))
        else:
            last.content.titles += titles
            self._edits[-1] = last._replace(end=placed.end)

    def _pass_on(self, placed: PlacedBlock) -> None:
        """Let the next block that stays keep the word that the newline is ours."""
        behind = placed.end
        for block in walk(self._source, placed.end):
            if block.start != behind:
                return
            if not self._ledger.goes(block.block.title):
                self._heirs[block.start] = block
                return
            behind = block.end
        if behind == self._source.size:
            self._alone = placed.start

    def finished(self) -> t.List[Edit]:
        """Return the edits in the order of the source, with the new blocks at its end."""
        edits = self._edits
        for heir in self._heirs.values():
            edits.append(Edit(heir.start, heir.end, Texts(self._ledger, [], before=text_of(heir.block, True))))
        added, size = [title for title, dummy in self._ledger.of(ADD)], self._source.size
        if added:
            ends_open = self._source.ends_open()
            joined = ends_open or self._alone is not None
            edits.append(Edit(size, size, Texts(self._ledger, added, joined, b"\n" if ends_open else b"")))
        elif self._alone is not None:
            edits = [edit._replace(start=edit.start - (edit.start == self._alone)) for edit in edits]
        return sorted(edits, key=lambda edit: (edit.start, edit.end))


# --- lines that people wrote --------------------------------------------------------------------------------------------


class _Keys:
    """The keys of the blocks that do not stand in the source."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def __iter__(self) -> t.Iterator[str]:
        for verb in (ADD, ABSENT):
            for block in self._ledger.asked(verb):
                yield from (line.partition("\t")[0] for line in block.lines)


def _kept(source: Source, ledger: Ledger) -> t.List[Line]:
    """Return the unmanaged lines that stay in the place of a block, and leave that one out."""
    lines = unmanaged(source, _Keys(ledger))
    if not lines:
        return []
    kept: t.List[Line] = []
    for block in ledger.asked(ADD):
        same = _same_lines(source, block, lines)
        if same:
            ledger.spare(block.title)
            kept += same
    gone = (key_of(line) for block in ledger.asked(ABSENT) for line in block.lines)
    return kept + [lines[key] for key in gone if key in lines]


def _same_lines(source: Source, block: Block, lines: t.Mapping[str, Line]) -> t.List[Line]:
    """Return the unmanaged lines that already say all of a block; none where they say nothing of it."""
    same = []
    for line in block.lines:
        key, dummy, value = line.partition("\t")
        other = lines.get(key.lower())
        if other is None:
            continue
        if other.value != value:
            raise _conflict(source, block, other)
        same.append(other)
    if same and len(same) < len(block.lines):
        raise _conflict(source, block, same[0])
    return same


def _conflict(source: Source, block: Block, line: Line) -> Conflict:
    where = f"{source.path}:{line_number(source.whole(), line.start)}"
    what = f"{shorten(line.key)} is there already and says {shorten(line.value)}"
    return Conflict(f"{where}: {what}; it is not ours to change for {shorten(block.title)}")


# --- the edited source --------------------------------------------------------------------------------------------------


def pieces(source: Source, edits: t.Sequence[Edit]) -> t.Iterator[bytes]:
    """Return the edited source piece by piece; it is never in memory as a whole."""
    done = 0
    with source.open() as stream:
        for place in edits:
            yield from raw(stream, done, place.start)
            yield from place.content
            done = place.end
        yield from raw(stream, done, source.size)


def size_after(source: Source, edits: t.Sequence[Edit], enough: int) -> int:
    """Return how many bytes the edited source has; more than enough is enough to know."""
    size = source.size - sum(place.end - place.start for place in edits)
    for piece in (piece for place in edits for piece in place.content):
        size += len(piece)
        if size > enough:
            break
    return size
