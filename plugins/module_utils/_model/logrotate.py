# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stanzas of logrotate: take one log out of the stanza of a distribution, and write one of its own for it.

Private to the collection: it can change at any time.

A log that stands in two stanzas makes logrotate skip the second one whole, with every other log in it.
"""

import fnmatch
import re
import typing as t

from .._errors import SyntaxProblem

_TOKEN = re.compile(r'"(?P<quoted>[^"\n]*)"|(?P<plain>[^\s"{}]+)')


#: What ends a list of logs: a brace, a comment, or a directive for all stanzas.
_NO_NAME = re.compile(r'[#{]|^[ \t]*(?:include\b[^\n]*|[a-z]+[^\n/"{]*)$', re.MULTILINE)


class Taken(t.NamedTuple):
    """A file without one log.

    :param text: what is left of it.
    :param script: the lines of its postrotate, which tell the syslog daemon to reopen its files.
    :param alone: whether the log had a stanza of its own, which went with it.
    """

    text: str
    script: t.Tuple[str, ...]
    alone: bool


class _Stanza(t.NamedTuple):
    """The positions of one stanza: its list of logs, and its body."""

    start: int
    brace: int
    end: int


def take_out(path: str, text: str, log: str) -> t.Optional[Taken]:
    """Return a file of logrotate without one log; None where it does not name it.

    :raises SyntaxProblem: a pattern covers the log, or a stanza does not end.
    """
    for stanza in _stanzas(path, text):
        names = _names(text, stanza)
        covering = [name for name, dummy in names if name != log and fnmatch.fnmatchcase(log, name)]
        if covering:
            line = text.count("\n", 0, stanza.start) + 1
            raise SyntaxProblem(path, line, covering[0], f"this pattern covers {log}; name the files one by one")
        spans = [span for name, span in names if name == log]
        if spans:
            return _without(text, stanza, names, spans)
    return None


def _without(
    text: str,
    stanza: _Stanza,
    names: t.Sequence[t.Tuple[str, t.Tuple[int, int]]],
    spans: t.Sequence[t.Tuple[int, int]],
) -> Taken:
    script = _script(text[stanza.brace + 1 : stanza.end])
    if len(spans) == len(names):
        return Taken(text[: stanza.start] + text[stanza.end + 1 :].lstrip("\n"), script, True)
    for start, end in reversed(spans):
        text = _cut(text, start, end)
    return Taken(text, script, False)


def _cut(text: str, start: int, end: int) -> str:
    """Cut a name out, with its line where it stands alone on it."""
    line_start, line_end = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    if line_end >= 0 and not text[line_start:start].strip() and not text[end:line_end].strip():
        return text[:line_start] + text[line_end + 1 :]
    return text[:start] + text[end:].lstrip(" \t") if text[end : end + 1] in " \t" else text[:start] + text[end:]


def _stanzas(path: str, text: str) -> t.Iterator[_Stanza]:
    start = position = 0
    while True:
        match = _NO_NAME.search(text, position)
        if not match:
            return
        if match.group() == "{":
            end = _body_end(path, text, match.start())
            yield _Stanza(_skip_blank(text, start), match.start(), end)
            start = position = end + 1
        else:
            # A comment, or a directive for all stanzas: no list of logs goes on across it.
            line_end = text.find("\n", match.start())
            start = position = len(text) if line_end < 0 else line_end + 1


def _skip_blank(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _body_end(path: str, text: str, brace: int) -> int:
    """Return the position of the brace that ends a stanza. Scripts may have braces of their own; they end with endscript."""
    position, in_script = brace + 1, False
    for line in text[brace + 1 :].splitlines(True):
        word = line.split("#")[0].strip()
        if word in _SCRIPTS:
            in_script = True
        elif word == "endscript":
            in_script = False
        elif not in_script and "}" in word:
            return position + line.index("}")
        position += len(line)
    raise SyntaxProblem(path, text.count("\n", 0, brace) + 1, text[brace : brace + 40], "this stanza does not end")


_SCRIPTS = ("postrotate", "prerotate", "firstaction", "lastaction", "preremove")


def _names(text: str, stanza: _Stanza) -> t.List[t.Tuple[str, t.Tuple[int, int]]]:
    return [
        (match.group("quoted") or match.group("plain"), match.span())
        for match in _TOKEN.finditer(text, stanza.start, stanza.brace)
    ]


def _script(body: str) -> t.Tuple[str, ...]:
    lines = [line.strip() for line in body.splitlines()]
    if "postrotate" not in lines:
        return ()
    start = lines.index("postrotate") + 1
    return tuple(line for line in lines[start : lines.index("endscript", start)] if line)


class Archive(t.NamedTuple):
    """How long a log is kept.

    :param owner: owner and group of new files; None leaves that to logrotate.
    """

    keep_days: int = 92
    compress: bool = True
    owner: t.Optional[t.Tuple[str, str]] = None
    mode: str = "0640"


def stanza(logs: t.Sequence[str], archive: Archive, script: t.Sequence[str], mark: str) -> str:
    """Return a stanza that keeps one file a day, and so many of them."""
    lines = ["daily", f"rotate {archive.keep_days}", f"maxage {archive.keep_days}", "nodateext"]
    # An empty day is a day: without this fewer files than days are kept.
    lines += ["missingok", "ifempty", "sharedscripts"]
    lines += ["compress", "delaycompress"] if archive.compress else ["nocompress"]
    if archive.owner:
        lines.append(f"create {archive.mode} {archive.owner[0]} {archive.owner[1]}")
    else:
        lines.append("create")
    if script:
        lines += ["postrotate", *(f"\t{line}" for line in script), "endscript"]
    body = "\n".join(f"\t{line}" for line in lines)
    return mark + "\n" + "\n".join(logs) + "\n{\n" + body + "\n}\n"


__all__ = ("Archive", "Taken", "stanza", "take_out")
