# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print what the relays of a play have in their queues, or what was done to messages."""

from __future__ import annotations

import collections
import json
import time
import typing as t

from ansible.utils.display import Display

from ansible_collections.postmaster.mta.plugins.plugin_utils import _answers, _queue_report
from ansible_collections.postmaster.mta.plugins.plugin_utils._action import FleetAction, Vars

display = Display()

_SPEC = {
    "variable": {"type": "str", "default": "queue_result"},
    "before": {"type": "str"},
    "show": {"type": "str", "choices": ["summary", "messages"], "default": "summary"},
    "format": {"type": "str", "choices": ["table", "json"], "default": "table"},
    "top": {"type": "int", "default": 10},
    "strict": {"type": "bool", "default": True},
}


class ActionModule(FleetAction):
    """See the documentation of the module of this name."""

    spec = _SPEC

    def answer(self, variables: Vars, options: dict[str, t.Any]) -> dict[str, t.Any]:
        """Collect the variable of every host of the play, show it, and fail where something was not done."""
        results = _results(variables, options)
        if options["show"] == "summary":
            answer: dict[str, t.Any] = {"summary": _queue_report.merged(results)}
            lines = _queue_report.report(results, time.time(), options["top"])
        else:
            answer = {"messages": _messages(results), "count": _count(results)}
            lines = _listed(answer, options["top"], _Counts.of(results)) + _said(results)
        if options["format"] == "json":
            answer["not_asked"] = _answers.not_asked(results)
            lines = json.dumps(answer, indent=2, sort_keys=True).splitlines()
        display.display("\n" + "\n".join(lines) + "\n")
        result = {"changed": False, "lines": lines, "reported": True, "msg": "shown", **answer}
        wrong = _wrong(results, answer)
        if wrong and options["strict"]:
            result.update(failed=True, msg="; ".join(wrong))
        return result


def _results(variables: t.Mapping[str, t.Any], options: t.Mapping[str, t.Any]) -> dict[str, t.Mapping[str, t.Any]]:
    """Return the result of each host, with what the step before it could not do: its failure, and the IDs that are nowhere."""
    results = _answers.collect(variables, options["variable"])
    if options["before"]:
        for host, earlier in _answers.collect(variables, options["before"]).items():
            results[host] = _with_earlier(results[host], earlier)
    return results


def _with_earlier(result: t.Mapping[str, t.Any], earlier: t.Mapping[str, t.Any]) -> t.Mapping[str, t.Any]:
    if result.get("skipped") and (earlier.get("failed") or earlier.get("unreachable")):
        return earlier
    rows = list(result.get("messages") or ())
    known = {row["id"] for row in rows}
    unknown = [
        row for row in earlier.get("messages") or () if row.get("outcome") == "unknown" and row["id"] not in known
    ]
    return dict(result, messages=rows + unknown) if unknown else result


def _messages(results: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Return the messages of all hosts. One that was selected by its ID is missing only if no host has it."""
    rows = [dict(row, host=host) for host, result in sorted(results.items()) for row in result.get("messages") or ()]
    present = [row for row in rows if row["arrival"]]
    ids = {row["id"] for row in present}
    missing: dict[str, dict[str, t.Any]] = {}
    for row in rows:
        if row["arrival"] or row["id"] in ids:
            continue
        # That a message left the queue of one relay says more than that the others do not know it.
        if missing.get(row["id"], {}).get("outcome") != "gone":
            missing[row["id"]] = dict(row, host="")
    return present + list(missing.values())


def _count(results: t.Mapping[str, t.Mapping[str, t.Any]]) -> int:
    return sum(int(result.get("affected") or 0) for result in results.values())


class _Counts(t.NamedTuple):
    """What the relays counted. They list no more messages than they were asked to, so their rows are no count.

    :param hits: messages that the action took, by host.
    """

    hits: t.Mapping[str, int]
    skipped: int
    answered: bool

    @classmethod
    def of(cls, results: t.Mapping[str, t.Mapping[str, t.Any]]) -> _Counts:
        """Count what the hosts did, those that had something to do."""
        hits = {host: int(result.get("affected") or 0) for host, result in sorted(results.items()) if _has_any(result)}
        skipped = sum(int(result.get("skipped_count") or 0) for result in results.values())
        return cls(hits, skipped, any("messages" in result or result.get("skipped") for result in results.values()))


def _has_any(result: t.Mapping[str, t.Any]) -> bool:
    return bool(result.get("affected")) or any(row["arrival"] for row in result.get("messages") or ())


def _listed(answer: t.Mapping[str, t.Any], top: int, counts: _Counts) -> list[str]:
    """Return the messages, and how many there are on each host."""
    present = [row for row in answer["messages"] if row["arrival"]]
    oldest = sorted(present, key=lambda row: (row["arrival"], row["id"]))
    lines = _queue_report.listing(oldest[: top or None], time.time())
    lines += [f"{row['id']}: {_absence(row)}" for row in answer["messages"] if not row["arrival"]]
    return lines + [_total(answer["count"], present, top, counts)]


def _total(count: int, present: t.Sequence[t.Mapping[str, t.Any]], top: int, counts: _Counts) -> str:
    if not count and not present:
        return "No message is selected." if counts.answered else "No relay has answered."
    sentence = f"{count} message{'' if count == 1 else 's'}{_per_host(counts)}"
    outcomes = collections.Counter(row.get("outcome") for row in present)
    skipped, gone = max(counts.skipped, outcomes["skipped"]), outcomes["gone"]
    listed = min(top or len(present), len(present))
    everything = max(len(present), count + skipped + gone)
    for number, word in ((skipped, "skipped"), (gone, "gone")):
        sentence += f"; {number} {word}" if number else ""
    return sentence + (f"; {listed} of {everything} are shown" if 0 < listed < everything else "")


def _per_host(counts: _Counts) -> str:
    """Return how many messages of each host were selected, where there is more than one host."""
    if len(counts.hits) < 2:
        return ""
    return f" ({', '.join(f'{host} {number}' for host, number in counts.hits.items())})"


def _said(results: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[str]:
    """Return what the MTAs said while they delivered, and what went wrong."""
    lines: list[str] = []
    for host, result in sorted(results.items()):
        sentences = [str(line) for line in result.get("transcript") or ()]
        if "messages" not in result and not result.get("skipped"):
            sentences.append(str(result.get("msg") or "it did not answer"))
        if sentences:
            lines += ["", f"{host}:", *(f"  {line}" for line in sentences)]
    return lines


def _absence(row: t.Mapping[str, t.Any]) -> str:
    """Return why a message that was selected by its ID was not there."""
    if row["outcome"] == "gone":
        return "it has left the queue"
    hint = str(row.get("why") or "").partition("; ")[2]
    return "no such message on any relay" + (f"; {hint}" if hint else "")


def _wrong(results: t.Mapping[str, t.Mapping[str, t.Any]], answer: t.Mapping[str, t.Any]) -> list[str]:
    """Return a sentence for each host that could not be asked, and for each message that was not there or not delivered."""
    sentences = [f"{host}: {reason}" for host, reason in _answers.not_asked(results).items()]
    delivering = {host for host, result in results.items() if result.get("action") == "deliver"}
    for row in answer.get("messages") or ():
        if row.get("outcome") == "unknown":
            sentences.append(f"{row['id']}: {_absence(row)}")
        elif row.get("outcome") in ("deferred", "bounced"):
            sentences.append(f"{row['host']}: {row['id']}: {row['outcome']}: {row.get('why') or 'no reason is known'}")
        elif row.get("outcome") == "skipped" and row["host"] in delivering:
            sentences.append(f"{row['host']}: {row['id']}: not tried: {row.get('why')}")
    return sentences
