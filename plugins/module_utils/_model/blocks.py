# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sources of lookup tables: find our blocks of lines among the lines that people wrote.

A block is a comment line that says what it is and who asked for it, followed by the lines that are ours::

    # postmaster.mta from emalsrv.example added=2026-11-23T14:14:02Z by=drj ticket=SPAM-7 -- phishing wave
    emalsrv.example<TAB>550 5.7.1 Refused because of abuse ...

A source can have millions of lines of which one is to change. So it is not parsed as a whole: it is searched as bytes, part by part.
C(_model/block_edits.py) edits it.

Private to the collection: it can change at any time.
"""

import itertools
import typing as t

from .._errors import SyntaxProblem
from .sources import MARK as MARK  # pylint: disable=useless-import-alias
from .sources import Source

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


def walk(source: Source, start: int = 0) -> t.Iterator[PlacedBlock]:
    """Yield every block of a source, in its order.

    :param start: where to begin: the beginning of a line that is not in a block.
    """
    try:
        for part in source.parts(start):
            for placed in all_blocks(part.data, source.path):
                yield PlacedBlock(placed.block, placed.start + part.start, placed.end + part.start, placed.joined)
    except SyntaxProblem:
        # Read as a whole, the problem has its line number.
        for dummy in all_blocks(source.whole(), source.path):
            pass
        raise


def find_blocks(source: Source, titles: t.Collection[str]) -> t.Iterator[PlacedBlock]:
    """Yield the blocks with these titles, in the order of the source."""
    if len(titles) > FEW:
        yield from (placed for placed in walk(source) if placed.block.title in titles)
        return
    missing = {title: f"{MARK}{title} ".encode("utf-8", "surrogateescape") for title in titles}
    for part in source.parts():
        places = {title: _find_line(part.data, head) for title, head in missing.items()}
        for title in sorted((title for title, where in places.items() if where >= 0), key=places.__getitem__):
            del missing[title]
            yield from itertools.islice(walk(source, part.start + places[title]), 1)


def _find_line(data: bytes, head: bytes, start: int = 0) -> int:
    """Return where a line begins with some bytes; -1 where none does."""
    if not start and data.startswith(head):
        return 0
    where = data.find(b"\n" + head, max(0, start - 1))
    return where + 1 if where >= 0 else -1


def unmanaged(source: Source, keys: t.Iterable[str]) -> t.Dict[str, Line]:
    """Return the first line with each of these keys, by the key in lower case, as both MTAs compare them.

    Of a few keys only lines with the very key, or with it in lower case, are found; of many all spellings.

    :param keys: are iterated twice: there may be more of them than should be held.
    """
    few = set(itertools.islice(keys, FEW + 1))
    if len(few) > FEW:
        return _scan(source, keys)
    lines: t.Dict[str, Line] = {}
    spellings = {spelling.encode("utf-8", "surrogateescape") for key in few for spelling in (key, key.lower())}
    for part in source.parts() if spellings else ():
        for spelling in spellings:
            where = _find_key(part.data, spelling)
            if where >= 0:
                line = _line_at(part.data, where, part.start)
                lines[line.key] = min(lines.get(line.key, line), line)
    return lines


def _find_key(data: bytes, key: bytes) -> int:
    where = _find_line(data, key)
    while where >= 0 and data[where + len(key) : where + len(key) + 1] not in (b" ", b"\t"):
        where = _find_line(data, key, where + 1)
    return where


def _scan(source: Source, keys: t.Iterable[str]) -> t.Dict[str, Line]:
    # One byte for many keys: what has none is nobody's line, and few of the others are.
    marks = bytearray(_MARKS)
    for key in keys:
        marks[hash(_folded(key)) % _MARKS] = 1
    lines: t.Dict[bytes, Line] = {}
    values: t.Dict[str, str] = {}
    for start, data in source.parts():
        for word, at in _first_words(data):
            if marks[hash(word) % _MARKS] and word not in lines:
                line = _line_at(data, at, start)
                lines[word] = line._replace(value=values.setdefault(line.value, line.value))
    return {key.lower(): lines[_folded(key)] for key in keys if _folded(key) in lines}


#: So many keys can be told from each other, roughly.
_MARKS = 1 << 23


def _folded(key: str) -> bytes:
    return key.lower().encode("utf-8", "surrogateescape")


def _first_words(data: bytes) -> t.Iterator[t.Tuple[bytes, int]]:
    """Yield the first word of each line that has a key, folded, and where the line begins."""
    start = 0
    while start < len(data):
        end = _line_end(data, start)
        if data[start : start + 1] not in (b" ", b"\t", b"#"):
            words = data[start:end].split(None, 1)
            if words:
                yield words[0].lower(), start
        start = end


def _line_at(data: bytes, start: int, before: int = 0) -> Line:
    parts = data[start : _line_end(data, start)].decode("utf-8", "surrogateescape").split(None, 1)
    return Line(start + before, parts[0].lower(), parts[1].strip() if len(parts) > 1 else "")


def key_of(line: str) -> str:
    """Return the key of a line C(key<TAB>value), as the MTAs compare it."""
    return line.partition("\t")[0].lower()


# --- blocks that stand and are asked for anew ---------------------------------------------------------------------------


def renewed(before: Block, asked: Block) -> Block:
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
