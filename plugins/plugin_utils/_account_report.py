# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account of a fleet, in words and tables: what was changed, what an undo brings back, what somebody else changed.

Private to the collection: it can change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.postmaster.mta.plugins.plugin_utils import tables
from ansible_collections.postmaster.mta.plugins.plugin_utils.tables import Column

Results = t.Mapping[str, t.Mapping[str, t.Any]]
#: Lines, and the hosts that make the run fail, with the reason.
Shown = tuple[list[str], dict[str, str]]


def history(answered: Results) -> Shown:
    """Return the generations of each instance, the newest first."""
    columns = [
        Column("HOST", least=8, whole=True),
        Column("INSTANCE", least=8),
        Column("NO", right=True),
        Column("TIME (UTC)"),
        Column("MODULE", least=6),
        Column("BY", least=4),
        Column("TICKET", least=6),
        Column("FILES", least=10),
        Column("ENDED"),
    ]
    rows: list[tuple[t.Any, ...]] = []
    below: list[str] = []
    for host, result in answered.items():
        for instance in result.get("instances") or ():
            for entry in instance["generations"]:
                files = ", ".join(entry["files"]) or "(none: adopted)"
                by, ticket = entry["by"] or "-", entry["ticket"] or "-"
                when = entry["time"].replace("T", " ").rstrip("Z")
                rows.append(
                    (host, instance["name"], entry["number"], when, entry["module"], by, ticket, files, entry["ended"])
                )
                below.append(entry["reason"])
    if not rows:
        return (tables.sentence("No relay has an account of a change yet.") if answered else []), {}
    return tables.table(columns, rows, below), {}


def undo(answered: Results) -> Shown:
    """Return what came back on each host."""
    columns = [
        Column("HOST", least=8, whole=True),
        Column("INSTANCE", least=8),
        Column("STATE OF", right=True),
        Column("UNDONE"),
        Column("FILES", least=20),
    ]
    rows = [_undone(host, result) for host, result in answered.items()]
    notes = [f"{host}: {note}" for host, result in answered.items() for note in result.get("notes") or ()]
    lines = tables.table(columns, rows) if rows else []
    if notes:
        lines += ["", *notes]
    return lines, {}


def _undone(host: str, result: t.Mapping[str, t.Any]) -> tuple[t.Any, ...]:
    """Return the row of a host: the generations that were undone, and the files that came back."""
    numbers = ", ".join(map(str, result.get("undone") or ())) or "-"
    actions = [action for action in result.get("actions") or () if action.startswith(_VERBS)]
    files = ", ".join(action.partition(" ")[2] for action in actions) or "nothing"
    return host, result.get("instance"), result.get("to"), numbers, files


def tables_upgrade(answered: Results) -> Shown:
    """Return the tables of each host that have another type now, and what the person who asked has to do."""
    columns = [
        Column("HOST", least=8, whole=True),
        Column("TABLE", least=20),
        Column("FROM"),
        Column("TO"),
        Column("NAMED BY", least=12),
    ]
    rows: list[tuple[t.Any, ...]] = []
    notes: list[str] = []
    for host, result in answered.items():
        changed = result.get("changed")
        for table in [*result.get("tables", ()), *result.get("caches", ())] if changed else ():
            rows.append((host, table["path"], table["from"], table.get("to") or result["to"], table["setting"]))
        notes += [f"{host}: {note}" for note in result.get("notes") or ()]
    lines = tables.table(columns, rows) if rows else []
    if answered and not rows:
        lines = tables.sentence("No table has an old type.")
    for note in notes:
        lines += ["", *tables.sentence(note)]
    return lines, {}


def drift(answered: Results) -> Shown:
    """Return what differs from what was last written, with its file and since when."""
    columns = [
        Column("HOST", least=8, whole=True),
        Column("FILE", least=12),
        Column("SETTING", least=12),
        Column("WRITTEN", least=8),
        Column("LIVE", least=8),
        Column("SINCE (UTC)"),
    ]
    rows = [
        _drifted(host, entry)
        for host, result in answered.items()
        for instance in result.get("instances") or ()
        for entry in instance.get("drift") or ()
    ]
    if rows:
        return tables.table(columns, rows), {row[0]: "it was changed since" for row in sorted(rows)}
    if not answered:
        return [], {}
    ours = [host for host, result in answered.items() if _is_ours(result)]
    others = [host for host in answered if host not in ours]
    lines = tables.sentence(f"Nothing differs from what was last written on {', '.join(ours)}.") if ours else []
    if others:
        lines += tables.sentence(f"Nothing was ever written here by this collection: {', '.join(others)}.")
    return lines, {}


def _is_ours(result: t.Mapping[str, t.Any]) -> bool:
    """Return whether a change of ours stands in any instance. Without one there is nothing that could differ."""
    return any(instance.get("generation") for instance in result.get("instances") or ())


def _drifted(host: str, entry: t.Mapping[str, t.Any]) -> tuple[str, ...]:
    since = entry["since"].replace("T", " ").rstrip("Z") or "(gone)"
    setting = entry["setting"] or "(other lines)"
    return host, entry["file"], setting, _value(entry, "written"), _value(entry, "live"), since


_VERBS = ("create ", "edit ", "remove ")


def _value(entry: t.Mapping[str, t.Any], name: str) -> str:
    if not entry["setting"]:
        return "-"
    return "(not set)" if entry[name] is None else str(entry[name])
