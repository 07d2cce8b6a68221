# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one printer of tables: rows that fit the terminal, and sentences that are wrapped.

A table is not wider than the terminal. The columns that may give way do, the widest first. A cell that is too long for its column goes
on below, where it is the answer that people read or copy, an address for instance; else it is shortened and ends in C(...). Columns such
as queue IDs never give way. What comes from a host or from mail is made
harmless: a control character in it is shown escaped.

The width is that of C(COLUMNS), else of the terminal as Ansible measured it, else 80.

Private to the collection: it can change at any time.
"""

from __future__ import annotations

import itertools
import os
import textwrap
import typing as t

from ansible.utils.display import Display

from ansible_collections.postmaster.mta.plugins.module_utils._report.words import harmless

#: Sentences are not wider than this, however wide the terminal is.
SENTENCE = 100
#: A sentence below a row takes at most so many lines.
NOTE_LINES = 3
GAP = "  "
ELLIPSIS = "..."

Row = t.Sequence[object]


class Column(t.NamedTuple):
    """One column of a table.

    :param right: align it to the right, as numbers are.
    :param least: the characters that it keeps when the table must be narrower; 0 is a column that is never shortened.
    :param whole: a cell that is too long goes on in the next line.
    """

    title: str
    right: bool = False
    least: int = 0
    whole: bool = False


def terminal_width() -> int:
    """Return the characters that fit on a line."""
    text = os.environ.get("COLUMNS", "")
    if text.isdigit() and int(text) > 0:
        return int(text)
    # Ansible keeps one character less than the terminal has.
    columns: t.Any = Display().columns  # a class attribute None, until the display knows its terminal
    return int(columns) + 1


def table(columns: t.Sequence[Column], rows: t.Sequence[Row], below: t.Sequence[str] = (), width: int = 0) -> list[str]:
    """Return the lines of a table.

    :param rows: the cells of each row, as many as there are columns.
    :param below: a sentence for each row that is shown below it, indented; an empty one is left out.
    :param width: the characters that fit on a line; those of the terminal when 0.
    """
    width = width or terminal_width()
    cells = [[column.title for column in columns]]
    cells += [[harmless(str(cell)) for cell in row] for row in rows]
    longest = [max(len(row[place]) for row in cells) for place in range(len(columns))]
    widths = _fit(columns, longest, width)
    head, *rows_shown = (_lines(columns, row, widths) for row in cells)
    notes = below or [""] * len(rows_shown)
    shown = list(head)
    for lines, note in zip(rows_shown, notes, strict=True):
        shown += lines + (_note(note, width) if note else [])
    return shown


def _note(text: str, width: int) -> list[str]:
    """Return the lines below a row: a sentence that is wrapped, and cut where it takes more than some lines."""
    body = " ".join(harmless(word) for word in text.split())
    lines = textwrap.wrap(body, width - 4, break_on_hyphens=False)
    if len(lines) > NOTE_LINES:
        lines = [*lines[: NOTE_LINES - 1], shorten(" ".join(lines[NOTE_LINES - 1 :]), width - 4)]
    return ["    " + line for line in lines]


def _fit(columns: t.Sequence[Column], widths: list[int], width: int) -> list[int]:
    """Make the widest column that may give way narrower, until the table fits or none may."""
    widths = list(widths)
    while sum(widths) + len(GAP) * (len(widths) - 1) > width:
        able = [place for place, column in enumerate(columns) if 0 < column.least < widths[place]]
        if not able:
            break
        widths[max(able, key=lambda place: widths[place])] -= 1
    return widths


def _lines(columns: t.Sequence[Column], row: t.Sequence[str], widths: t.Sequence[int]) -> list[str]:
    """Return the line of a row, and those on which its long cells go on."""
    pieces = [_pieces(column, cell, width) for column, cell, width in zip(columns, row, widths, strict=True)]
    lines = []
    for cells in itertools.zip_longest(*pieces, fillvalue=""):
        parts = zip(columns, cells, widths, strict=True)
        shown = (cell.rjust(width) if column.right else cell.ljust(width) for column, cell, width in parts)
        lines.append(GAP.join(shown).rstrip())
    return lines


def _pieces(column: Column, cell: str, width: int) -> list[str]:
    if not column.whole:
        return [shorten(cell, width)]
    return textwrap.wrap(cell, width, break_on_hyphens=False) or [""]


def shorten(text: str, width: int) -> str:
    """Return the text, cut where it is longer than the width."""
    return text if len(text) <= width else text[: max(0, width - len(ELLIPSIS))].rstrip(" ,:") + ELLIPSIS


def sentence(text: str, indent: str = "    ") -> list[str]:
    """Return a sentence, wrapped at blanks; lines after the first one are indented."""
    lead = text[: len(text) - len(text.lstrip(" "))]
    body = " ".join(harmless(word) for word in text.split())
    width = min(SENTENCE, terminal_width())
    return textwrap.wrap(
        lead + body, width, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    ) or [""]


def by_host(sentences: t.Iterable[tuple[str, str]]) -> list[str]:
    """Return each sentence once, after the names of all hosts that said it."""
    hosts: dict[str, list[str]] = {}
    for host, text in sentences:
        hosts.setdefault(text, []).append(host)
    return [line for text, names in hosts.items() for line in sentence(f"  {', '.join(names)}: {text}")]
