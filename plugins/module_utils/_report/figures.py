# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The figures of a report: what text, HTML, CSV and JSON are made of.

Private to the collection: it can change at any time.

A report never shows a time that it has not read as a time without mail. Each hour says how many of the relays' logs cover
it, and an hour that no log covers is a gap.
"""

import datetime
import typing as t

from .._model import reason

#: The outcomes that are drawn, in the order in which they are stacked.
OUTCOMES = ("sent", "deferred", "bounced", "rejected")
#: The upper ends of the delay classes in seconds; the last class is open.
DELAY_LIMITS = (1, 5, 30, 60, 300, 900, 3600, 14400, 86400)
#: More hours than a picture can show are added up by day.
MOST_HOURS = 96
_HOUR = datetime.timedelta(hours=1)


class Period(t.NamedTuple):
    """The time that is asked about, or that the log of a relay covers."""

    begin: datetime.datetime
    end: datetime.datetime


class Slot(t.NamedTuple):
    """One bar of the traffic picture.

    :param label: C(2026-11-30 07:00) or C(2026-11-30).
    :param counts: deliveries by outcome, and C(received) messages.
    :param covered: how many relays' logs cover all of it.
    """

    label: str
    counts: t.Mapping[str, int]
    covered: int


class Figures(t.NamedTuple):
    """All that a report shows.

    :param missing: relays that could not be asked, with the reason.
    :param log: totals, top lists, delay percentiles, TLS shares, as M(postmaster.mta.log_info) returns them.
    :param classes: reason classes by C(rejected), C(deferred), C(bounced).
    :param delays: deliveries by delay class, one number for each of DELAY_LIMITS and one for what is above.
    :param queue: the summary of the queues, as M(postmaster.mta.queue_info) returns it; empty where nobody asked.
    :param notes: what limits the figures, one sentence each.
    """

    title: str
    made: str
    period: Period
    relays: t.Tuple[str, ...]
    missing: t.Mapping[str, str]
    slots: t.Tuple[Slot, ...]
    log: t.Mapping[str, t.Any]
    classes: t.Mapping[str, t.Sequence[t.Mapping[str, t.Any]]]
    delays: t.Tuple[int, ...]
    queue: t.Mapping[str, t.Any]
    campaigns: t.Optional[t.Tuple[t.Mapping[str, t.Any], ...]] = ()
    certificates: t.Tuple[t.Mapping[str, t.Any], ...] = ()
    changes: t.Tuple[t.Mapping[str, t.Any], ...] = ()
    notes: t.Tuple[str, ...] = ()


def slots(
    per_hour: t.Iterable[t.Mapping[str, t.Any]], period: Period, coverage: t.Sequence[Period]
) -> t.Tuple[Slot, ...]:
    """Return the bars of the period, one for every hour or, for a long period, every day. None is left out.

    :param per_hour: rows with C(hour) (C(2026-11-22T07+00:00)) and counts.
    :param coverage: what the log of each relay covers.
    """
    counts = _by_hour(per_hour)
    hours = _hours(period)
    by_day = len(hours) > MOST_HOURS
    grouped: t.Dict[str, t.List[datetime.datetime]] = {}
    for hour in hours:
        grouped.setdefault(hour.strftime("%Y-%m-%d" if by_day else "%Y-%m-%d %H:00"), []).append(hour)
    return tuple(Slot(label, _added(counts, group), _covered(group, coverage)) for label, group in grouped.items())


def delay_classes(delays: t.Mapping[float, int]) -> t.Tuple[int, ...]:
    """Return how many deliveries fall into each delay class.

    :param delays: deliveries by delay in seconds.
    """
    counts = [0] * (len(DELAY_LIMITS) + 1)
    for seconds, number in delays.items():
        counts[sum(1 for limit in DELAY_LIMITS if seconds > limit)] += number
    return tuple(counts)


def classes(reasons: t.Mapping[str, t.Iterable[t.Mapping[str, t.Any]]]) -> t.Dict[str, t.List[t.Dict[str, t.Any]]]:
    """Return the reason classes of each outcome."""
    return {outcome: reason.count(rows) for outcome, rows in reasons.items()}


def time_of(text: str) -> datetime.datetime:
    """Read a time in RFC 3339 as UTC, with or without minutes; Python 3.6 reads no colon in an offset.

    :raises ValueError: when it is something else.
    """
    text = text.replace("Z", "+00:00")
    if len(text) > 6 and text[-3] == ":" and text[-6] in "+-":
        text = text[:-3] + text[-2:]
    for form in ("%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z", "%Y-%m-%dT%H%z"):
        try:
            return datetime.datetime.strptime(text, form).astimezone(datetime.timezone.utc)
        except ValueError:
            continue
    raise ValueError(f"{text}: not a time in RFC 3339")


def _by_hour(rows: t.Iterable[t.Mapping[str, t.Any]]) -> t.Dict[datetime.datetime, t.Dict[str, int]]:
    counts: t.Dict[datetime.datetime, t.Dict[str, int]] = {}
    for row in rows:
        try:
            hour = time_of(str(row["hour"]))
        except ValueError:
            continue
        into = counts.setdefault(hour.replace(minute=0), {})
        for name in OUTCOMES + ("received",):
            into[name] = into.get(name, 0) + int(row.get(name, 0))
    return counts


def _hours(period: Period) -> t.List[datetime.datetime]:
    hour = period.begin.astimezone(datetime.timezone.utc).replace(minute=0, second=0, microsecond=0)
    hours = []
    while hour < period.end:
        hours.append(hour)
        hour += _HOUR
    return hours


def _added(
    counts: t.Mapping[datetime.datetime, t.Mapping[str, int]], hours: t.Sequence[datetime.datetime]
) -> t.Dict[str, int]:
    total = dict.fromkeys(OUTCOMES + ("received",), 0)
    for hour in hours:
        for name, number in counts.get(hour, {}).items():
            total[name] += number
    return total


def _covered(hours: t.Sequence[datetime.datetime], coverage: t.Sequence[Period]) -> int:
    first, last = hours[0], hours[-1]
    return sum(1 for log in coverage if log.begin < first + _HOUR and log.end > last)


__all__ = ("DELAY_LIMITS", "OUTCOMES", "Figures", "Period", "Slot", "classes", "delay_classes", "slots", "time_of")
