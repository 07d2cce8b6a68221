# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the relays of a fleet are: a row for each, then what somebody should look at.

Private to the collection: it can change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.postmaster.mta.plugins.module_utils._report.words import span, visible
from ansible_collections.postmaster.mta.plugins.plugin_utils import tables
from ansible_collections.postmaster.mta.plugins.plugin_utils.tables import Column

Row = t.Mapping[str, t.Any]
Results = t.Mapping[str, Row]

_COLUMNS = [
    Column("HOST", least=8, whole=True),
    Column("SERVICE", least=7),
    Column("VERSION", least=15),
    Column("WAIT", right=True),
    Column("OLDEST"),
    Column("CERT"),
    Column("FREE", right=True),
    Column("DRIFT", right=True),
    Column("LAST CHANGE"),
    Column("ENDING", right=True),
    Column("CANARY"),
]


class Status(t.NamedTuple):
    """What is shown.

    :param wrong: the hosts with trouble.
    :param figures: what programs take from it, by host.
    """

    lines: list[str]
    wrong: dict[str, str]
    figures: dict[str, t.Any]


def status(answered: Results) -> Status:
    """Return one row for each relay, and every trouble below the table."""
    lines = tables.table(_COLUMNS, [_row(host, result) for host, result in answered.items()]) if answered else []
    wrong = {host: "; ".join(result["trouble"]) for host, result in answered.items() if result["trouble"]}
    troubles = [(host, str(trouble)) for host in wrong for trouble in answered[host]["trouble"]]
    ending = [(host, f"ends soon: {rule}") for host, result in answered.items() for rule in _ending(result)]
    if answered and not troubles:
        lines += ["", *tables.sentence(f"Nothing is wrong on {', '.join(answered)}.")]
    lines += _titled("Trouble:", troubles) + _titled("Blocks:", ending)
    return Status(lines, wrong, {host: _figures(result) for host, result in answered.items()})


def _titled(title: str, notes: t.Sequence[tuple[str, str]]) -> list[str]:
    return ["", title, *tables.by_host(notes)] if notes else []


def _row(host: str, result: Row) -> tuple[str, ...]:
    instances: list[Row] = list(result["instances"])
    return (
        host,
        _service(instances),
        ", ".join(dict.fromkeys(f"{row['mta']} {row['version']}" for row in instances)),
        _dash(_waiting(instances)),
        str(span(_oldest(instances))) if _waiting(instances) else "-",
        _certificate(instances),
        _free(instances),
        _dash(_sum(row["drift"] for row in instances)),
        _last_change(instances),
        str(len(_ending(result))) if all(row["blocks"] for row in instances) else "-",
        _canary(result["canaries"]),
    )


def _free(instances: t.Sequence[Row]) -> str:
    """Return what is free of the fullest disk."""
    shares = [row["disk"]["free"] for row in instances if row["disk"]]
    return f"{min(shares)} %" if shares else "-"


def _last_change(instances: t.Sequence[Row]) -> str:
    changes = [row["change"] for row in instances if row["change"]]
    if not changes:
        return "-"
    last = max(changes, key=lambda change: str(change["time"]))
    return f"{str(last['time'])[5:16].replace('T', ' ')} {last['module']}"


def _ending(result: Row) -> list[str]:
    """Return the blocks that end soon, each once, however many instances have it."""
    return list(dict.fromkeys(rule for row in result["instances"] for rule in (row["blocks"] or {}).get("soon", ())))


def _service(instances: t.Sequence[Row]) -> str:
    up = sum(bool(row["running"]) for row in instances)
    if len(instances) == 1:
        return "up" if up else "DOWN"
    return f"{up}/{len(instances)} up"


def _sum(numbers: t.Iterable[int | None]) -> int | None:
    """Return the sum; None where one of the numbers is unknown, since the rest is no answer."""
    known = list(numbers)
    return None if None in known else sum(number or 0 for number in known)


def _dash(number: int | None) -> str:
    return "-" if number is None else str(number)


def _waiting(instances: t.Iterable[Row]) -> int | None:
    return _sum(row["queue"] and row["queue"]["messages"] for row in instances)


def _oldest(instances: t.Iterable[Row]) -> int:
    return max((row["queue"]["oldest"] for row in instances if row["queue"]), default=0)


def _deferred(instances: t.Iterable[Row]) -> int | None:
    return _sum(row["queue"] and row["queue"]["counts"].get("deferred", 0) for row in instances)


def _certificate(instances: t.Iterable[Row]) -> str:
    """Return the days of the certificate that ends first, and whether each is for its relay's name."""
    known = [row["certificate"] for row in instances if row["certificate"]]
    if not known:
        return "-"
    days = min(certificate["days"] for certificate in known)
    return f"{days} d" + ("" if all(certificate["fits"] for certificate in known) else ", other name")


def _canary(canaries: t.Sequence[Row]) -> str:
    if not canaries:
        return "-"
    failing = [canary for canary in canaries if canary["trouble"]]
    if failing:
        return "FAILS"
    times = [canary["seconds"] for canary in canaries if canary["seconds"] is not None]
    return str(span(max(times))) if times else "not yet"


def _figures(result: Row) -> dict[str, t.Any]:
    instances = result["instances"]
    return {
        "running": sum(bool(row["running"]) for row in instances),
        "instances": len(instances),
        "waiting": _waiting(instances),
        "deferred": _deferred(instances),
        "oldest": None if _waiting(instances) is None else _oldest(instances),
        "certificate_days": min((row["certificate"]["days"] for row in instances if row["certificate"]), default=None),
        "drift": _sum(row["drift"] for row in instances),
        "trouble": [visible(trouble, 400) for trouble in result["trouble"]],
    }


__all__ = ("Status", "status")
