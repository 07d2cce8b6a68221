# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What sendmail relays become on Postfix, in tables.

Private to the collection: it can change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.postmaster.mta.plugins.plugin_utils import tables
from ansible_collections.postmaster.mta.plugins.plugin_utils.tables import Column

Result = t.Mapping[str, t.Any]
_COLUMNS = (
    Column("#", right=True),
    Column("where", least=14),
    Column("what stands there", least=20),
    Column("construct", least=10),
)
#: What needs a person comes first.
_TITLES = (
    ("not converted", "Not converted: decide about each"),
    ("differs", "Converted, but it differs"),
    ("converted", "Converted"),
)


class Shown(t.NamedTuple):
    """What is shown, and the relays that are not ready."""

    lines: list[str]
    wrong: dict[str, str]


def move(answered: t.Mapping[str, Result]) -> Shown:
    """Return what each relay becomes; a relay with something that is not converted is not ready."""
    shown = [line for host, result in answered.items() for line in lines(host, result)]
    reasons = {host: wrong(result) for host, result in answered.items()}
    return Shown(shown, {host: reason for host, reason in reasons.items() if reason})


def lines(host: str, result: Result) -> list[str]:
    """Return the lines about one relay."""
    counts = result["counts"]
    said = [
        f"{host} {result['instance']}: "
        + ", ".join(f"{counts[verdict]} {verdict}" for verdict, dummy in reversed(_TITLES)),
        "",
    ]
    for verdict, title in _TITLES:
        rows = [row for row in result["constructs"] if row["verdict"] == verdict]
        if rows:
            said += [
                f"{title}:",
                *tables.table(_COLUMNS, [_cells(row) for row in rows], [_note(row) for row in rows]),
                "",
            ]
    return said


def wrong(result: Result) -> str:
    """Return why a relay is not ready to move; empty where everything is converted."""
    number = result["counts"]["not converted"]
    return f"{number} constructs are not converted" if number else ""


def _cells(row: Result) -> tuple[t.Any, ...]:
    return row["number"], row["where"], row["text"], row["construct"]


def _note(row: Result) -> str:
    return f"{row['sentence']} [test: {row['test']}]" if row["test"] else str(row["sentence"])


# --- both MTAs, asked alike -----------------------------------------------------------------------------------------

_KINDS = (
    Column("what", least=8),
    Column("times", right=True),
    Column("client", least=10),
    Column("sender"),
    Column("recipient", least=12),
)


def compare(answered: t.Mapping[str, Result]) -> Shown:
    """Return where sendmail and Postfix differ; a relay with a difference that nothing explains is not ready."""
    asked = {host: result for host, result in answered.items() if "differences" in result}
    shown = [line for host, result in asked.items() for line in compared(host, result)]
    reasons = {
        host: f"{result['unexplained']} envelopes get another answer, unexplained" for host, result in asked.items()
    }
    return Shown(shown, {host: reason for host, reason in reasons.items() if asked[host]["unexplained"]})


def compared(host: str, result: Result) -> list[str]:
    """Return the lines about one relay."""
    said = [
        f"{host}: {result['asked']} envelopes asked of both ({result['logged']} of the log, {result['made_up']} made up): "
        f"{result['alike']} alike, {result['explained']} differences explained, {result['unexplained']} not",
        "",
    ]
    for explained, title in ((False, "Not explained: decide about each"), (True, "Explained")):
        items = [item for item in result["differences"] if item["explained"] is explained]
        if items:
            cells = [_difference(item) for item in items]
            said += [f"{title}:", *tables.table(_KINDS, cells, [_sides(item) for item in items]), ""]
    if result["not_shown"]:
        said.append(f"{result['not_shown']} more kinds of differences are not shown")
    return [*said, *(f"note: {note}" for note in result["notes"])]


def _difference(item: Result) -> tuple[t.Any, ...]:
    mail = item["example"]
    return item["kind"], item["times"], mail["name"] or mail["client"], mail["sender"] or "<>", mail["recipient"]


def _sides(item: Result) -> str:
    """Return what each side says, with its rule, and what explains it."""
    old = f"sendmail: {item['old']}" + (f" [{item['old_rule']}]" if item["old_rule"] else "")
    new = f"Postfix: {item['new']}" + (f" [{item['new_rule']}]" if item["new_rule"] else "")
    return f"{old}; {new}" + (f"; explained by {item['because']}" if item["because"] else "")


# --- the switch -----------------------------------------------------------------------------------------------------

_SWITCHED = (
    Column("HOST", least=8, whole=True),
    Column("listens"),
    Column("delivers its rest"),
    Column("left", right=True),
)


def switch(answered: t.Mapping[str, Result]) -> Shown:
    """Return which MTA has the ports of each relay, and what the other one has left; a relay where none has them is wrong."""
    asked = {host: result for host, result in answered.items() if "listens" in result}
    cells = [(host, item["listens"] or "-", item["drains"] or "-", item["left"]) for host, item in asked.items()]
    shown = [*tables.table(_SWITCHED, cells), ""] if cells else []
    shown += [f"{host}: {note}" for host, item in asked.items() for note in item["notes"]]
    shown += [
        f"{host}: it goes back to sendmail by itself unless you confirm: -e move_state=confirmed"
        for host, item in asked.items()
        if item["confirm_by"]
    ]
    return Shown(
        shown, {host: "neither MTA alone has the ports" for host, item in asked.items() if not item["listens"]}
    )
