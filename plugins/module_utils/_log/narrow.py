# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the few lines of big logs from which the deliveries of one address, message or domain are joined.

Private to the collection: it can change at any time.

What people ask of a log is one address, and the join of all lines costs twenty times what finding the address does.
So the log is searched, not read:

1. Lines that have the text in them name the messages by their queue IDs.
2. All lines of these messages follow, and of the messages that they were made from.
3. What else the join needs to know of them are lines without a queue ID: TLS sessions and connections of the same
   process, the client of a proxied session, which instance has a queue manager (context.py).

Joined alone, these lines give the very deliveries that the join of all lines gives. Every line that has the text is
among them, so no other delivery can have it. A file that is compressed, or in another form than syslog's, is searched
as well, and then read as a whole.
"""

import os
import re
import typing as t

from .._errors import CommandError
from .._model.log import taken_as
from .._runner import Runner
from . import context, grep, sources, syslog
from .conditions import Selection
from .grep import Lines
from .stamps import Clock

#: Below this size the join of all lines takes no time that somebody notices.
WORTH_IT = 4 * 1024 * 1024
#: Above this share of the lines, the join of all is faster.
MOST_MENTIONS = 0.2
#: So many texts are searched for.
_MOST_TEXTS = 8
#: A shorter text stands in every line.
_SHORTEST = 4
#: How many blocks of a file are looked at to know its form.
_SAMPLES = 256
#: What stands in a log as people write it: nothing in it is escaped in any form of a log.
_PLAIN = re.compile(r"[a-z0-9@._-]+")
_SENT = re.compile(rb"[ ,]stat(?:us)?=sent", re.I)
_WORD = re.compile(rb"[0-9A-Za-z]+")
_FORMER = re.compile(rb" orig_id=([0-9A-Za-z]+)")
#: What the lines have that stand for more lines than one.
_REPEATED = b" repeated "
#: What is held, by Postfix or sendmail, tells what became of messages that have nothing else in common with it.
_HELD = (b"hold: ", b"stat=quarantined")
_TO_BE_HELD = b": NOQUEUE: hold: "


class Needles(t.NamedTuple):
    """What to search for.

    :ivar ids: the queue IDs of the messages, where the selection names them.
    :ivar texts: else texts in lower case, one of which stands in a line of every delivery that is selected.
    """

    ids: t.FrozenSet[bytes] = frozenset()
    texts: t.Tuple[bytes, ...] = ()


class Count(t.NamedTuple):
    """How many lines a file has, and the first and the last time in them, in seconds since the epoch.

    :ivar unfinished: whether something follows the last line feed.
    """

    lines: int
    begin: float
    end: float
    unfinished: bool


class Narrowed(t.NamedTuple):
    """What a search has brought.

    :ivar lines: the lines to join, by file; a file that is not in it is to be read as a whole. I(counts) are of the same files.
    """

    lines: t.Mapping[str, Lines]
    counts: t.Mapping[str, Count]


def needles_of(selection: Selection) -> t.Optional[Needles]:
    """Return what to search for, None where a selection names no text that can be searched for."""
    common = selection.common
    if common.ids:
        return Needles(ids=frozenset(queue_id.encode("ascii") for queue_id in common.ids))
    values = (selection.message_id, common.recipient, common.sender, common.domain)
    candidates = [texts for texts in map(_texts, filter(None, values)) if texts]
    return Needles(texts=max(candidates, key=lambda texts: min(map(len, texts)))) if candidates else None


def _texts(values: t.Sequence[str]) -> t.Tuple[bytes, ...]:
    """Return the longest text of each value that stands in a log as it does here; nothing where a value has none."""
    texts = set()
    for value in values:
        parts = [] if "\\" in value else _PLAIN.findall(value.lower())
        longest = max(parts, key=len, default="")
        if len(longest) < _SHORTEST:
            return ()
        texts.add(longest.encode("ascii"))
    return tuple(sorted(texts)) if len(texts) <= _MOST_TEXTS else ()


def search(runner: Runner, paths: t.Sequence[str], needles: Needles) -> t.Optional[Narrowed]:
    """Search logs, the oldest first; None where that does not do.

    So it is where the text is in many lines, where mail is held, and on a host without GNU grep.
    """
    try:
        files = {path: _look(runner, path, needles.texts) for path in paths}
        mentioned = sum(len(line) for found in files.values() for line in found.mentions)
        if mentioned > MOST_MENTIONS * sum(os.stat(path).st_size for path in paths):
            return None
        return _search(runner, files, needles.ids)
    except CommandError:
        return None


def blocks(lines: Lines) -> t.Iterator[t.List[bytes]]:
    """Yield lines in the blocks in which the file has them: whether an instance has a queue manager is asked of a block."""
    block: t.List[bytes] = []
    number = -1
    for offset in sorted(lines):
        line = lines[offset]
        block_of_line = (offset + len(line) - 1) // sources.BLOCK
        if block and block_of_line != number:
            yield block
            block = []
        number = block_of_line
        block.append(line[:-2] + b"\n" if line[-2:] == b"\r\n" else line)
    if block:
        yield block


# --- a first look at a file ---------------------------------------------------------------------------------------------


class _File(t.NamedTuple):
    """What a first search in a file has found.

    :ivar lines: how many it has, later.
    :ivar begin: the first time in them, in seconds since the epoch; I(end) is the last.
    :ivar mentions: the lines that have the text.
    :ivar loose: those of them without a queue ID.
    :ivar repeats: those of them that say of another line how often it came.
    :ivar form: how its lines look.
    """

    lines: t.Callable[[], int]
    begin: float
    end: float
    mentions: t.Collection[bytes]
    loose: Lines
    repeats: Lines
    ids: t.Set[bytes]
    form: context.Form


def _look(runner: Runner, path: str, texts: t.Sequence[bytes]) -> _File:
    if not sources.is_plain(path):
        return _look_into_compressed(runner, path, texts)
    lines = grep.Later(lambda: grep.count(runner, path)).value
    search = grep.Later(lambda: grep.lines_with(runner, path, texts, "-i")).value
    samples = context.samples(path, _SAMPLES)
    reading = sources.Reading()
    clock = Clock(context.written(path))
    for sample in samples:
        reading.note_times(clock, [sample])
    form = context.form_of(samples)
    mentions = search()
    loose = {offset: line for offset, line in mentions.items() if not _ids_of(line)}
    return _File(
        lines=lines,
        begin=reading.begin,
        end=reading.end,
        mentions=mentions.values(),
        loose=loose,
        repeats={offset: line for offset, line in mentions.items() if _REPEATED in line},
        ids=_all_ids(mentions.values()),
        form=form,
    )


def _look_into_compressed(runner: Runner, path: str, texts: t.Sequence[bytes]) -> _File:
    """Look into a file that can only be read from its beginning; what is joined of it is all."""
    mentions: t.List[bytes] = []
    for _clock, lines in sources.blocks_of(runner, path, sources.Reading()):
        folded = b"".join(lines).lower()
        if any(text in folded for text in texts):
            mentions += [line for line in lines if any(text in line.lower() for text in texts)]
    return _File(lambda: 0, 0, 0, mentions, {}, {}, _all_ids(mentions), context.Form.OTHER)


def _all_ids(lines: t.Iterable[bytes]) -> t.Set[bytes]:
    return {queue_id for line in lines for queue_id in _ids_of(line)}


def _ids_of(line: bytes) -> t.Set[bytes]:
    """Return the queue IDs of the messages that a line is about, in whatever form the line is."""
    if context.is_usual(line):
        return _ids_of_record(line)
    try:
        records = syslog.records(line)
    except syslog.Skipped:
        return set()
    return {queue_id for record in records for queue_id in _ids_of_record(record)}


def _ids_of_record(record: bytes) -> t.Set[bytes]:
    """Return the queue ID of a record, and that of C(warning: QID: ...) and C(QID: CHILD: clone: ...)."""
    return {part for part in record.split(b": ", 3)[1:3] if context.is_queue_id(part)}


# --- the lines of messages -----------------------------------------------------------------------------------------------


def _search(runner: Runner, files: t.Mapping[str, _File], named: t.AbstractSet[bytes]) -> t.Optional[Narrowed]:
    ids = set(named).union(*(found.ids for found in files.values()))
    forms = {path: found.form for path, found in files.items() if found.form is not context.Form.OTHER}
    messages = Messages(runner, forms)
    messages.add(ids)
    for path, lines in messages.lines.items():
        lines.update(files[path].loose)
        lines.update(files[path].repeats)
        _add_repeats(path, lines, messages.ids)
    known = {path: dict(lines) for path, lines in messages.lines.items()}
    held = grep.Later(lambda: _can_be_held(runner, {path: found.form for path, found in files.items()}, known)).value
    context.complete(runner, messages.lines)
    if held():
        return None
    counts = {path: _count(path, files[path]) for path in messages.lines}
    return Narrowed(messages.lines, counts)


def _count(path: str, found: _File) -> Count:
    return Count(found.lines(), found.begin, found.end, grep.is_unfinished(path))


class Messages:
    """All lines of messages, and of those that they were made from: a notice, an alias, a requeued message."""

    def __init__(self, runner: Runner, forms: t.Mapping[str, context.Form]) -> None:
        self.lines: t.Dict[str, Lines] = {path: {} for path in forms}
        self.ids: t.Set[bytes] = set()
        self._runner = runner
        self._forms = forms

    def add(self, ids: t.Set[bytes]) -> None:
        """Add messages by their queue IDs."""
        while ids - self.ids:
            more = ids - self.ids
            self.ids |= more
            added = [line for path in self.lines for line in self._add_lines(path, more)]
            begun = {context.own_id(line) for line in added if context.is_beginning(line)}
            requeued = {context.own_id(line) for line in added if line.rstrip().endswith(b": requeued")}
            ids = _relatives(added) | self._parents(more - begun) | self._successors(requeued)

    def _add_lines(self, path: str, ids: t.Set[bytes]) -> t.Iterable[bytes]:
        mark = _mark(self._forms[path])
        texts = [before + queue_id for queue_id in ids for before in (mark, mark + b"warning: ")]
        lines = grep.lines_with(self._runner, path, texts)
        new = {offset: line for offset, line in lines.items() if not ids.isdisjoint(line.split(b": ", 3)[1:3])}
        self.lines[path].update(new)
        return new.values()

    def _parents(self, ids: t.Set[bytes]) -> t.Set[bytes]:
        """Return the messages from which others were made whose beginning was not found: a line of theirs names the child."""
        return self._owners(ids, (b"(forwarded as ", b"notification: ", b": "))

    def _successors(self, ids: t.Set[bytes]) -> t.Set[bytes]:
        """Return the messages as which others were requeued: what became of the old one is told under the new queue ID."""
        return self._owners(ids, (b" orig_id=",))

    def _owners(self, ids: t.Set[bytes], marks: t.Sequence[bytes]) -> t.Set[bytes]:
        """Return the messages of the lines that name others behind a mark."""
        texts = [mark + queue_id for queue_id in ids for mark in marks]
        owners = set()
        for path in self.lines:
            for line in grep.lines_with(self._runner, path, texts).values():
                owner = context.own_id(line)
                if context.is_queue_id(owner) and not ids.isdisjoint(_WORD.findall(line)):
                    owners.add(owner)
        return owners


def _mark(form: context.Form) -> bytes:
    """Return what stands before the queue ID of a line. grep is twice as fast where it begins with a rarer character."""
    return b"]: " if form is context.Form.WITH_PROCESS else b": "


def _relatives(lines: t.Iterable[bytes]) -> t.Set[bytes]:
    """Return the messages that lines name as the former one, or as one to which they gave what is known of them."""
    relatives = set()
    for line in lines:
        former = _FORMER.search(line)
        if former:
            relatives.add(former.group(1))
        if b": clone: owner=" in line:
            relatives |= _ids_of_record(line)
    return relatives


def _add_repeats(path: str, lines: Lines, ids: t.AbstractSet[bytes]) -> None:
    """Add the lines that say of a message's line that it came again. Each is the next one of the same host."""
    waiting = sorted(lines.items(), reverse=True)
    while waiting:
        offset, line = context.after(path, *waiting.pop())
        if _REPEATED not in line or offset in lines:
            continue
        if b"ast message " in line or not ids.isdisjoint(_ids_of(line)):
            lines[offset] = line
            waiting.append((offset, line))


# --- held by the next hop ------------------------------------------------------------------------------------------------


def _can_be_held(runner: Runner, forms: t.Mapping[str, context.Form], messages: t.Mapping[str, Lines]) -> bool:
    """Return whether what is held can change what became of messages: only the join of all lines tells.

    A next hop that writes into the same files can hold them, or the connection was to be held before they had a queue ID.

    :param forms: the forms of all files.
    """
    plain = [path for path in forms if sources.is_plain(path)]
    lines = [line for found in messages.values() for line in found.values()]
    taken = {taken_as(line) for line in lines if _SENT.search(line)} - {b""}
    early = [_TO_BE_HELD] if any(b": client=" in line or _TO_BE_HELD in line for line in lines) else []
    if len(plain) == len(forms) and not any(_has(runner, path, forms[path], taken, early) for path in plain):
        return False
    return any(grep.lines_with(runner, path, [text], "-m1") for path in plain for text in _HELD)


def _has(runner: Runner, path: str, form: context.Form, ids: t.Collection[bytes], texts: t.Sequence[bytes]) -> bool:
    """Return whether a file has a line of one of some messages, or with one of some texts."""
    of_messages = [b"%b%b: " % (_mark(form), queue_id) for queue_id in ids]
    # Two searches beside each other: one for texts that begin alike is twice as fast as one for all of them.
    found = grep.Later(lambda: grep.lines_with(runner, path, of_messages, "-m1")).value
    return any(grep.lines_with(runner, path, [text], "-m1") for text in texts) or bool(found())
