# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The deliveries of a fleet as a table, as lines and in figures.

Private to the collection: it can change at any time.
"""

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.postmaster.mta.plugins.module_utils._log.summary import merge, report
from ansible_collections.postmaster.mta.plugins.module_utils._report.words import harmless
from ansible_collections.postmaster.mta.plugins.plugin_utils import tables
from ansible_collections.postmaster.mta.plugins.plugin_utils.tables import Column

Results = t.Mapping[str, t.Mapping[str, t.Any]]
Row = t.Mapping[str, t.Any]

#: A terminal with so many columns has room for the next hop.
_WIDE = 110


def deliveries(answered: Results) -> list[dict[str, t.Any]]:
    """Return the deliveries of all hosts in order of time, each with its host of the inventory."""
    rows = [
        dict(row, inventory_host=host) for host, result in answered.items() for row in result.get("deliveries") or ()
    ]
    return sorted(rows, key=lambda row: str(row.get("time") or ""))


def listing(rows: t.Sequence[Row]) -> list[str]:
    """Return one row for each delivery; below it the reason, where it was not delivered, and its lines of the log."""
    columns = [
        Column("HOST", least=6, whole=True),
        Column("TIME"),
        Column("STATUS"),
        Column("SENDER", least=12, whole=True),
        Column("RECIPIENT", least=12, whole=True),
    ]
    names = ["status", "sender", "recipient"]
    # On a narrow terminal the addresses are worth more than the next hop.
    if tables.terminal_width() >= _WIDE:
        columns.append(Column("RELAY", least=10))
        names.append("relay")
    cells = [_cells(row, names) for row in rows]
    lines = tables.table(columns, cells, [_below(row) for row in rows])
    for row in rows:
        if row.get("raw"):
            lines += ["", f"{row['inventory_host']}: {row.get('queue_id')}:"]
            lines += ["  " + harmless(str(line)) for line in row["raw"]]
    return lines


def _cells(row: Row, names: t.Sequence[str]) -> list[str]:
    time = str(row.get("time") or "-")[:19].replace("T", " ")
    return [row["inventory_host"], time, *(row.get(name) or "-" for name in names)]


def _below(row: Row) -> str:
    """Return why a message was not delivered, or that it was only handed on to another program of the relay itself."""
    if row.get("status") != "sent":
        return str(row.get("reason") or "")
    return f"handed on to {row.get('relay')} on this host" if _is_loopback(str(row.get("relay_address") or "")) else ""


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def bars(rows: t.Sequence[Row]) -> list[str]:
    """Return the lines with bars, each with its host before it and its status behind it."""
    return [harmless(f"{row['inventory_host']}|{row.get('line')}|{row.get('status')}") for row in rows]


def was_read(answered: Results) -> list[str]:
    """Return a sentence for each host that says what was read, from when to when."""
    return tables.by_host((host, _read(result)) for host, result in answered.items())


def _read(result: Row) -> str:
    read = result.get("read") or {}
    sources = ", ".join(str(source) for source in read.get("sources") or ()) or "no log"
    span = f", from {read['begin']} to {read['end']}" if read.get("begin") and read.get("end") else ""
    skipped = f", {read['skipped']} of them no records" if read.get("skipped") else ""
    return f"{read.get('lines', 0)} lines read{skipped} in {sources}{span}"


def notes(answered: Results) -> list[str]:
    """Return what is missing in the logs."""
    sentences = [(host, str(note)) for host, result in answered.items() for note in result.get("notes") or ()]
    return ["", "Notes:", *tables.by_host(sentences)] if sentences else []


def cut(answered: Results) -> list[str]:
    """Return a sentence for each host with more deliveries than were returned."""
    sentences = []
    for host, result in answered.items():
        count, shown = int(result.get("count") or 0), len(result.get("deliveries") or ())
        if count > shown:
            sentences.append((host, f"the newest {shown} of {count} are shown; log_limit=0 shows all"))
    return tables.by_host(sentences)


# --- figures -----------------------------------------------------------------------------------------------------


def figures(answered: Results, top: int) -> dict[str, t.Any]:
    """Return the figures of the fleet as one."""
    summary: dict[str, t.Any] = report(merge([result["tables"] for result in answered.values()]), top)
    return summary


def figure_lines(summary: Row) -> list[str]:
    """Return the figures as tables."""
    lines = tables.table(
        [Column("TOTAL", least=12), Column("COUNT", right=True)],
        [(name.replace("_", " "), count) for name, count in summary["totals"].items()],
    )
    for name, rows in summary["top"].items():
        if rows:
            columns = [Column("COUNT", right=True), Column("BYTES", right=True), Column(_title(name), least=20)]
            cells = [(row.get("count", 0), row.get("bytes", 0), row["name"]) for row in rows]
            lines += ["", *tables.table(columns, cells)]
    for name, rows in summary["reasons"].items():
        if rows:
            columns = [Column("COUNT", right=True), Column(f"WHY {name.upper()}", least=20)]
            lines += ["", *tables.table(columns, [(row["count"], row["reason"]) for row in rows])]
    return lines + [*_by_hour(summary), *_delay(summary)]


def _title(name: str) -> str:
    return name.replace("_", " ").upper()


def _by_hour(summary: Row) -> list[str]:
    rows = summary["per_hour"]
    if not rows:
        return []
    names = [name for name in ("sent", "deferred", "bounced", "rejected") if any(row.get(name) for row in rows)]
    columns = [Column("HOUR"), *(Column(name.upper(), right=True) for name in names)]
    return ["", *tables.table(columns, [(row["hour"], *(row.get(name, 0) for name in names)) for row in rows])]


def _delay(summary: Row) -> list[str]:
    words = [f"{name} {value:g} s" for name, value in summary["delay"].items() if isinstance(value, (int, float))]
    return ["", f"Delay until delivery: {', '.join(words)}"] if words else []
