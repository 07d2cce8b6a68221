# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What relays answered, as the figures of one report: on the controller for a fleet, on a relay for itself.

Private to the collection: it can change at any time.
"""

import datetime
import typing as t

from .._log import summary
from .._model import queue_summary
from . import figures
from .figures import Figures, Period

Results = t.Mapping[str, t.Mapping[str, t.Any]]


class Asked(t.NamedTuple):
    """What each relay answered to each question; a question that nobody asked has no answers."""

    log: Results
    queue: Results
    host: Results
    campaigns: Results
    history: Results


def build(
    asked: Asked,
    missing: t.Mapping[str, str],
    title: str,
    period: t.Optional[Period],
    now: datetime.datetime,
    top: int,
) -> Figures:
    """Return the figures of one relay or of many.

    :param missing: relays that could not be asked, with the reason.
    :param period: the time that was asked for; what the logs cover where it is None.
    :param top: rows of each ranking.
    """
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
        campaigns=tuple(_campaigns(asked.campaigns, period)) if asked.campaigns else None,
        certificates=tuple(_certificates(asked.host, now)),
        changes=tuple(_changes(asked.history, period)),
        notes=tuple(_notes(logs, coverage, period)),
    )


def _coverage(result: t.Mapping[str, t.Any]) -> t.Optional[Period]:
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


def _queue(results: Results, top: int) -> t.Dict[str, t.Any]:
    summaries = {host: result["summary"] for host, result in results.items() if "summary" in result}
    if not summaries:
        return {}
    merged = queue_summary.by_host(queue_summary.merge(summaries))
    return dict(merged, domains=merged["domains"][:top])


def _campaigns(results: Results, period: Period) -> t.Iterator[t.Dict[str, t.Any]]:
    """Yield the campaigns of the period. Who looks for them looks at the end of the log."""
    for host, result in sorted(results.items()):
        for campaign in result.get("campaigns") or ():
            first, last = (figures.time_of(str(campaign[name])) for name in ("first_seen", "last_seen"))
            if first <= period.end and last >= period.begin:
                pattern = f"{campaign['kind']} {campaign['key']}"
                yield {"messages": campaign["count"], "pattern": pattern, "host": host, "advice": campaign["command"]}


def _certificates(results: Results, now: datetime.datetime) -> t.Iterator[t.Dict[str, t.Any]]:
    for host, result in sorted(results.items()):
        for instance in result.get("instances") or ():
            certificate = instance.get("certificate")
            if certificate:
                days = (figures.time_of(str(certificate["not_after"])) - now).days
                yield {"host": host, "days": days, "names": ", ".join(certificate["names"]) or "-"}


def _changes(results: Results, period: Period) -> t.Iterator[t.Dict[str, t.Any]]:
    for host, result in sorted(results.items()):
        generations = [row for instance in result.get("instances") or () for row in instance["generations"]]
        for row in generations:
            if period.begin <= figures.time_of(str(row["time"])) <= period.end:
                words = (row["module"], row["ticket"], ", ".join(row["files"]), row["ended"])
                time = str(row["time"])[:16].replace("T", " ")
                what = " ".join(str(word) for word in words if word)
                yield {"time": time, "host": host, "who": str(row["by"] or "-"), "what": what}


def _notes(logs: Results, coverage: t.Mapping[str, t.Optional[Period]], period: Period) -> t.Iterator[str]:
    for host, result in sorted(logs.items()):
        covered = coverage[host]
        if not covered:
            yield f"The log of {host} has no line of the period."
        elif covered.begin > period.begin + datetime.timedelta(hours=1):
            yield f"The log of {host} begins at {covered.begin:%Y-%m-%d %H:%M} UTC."
        for note in result.get("notes") or ():
            yield f"{host}: {note}"


__all__ = ("Asked", "Results", "build")
