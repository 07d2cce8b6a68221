# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sources of lookup tables: our blocks of lines among those that people wrote, found and edited without touching the rest.

A block is a comment line that says what it is and who wanted it, and the lines behind it that are ours::

    # postmaster.mta from emalsrv.example added=2026-11-23T14:14:02Z by=drj ticket=SPAM-7 -- phishing wave
    emalsrv.example<TAB>550 5.7.1 Refused because of abuse ...

A source may have millions of lines and one of them is to change, so it is never taken apart as a whole: it is searched as
bytes, and an edit is a list of places with their new content.

Private to the collection: it can change at any time.
"""

import typing as t

from .._errors import PostmasterError, SyntaxProblem, shorten

MARK = "# postmaster.mta "
_COMMENT = " -- "
#: The fields of a comment line, in their order. I(lines) is how many lines are ours; I(joined) that the file ended without a newline.
_FIELDS = ("added", "by", "expires", "ticket")
#: Up to this many names are searched for one by one; more are looked up while the file is read line by line.
FEW = 24


class Note(t.NamedTuple):
    """Who wanted it, when, until when and why; all are text, empty where nothing is known."""

    added: str = ""
    by: str = ""
    expires: str = ""
    ticket: str = ""
    comment: str = ""


class Block(t.NamedTuple):
    """Lines of ours.

    :param title: two words that say what it is; one block of a source has it.
    :param lines: C(key<TAB>value), without line ends.
    """

    title: str
    lines: t.Tuple[str, ...]
    note: Note = Note()


class PlacedBlock(t.NamedTuple):
    """A block in a source: I(data[start:end]) are its bytes, comment line and line ends included."""

    block: Block
    start: int
    end: int
    joined: bool = False


class Line(t.NamedTuple):
    """A line that somebody wrote by hand."""

    start: int
    key: str
    value: str


class BlockChange(t.NamedTuple):
    """What becomes of one title: I(before) None adds it, I(after) None removes it."""

    title: str
    before: t.Optional[Block]
    after: t.Optional[Block]

    @property
    def verb(self) -> str:
        """add, remove or change."""
        if self.before is None:
            return "add"
        return "remove" if self.after is None else "change"


class Edit(t.NamedTuple):
    """Bytes I(start) to I(end) are replaced."""

    start: int
    end: int
    content: t.Union[bytes, bytearray]


class Edited(t.NamedTuple):
    """What is to be done to one source.

    :param kept: lines by hand that say already what is wanted, or that stand where something should be removed.
    """

    edits: t.Tuple[Edit, ...]
    changes: t.Tuple[BlockChange, ...]
    kept: t.Tuple[Line, ...] = ()


# --- blocks as text -------------------------------------------------------------------------------------------------


def text_of(block: Block, joined: bool = False) -> bytes:
    """A block as it stands in the source."""
    fields = [f"{name}={value}" for name, value in zip(_FIELDS, block.note) if value]
    fields += [f"lines={len(block.lines)}"] if len(block.lines) != 1 else []
    fields += ["joined=yes"] if joined else []
    comment = _COMMENT + block.note.comment if block.note.comment else ""
    head = f"{MARK}{block.title} {' '.join(fields)}{comment}\n"
    return (head + "".join(f"{line}\n" for line in block.lines)).encode("utf-8", "surrogateescape")


def read_block(data: bytes, start: int, path: str = "") -> PlacedBlock:
    """The block whose comment line begins at a byte.

    :raises SyntaxProblem: its lines are not there, or somebody has continued them with a line that starts with a blank.
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
    note = Note(*[fields.get(name, "") for name in _FIELDS], comment)  # type: ignore[arg-type]
    return PlacedBlock(Block(title, tuple(lines), note), start, end, "joined" in fields)


def _head(data: bytes, start: int) -> t.Tuple[str, t.Dict[str, str], str, int]:
    end = _line_end(data, start)
    text = data[start:end].decode("utf-8", "surrogateescape").rstrip("\n")[len(MARK) :]
    front, dummy, comment = text.partition(_COMMENT)
    words = front.split()
    known = _FIELDS + ("lines", "joined")
    # The title is two words, so that a pattern like added=x@example.com is not taken for a field.
    fields = dict(word.split("=", 1) for word in words[2:] if word.partition("=")[0] in known and "=" in word)
    title = " ".join(words[:2])
    if not fields.get("lines", "1").isdigit():
        fields["lines"] = "1"
    return title, fields, comment, end


def problem(path: str, data: bytes, start: int, why: str) -> SyntaxProblem:
    """An error that names the file and the line."""
    line = data[start : _line_end(data, start)].decode("utf-8", "replace").strip()
    return SyntaxProblem(path, line_number(data, start), line, why)


def line_number(data: bytes, offset: int) -> int:
    """The number of the line that begins at a byte, counted from 1."""
    return data.count(b"\n", 0, offset) + 1


def _line_end(data: bytes, start: int) -> int:
    end = data.find(b"\n", start)
    return len(data) if end < 0 else end + 1


# --- finding --------------------------------------------------------------------------------------------------------


def all_blocks(data: bytes, path: str = "") -> t.Iterator[PlacedBlock]:
    """Every block, in the order of the source."""
    mark = MARK.encode()
    where = data.find(mark)
    while where >= 0:
        if not where or data[where - 1 : where] == b"\n":
            found = read_block(data, where, path)
            yield found
            where = data.find(mark, found.end)
        else:
            where = data.find(mark, where + 1)


def find_blocks(data: bytes, titles: t.Collection[str], path: str = "") -> t.Dict[str, PlacedBlock]:
    """The blocks with these titles."""
    if len(titles) > FEW:
        wanted = frozenset(titles)
        return {found.block.title: found for found in all_blocks(data, path) if found.block.title in wanted}
    found = {}
    for title in titles:
        where = _find_line(data, f"{MARK}{title} ".encode("utf-8", "surrogateescape"))
        if where >= 0:
            found[title] = read_block(data, where, path)
    return found


def _find_line(data: bytes, head: bytes, start: int = 0) -> int:
    """Where a line begins with some bytes."""
    if not start and data.startswith(head):
        return 0
    where = data.find(b"\n" + head, max(0, start - 1))
    return where + 1 if where >= 0 else -1


def hand_written(data: bytes, keys: t.AbstractSet[str]) -> t.Dict[str, Line]:
    """The first line with each of these keys, by the key in lower case, as both MTAs compare them.

    Of a few keys only lines with the very key, or with it in lower case, are found; of many all spellings.
    """
    if len(keys) > FEW:
        return _scan(data, {key.lower() for key in keys})
    found = {}
    for key in keys:
        for spelling in dict.fromkeys((key, key.lower())):
            where = _find_key(data, spelling.encode("utf-8", "surrogateescape"))
            if where >= 0:
                found.setdefault(key.lower(), _line_at(data, where))
    return found


def _find_key(data: bytes, key: bytes) -> int:
    where = _find_line(data, key)
    while where >= 0 and data[where + len(key) : where + len(key) + 1] not in (b" ", b"\t"):
        where = _find_line(data, key, where + 1)
    return where


def _scan(data: bytes, keys: t.AbstractSet[str]) -> t.Dict[str, Line]:
    wanted = {key.encode("utf-8", "surrogateescape"): key for key in keys}
    found: t.Dict[str, Line] = {}
    start = 0
    while start < len(data):
        end = _line_end(data, start)
        key = data[start:end].split(None, 1)[:1]
        name = wanted.get(key[0].lower()) if key and data[start : start + 1] not in (b" ", b"\t", b"#") else None
        if name is not None:
            found.setdefault(name, _line_at(data, start))
        start = end
    return found


def _line_at(data: bytes, start: int) -> Line:
    parts = data[start : _line_end(data, start)].decode("utf-8", "surrogateescape").split(None, 1)
    return Line(start, parts[0].lower(), parts[1].strip() if len(parts) > 1 else "")


def key_of(line: str) -> str:
    """The key of a line C(key<TAB>value), as the MTAs compare it."""
    return line.partition("\t")[0].lower()


# --- editing --------------------------------------------------------------------------------------------------------


class Conflict(PostmasterError):
    """A line by hand has the key of a rule and says something else; it is not ours to change."""


def edit(path: str, data: bytes, wanted: t.Sequence[Block], unwanted: t.Sequence[Block]) -> Edited:
    """Bring some blocks in and others out.

    A block that is there with the same lines stays as it is, apart from what its note is given anew.

    :param unwanted: their titles are what counts; their lines say which lines by hand would have to go.
    :raises Conflict: naming the line by hand that says something else.
    """
    there = find_blocks(data, [block.title for block in list(wanted) + list(unwanted)], path)
    new = [block for block in wanted if block.title not in there]
    gone = [block for block in unwanted if block.title not in there]
    by_hand = hand_written(data, {line.partition("\t")[0] for block in new + gone for line in block.lines})
    said = {block.title: same for block in new for same in [_kept(path, data, block, by_hand)] if same}
    added = [settled(block) for block in new if block.title not in said]
    changed = {}
    for block in wanted:
        if block.title in there and _renewed(there[block.title].block, block) != there[block.title].block:
            changed[block.title] = _renewed(there[block.title].block, block)
    removed = [block.title for block in unwanted if block.title in there]
    changes = [BlockChange(title, there[title].block, block) for title, block in changed.items()]
    changes += [BlockChange(title, there[title].block, None) for title in removed]
    changes += [BlockChange(block.title, None, block) for block in added]
    kept = [line for lines in said.values() for line in lines]
    kept += [by_hand[key_of(line)] for block in gone for line in block.lines if key_of(line) in by_hand]
    edits = _edits(data, there, changed, frozenset(removed), added)
    return Edited(edits, tuple(changes), tuple(kept))


def _edits(
    data: bytes,
    there: t.Mapping[str, PlacedBlock],
    changed: t.Mapping[str, Block],
    removed: t.AbstractSet[str],
    added: t.Sequence[Block],
) -> t.Tuple[Edit, ...]:
    """The places. A file that ended without a newline gets one with our first block, and loses it with our last one."""
    joined = bool(data) and not data.endswith(b"\n")
    places = {there[title].start: (there[title], None) for title in removed}  # type: t.Dict[int, t.Any]
    places.update((there[title].start, (there[title], block)) for title, block in changed.items())
    edits = []
    for start in sorted(places):
        found, block = places[start]
        if block is None and found.joined:
            heir = _next_that_stays(data, found, removed)
            if heir is not None:
                places[heir.start] = (heir._replace(joined=True), places.get(heir.start, (heir, heir.block))[1])
            elif _last(data, found, removed):
                start, joined = (start, True) if added else (start - 1, joined)
        if block is None:
            edits.append(Edit(start, found.end, b""))
    edits += [Edit(one.start, one.end, text_of(block, one.joined)) for one, block in places.values() if block]
    addition = bytearray(b"\n" if joined and not data.endswith(b"\n") else b"")
    for number, block in enumerate(added):
        # Piece by piece: a list of a hundred thousand texts beside their sum would be in memory twice.
        addition += text_of(block, joined and not number)
    return tuple(sorted(edits)) + ((Edit(len(data), len(data), addition),) if added else ())


def _next_that_stays(data: bytes, found: PlacedBlock, removed: t.AbstractSet[str]) -> t.Optional[PlacedBlock]:
    while data.startswith(MARK.encode(), found.end):
        found = read_block(data, found.end)
        if found.block.title not in removed:
            return found
    return None


def _last(data: bytes, found: PlacedBlock, removed: t.AbstractSet[str]) -> bool:
    """Whether nothing but blocks that go stands behind a block."""
    while data.startswith(MARK.encode(), found.end):
        found = read_block(data, found.end)
    return found.end == len(data)


def _kept(path: str, data: bytes, block: Block, there: t.Mapping[str, Line]) -> t.List[Line]:
    """The lines by hand that say all of a block already."""
    same = []
    for line in block.lines:
        key, dummy, value = line.partition("\t")
        other = there.get(key.lower())
        if other is not None and other.value != value:
            raise _conflict(path, data, block, other)
        same += [other] if other is not None else []
    if same and len(same) < len(block.lines):
        raise _conflict(path, data, block, same[0])
    return same


def _conflict(path: str, data: bytes, block: Block, line: Line) -> Conflict:
    where = f"{path}:{line_number(data, line.start)}"
    said = f"{shorten(line.key)} is there already and says {shorten(line.value)}"
    return Conflict(f"{where}: {said}; it is not ours to change for {shorten(block.title)}")


def _renewed(there: Block, wanted: Block) -> Block:
    """A block that is there already, brought to what is wanted: who added it and when stays; what is given anew counts.

    An expiry that was given as a span of time (it starts with +) is of the day when the lines were written, and stays too.
    """
    given, known = wanted.note, there.note
    same = there.lines == wanted.lines
    expires = given.expires or known.expires
    if expires.startswith("+"):
        expires = known.expires if same and known.expires else expires[1:]
    who, when = (known.by, known.added) if same else (given.by, given.added)
    return wanted._replace(note=Note(when, who, expires, given.ticket or known.ticket, given.comment or known.comment))


def settled(block: Block) -> Block:
    """A block as it is written for the first time: a span of time has become its day."""
    if not block.note.expires.startswith("+"):
        return block
    return block._replace(note=block.note._replace(expires=block.note.expires.lstrip("+")))


def pieces(data: bytes, edits: t.Sequence[Edit]) -> t.Iterator[t.Union[bytes, memoryview]]:
    """The edited source, piece by piece, without a second copy of it in memory."""
    view = memoryview(data)
    done = 0
    for one in edits:
        yield view[done : one.start]
        yield one.content
        done = one.end
    yield view[done:]


def edited(data: bytes, edits: t.Sequence[Edit]) -> bytes:
    """The edited source in one piece."""
    return b"".join(bytes(piece) for piece in pieces(data, edits))


def size_after(data: bytes, edits: t.Sequence[Edit]) -> int:
    """How many bytes the edited source has."""
    return len(data) + sum(len(one.content) - (one.end - one.start) for one in edits)
