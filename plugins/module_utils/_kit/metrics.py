# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Figures for Prometheus, as a file that the textfile collector of its node exporter reads.

Private to the collection: it can change at any time.

Counters are kept together with the place to which the log was read, in one file: killed anywhere, a run counts nothing twice.
"""

import json
import os
import time
import typing as t

from .. import _files, _mta
from .._diagnosis.certificate import timestamp
from .._errors import OptionError
from .._log import summary
from .._model import reason
from .._module import status_info
from .._report.figures import DELAY_LIMITS, OUTCOMES
from .._report.words import visible
from .._runner import Runner
from . import memory, places, reading

FILE = "postmaster_mta.prom"
_PREFIX = "postmaster_"
Part = t.Mapping[str, t.Any]
Labels = t.Mapping[str, str]


class Metric(t.NamedTuple):
    """A metric: C(counter), C(gauge) or C(histogram), what it says, and its values by their labels.

    :param parts: of a histogram, the ends of the names of its values, each with values.
    """

    name: str
    kind: str
    help: str
    values: t.Sequence[t.Tuple[Labels, float]]
    parts: t.Mapping[str, t.Sequence[t.Tuple[Labels, float]]] = {}


def path_of(part: Part) -> str:
    """Return the file that is written."""
    return os.path.join(part["directory"], FILE)


def run(runner: Runner, part: Part, settings: t.Mapping[str, t.Any], now: t.Optional[float] = None) -> str:
    """Count what was logged since the last run, look at the relay, and write the file.

    :raises PostmasterError: the log cannot be read, or there is no such directory.
    """
    if not os.path.isdir(part["directory"]):
        raise OptionError("metrics.directory", part["directory"], "no such directory")
    instant = time.time() if now is None else now
    remembered = memory.load("metrics")
    read = reading.figures(runner, remembered, instant)
    counters = _added(remembered.get("counters") or {}, _counted(read.figures))
    memory.save("metrics", dict(read.after, counters=counters))
    metrics = list(_of_the_log(counters))
    metrics += _of_instances(runner, status_info.Limits(), instant) + _canaries(settings, instant)
    metrics.append(Metric("kit_run_seconds", "gauge", "When the kit wrote this file.", [({}, instant)]))
    metrics.append(Metric("kit_info", "gauge", "The version of the kit.", [({"version": places.VERSION}, 1)]))
    _files.write_new(path_of(part), text(metrics).encode("utf-8"), 0o644)
    return f"wrote {len(metrics)} metrics"


# --- the text format -----------------------------------------------------------------------------------------------------


def text(metrics: t.Iterable[Metric]) -> str:
    """Return metrics in the text format of Prometheus. A label is text, whatever stands in it."""
    lines = []
    for metric in metrics:
        name = _PREFIX + metric.name
        lines += [f"# HELP {name} {metric.help}", f"# TYPE {name} {metric.kind}"]
        for ending, values in metric.parts.items() or (("", metric.values),):
            lines += [f"{name}{ending}{_labels(labels)} {_number(value)}" for labels, value in values]
    return "\n".join(lines) + "\n"


def _labels(labels: Labels) -> str:
    shown = ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(labels.items()))
    return f"{{{shown}}}" if shown else ""


def _escaped(value: str) -> str:
    return visible(value).replace("\\", "\\\\").replace('"', '\\"')


def _number(value: float) -> str:
    return repr(int(value)) if float(value).is_integer() else repr(float(value))


# --- what the log says ----------------------------------------------------------------------------------------------------


def _counted(figures: summary.Summary) -> t.Dict[str, float]:
    """Return what one reading has counted, by metric and labels as JSON."""
    report = summary.report(figures, 0)
    counts: t.Dict[str, float] = {_key("messages_received_total", {}): report["totals"]["received"]}
    counts[_key("bytes_received_total", {})] = report["totals"]["bytes_received"]
    counts[_key("bytes_sent_total", {})] = report["totals"]["bytes_sent"]
    for outcome in OUTCOMES:
        counts[_key("deliveries_total", {"outcome": outcome})] = report["totals"][outcome]
    for outcome, rows in report["reasons"].items():
        for row in reason.count(rows):
            counts[_key("reasons_total", {"outcome": outcome, "class": row["name"]})] = row["count"]
    for direction, share in report["tls"].items():
        for protocol, number in share["protocols"].items():
            counts[_key("tls_total", {"direction": direction, "protocol": protocol})] = number
    counts.update(_delays(summary.delay_counts(figures)))
    return counts


def _delays(delays: t.Mapping[float, int]) -> t.Dict[str, float]:
    """Return the delays as a histogram of Prometheus has them: each class holds those before it."""
    counts: t.Dict[str, float] = {}
    for limit in DELAY_LIMITS:
        number = sum(count for seconds, count in delays.items() if seconds <= limit)
        counts[_key(f"{_DELAY}_bucket", {"le": str(limit)})] = number
    total = sum(delays.values())
    counts[_key(f"{_DELAY}_bucket", {"le": "+Inf"})] = total
    counts[_key(f"{_DELAY}_count", {})] = total
    counts[_key(f"{_DELAY}_sum", {})] = round(sum(seconds * count for seconds, count in delays.items()), 3)
    return counts


def _key(name: str, labels: Labels) -> str:
    return json.dumps([name, labels], sort_keys=True)


def _added(before: t.Mapping[str, float], more: t.Mapping[str, float]) -> t.Dict[str, float]:
    added = dict(before)
    for key, number in more.items():
        added[key] = added.get(key, 0) + number
    return added


_HELP = {
    "messages_received_total": "Messages that came in.",
    "bytes_received_total": "Bytes of the messages that came in.",
    "bytes_sent_total": "Bytes of the messages that went out.",
    "deliveries_total": "Deliveries by outcome, one for each recipient and attempt.",
    "reasons_total": "Refusals, deferrals and bounces by the class of their reason.",
    "tls_total": "Messages by direction and by the TLS protocol of the connection; none is plain text.",
}
_DELAY = "delivery_delay_seconds"


def _of_the_log(counters: t.Mapping[str, float]) -> t.Iterator[Metric]:
    rows: t.Dict[str, t.List[t.Tuple[Labels, float]]] = {}
    for key, number in counters.items():
        name, labels = json.loads(key)
        rows.setdefault(name, []).append((labels, number))
    for name, help_ in _HELP.items():
        values = sorted(rows.get(name, ()), key=lambda row: sorted(row[0].items()))
        yield Metric(name, "counter", help_, values)
    # Their order is that of the classes, in which they were counted.
    parts = {ending: rows.get(f"{_DELAY}{ending}", ()) for ending in ("_bucket", "_sum", "_count")}
    yield Metric(_DELAY, "histogram", "Seconds from the arrival of a message to its delivery.", (), parts)


# --- what the relay says --------------------------------------------------------------------------------------------------


def _of_instances(runner: Runner, limits: status_info.Limits, now: float) -> t.List[Metric]:
    hosts = _mta.chosen(runner, "auto", _mta.ALL)
    rows = [status_info.observe(host, limits, now) for host in hosts]
    numbers = {host.instance.name: status_info.generation(host) for host in hosts}
    metrics = [
        _gauge("up", "Whether an instance runs.", rows, lambda row: float(row["running"])),
        _gauge("trouble", "Things that somebody should look at.", rows, lambda row: len(row["trouble"])),
        _gauge("drift", "What somebody else changed since it was written.", rows, lambda row: row["drift"]),
        _gauge("generation", "The newest generation of the account.", rows, lambda row: numbers[row["name"]]),
        _gauge("certificate_end_seconds", "When the certificate ends.", rows, _certificate_end),
        _gauge("disk_free_ratio", "The part of the queue's disk that is free.", rows, _disk("free")),
        _gauge("inodes_free_ratio", "The part of the inodes of that disk that is free.", rows, _disk("free_inodes")),
        _gauge("blocks", "Rules of ours.", rows, lambda row: row["blocks"] and row["blocks"]["rules"]),
        _gauge("blocks_expired", "Rules whose last day is over.", rows, _length("expired")),
        _gauge("blocks_ending", "Rules that end within three days.", rows, _length("soon")),
    ]
    metrics.append(Metric("queue_messages", "gauge", "Messages that wait, by status.", _by_status(rows, "counts")))
    metrics.append(
        Metric("queue_oldest_seconds", "gauge", "The age of the oldest message, by status.", _by_status(rows, "ages"))
    )
    return metrics


def _gauge(name: str, help_: str, rows: t.Iterable[Part], value: t.Callable[[Part], t.Optional[float]]) -> Metric:
    """Return a metric with a value for each instance; one that could not be read has none."""
    values = [({"mta": row["mta"], "mta_instance": row["name"]}, value(row)) for row in rows]
    return Metric(name, "gauge", help_, [(labels, number) for labels, number in values if number is not None])


def _certificate_end(row: Part) -> t.Optional[float]:
    return timestamp(row["certificate"]["not_after"]) if row["certificate"] else None


def _disk(name: str) -> t.Callable[[Part], t.Optional[float]]:
    return lambda row: row["disk"][name] / 100 if row["disk"] else None


def _length(name: str) -> t.Callable[[Part], t.Optional[float]]:
    return lambda row: len(row["blocks"][name]) if row["blocks"] else None


_STATUSES = ("incoming", "active", "deferred", "hold", "corrupt")


def _by_status(rows: t.Iterable[Part], name: str) -> t.List[t.Tuple[Labels, float]]:
    """Return a value for each status; a queue without one has 0, so that an alert can see it fall."""
    values: t.List[t.Tuple[Labels, float]] = []
    for row in rows:
        for status in _STATUSES if row["queue"] else ():
            labels = {"mta": row["mta"], "mta_instance": row["name"], "status": status}
            values.append((labels, row["queue"][name].get(status, 0)))
    return values


def _canaries(settings: t.Mapping[str, t.Any], now: float) -> t.List[Metric]:
    rows = memory.canaries(settings, now)
    failures = [({"canary": row["name"]}, row["failures"]) for row in rows]
    rounds = [({"canary": row["name"]}, row["rounds"]) for row in rows]
    seconds = [({"canary": row["name"]}, row["seconds"]) for row in rows if row["seconds"] is not None]
    succeeded = [({"canary": row["name"]}, row["succeeded"]) for row in rows if row["succeeded"]]
    return [
        Metric("canary_failures", "gauge", "Rounds of the canary that have failed since the last good one.", failures),
        Metric("canary_rounds_total", "counter", "Rounds of the canary that have ended.", rounds),
        Metric("canary_delay_seconds", "gauge", "How long the last message of the canary took.", seconds),
        Metric("canary_success_seconds", "gauge", "When a message of the canary arrived last.", succeeded),
    ]


__all__ = ("FILE", "Metric", "path_of", "run", "text")
