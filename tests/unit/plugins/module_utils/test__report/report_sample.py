# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report with everything in it, for the tests of all its forms."""

import datetime

from ansible_collections.postmaster.mta.plugins.module_utils._report import figures

UTC = datetime.timezone.utc
BEGIN = datetime.datetime(2026, 11, 29, 22, tzinfo=UTC)
END = datetime.datetime(2026, 11, 30, 4, tzinfo=UTC)
#: The log of the second relay begins later, and nobody's log has the first hour.
COVERAGE = (
    figures.Period(BEGIN + datetime.timedelta(hours=1), END),
    figures.Period(BEGIN + datetime.timedelta(hours=3), END),
)
PER_HOUR = [
    {"hour": "2026-11-29T23+00:00", "received": 40, "sent": 38, "deferred": 5},
    {"hour": "2026-11-30T00+00:00", "received": 120, "sent": 100, "deferred": 30, "bounced": 7, "rejected": 41},
    {"hour": "2026-11-30T03+01:00", "received": 10, "sent": 10},
]
HOSTILE = "\x1b[31mred\x1b[0m \u202egnp.exe <script>alert(1)</script> {{ 7*7 }}"


def top(name="anna@example.com"):
    """Return one ranking."""
    return [{"name": name, "count": 12, "bytes": 34567}]


def sample(name="anna@example.com", **changes):
    """Return the figures of a night on two relays."""
    period = figures.Period(BEGIN, END)
    reasons = {
        "deferred": [{"reason": "451 4.7.1 Greylisted", "count": 20}, {"reason": f"connection timed out {name}", "count": 15}],
        "rejected": [{"reason": "554 5.7.1 Relay access denied", "count": 41}],
        "bounced": [],
    }  # fmt: skip
    return figures.Figures(
        title="Mail of the night",
        made="2026-11-30 04:00 UTC",
        period=period,
        relays=("mx1", "mx2"),
        missing={"mx3": f"no route to host {name}"},
        slots=figures.slots(PER_HOUR, period, COVERAGE),
        log={
            "totals": {
                "received": 170, "sent": 148, "deferred": 35, "bounced": 7, "rejected": 41,
                "deferred_messages": 12, "bytes_received": 5_000_000, "bytes_sent": 4_000_000,
            },
            "top": {key: top(name) for key in ("senders", "sender_domains", "recipients", "recipient_domains", "clients", "relays")},
            "delay": {"p50": 0.4, "p90": 3.0, "p95": 61.0, "p99": 4000.0, "max": 90000.0},
            "tls": {
                "in": {"percent": 91.2, "protocols": {"TLSv1.3": 155, "none": 15}},
                "out": {"percent": None, "protocols": {"unknown": 148}},
            },
        },
        classes=figures.classes(reasons),
        delays=figures.delay_classes({0.4: 100, 3.0: 30, 61.0: 10, 4000.0: 7, 90000.0: 1}),
        queue={
            "total": {"messages": 3, "ages": [1, 0, 0, 2, 0, 0, 0, 0, 0, 0]},
            "domains": [{"recipients": 3, "name": name, "oldest": {"since": "2026-11-30T03:20:00Z", "host": "mx1"}}],
        },
        campaigns=({"messages": 50, "pattern": name, "host": "mx1", "advice": "block it"},),
        certificates=({"host": "mx1", "days": 12, "names": "mx1.example.com"},),
        changes=({"time": "2026-11-30 01:00", "host": "mx1", "who": "anna", "what": f"access: 1 rule, {name}"},),
        notes=("The log of mx2 begins at 2026-11-30 01:00.",),
    )._replace(**changes)  # fmt: skip
