# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pictures of a report: bars as inline SVG, readable without colour, in dark and in light, on a phone and on paper.

Private to the collection: it can change at any time.

Every series has a pattern of its own beside its colour. Every bar carries its value twice: as a tooltip for people and
as C(data-value) for programs. The colours are variables of the page's style sheet.
"""

import html
import typing as t

from .words import number

WIDTH, HEIGHT = 640, 260
LEFT, RIGHT, TOP, BOTTOM = 62, 8, 12, 42
_LABELS = 6


class Series(t.NamedTuple):
    """One kind of thing that is stacked in a bar."""

    name: str
    values: t.Sequence[int]


class Chart(t.NamedTuple):
    """A bar chart.

    :param key: letters; makes the identifiers of the picture unique on its page.
    :param unit: what is counted, for the axis.
    :param gaps: for each bar, whether nothing is known about it. A gap is hatched over its whole height.
    """

    key: str
    title: str
    unit: str
    labels: t.Sequence[str]
    series: t.Sequence[Series]
    gaps: t.Sequence[bool] = ()


def svg(chart: Chart) -> str:
    """Draw a bar chart as an SVG element."""
    totals = [sum(values) for values in zip(*(series.values for series in chart.series))]
    top = _round_up(max(totals or [0]))
    parts = [
        f'<svg id="plot-{chart.key}" role="img" viewBox="0 0 {WIDTH} {HEIGHT}" aria-label="{html.escape(chart.title)}">',
        _patterns(chart),
        *_grid(chart, top),
        *_bars(chart, top),
        *_names(chart),
        "</svg>",
    ]
    return "\n".join(parts)


def legend(chart: Chart) -> str:
    """Draw the legend of a chart with more than one series."""
    entries = [_entry(f"{chart.key}-{position}", series.name) for position, series in enumerate(chart.series)]
    if any(chart.gaps):
        entries.append(_entry(f"{chart.key}-gap", "not in the log"))
    return '<ul class="legend">' + "".join(entries) + "</ul>"


def _entry(fill: str, name: str) -> str:
    swatch = f'<svg class="swatch" viewBox="0 0 16 16" aria-hidden="true"><rect width="16" height="16" fill="url(#{fill})"/></svg>'
    return f"<li>{swatch}{html.escape(name)}</li>"


# Marks of the patterns: nothing, stripes, crossed stripes, dots.
_MARKS = (
    "",
    '<path d="M-2,2 l4,-4 M0,8 l8,-8 M6,10 l4,-4"/>',
    '<path d="M0,0 l8,8 M0,8 l8,-8"/>',
    '<circle cx="2" cy="2" r="1.4"/><circle cx="6" cy="6" r="1.4"/>',
)


def _patterns(chart: Chart) -> str:
    rows = []
    for position, _series in enumerate(chart.series):
        rows.append(
            f'<pattern id="{chart.key}-{position}" width="8" height="8" patternUnits="userSpaceOnUse" class="mark">'
            f'<rect width="8" height="8" class="c{position}"/>{_MARKS[position % len(_MARKS)]}</pattern>'
        )
    rows.append(
        f'<pattern id="{chart.key}-gap" width="6" height="6" patternUnits="userSpaceOnUse" class="gap">'
        '<path d="M0,6 l6,-6"/></pattern>'
    )
    return "<defs>" + "".join(rows) + "</defs>"


def _grid(chart: Chart, top: int) -> t.Iterator[str]:
    for step in range(5):
        value = top * step // 4
        y = _y(value, top)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="axis" x="{LEFT - 6}" y="{y + 5:.1f}" text-anchor="end">{number(value)}</text>'
    yield f'<text class="axis" x="4" y="{HEIGHT - 6}">{html.escape(chart.unit)}</text>'


def _bars(chart: Chart, top: int) -> t.Iterator[str]:
    step = (WIDTH - LEFT - RIGHT) / max(len(chart.labels), 1)
    for index, label in enumerate(chart.labels):
        x, width = LEFT + index * step + step * 0.1, step * 0.8
        if chart.gaps and chart.gaps[index]:
            yield _rectangle(
                x, TOP, width, HEIGHT - TOP - BOTTOM, f"{chart.key}-gap", f"{label}: not in the log", "gap"
            )
        base = 0
        for position, series in enumerate(chart.series):
            value = series.values[index]
            if value:
                y, lower = _y(base + value, top), _y(base, top)
                title = f"{label}: {number(value)} {series.name}"
                yield _rectangle(x, y, width, max(lower - y, 0.5), f"{chart.key}-{position}", title, str(value))
            base += value


def _rectangle(x: float, y: float, width: float, height: float, fill: str, title: str, value: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="url(#{fill})" '
        f'data-value="{html.escape(value)}"><title>{html.escape(title)}</title></rect>'
    )


def _names(chart: Chart) -> t.Iterator[str]:
    count = max(len(chart.labels), 1)
    step = (WIDTH - LEFT - RIGHT) / count
    every = -(-count // _LABELS)
    for index in range(0, len(chart.labels), every):
        x = LEFT + (index + 0.5) * step
        yield (
            f'<text class="axis" x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">'
            f"{html.escape(chart.labels[index])}</text>"
        )


def _y(value: float, top: int) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top


def _round_up(value: int) -> int:
    """Return the next number that quarters evenly and reads well: 4, 8, 20, 40, 80, 200, ..."""
    scale = 1
    while True:
        for step in (4, 8, 20):
            if value <= step * scale:
                return step * scale
        scale *= 10


__all__ = ("Chart", "Series", "legend", "svg")
