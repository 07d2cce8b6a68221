# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Figures for Prometheus."""

import re

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._kit import memory, metrics

LINE = re.compile(
    r'(?:# (?:HELP|TYPE) postmaster_\w+ .+|postmaster_\w+(?:\{\w+="(?:[^"\\\n]|\\.)*"(?:,\w+="(?:[^"\\\n]|\\.)*")*\})? [-+.e0-9]+)\Z'
)
HOSTILE = ['a"} 1\npostmaster_up 0', "back\\slash", "\x1b[2J", "{{ 7*7 }}", "=cmd()", "<script>", "\u202egnp"]


@pytest.fixture(name="part")
def _part(root, log, monkeypatch):
    monkeypatch.setattr(metrics, "_of_instances", lambda _runner, _limits, _now: [])
    (root / "textfile").mkdir()
    return {"directory": str(root / "textfile")}


def values(part):
    """Return the values of the file by their name and labels; each line is one of the format."""
    with open(metrics.path_of(part), encoding="utf-8") as stream:
        lines = stream.read().splitlines()
    assert [line for line in lines if not LINE.match(line)] == []
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


def test_counters_go_on_across_runs_and_rotations(root, log, part):
    for number in (3, 0, 4):
        log.deliver(number)
        metrics.run(None, part, {}, log.now)
        log.rotate()
    found = values(part)
    assert found['postmaster_deliveries_total{outcome="sent"}'] == "7"
    assert found["postmaster_messages_received_total"] == "7"
    assert found['postmaster_delivery_delay_seconds_bucket{le="1"}'] == "0"
    assert found['postmaster_delivery_delay_seconds_bucket{le="5"}'] == "7"
    assert found['postmaster_delivery_delay_seconds_bucket{le="+Inf"}'] == "7"
    assert found["postmaster_delivery_delay_seconds_count"] == "7"
    assert found["postmaster_delivery_delay_seconds_sum"] == "17.5"


def test_reasons_are_counted_by_class(log, part):
    log.deliver(2, status="deferred (connect to mx[192.0.2.2]:25: Connection timed out)")
    metrics.run(None, part, {}, log.now)
    assert values(part)['postmaster_reasons_total{class="network",outcome="deferred"}'] == "2"


@pytest.mark.parametrize("text", HOSTILE)
def test_a_label_is_only_text(text):
    shown = metrics.text([metrics.Metric("up", "gauge", "Help.", [({"name": text}, 1)])])
    assert len(shown.splitlines()) == 3 and LINE.match(shown.splitlines()[2])


def test_what_strangers_write_into_the_log_is_no_metric(log, part):
    for text in HOSTILE:
        log.deliver(1, domain=text.replace("\n", " "), status=f"bounced ({text})".replace("\n", " "))
    metrics.run(None, part, {}, log.now)
    assert "postmaster_up" not in values(part)


def test_each_canary_is_there(log, part):
    memory.save("canary-own", {"failures": 2, "rounds": 9, "seconds": 1.5, "succeeded": 100.0, "ran": log.now})
    canary = {"name": "own", "recipient": "a@b.test", "interval_seconds": 300}
    metrics.run(None, part, {"canary": [canary]}, log.now)
    assert values(part)['postmaster_canary_failures{canary="own"}'] == "2"
    assert values(part)['postmaster_canary_delay_seconds{canary="own"}'] == "1.5"


def test_an_instance_has_its_gauges():
    row = {"mta": "postfix", "name": "postfix", "queue": {"counts": {"deferred": 3}, "ages": {"deferred": 60}}}
    assert ({"mta": "postfix", "mta_instance": "postfix", "status": "deferred"}, 3) in metrics._by_status(
        [row], "counts"
    )
    assert metrics._by_status([dict(row, queue=None)], "counts") == []
    gauge = metrics._gauge("drift", "Help.", [dict(row, drift=None)], lambda row: row["drift"])
    assert gauge.values == []


def test_a_directory_that_is_not_there_is_named(log):
    with pytest.raises(OptionError, match="metrics.directory: /nonexistent: no such directory"):
        metrics.run(None, {"directory": "/nonexistent"}, {}, log.now)
