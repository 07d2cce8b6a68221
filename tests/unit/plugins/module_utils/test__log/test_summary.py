# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import json
import pathlib

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._log import join as _maillog
from ansible_collections.postmaster.mta.plugins.module_utils._log import summary as _logsummary
from ansible_collections.postmaster.mta.plugins.module_utils._log.deliveries import Internal
from ansible_collections.postmaster.mta.plugins.module_utils._log.stamps import Clock

CORPUS = pathlib.Path(__file__).parents[4] / "corpus" / "maillog"
NOW = 1795334400


def counted(name, block=10**9, internal=None):
    """The summary of a recorded run, read in blocks of some lines."""
    join, found = _maillog.Join(), _logsummary.Summary(internal)
    lines = (CORPUS / name).read_bytes().splitlines(True)
    for start in range(0, len(lines), block):
        join.feed(lines[start : start + block])
        found.add(join.outbox.deliveries, join.outbox.accepted, join.outbox.started, Clock(NOW))
        join.take()
    join.finish()
    found.add(join.outbox.deliveries, join.outbox.accepted, join.outbox.started, Clock(NOW))
    found.lines, found.skipped = join.counts()
    return found


def test_the_totals_are_those_of_pflogsumm():
    # pflogsumm --syslog-name=postfix-EXT of the same file: 32 received, 35 delivered, 1 forwarded, 3 deferred
    # (6 deferrals), 5 bounced, 7 rejected, 1 held, 1 discarded.
    totals = _logsummary.report(counted("postfix-3.7-iso.log"), 3)["totals"]
    assert totals["received"] == 32
    assert (totals["sent"], totals["forwarded"]) == (35, 1)
    assert (totals["deferred_messages"], totals["deferred"]) == (3, 6)
    assert (totals["bounced"], totals["rejected"], totals["held"], totals["discarded"]) == (5, 7, 1, 1)


def test_the_totals_of_an_attacked_relay_are_those_of_pflogsumm():
    # Postfix 3.10. pflogsumm: 9 received, 2 delivered, 80 rejected, 281 bytes received, 562 delivered, 1 sender, 2 recipients.
    totals = _logsummary.report(counted("postfix-3.10-lab.log"), 3)["totals"]
    assert (totals["received"], totals["sent"], totals["rejected"]) == (9, 2, 80)
    assert (totals["bytes_received"], totals["bytes_sent"]) == (281, 562)
    assert (totals["senders"], totals["recipients"]) == (1, 2)


def test_the_figures_of_sendmail():
    found = _logsummary.report(counted("sendmail-8.17-loglevel9-traditional.log"), 3)
    assert found["totals"]["sent"] == 31
    assert found["tls"]["in"]["protocols"] == {"none": 18, "TLSv1.3": 2}
    assert {"reason": "550 5.7.1 Relaying denied", "count": 1} in _logsummary.report(
        counted("sendmail-8.17-loglevel9-traditional.log"), 0
    )["reasons"]["rejected"]
    assert [row["hour"][:13] for row in found["per_hour"]] == ["2026-11-22T07"]


@pytest.mark.parametrize("block", [1, 7, 50])
def test_the_size_of_the_blocks_does_not_matter(block):
    assert counted("postfix-3.7-iso.log", block).tables() == counted("postfix-3.7-iso.log").tables()


def test_summaries_of_hosts_merge_exactly():
    names = ["postfix-3.7-iso.log", "sendmail-8.17-loglevel9-iso.log", "sendmail-40-recipients.log"]
    whole = _logsummary.Summary()
    for name in names:
        whole.absorb(counted(name).parts())
    carried = [json.loads(json.dumps(counted(name).tables())) for name in names]
    assert _logsummary.report(_logsummary.merge(carried), 0) == _logsummary.report(whole, 0)
    assert _logsummary.report(whole, 0)["totals"]["sent"] == 35 + 31 + 40
    assert _logsummary.merge([]).tables() == _logsummary.Summary().tables()


def test_what_is_no_table_is_refused():
    with pytest.raises(OptionError, match="not the tables of a summary"):
        _logsummary.merge([{"totals": 1}])


def test_the_top_has_ties_by_name():
    table = {b"c": 2 * _logsummary.ONE, b"a": _logsummary.ONE + 5, b"b": _logsummary.ONE + 9, b"d": _logsummary.ONE}
    found = _logsummary._top(table, 3)
    assert [(one["name"], one["count"], one["bytes"]) for one in found] == [("c", 2, 0), ("a", 1, 5), ("b", 1, 9)]
    assert len(_logsummary._top(table, 0)) == 4


def test_domains_that_differ_in_case_are_one():
    found = _logsummary.Summary()
    found.recipients = dict.fromkeys((b"A@X.example", b"A@x.example", b"a@x.example"), _logsummary.ONE)
    top = _logsummary.report(found, 0)["top"]
    assert [(one["name"], one["count"]) for one in top["recipients"]] == [("A@x.example", 2), ("a@x.example", 1)]
    assert [(one["name"], one["count"]) for one in top["recipient_domains"]] == [("x.example", 3)]


def test_percentiles_are_nearest_ranks():
    assert _logsummary.percentiles({1.0: 98, 5.0: 1, 60.0: 1}) == {
        "p50": 1.0,
        "p90": 1.0,
        "p95": 1.0,
        "p99": 5.0,
        "max": 60.0,
    }
    assert _logsummary.percentiles({}) == {"p50": None, "p90": None, "p95": None, "p99": None, "max": None}


def test_the_share_of_tls_is_of_what_the_log_tells():
    found = _logsummary.share({b"": 1, b"TLSv1.3": 3, None: 10})
    assert found == {"percent": 75.0, "protocols": {"none": 1, "TLSv1.3": 3, "unknown": 10}}
    assert _logsummary.share({})["percent"] is None


def test_directions_are_those_that_were_declared():
    internal = Internal(["127.0.0.2/32"], ["second.test"])
    assert set(counted("postfix-3.7-iso.log", internal=internal).directions) == {"out", "internal"}
    assert counted("postfix-3.7-iso.log").directions == {}
