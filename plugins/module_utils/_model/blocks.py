# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sources of lookup tables: find and edit our blocks of lines without touching the lines that people wrote.

A block is a comment line that says what it is and who asked for it, followed by the lines that are ours::

    # postmaster.mta from emalsrv.example added=2026-11-23T14:14:02Z by=drj ticket=SPAM-7 -- phishing wave
    emalsrv.example<TAB>550 5.7.1 Refused because of abuse ...

A source can have millions of lines of which one is to change. So it is not parsed as a whole: it is searched as bytes, and
an edit is a list of places with their new content.

Private to the collection: it can change at any time.
"""

import typing as t

from .._errors import PostmasterError, SyntaxProblem, shorten

MARK = "# postmaster.mta "
_COMMENT = " -- "
#: The fields of a comment line, in their order. Two more are I(lines), how many lines are ours, and I(joined): the file had
#: no newline at its end before our first block.
_FIELDS = ("added", "by", "expires", "ticket")
#: Up to this many names are searched for one by one. More are looked up while the file is read line by line.
FEW = 24


class Note(t.NamedTuple):
    """Who asked for it, when, until when and why: text, empty where it is not known."""

    added: str = ""
    by: str = ""
    expires: str = ""
    ticket: str = ""
    comment: str = ""


class Block(t.NamedTuple):
    """Lines of ours.

    :param title: two words that say what it is. A source has one block of a title.
    :param lines: C(key<TAB>value), without line ends.
    """

    title: str
    lines: t.Tuple[str, ...]
    note: Note = Note()


class PlacedBlock(t.NamedTuple):
    """A block in a source: I(data[start:end]) are its bytes, with the comment line and the line ends."""

    block: Block
    start: int
    end: int
    joined: bool = False


class Line(t.NamedTuple):
    """An unmanaged line: one that is not in a block of ours."""

    start: int
    key: str
    value: str


class BlockChange(t.NamedTuple):
    """What changes for one title: without I(before) the block is added, without I(after) it is removed."""

    title: str
    before: t.Optional[Block]
    after: t.Optional[Block]

    @property
    def verb(self) -> str:
        """Return the word for it: add, remove or change."""
        if self.before is None:
            return "add"
        return "remove" if self.after is None else "change"


class Edit(t.NamedTuple):
    """New content for the bytes from I(start) to I(end)."""

    start: int
    end: int
    content: t.Union[bytes, bytearray]


class Edited(t.NamedTuple):
    """What to do to one source.

    :param kept: unmanaged lines that already say what a block would, or that have the key of a block to be removed.
    """

    edits: t.Tuple[Edit, ...]
    changes: t.Tuple[BlockChange, ...]
    kept: t.Tuple[Line, ...] = ()


# --- blocks as text -------------------------------------------------------------------------------------------------


def text_of(block: Block, joined: bool = False) -> bytes:
    """Return a block as it stands in the source."""
    fields = [f"{name}={value}" for name, value in zip(_FIELDS, block.note) if value]
    fields += [f"lines={len(block.lines)}"] if len(block.lines) != 1 else []
    fields += ["joined=yes"] if joined else []
    comment = _COMMENT + block.note.comment if block.note.comment else ""
    head = f"{MARK}{block.title} {' '.join(fields)}{comment}\n"
    return (head + "".join(f"{line}\n" for line in block.lines)).encode("utf-8", "surrogateescape")


def read_block(data: bytes, start: int, path: str = "") -> PlacedBlock:
    """Return the block whose comment line begins at a byte.

    :raises SyntaxProblem: its lines are missing, or a line that starts with a blank continues them.
    """
    title, fields, comment, end = _head(data, start)
    lines = []
    for dummy in range(int(fields.get("lines", "1"))):
        stop = _line_end(data, end)
        raw = data[end:stop].decode("utf-8", "surrogateescape").rstrip("\n")
        if not raw.strip() or raw[0] in "# \t":
            raise problem(path, data, start, f"the lines of {title} do not follow; put them back, or remove this line")
        lines.append(raw)
        end = stop
    if data[end : end + 1] in (b" ", b"\t") and data[end : _line_end(data, end)].strip():
        raise problem(path, data, end, f"a line that starts with a blank continues the line of {title}")
    note = Note(comment=comment, **{name: fields.get(name, "") for name in _FIELDS})
    return PlacedBlock(Block(title, tuple(lines), note), start, end, "joined" in fields)


def _head(data: bytes, start: int) -> t.Tuple[str, t.Dict[str, str], str, int]:
    end = _line_end(data, start)
    text = data[start:end].decode("utf-8", "surrogateescape").rstrip("\n")[len(MARK) :]
    front, dummy, comment = text.partition(_COMMENT)
    words = front.split()
    names = _FIELDS + ("lines", "joined")
    # The title is two words, so that a pattern like added=x@example.com is not taken for a field.
    fields = dict(word.split("=", 1) for word in words[2:] if word.partition("=")[0] in names and "=" in word)
    title = " ".join(words[:2])
    if not fields.get("lines", "1").isdigit():
        fields["lines"] = "1"
    return title, fields, comment, end


def problem(path: str, data: bytes, start: int, why: str) -> SyntaxProblem:
    """Return an error that names the file and the line."""
    line = data[start : _line_end(data, start)].decode("utf-8", "replace").strip()
    return SyntaxProblem(path, line_number(data, start), line, why)


def line_number(data: bytes, offset: int) -> int:
    """Return the number of the line that begins at a byte, counted from 1."""
    return data.count(b"\n", 0, offset) + 1


def _line_end(data: bytes, start: int) -> int:
    end = data.find(b"\n", start)
    return len(data) if end < 0 else end + 1


# --- finding --------------------------------------------------------------------------------------------------------


def all_blocks(data: bytes, path: str = "") -> t.Iterator[PlacedBlock]:
    """Return every block, in the order of the source."""
    mark = MARK.encode()
    where = data.find(mark)
    while where >= 0:
        if not where or data[where - 1 : where] == b"\n":
            placed = read_block(data, where, path)
            yield placed
            where = data.find(mark, placed.end)
        else:
            where = data.find(mark, where + 1)


def find_blocks(data: bytes, titles: t.Collection[str], path: str = "") -> t.Dict[str, PlacedBlock]:
    """Return the blocks with these titles, by title."""
    if len(titles) > FEW:
        asked = frozenset(titles)
        return {placed.block.title: placed for placed in all_blocks(data, path) if placed.block.title in asked}
    blocks = {}
    for title in titles:
        where = _find_line(data, f"{MARK}{title} ".encode("utf-8", "surrogateescape"))
        if where >= 0:
            blocks[title] = read_block(data, where, path)
    return blocks


def _find_line(data: bytes, head: bytes, start: int = 0) -> int:
    """Return where a line begins with some bytes; -1 where none does."""
    if not start and data.startswith(head):
        return 0
    where = data.find(b"\n" + head, max(0, start - 1))
    return where + 1 if where >= 0 else -1


def unmanaged(data: bytes, keys: t.AbstractSet[str]) -> t.Dict[str, Line]:
    """Return the first line with each of these keys, by the key in lower case, as both MTAs compare them.

    Of a few keys only lines with the very key, or with it in lower case, are found; of many all spellings.
    """
    if len(keys) > FEW:
        return _scan(data, {key.lower() for key in keys})
    lines: t.Dict[str, Line] = {}
    for key in keys:
        for spelling in dict.fromkeys((key, key.lower())):
            where = _find_key(data, spelling.encode("utf-8", "surrogateescape"))
            if where >= 0:
                lines.setdefault(key.lower(), _line_at(data, where))
    return lines


def _find_key(data: bytes, key: bytes) -> int:
    where = _find_line(data, key)
    while where >= 0 and data[where + len(key) : where + len(key) + 1] not in (b" ", b"\t"):
        where = _find_line(data, key, where + 1)
    return where


def _scan(data: bytes, keys: t.AbstractSet[str]) -> t.Dict[str, Line]:
    names = {key.encode("utf-8", "surrogateescape"): key for key in keys}
    lines: t.Dict[str, Line] = {}
    start = 0
    while start < len(data):
        end = _line_end(data, start)
        if data[start : start + 1] not in (b" ", b"\t", b"#"):
            first_word = data[start:end].split(None, 1)[:1]
            name = names.get(first_word[0].lower()) if first_word else None
            if name is not None:
                lines.setdefault(name, _line_at(data, start))
        start = end
    return lines


def _line_at(data: bytes, start: int) -> Line:
    parts = data[start : _line_end(data, start)].decode("utf-8", "surrogateescape").split(None, 1)
    return Line(start, parts[0].lower(), parts[1].strip() if len(parts) > 1 else "")


def key_of(line: str) -> str:
    """Return the key of a line C(key<TAB>value), as the MTAs compare it."""
    return line.partition("\t")[0].lower()


# --- editing --------------------------------------------------------------------------------------------------------


class Conflict(PostmasterError):
    """An unmanaged line has the key of a rule and says something else. It is not ours to change."""


def edit(path: str, data: bytes, present: t.Sequence[Block], absent: t.Sequence[Block]) -> Edited:
    """Add some blocks and remove others.

    A block that is there with the same lines stays as it is, apart from the fields of its note that are given anew.

    :param absent: their titles are what counts; their lines tell which unmanaged lines have their keys.
    :raises Conflict: naming the unmanaged line that says something else.
    """
    standing = find_blocks(data, [block.title for block in [*present, *absent]], path)
    new, gone = _not_in(standing, present), _not_in(standing, absent)
    lines = unmanaged(data, {line.partition("\t")[0] for block in new + gone for line in block.lines})
    same = {block.title: _same_lines(path, data, block, lines) for block in new}
    added = [settled(block) for block in new if not same[block.title]]
    kept = [line for block in new for line in same[block.title]] + _lines_of(gone, lines)
    changed = _changed(present, standing)
    removed = [block.title for block in absent if block.title in standing]
    edits = _edits(data, standing, changed, frozenset(removed), added)
    return Edited(edits, _changes(standing, changed, removed, added), tuple(kept))


def _not_in(standing: t.Mapping[str, PlacedBlock], blocks: t.Sequence[Block]) -> t.List[Block]:
    return [block for block in blocks if block.title not in standing]


def _lines_of(gone: t.Sequence[Block], lines: t.Mapping[str, Line]) -> t.List[Line]:
    """Return the unmanaged lines that have the keys of blocks which should not be there."""
    keys = [key_of(line) for block in gone for line in block.lines]
    return [lines[key] for key in keys if key in lines]


def _changes(
    standing: t.Mapping[str, PlacedBlock],
    changed: t.Mapping[str, Block],
    removed: t.Sequence[str],
    added: t.Sequence[Block],
) -> t.Tuple[BlockChange, ...]:
    """Return what becomes of each block: changed ones first, then removed ones, then new ones."""
    changes = [BlockChange(title, standing[title].block, block) for title, block in changed.items()]
    changes += [BlockChange(title, standing[title].block, None) for title in removed]
    changes += [BlockChange(block.title, None, block) for block in added]
    return tuple(changes)


def _changed(present: t.Sequence[Block], standing: t.Mapping[str, PlacedBlock]) -> t.Dict[str, Block]:
    """Return the blocks that are there and say something else, by title, as they will be."""
    changed = {}
    for block in present:
        if block.title in standing:
            before = standing[block.title].block
            after = _renewed(before, block)
            if after != before:
                changed[block.title] = after
    return changed


def _edits(
    data: bytes,
    standing: t.Mapping[str, PlacedBlock],
    changed: t.Mapping[str, Block],
    removed: t.AbstractSet[str],
    added: t.Sequence[Block],
) -> t.Tuple[Edit, ...]:
    """Return the edits. A file without a newline at its end gets one with our first block, and loses it with our last one."""
    joined = bool(data) and not data.endswith(b"\n")
    rewritten = {standing[title].start: (standing[title], block) for title, block in changed.items()}
    edits = []
    for placed in sorted((standing[title] for title in removed), key=lambda placed: placed.start):
        start = placed.start
        heir = _next_that_stays(data, placed, removed) if placed.joined else None
        if heir is not None:
            # The next block now is our first one, and keeps the word that the newline is ours.
            dummy, block = rewritten.get(heir.start, (heir, heir.block))
            rewritten[heir.start] = (heir._replace(joined=True), block)
        elif placed.joined and _is_last(data, placed):
            joined = joined or bool(added)
            start -= 0 if added else 1
        edits.append(Edit(start, placed.end, b""))
    edits += [Edit(placed.start, placed.end, text_of(block, placed.joined)) for placed, block in rewritten.values()]
    if added:
        edits.append(Edit(len(data), len(data), _addition(data, joined, added)))
    return tuple(sorted(edits, key=lambda edit: (edit.start, edit.end)))


def _addition(data: bytes, joined: bool, added: t.Sequence[Block]) -> bytearray:
    """Return the new blocks for the end of the file, piece by piece: a list of their texts would double the memory."""
    addition = bytearray(b"\n" if joined and not data.endswith(b"\n") else b"")
    for number, block in enumerate(added):
        addition += text_of(block, joined and not number)
    return addition


def _next_that_stays(data: bytes, placed: PlacedBlock, removed: t.AbstractSet[str]) -> t.Optional[PlacedBlock]:
    """Return the first block directly behind this one that is not removed."""
    while data.startswith(MARK.encode(), placed.end):
        placed = read_block(data, placed.end)
        if placed.block.title not in removed:
            return placed
    return None


def _is_last(data: bytes, placed: PlacedBlock) -> bool:
    """Return whether nothing but blocks stands behind a block."""
    while data.startswith(MARK.encode(), placed.end):
        placed = read_block(data, placed.end)
    return placed.end == len(data)


def _same_lines(path: str, data: bytes, block: Block, lines: t.Mapping[str, Line]) -> t.List[Line]:
    """Return the unmanaged lines that already say all of a block; none where they say nothing of it."""
    same = []
    for line in block.lines:
        key, dummy, value = line.partition("\t")
        other = lines.get(key.lower())
        if other is None:
            continue
        if other.value != value:
            raise _conflict(path, data, block, other)
        same.append(other)
    if same and len(same) < len(block.lines):
        raise _conflict(path, data, block, same[0])
    return same


def _conflict(path: str, data: bytes, block: Block, line: Line) -> Conflict:
    where = f"{path}:{line_number(data, line.start)}"
    what = f"{shorten(line.key)} is there already and says {shorten(line.value)}"
    return Conflict(f"{where}: {what}; it is not ours to change for {shorten(block.title)}")


def _renewed(before: Block, asked: Block) -> Block:
    """Return a block that is there as it will be: who added it and when stays, and what is given anew counts.

    An expiry that was given as a span of time (it starts with +) counts from the day when the lines were written, so a
    repeated run does not move it.
    """
    new, old = asked.note, before.note
    same_lines = before.lines == asked.lines
    expires = new.expires or old.expires
    if expires.startswith("+"):
        expires = old.expires if same_lines and old.expires else expires[1:]
    return asked._replace(
        note=Note(
            added=old.added if same_lines else new.added,
            by=old.by if same_lines else new.by,
            expires=expires,
            ticket=new.ticket or old.ticket,
            comment=new.comment or old.comment,
        )
    )


def settled(block: Block) -> Block:
    """Return a block as it is written for the first time: with the day that a span of time ends."""
    if not block.note.expires.startswith("+"):
        return block
    return block._replace(note=block.note._replace(expires=block.note.expires.lstrip("+")))


#: A part of a source, copied or not.
Piece = t.Union[bytes, bytearray, memoryview]


def pieces(data: bytes, edits: t.Sequence[Edit]) -> t.Iterator[Piece]:
    """Return the edited source piece by piece, without a second copy of it in memory."""
    view = memoryview(data)
    done = 0
    for place in edits:
        yield view[done : place.start]
        yield place.content
        done = place.end
    yield view[done:]


def edited(data: bytes, edits: t.Sequence[Edit]) -> bytes:
    """Return the edited source in one piece."""
    return b"".join(bytes(piece) for piece in pieces(data, edits))


def size_after(data: bytes, edits: t.Sequence[Edit]) -> int:
    """Return how many bytes the edited source has."""
    return len(data) + sum(len(place.content) - (place.end - place.start) for place in edits)
