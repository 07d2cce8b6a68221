# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The deliveries of a fleet, printed."""

import pytest

from ansible_collections.postmaster.mta.plugins.action import playbook_log_report
from ansible_collections.postmaster.mta.plugins.plugin_utils import _log_report


def row(time, status="sent", **more):
    return dict({"time": time, "status": status, "sender": "a@b.test", "recipient": "c@d.test", "relay": "mx"}, **more)


RESULTS = {
    "b": {"count": 1, "deliveries": [row("2026-11-30T08:00:02+00:00", "bounced", reason="550 no\nsuch user")]},
    "a": {"count": 5, "deliveries": [row("2026-11-30T08:00:01+00:00"), row("2026-11-30T08:00:03+00:00", line="x|y")]},
}


def test_deliveries_of_all_hosts_are_in_order_of_time_with_their_status(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = _log_report.listing(_log_report.deliveries(RESULTS))
    assert [line.split()[:4] for line in lines if not line.startswith("    ")] == [
        ["HOST", "TIME", "STATUS", "SENDER"],
        ["a", "2026-11-30", "08:00:01", "sent"],
        ["b", "2026-11-30", "08:00:02", "bounced"],
        ["a", "2026-11-30", "08:00:03", "sent"],
    ]
    assert "    550 no such user" in lines and max(map(len, lines)) <= 80
    monkeypatch.setenv("COLUMNS", "120")
    assert _log_report.listing(_log_report.deliveries(RESULTS))[1].endswith("  mx")


def test_lines_have_host_and_status():
    assert _log_report.bars(_log_report.deliveries(RESULTS))[2] == "a|x|y|sent"


def test_more_than_is_shown_is_said():
    assert _log_report.cut(RESULTS) == ["  a: the newest 2 of 5 are shown; log_limit=0 shows all"]


def test_no_hit_says_what_was_read():
    read = {"lines": 7701, "skipped": 2, "sources": ["/var/log/mail.log"]}
    lines = playbook_log_report._lines({"a": {"count": 0, "deliveries": [], "read": read}}, "table", 20)
    assert lines == ["No delivery is selected.", "  a: 7701 lines read, 2 of them no records in /var/log/mail.log"]


def test_no_hit_among_what_was_received_says_that_more_can_be_asked():
    lines = playbook_log_report._lines({"a": {"count": 0, "deliveries": []}}, "table", 20, True)
    assert "log_status=any" in " ".join(lines)


def test_json_says_what_was_read():
    read = {"lines": 7701, "skipped": 2, "sources": ["/var/log/mail.log"]}
    data = playbook_log_report._data({"a": {"count": 0, "deliveries": [], "read": read}}, 20)
    assert data == {"deliveries": [], "read": {"a": read}}


READ = {
    "lines": 7701,
    "skipped": 3,
    "sources": ["/var/log/mail.log"],
    "begin": "2026-11-29T23:00:00Z",
    "end": "2026-11-30T04:00:00Z",
}


def test_no_hit_says_how_much_was_read_and_from_when_to_when():
    lines = " ".join(" ".join(line.split()) for line in _log_report.was_read({"mx1": {"read": READ}}))
    assert "mx1: 7701 lines read, 3 of them no records in /var/log/mail.log" in lines
    assert "from 2026-11-29T23:00:00Z to 2026-11-30T04:00:00Z" in lines


def test_a_log_without_a_line_has_no_span():
    lines = _log_report.was_read({"mx1": {"read": dict(READ, lines=0, begin=None, end=None)}})
    assert "from" not in " ".join(lines)


@pytest.mark.parametrize(
    "address, said", [("127.0.0.1", True), ("::1", True), ("192.0.2.1", False), (None, False), ("x", False)]
)
def test_what_was_handed_on_within_the_host_is_not_taken_for_received(address, said):
    handed = dict(row("2026-11-30T08:00:02+00:00"), relay="127.0.0.1[127.0.0.1]:2626", relay_address=address)
    lines = _log_report.listing(_log_report.deliveries({"a": {"count": 1, "deliveries": [handed]}}))
    assert ("    handed on to 127.0.0.1[127.0.0.1]:2626 on this host" in lines) is said
