# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The queues of a fleet as tables that people can read.

Private to the collection: it can change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.postmaster.mta.plugins.module_utils._model import queue_summary
from ansible_collections.postmaster.mta.plugins.module_utils._report.words import age, size
from ansible_collections.postmaster.mta.plugins.plugin_utils import tables
from ansible_collections.postmaster.mta.plugins.plugin_utils.tables import Column

Results = t.Mapping[str, t.Mapping[str, t.Any]]


#: The tables of numbers, by title and by name in a summary.
_COUNTED = (("WHY", "reasons"), ("NEXT HOP", "nexthops"), ("SENDER", "senders"), ("RECIPIENT", "recipients"))


def merged(results: Results) -> dict[str, t.Any]:
    """Return the summaries of the hosts that answered as one."""
    summaries = {host: result["summary"] for host, result in results.items() if "summary" in result}
    return queue_summary.by_host(queue_summary.merge(summaries))


def report(results: Results, now: float, top: int) -> list[str]:
    """Return the lines of the report.

    :param results: what queue_info returned, or why it did not, by host.
    :param now: seconds since the epoch, from which ages are counted.
    :param top: rows of each table; 0 for all.
    """
    fleet = merged(results)
    lines = _hosts(results, fleet, now)
    if fleet["total"]["messages"]:
        lines += _domains(fleet, now, top)
        lines += _ages(fleet, top)
        for title, name in _COUNTED:
            lines += _counts(title, fleet[name], fleet["distinct"][name], top)
    return lines + _troubles(results)


def _hosts(results: Results, fleet: t.Mapping[str, t.Any], now: float) -> list[str]:
    numbers = ("MESSAGES", "ACTIVE", "DEFERRED", "ON HOLD", "RECIPIENTS", "SIZE", "OLDEST")
    columns = [Column("HOST", least=12, whole=True), *(Column(name, right=True) for name in numbers)]
    rows = [_host(host, result["summary"], now) for host, result in sorted(results.items()) if "summary" in result]
    if len(rows) > 1:
        rows.append(_host("all", fleet, now))
    return tables.table(columns, rows) if rows else []


def _host(name: str, summary: t.Mapping[str, t.Any], now: float) -> tuple[object, ...]:
    total = summary["total"]
    statuses = {row["name"]: row["messages"] for row in summary["statuses"]}
    moving = statuses.get("active", 0) + statuses.get("incoming", 0)
    return (
        name,
        total["messages"],
        moving,
        statuses.get("deferred", 0),
        statuses.get("hold", 0),
        total["recipients"],
        size(total["bytes"]),
        _age(total["oldest"], now),
    )


def _domains(fleet: t.Mapping[str, t.Any], now: float, top: int) -> list[str]:
    """Return since when each domain is stuck, with its oldest message, and below it why."""
    columns = [
        Column("DOMAIN", least=16),
        Column("MESSAGES", right=True),
        Column("RECIPIENTS", right=True),
        Column("OLDEST", right=True),
        Column("SINCE (UTC)"),
        Column("HOST", least=8, whole=True),
        Column("ID"),
    ]
    by_age = sorted(fleet["domains"], key=lambda row: (row["oldest"]["arrival"], row["name"]))
    rows, reasons = [], []
    for row in by_age[: top or None]:
        oldest = row["oldest"]
        since = oldest["arrived"].replace("T", " ").rstrip("Z")
        age = _age(oldest, now)
        rows.append((row["name"], row["messages"], row["recipients"], age, since, oldest["host"], oldest["id"]))
        reasons.append(oldest["reason"] or queue_summary.NO_REASON)
    return ["", *tables.table(columns, rows, reasons), *_more(len(by_age), top, "domains")]


def _ages(fleet: t.Mapping[str, t.Any], top: int) -> list[str]:
    """Return how long the recipients of each domain wait, in the classes of qshape(1)."""
    limits = [str(minutes) for minutes in queue_summary.AGE_LIMITS]
    names = [*limits, f"{limits[-1]}+"]
    columns = [Column("MINUTES, UP TO", least=14), *(Column(name, right=True) for name in names)]
    rows = [("all", *fleet["total"]["ages"])]
    rows += [(row["name"], *row["ages"]) for row in fleet["domains"][: top or None]]
    return ["", *tables.table(columns, rows)]


def _counts(title: str, counts: t.Sequence[t.Mapping[str, t.Any]], distinct: int, top: int) -> list[str]:
    columns = [Column("MESSAGES", right=True), Column("RECIPIENTS", right=True), Column(title, least=20)]
    rows = [(row["messages"], row["recipients"], row["name"]) for row in counts[: top or None]]
    return ["", *tables.table(columns, rows), *_more(distinct, top, "rows")]


def _more(count: int, top: int, what: str) -> list[str]:
    return [f"... and {count - top} more {what}"] if 0 < top < count else []


def _troubles(results: Results) -> list[str]:
    lines = []
    for host, result in sorted(results.items()):
        if "summary" not in result:
            lines += tables.sentence(f"  {host}: {result.get('msg') or 'it did not answer'}")
        for file in result.get("unreadable") or ():
            lines += tables.sentence(f"  {host}: {file['path']}: {file['why']}")
    return ["", "Not counted:", *lines] if lines else []


def listing(messages: t.Sequence[t.Mapping[str, t.Any]], now: float) -> list[str]:
    """Return messages line by line, for a person who decides about them, with the reason below each.

    :param messages: rows of queue or of queue_info, each with its host.
    """
    columns = [
        Column("HOST", least=8, whole=True),
        Column("ID"),
        Column("STATUS"),
        Column("OUTCOME"),
        Column("AGE", right=True),
        Column("SIZE", right=True),
        Column("SENDER", least=12),
    ]
    name_instances = _has_instances(messages)
    if name_instances:
        columns.insert(1, Column("INSTANCE", least=8))
    rows, reasons = [], []
    for message in messages:
        row = [message.get("host", ""), message["id"], message["status"] or "-", message.get("outcome") or "-"]
        row.append(age(now - message["arrival"]) if message["arrival"] else "-")
        row += [size(message["size"]), message["sender"]]
        if name_instances:
            row.insert(1, message["instance"])
        rows.append(row)
        reasons.append(message.get("why") or message.get("reason") or "")
    return tables.table(columns, rows, reasons) if messages else []


def _has_instances(messages: t.Sequence[t.Mapping[str, t.Any]]) -> bool:
    """Return whether a host has messages in more than one instance, so that the table must name it."""
    places = {(message.get("host", ""), message["instance"]) for message in messages if message["arrival"]}
    return len(places) > len({host for host, dummy in places})


def _age(oldest: t.Mapping[str, t.Any] | None, now: float) -> str:
    return age(now - oldest["arrival"]) if oldest else "-"
