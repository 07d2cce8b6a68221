# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of a report: the same rows for text, HTML and CSV.

Private to the collection: it can change at any time.
"""

import typing as t

from .._model.queue_summary import AGE_LIMITS
from .figures import DELAY_LIMITS, OUTCOMES, Figures
from .words import number, percent, size, span, steps

_TOP = (
    ("senders", "Senders"),
    ("sender_domains", "Sender domains"),
    ("recipients", "Recipients"),
    ("recipient_domains", "Recipient domains"),
    ("clients", "Clients"),
    ("relays", "Next hops"),
)


class Table(t.NamedTuple):
    """One table.

    :param key: its name in CSV, and its anchor in HTML.
    :param numbers: which columns hold numbers and stand to the right.
    :param empty: the sentence that stands in its place when it has no rows.
    """

    key: str
    title: str
    head: t.Tuple[str, ...]
    rows: t.Tuple[t.Tuple[str, ...], ...]
    numbers: t.FrozenSet[int]
    empty: str


def tables(figures: Figures) -> t.Tuple[Table, ...]:
    """Return every table of the report in order."""
    return (
        _totals(figures),
        _traffic(figures),
        *(_reasons(figures, outcome) for outcome in ("deferred", "rejected", "bounced")),
        *(_ranking(figures, key, title) for key, title in _TOP),
        _delays(figures),
        _tls(figures),
        _ages(figures),
        _waiting(figures),
        _campaigns(figures),
        _certificates(figures),
        _changes(figures),
    )


def queue_ages(figures: Figures) -> t.List[t.Tuple[str, int]]:
    """Return the age classes of the queue with their messages' recipients."""
    counts = (figures.queue.get("total") or {}).get("ages") or []
    return list(zip(steps(AGE_LIMITS, lambda minutes: span(minutes * 60)), counts))


def delay_steps(figures: Figures) -> t.List[t.Tuple[str, int]]:
    """Return the delay classes with their deliveries."""
    return list(zip(steps(DELAY_LIMITS, span), figures.delays))


def _totals(figures: Figures) -> Table:
    totals = figures.log["totals"]
    rows: t.List[t.Tuple[str, ...]] = [
        ("Messages received", number(totals["received"]), size(totals["bytes_received"]))
    ]
    for outcome in OUTCOMES:
        octets = size(totals["bytes_sent"]) if outcome == "sent" else ""
        rows.append((f"Deliveries {outcome}", number(totals[outcome]), octets))
    rows.append(("Messages deferred at least once", number(totals["deferred_messages"]), ""))
    return Table("totals", "Totals", ("What", "Number", "Bytes"), tuple(rows), frozenset((1, 2)), "")


def _traffic(figures: Figures) -> Table:
    rows = []
    for slot in figures.slots:
        shown: t.List[str] = [number(slot.counts[name]) for name in ("received",) + OUTCOMES]
        if not slot.covered:
            shown = ["not in the log"] + [""] * len(OUTCOMES)
        rows.append((slot.label, *shown, f"{slot.covered} of {len(figures.relays)}"))
    head = ("Time (UTC)", "Received", "Sent", "Deferred", "Bounced", "Rejected", "Relays")
    return Table("traffic", "Traffic", head, tuple(rows), frozenset(range(1, 7)), "The period has no hours.")


def _reasons(figures: Figures, outcome: str) -> Table:
    rows = [
        (number(row["count"]), row["name"], row["whose"], row["meaning"], row["advice"], row["example"])
        for row in figures.classes.get(outcome, ())
    ]
    head = ("Number", "Class", "Whose matter", "What it means", "What to do", "For example")
    title = f"Why mail was {outcome}"
    return Table(f"reasons_{outcome}", title, head, tuple(rows), frozenset((0,)), f"Nothing was {outcome}.")


def _ranking(figures: Figures, key: str, title: str) -> Table:
    rows = [(number(row["count"]), size(row["bytes"]), row["name"]) for row in figures.log["top"].get(key, ())]
    return Table(key, title, ("Number", "Bytes", "Name"), tuple(rows), frozenset((0, 1)), "None.")


def _delays(figures: Figures) -> Table:
    rows = [(name, number(count)) for name, count in delay_steps(figures) if any(figures.delays)]
    rows += [(f"{name} of deliveries within", span(figures.log["delay"].get(key))) for key, name in _PERCENTILES]
    return Table("delays", "Delay", ("Delay", "Deliveries"), tuple(rows), frozenset((1,)), "Nothing was delivered.")


_PERCENTILES = (("p50", "50 %"), ("p90", "90 %"), ("p95", "95 %"), ("p99", "99 %"), ("max", "100 %"))


def _tls(figures: Figures) -> Table:
    rows = []
    for key, title in (("in", "Received"), ("out", "Sent")):
        share = figures.log["tls"][key]
        protocols = ", ".join(f"{name} {number(count)}" for name, count in sorted(share["protocols"].items()))
        rows.append((title, percent(share["percent"]), protocols))
    return Table("tls", "TLS", ("Direction", "With TLS", "By protocol"), tuple(rows), frozenset((1,)), "")


def _ages(figures: Figures) -> Table:
    rows = [(name, number(count)) for name, count in queue_ages(figures)]
    empty = _of_queues(figures, "The queues are empty.")
    return Table("queue_ages", "Queue by age", ("Age", "Recipients"), tuple(rows), frozenset((1,)), empty)


def _of_queues(figures: Figures, empty: str) -> str:
    """Return what is said where nothing waits, or where nobody asked."""
    return empty if figures.queue else "The queues were not asked."


def _waiting(figures: Figures) -> Table:
    rows = []
    for row in figures.queue.get("domains", ()):
        oldest = row.get("oldest") or {}
        rows.append((number(row["recipients"]), row["name"], oldest.get("since", ""), oldest.get("host", "")))
    head = ("Recipients", "Domain", "Oldest since (UTC)", "On")
    empty = _of_queues(figures, "Nobody waits.")
    return Table("queue_domains", "Who waits", head, tuple(rows), frozenset((0,)), empty)


def _campaigns(figures: Figures) -> Table:
    rows = [
        (number(row["messages"]), row["pattern"], row.get("host", ""), row.get("advice", ""))
        for row in figures.campaigns or ()
    ]
    head = ("Messages", "Pattern", "On", "What to do")
    empty = "The logs were not searched for campaigns." if figures.campaigns is None else "None was noticed."
    return Table("campaigns", "Spam campaigns at the end of the log", head, tuple(rows), frozenset((0,)), empty)


def _certificates(figures: Figures) -> Table:
    rows = [(row["host"], number(row["days"]), row["names"]) for row in figures.certificates]
    head = ("Relay", "Days left", "Names")
    return Table("certificates", "Certificates", head, tuple(rows), frozenset((1,)), "None was read.")


def _changes(figures: Figures) -> Table:
    rows = [(row["time"], row["host"], row["who"], row["what"]) for row in figures.changes]
    head = ("Time (UTC)", "Relay", "Who", "What")
    return Table("changes", "What was changed", head, tuple(rows), frozenset(), "Nothing was changed.")


__all__ = ("Table", "delay_steps", "queue_ages", "tables")
