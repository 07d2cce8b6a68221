# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as text for a terminal or a mail, and as CSV for a spreadsheet.

Private to the collection: it can change at any time.
"""

import csv
import io
import json
import typing as t

from .figures import Figures
from .tables import Table, tables
from .words import Shown, visible

WIDTH = 78
_GAP = "  "
#: A spreadsheet takes a cell that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
#: What a mail has no room for: the text stands in the HTML and the CSV.
_SHORT = {"reasons_deferred": (0, 1, 2, 5), "reasons_rejected": (0, 1, 2, 5), "reasons_bounced": (0, 1, 2, 5)}


def text(figures: Figures) -> str:
    """Return the report as lines of at most 78 columns."""
    period = figures.period
    lines = [
        visible(figures.title, WIDTH),
        f"{period.begin:%Y-%m-%d %H:%M} to {period.end:%Y-%m-%d %H:%M} UTC, {len(figures.relays)} relays",
    ]
    lines += [f"NOT ASKED: {visible(host)}: {visible(why)}"[:WIDTH] for host, why in sorted(figures.missing.items())]
    lines += [f"NOTE: {visible(note, WIDTH * 2)}" for note in figures.notes]
    for table in tables(figures):
        lines += ["", table.title.upper(), *_lines(table)]
    return "\n".join(lines) + "\n"


def table_csv(figures: Figures) -> str:
    """Return every table of the report as CSV (RFC 4180): the table's name, then its columns; numbers as programs read them."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    for table in tables(figures):
        for row in (table.head,) + table.rows:
            writer.writerow([table.key, *(_cell(value) for value in row)])
    return stream.getvalue()


def as_json(figures: Figures) -> str:
    """Return the figures as JSON."""
    plain = dict(figures._asdict(), period=[moment.isoformat() for moment in figures.period])
    plain["slots"] = [slot._asdict() for slot in figures.slots]
    return json.dumps(plain, indent=2, sort_keys=True) + "\n"


def _lines(table: Table) -> t.List[str]:
    if not table.rows:
        return [table.empty]
    columns = _SHORT.get(table.key, range(len(table.head)))
    rows = [tuple(visible(row[column]) for column in columns) for row in (table.head,) + table.rows]
    numbers = {position for position, column in enumerate(columns) if column in table.numbers}
    widths = [max(len(row[position]) for row in rows) for position in range(len(rows[0]))]
    return [_line(row, widths, numbers) for row in rows]


def _line(row: t.Sequence[str], widths: t.Sequence[int], numbers: t.Set[int]) -> str:
    cells = [
        value.rjust(width) if position in numbers else value.ljust(width)
        for position, (value, width) in enumerate(zip(row, widths))
    ]
    line = _GAP.join(cells).rstrip()
    return line if len(line) <= WIDTH else line[: WIDTH - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _cell(value: str) -> str:
    if isinstance(value, Shown):
        return "" if value.raw is None else str(value.raw)
    shown = visible(value, 1000)
    return "'" + shown if shown.startswith(_FORMULA) else shown


__all__ = ("as_json", "table_csv", "text")
