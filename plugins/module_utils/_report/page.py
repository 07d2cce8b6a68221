# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as one HTML page that needs nothing else: no script, no font, no request.

Private to the collection: it can change at any time.
"""

import html
import typing as t

from . import plots
from .figures import OUTCOMES, Figures
from .tables import Table, delay_steps, queue_ages, tables
from .words import number, percent, span, visible

_STYLE = """
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #ffffff; --soft: #5c5c5c; --line: #d9d9d9; --card: #f4f4f2;
  --c0: #2f6db3; --c1: #e0a100; --c2: #b3382c; --c3: #6d4b9a; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececec; --paper: #16181b; --soft: #a9adb3; --line: #3a3e44;
  --card: #20242a; --c0: #6fa8e6; --c1: #f0c04a; --c2: #ef7d70; --c3: #b596e6; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 70rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .25rem; } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0; } .soft { color: var(--soft); }
.warn { border-left: .3rem solid var(--c2); background: var(--card); padding: .5rem .75rem; margin: .75rem 0; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(7.75rem, 1fr)); gap: .5rem; margin: 1rem 0; padding: 0; list-style: none; }
.cards li { background: var(--card); padding: .5rem .75rem; } .cards b { display: block; font-size: 1.4rem; }
svg { width: 100%; height: auto; max-width: 48rem; display: block; }
svg .grid { stroke: var(--line); } svg .axis { fill: var(--soft); font: 13px system-ui, sans-serif; }
svg .mark path, svg .gap path { stroke: var(--paper); stroke-width: 1.2; } svg .mark circle { fill: var(--paper); }
svg .gap path { stroke: var(--soft); } .c0 { fill: var(--c0); } .c1 { fill: var(--c1); } .c2 { fill: var(--c2); } .c3 { fill: var(--c3); }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: .25rem 0; padding: 0; list-style: none; }
.legend .swatch { width: 1rem; height: 1rem; display: inline-block; vertical-align: -.15rem; margin-right: .35rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; }
th, td { text-align: left; padding: .2rem .75rem .2rem 0; border-bottom: 1px solid var(--line); vertical-align: top;
  overflow-wrap: break-word; max-width: 28rem; }
th { color: var(--soft); font-weight: 600; white-space: nowrap; } .n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
summary { cursor: pointer; color: var(--soft); }
@media (max-width: 40rem) { svg .axis { font-size: 20px; } }
@media print { body { max-width: none; font-size: 11px; } details > * { display: block; } h2 { break-after: avoid; } svg { max-width: 34rem; } }
"""
#: Long tables that a picture says already are folded.
_FOLDED = ("traffic", "delays", "queue_ages")


def page(figures: Figures) -> str:
    """Return the whole page."""
    drawn = {"traffic": _traffic(figures), "delays": _delays(figures), "queue_ages": _ages(figures)}
    sections = [_section(table, drawn.get(table.key)) for table in tables(figures)]
    return "\n".join(
        (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<title>{_text(figures.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
            _head(figures),
            *sections,
            f'<p class="soft">Made {_text(figures.made)} by postmaster.mta.</p>\n</body>\n</html>\n',
        )
    )


def _text(value: t.Any) -> str:
    return html.escape(visible(value, 400))


def _head(figures: Figures) -> str:
    period = figures.period
    parts = [
        f"<h1>{_text(figures.title)}</h1>",
        f'<p class="soft">{period.begin:%Y-%m-%d %H:%M} to {period.end:%Y-%m-%d %H:%M} UTC, '
        f"{len(figures.relays)} relays: {_text(', '.join(figures.relays))}</p>",
    ]
    for host, why in sorted(figures.missing.items()):
        parts.append(f'<p class="warn"><b>{_text(host)} could not be asked:</b> {_text(why)}</p>')
    parts += [f'<p class="warn">{_text(note)}</p>' for note in figures.notes]
    return "\n".join([*parts, _cards(figures)])


def _cards(figures: Figures) -> str:
    totals, log = figures.log["totals"], figures.log
    waiting = (figures.queue.get("total") or {}).get("messages")
    cards = (
        ("received", number(totals["received"])),
        *((name, number(totals[name])) for name in OUTCOMES),
        ("wait now", number(waiting)),
        ("half are delivered within", span(log["delay"].get("p50"))),
        ("sent with TLS", percent(log["tls"]["out"]["percent"])),
    )
    return '<ul class="cards">' + "".join(f"<li><b>{value}</b>{name}</li>" for name, value in cards) + "</ul>"


def _section(table: Table, picture: t.Optional[str]) -> str:
    body = _table(table) if table.rows else f'<p class="soft">{_text(table.empty)}</p>'
    if picture and table.rows and table.key in _FOLDED:
        body = f"<details><summary>The same as a table</summary>{body}</details>"
    return f'<section id="{table.key}">\n<h2>{_text(table.title)}</h2>\n{picture or ""}\n{body}\n</section>'


def _table(table: Table) -> str:
    head = "".join(_cell("th", name, column in table.numbers) for column, name in enumerate(table.head))
    rows = [
        "<tr>" + "".join(_cell("td", value, column in table.numbers) for column, value in enumerate(row)) + "</tr>"
        for row in table.rows
    ]
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>\n' + "\n".join(rows) + "</tbody></table></div>"
    )


def _cell(tag: str, value: str, is_number: bool) -> str:
    return f"<{tag}{' class=n' if is_number else ''}>{_text(value)}</{tag}>"


# --- pictures -------------------------------------------------------------------------------------------------------


def _traffic(figures: Figures) -> str:
    chart = plots.Chart(
        key="traffic",
        title="Deliveries by time and outcome",
        unit="deliveries",
        labels=[_short(slot.label) for slot in figures.slots],
        series=[plots.Series(name, [slot.counts[name] for slot in figures.slots]) for name in OUTCOMES],
        gaps=[not slot.covered for slot in figures.slots],
    )
    return plots.legend(chart) + plots.svg(chart)


def _short(label: str) -> str:
    """Return what fits below a bar: the hour, or the day where one begins."""
    day, _blank, hour = label[5:].partition(" ")
    return day if hour in ("", "00:00") else hour


def _delays(figures: Figures) -> str:
    return _steps("delay", "Deliveries by delay", "deliveries", delay_steps(figures)) if any(figures.delays) else ""


def _ages(figures: Figures) -> str:
    ages = queue_ages(figures)
    return _steps("age", "Waiting recipients by age", "recipients", ages) if ages else ""


def _steps(key: str, title: str, unit: str, classes: t.Sequence[t.Tuple[str, int]]) -> str:
    series = plots.Series(unit, [count for _name, count in classes])
    return plots.svg(plots.Chart(key, title, unit, [name for name, _count in classes], [series]))


__all__ = ("page",)
