# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the relays of a play answered, as the figures of one report.

Private to the collection: it can change at any time.
"""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.postmaster.mta.plugins.module_utils._log import summary
from ansible_collections.postmaster.mta.plugins.module_utils._model import queue_summary
from ansible_collections.postmaster.mta.plugins.module_utils._report import figures, page, plain
from ansible_collections.postmaster.mta.plugins.module_utils._report.figures import Figures, Period
from ansible_collections.postmaster.mta.plugins.plugin_utils import _answers

#: The forms of a report by the ending of its file.
FORMS: dict[str, t.Callable[[Figures], str]] = {
    ".html": page.page,
    ".csv": plain.table_csv,
    ".json": plain.as_json,
    ".txt": plain.text,
}
Results = t.Mapping[str, t.Mapping[str, t.Any]]


class Asked(t.NamedTuple):
    """What each relay answered to each question; a question that nobody asked has no answers."""

    log: Results
    queue: Results
    host: Results
    campaigns: Results
    history: Results


def build(asked: Asked, title: str, period: Period | None, now: datetime.datetime, top: int) -> Figures:
    """Return the figures of a fleet.

    :param period: the time that was asked for; what the logs cover where it is None.
    :param top: rows of each ranking.
    """
    missing = _answers.not_asked(asked.log)
    logs = {host: result for host, result in asked.log.items() if host not in missing}
    merged = summary.merge([result["tables"] for result in logs.values()])
    report = summary.report(merged, top)
    coverage = {host: _coverage(result) for host, result in logs.items()}
    periods = [covered for covered in coverage.values() if covered]
    period = period or _whole(periods, now)
    return Figures(
        title=title,
        made=f"{now:%Y-%m-%d %H:%M} UTC",
        period=period,
        relays=tuple(sorted(logs)),
        missing=missing,
        slots=figures.slots(report["per_hour"], period, periods),
        log=report,
        classes=figures.classes(summary.report(merged, 0)["reasons"]),
        delays=figures.delay_classes(summary.delay_counts(merged)),
        queue=_queue(asked.queue, top),
        campaigns=tuple(_campaigns(asked.campaigns)),
        certificates=tuple(_certificates(asked.host, now)),
        changes=tuple(_changes(asked.history, period)),
        notes=tuple(_notes(logs, coverage, period)),
    )


def _coverage(result: t.Mapping[str, t.Any]) -> Period | None:
    read = result.get("read") or {}
    try:
        return Period(figures.time_of(str(read["begin"])), figures.time_of(str(read["end"])))
    except (KeyError, ValueError):
        # A log without a line has no beginning; it says null.
        return None


def _whole(coverage: t.Sequence[Period], now: datetime.datetime) -> Period:
    if not coverage:
        return Period(now - datetime.timedelta(hours=1), now)
    return Period(min(log.begin for log in coverage), max(log.end for log in coverage))


def _queue(results: Results, top: int) -> dict[str, t.Any]:
    summaries = {host: result["summary"] for host, result in results.items() if "summary" in result}
    if not summaries:
        return {}
    merged: dict[str, t.Any] = queue_summary.merge(summaries)
    return dict(merged, domains=merged["domains"][:top])


def _campaigns(results: Results) -> t.Iterator[dict[str, t.Any]]:
    for host, result in sorted(results.items()):
        for campaign in result.get("campaigns") or ():
            command = f"playbook block_domains, {campaign['kind']} {campaign['key']}"
            yield {"messages": campaign["messages"], "pattern": campaign["key"], "host": host, "advice": command}


def _certificates(results: Results, now: datetime.datetime) -> t.Iterator[dict[str, t.Any]]:
    for host, result in sorted(results.items()):
        for instance in result.get("instances") or ():
            certificate = instance.get("certificate")
            if certificate:
                days = (figures.time_of(str(certificate["not_after"])) - now).days
                yield {"host": host, "days": days, "names": ", ".join(certificate["names"]) or "-"}


def _changes(results: Results, period: Period) -> t.Iterator[dict[str, t.Any]]:
    for host, result in sorted(results.items()):
        for generation in result.get("generations") or ():
            if period.begin <= figures.time_of(str(generation["time"])) <= period.end:
                what = " ".join(str(generation.get(name) or "") for name in ("module", "ticket", "outcome"))
                time = str(generation["time"])[:16].replace("T", " ")
                yield {"time": time, "host": host, "who": str(generation.get("who") or "-"), "what": what.strip()}


def _notes(logs: Results, coverage: t.Mapping[str, Period | None], period: Period) -> t.Iterator[str]:
    for host, result in sorted(logs.items()):
        covered = coverage[host]
        if not covered:
            yield f"The log of {host} has no line of the period."
        elif covered.begin > period.begin + datetime.timedelta(hours=1):
            yield f"The log of {host} begins at {covered.begin:%Y-%m-%d %H:%M} UTC."
        for note in result.get("notes") or ():
            yield f"{host}: {note}"


__all__ = ("FORMS", "Asked", "build")
