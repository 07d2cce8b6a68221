# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The queues of a fleet as tables that people can read.

Private to the collection: it can change at any time.
"""

from __future__ import annotations

import textwrap
import typing as t

from ansible_collections.postmaster.mta.plugins.module_utils._model import queue_summary

WIDTH = 110
CELL = 40

_Row = tuple[str, ...]


def merged(results: t.Mapping[str, t.Mapping[str, t.Any]]) -> dict[str, t.Any]:
    """The summaries of the hosts that answered as one."""
    return queue_summary.merge({host: result["summary"] for host, result in results.items() if "summary" in result})


def report(results: t.Mapping[str, t.Mapping[str, t.Any]], now: float, top: int) -> list[str]:
    """The lines of the report.

    :param results: what queue_info returned, or why it did not, by host.
    :param now: seconds since the epoch, from which ages are counted.
    :param top: rows of each table.
    """
    fleet = merged(results)
    lines = _hosts(results, fleet, now)
    if fleet["total"]["messages"]:
        lines += _domains(fleet, now, top)
        lines += _counts("WHY", fleet["reasons"], fleet["distinct"]["reasons"], top)
        lines += _counts("SENDER", fleet["senders"], fleet["distinct"]["senders"], top)
    return lines + _troubles(results)


def _hosts(results: t.Mapping[str, t.Mapping[str, t.Any]], fleet: t.Mapping[str, t.Any], now: float) -> list[str]:
    rows: list[_Row] = [("HOST", "MESSAGES", "ACTIVE", "DEFERRED", "ON HOLD", "RECIPIENTS", "SIZE", "OLDEST")]
    for host, result in sorted(results.items()):
        if "summary" in result:
            rows.append(_host(host, result["summary"], now))
    if len(rows) > 2:
        rows.append(_host("all", fleet, now))
    return _table(rows, right=range(1, 8))


def _host(name: str, summary: t.Mapping[str, t.Any], now: float) -> _Row:
    total = summary["total"]
    statuses = {row["name"]: row["messages"] for row in summary["statuses"]}
    moving = statuses.get("active", 0) + statuses.get("incoming", 0)
    counts = (total["messages"], moving, statuses.get("deferred", 0), statuses.get("hold", 0), total["recipients"])
    return (name, *(str(count) for count in counts), size(total["bytes"]), _age(total["oldest"], now))


def _domains(fleet: t.Mapping[str, t.Any], now: float, top: int) -> list[str]:
    """Since when a domain is stuck, with the oldest message, and below it why."""
    rows: list[_Row] = [("DOMAIN", "MESSAGES", "RECIPIENTS", "OLDEST", "SINCE (UTC)", "HOST", "INSTANCE", "ID")]
    by_age = sorted(fleet["domains"], key=lambda row: (row["oldest"]["arrival"], row["name"]))
    whys = [""]
    for row in by_age[:top]:
        oldest = row["oldest"]
        since = oldest["arrived"].replace("T", " ").rstrip("Z")
        counts = (str(row["messages"]), str(row["recipients"]), _age(oldest, now))
        rows.append((row["name"], *counts, since, oldest["host"], oldest["instance"], oldest["id"]))
        whys.append(_cut("    " + (oldest["reason"] or queue_summary.NO_REASON), WIDTH))
    lines = [line for pair in zip(_table(rows, right=(1, 2, 3)), whys, strict=True) for line in pair if line]
    return ["", *lines, *_more(len(by_age), top, "domains")]


def _counts(title: str, table: t.Sequence[t.Mapping[str, t.Any]], distinct: int, top: int) -> list[str]:
    rows: list[_Row] = [("MESSAGES", "RECIPIENTS", title)]
    rows += [(str(row["messages"]), str(row["recipients"]), str(row["name"])) for row in table[:top]]
    return ["", *_table(rows, right=(0, 1)), *_more(distinct, top, "rows")]


def _more(count: int, top: int, what: str) -> list[str]:
    return [f"... and {count - top} more {what}"] if count > top else []


def _troubles(results: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[str]:
    lines = []
    for host, result in sorted(results.items()):
        if "summary" not in result:
            lines += _wrapped(f"{host}: {result.get('msg') or 'it did not answer'}")
        for one in result.get("unreadable") or ():
            lines += _wrapped(f"{host}: {one['path']}: {one['why']}")
    return ["", "Not counted:", *lines] if lines else []


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap("  " + " ".join(text.split()), WIDTH, subsequent_indent="    ", break_on_hyphens=False)


def listing(messages: t.Sequence[t.Mapping[str, t.Any]], now: float) -> list[str]:
    """Messages line by line, for a person who decides about them; rows of queue and of queue_info alike."""
    rows: list[_Row] = [("HOST", "INSTANCE", "ID", "STATUS", "OUTCOME", "AGE", "SIZE", "SENDER", "WHY")]
    for one in messages:
        age = duration(now - one["arrival"]) if one["arrival"] else "-"
        words = (one.get("host", ""), one["instance"], one["id"], one["status"], one.get("outcome") or "-")
        rows.append((*words, age, size(one["size"]), one["sender"], one.get("why") or one.get("reason") or ""))
    return _table(rows, right=(5, 6)) if messages else []


# --- words -------------------------------------------------------------------------------------------------------


def duration(seconds: float) -> str:
    """An age in its two biggest units: C(3d 4h), C(5m 2s)."""
    left = max(0, int(seconds))
    parts = []
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, length)
        if count or parts or unit == "s":
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])


def size(count: int) -> str:
    """Bytes in a unit that leaves at most four digits."""
    value, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1024 or unit == "TB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" or value >= 10 else f"{value:.1f} {unit}"


def _age(oldest: t.Mapping[str, t.Any] | None, now: float) -> str:
    return duration(now - oldest["arrival"]) if oldest else "-"


def _table(rows: t.Sequence[_Row], right: t.Iterable[int]) -> list[str]:
    """Columns as wide as they need; the last one takes the rest of the line and is cut there."""
    aligned_right = set(right)
    rows = [(*(_cut(cell, CELL) for cell in row[:-1]), row[-1]) for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    room = max(20, WIDTH - sum(widths) - 2 * len(widths))
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if column in aligned_right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row[:-1], widths, strict=True))
        ]
        last = _cut(row[-1], room)
        lines.append(
            "  ".join([*cells, last.rjust(_last_width(rows, room)) if len(widths) in aligned_right else last]).rstrip()
        )
    return lines


def _last_width(rows: t.Sequence[_Row], room: int) -> int:
    return min(room, max(len(row[-1]) for row in rows))


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3].rstrip() + "..."
