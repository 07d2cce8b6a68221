# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of the blocks of a table, of which there may be a million.

Of each block only its title is kept. What many blocks say in the same words is kept once: their lines with a gap in the place of the
pattern, their note, and what becomes of them.

Private to the collection: it can change at any time.
"""

import typing as t

from .blocks import Block, BlockChange, Note, renewed, settled

ADD, CHANGE, REMOVE = "add", "change", "remove"
#: What nothing becomes of: a block that stays as it is, and one that should not be there and is not.
STAY, ABSENT = "stay", "absent"
#: Stands for the pattern; no line has a newline in it.
_GAP = "\n"


class Shape(t.NamedTuple):
    """Lines in which the pattern is a gap, and their note."""

    lines: t.Tuple[str, ...]
    note: Note


class Fate(t.NamedTuple):
    """What was asked for, and what becomes of it: without I(before) there was none, without I(after) there will be none."""

    verb: str
    asked: Shape
    before: t.Optional[Shape] = None
    after: t.Optional[Shape] = None


class Ledger:
    """The blocks that a run is about, by title, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._fates: t.Dict[str, Fate] = {}
        self._shared: t.Dict[Fate, Fate] = {}

    def __len__(self) -> int:
        return len(self._fates)

    def __contains__(self, title: object) -> bool:
        return title in self._fates

    def __iter__(self) -> t.Iterator[str]:
        return iter(self._fates)

    def ask(self, block: Block, present: bool) -> None:
        """Ask for a block, or that none of its title is there."""
        if present:
            self._put(block.title, Fate(ADD, _shape(block), None, _shape(settled(block))))
        else:
            self._put(block.title, Fate(ABSENT, _shape(block)))

    def _put(self, title: str, fate: Fate) -> None:
        self._fates[title] = self._shared.setdefault(fate, fate)

    def goes(self, title: str) -> bool:
        """Return whether a block of this title must not be there."""
        fate = self._fates.get(title)
        return fate is not None and fate.verb in (ABSENT, REMOVE)

    def met(self, block: Block) -> str:
        """Decide about a block that stands; return what becomes of it."""
        fate = self._fates[block.title]
        before = _shape(block)
        if fate.verb in (ABSENT, REMOVE):
            fate = Fate(REMOVE, fate.asked, before)
        else:
            after = _shape(renewed(block, _block(block.title, fate.asked)))
            fate = Fate(STAY if after == before else CHANGE, fate.asked, before, after)
        self._put(block.title, fate)
        return fate.verb

    def spare(self, title: str) -> None:
        """Leave out a block whose lines are there already."""
        self._put(title, Fate(STAY, self._fates[title].asked))

    def of(self, verb: str) -> t.Iterator[t.Tuple[str, Fate]]:
        """Yield the titles with one fate."""
        return ((title, fate) for title, fate in self._fates.items() if fate.verb == verb)

    def asked(self, verb: str) -> t.Iterator[Block]:
        """Yield the blocks with one fate as they were asked for."""
        return (_block(title, fate.asked) for title, fate in self.of(verb))

    def after(self, title: str) -> t.Optional[Block]:
        """Return a block as it will be."""
        return _block_or_none(title, self._fates[title].after)


class Changes:
    """The blocks that change, made one by one when they are read: changed ones first, then removed ones, then new ones."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def __len__(self) -> int:
        return sum(1 for dummy in self.verbs())

    def __iter__(self) -> t.Iterator[BlockChange]:
        for title, fate in self._fates():
            yield BlockChange(title, _block_or_none(title, fate.before), _block_or_none(title, fate.after))

    def verbs(self) -> t.Iterator[t.Tuple[str, str]]:
        """Yield each title and what becomes of it."""
        return ((title, fate.verb) for title, fate in self._fates())

    def _fates(self) -> t.Iterator[t.Tuple[str, Fate]]:
        for verb in (CHANGE, REMOVE, ADD):
            yield from self._ledger.of(verb)


def _shape(block: Block) -> Shape:
    pattern = block.title.partition(" ")[2]
    lines = tuple(line.replace(pattern, _GAP) for line in block.lines) if pattern else block.lines
    return Shape(lines, block.note)


def _block(title: str, shape: Shape) -> Block:
    pattern = title.partition(" ")[2]
    return Block(title, tuple(line.replace(_GAP, pattern) for line in shape.lines), shape.note)


def _block_or_none(title: str, shape: t.Optional[Shape]) -> t.Optional[Block]:
    return None if shape is None else _block(title, shape)
