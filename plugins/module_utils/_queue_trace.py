# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lines that a mail log has about one queue ID, found without reading the log line by line.

Private to the collection: it can change at any time.
"""

import mmap
import os
import re
import typing as t

from ._model.log import SYSLOG_FILES
from ._model.queue import clean
from ._runner import Runner

#: sendmail: to=<a>,<b>, ..., dsn=4.7.1, ..., stat=Deferred: ...; Postfix: to=<a>, ..., dsn=2.0.0, status=sent (...)
_ATTEMPT = re.compile(r"\bto=(?P<to>.*?), .*?\bdsn=(?P<dsn>[0-9.]+), (?:.*?, )?(?:status|stat)=(?P<text>.*)")


class Attempt(t.NamedTuple):
    """One delivery attempt as the log tells it. I(result) is the MTA's text: C(sent (250 ...)), C(Deferred: ...)."""

    recipient: str
    dsn: str
    result: str


class Trace(t.NamedTuple):
    """A place in the logs from which new lines are looked for: each file with an offset, and the time for the journal."""

    files: t.Tuple[t.Tuple[str, int], ...]
    since: float


def files(configured: str) -> t.Tuple[str, ...]:
    """Return the mail logs to look into: the one that the MTA writes itself, else that of syslog, with its last rotation."""
    chosen = configured or next((path for path in SYSLOG_FILES if os.path.isfile(path)), "")
    return tuple(path for path in (chosen + ".1", chosen) if chosen and os.path.isfile(path))


def whole(names: t.Sequence[str], since: float) -> Trace:
    """Return the place from which everything in the logs is new; I(since) bounds the journal."""
    return Trace(tuple((name, 0) for name in names), since)


def from_here(names: t.Sequence[str], now: float) -> Trace:
    """Return the place from which only what is written from now on is new."""
    return Trace(tuple((name, os.path.getsize(name)) for name in names if os.path.isfile(name)), now)


def lines(runner: Runner, trace: Trace, queue_id: str, limit: int) -> t.Tuple[str, ...]:
    """Return the last I(limit) lines about a message; those of the journal where there is no log file."""
    found: t.List[bytes] = []
    for path, offset in trace.files:
        found.extend(_in_file(path, offset, queue_id.encode("ascii")))
    if not trace.files and runner.which("journalctl"):
        found.extend(_in_journal(runner, trace.since, queue_id.encode("ascii")))
    return tuple(clean(line) for line in found[-limit:])


def attempts(found: t.Sequence[str]) -> t.Tuple[Attempt, ...]:
    """Return the delivery attempts that lines tell of, one for each line; several recipients in one line stay together."""
    matches = [_ATTEMPT.search(line) for line in found]
    return tuple(Attempt(match.group("to"), match.group("dsn"), match.group("text")) for match in matches if match)


#: What puts a message on hold: C(ID: hold: RCPT from ...: <a@b>: text; from=...), C(ID: placed on hold). An access rule can do
#: so before there is an ID; the next C(ID: client=) of the process then has it.
_HOLD = re.compile(
    rb"\[(?P<pid>[0-9]+)\]: (?P<id>[A-Za-z0-9]{6,32}): (?P<what>hold: |placed on hold|client=)(?P<why>[^\n]*)"
)
_NO_ID = b"NOQUEUE"
#: The end of a log that is searched for them.
_HOLD_BYTES = 64 * 1024 * 1024


def hold_reasons(names: t.Sequence[str]) -> t.Dict[str, str]:
    """Return why messages were put on hold, by queue ID, as the logs say. Postfix keeps no reason with the message."""
    reasons: t.Dict[str, str] = {}
    pending: t.Dict[bytes, str] = {}
    for path in names:
        with open(path, "rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - _HOLD_BYTES))
            for line in log:
                is_asked = line[-1:] == b"\n" and (b"hold" in line or (pending and b": client=" in line))
                match = _HOLD.search(line) if is_asked else None
                if match:
                    _note_hold(match, pending, reasons)
    return reasons


def _note_hold(match: t.Match[bytes], pending: t.Dict[bytes, str], reasons: t.Dict[str, str]) -> None:
    pid, name, what = match.group("pid"), match.group("id"), match.group("what")
    if what == b"client=":
        if pid in pending:
            reasons[clean(name)] = pending.pop(pid)
    elif what == b"placed on hold":
        reasons.setdefault(clean(name), "put on hold with postsuper")
    elif name == _NO_ID:
        pending[pid] = _hold_reason(match.group("why"))
    else:
        reasons[clean(name)] = _hold_reason(match.group("why"))


def _hold_reason(logged: bytes) -> str:
    """Return the text of a logged hold without the client before it and the envelope behind it."""
    text = clean(logged).partition("; from=")[0]
    client, separator, reason = text.partition("]: ")
    return reason if separator and " from " in client else text


def _in_file(path: str, offset: int, needle: bytes) -> t.Iterator[bytes]:
    with open(path, "rb") as log:
        size = os.fstat(log.fileno()).st_size
        # A log that shrank was rotated: all that is in it is new.
        start = offset if offset <= size else 0
        if size == start:
            return
        with mmap.mmap(log.fileno(), size, access=mmap.ACCESS_READ) as content:
            yield from _around(content, needle, start)


def _around(content: t.Any, needle: bytes, start: int) -> t.Iterator[bytes]:
    position = content.find(needle, start)
    while position >= 0:
        begin = content.rfind(b"\n", 0, position) + 1
        end = content.find(b"\n", position)
        if end < 0:
            return  # it is still being written
        line = content[begin:end]
        if _mentions(line, needle):
            yield line
        position = content.find(needle, end)


def _in_journal(runner: Runner, since: float, needle: bytes) -> t.Iterator[bytes]:
    argv = ["journalctl", "-q", "--no-pager", "-o", "short-iso", f"--since=@{int(since)}", "SYSLOG_FACILITY=2"]
    for line in runner.lines(argv):
        if _mentions(line, needle):
            yield line.rstrip(b"\n")


def _mentions(line: bytes, needle: bytes) -> bool:
    """Return whether the ID stands there as a word: IDs of another length contain shorter ones."""
    position = line.find(needle)
    while position >= 0:
        end = position + len(needle)
        if not line[position - 1 : position].isalnum() and not line[end : end + 1].isalnum():
            return True
        position = line.find(needle, position + 1)
    return False
