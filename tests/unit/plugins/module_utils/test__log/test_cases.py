# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cases of tests/corpus/maillog/cases: a log each, and what log_info must say about it."""

import gzip
import json
import os
import pathlib

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._log import state
from ansible_collections.postmaster.mta.plugins.module_utils._module import log_info
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Runner

CASES = sorted((pathlib.Path(__file__).parents[4] / "corpus" / "maillog" / "cases").iterdir())
NOW = 1795334400  # 2026-11-22T08:00:00Z


def answer(path, options):
    params = {name: spec.get("default") for name, spec in log_info.ARGUMENT_SPEC.items()}
    return log_info.run(dict(params, path=[str(path)], **options), False, Runner(), NOW)


def log_of(case, tmp_path):
    path = tmp_path / "mail.log"
    recorded = next(case.glob("input.log*"))
    content = recorded.read_bytes()
    path.write_bytes(gzip.decompress(content) if recorded.suffix == ".gz" else content)
    os.utime(str(path), (NOW, NOW))
    return path


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_a_log_says(case, tmp_path):
    expected = json.loads((case / "expected.json").read_text())
    found = answer(log_of(case, tmp_path), expected["options"])
    assert matched(found["deliveries"], expected["records"]) == expected["records"]
    for name, value in expected.get("read", {}).items():
        assert found["read"][name] == value


def matched(records, expected):
    """The fields that each expected record speaks of, of the record that is nearest to it; all of a record too many."""
    left, shown = list(records), []
    for like in expected:
        best = max(left, key=lambda record: sum(record[name] == like[name] for name in like), default=None)
        if best is not None:
            left.remove(best)
            shown.append({name: best[name] for name in like})
    return shown + left


#: What one line does not tell: how often which other line came again, and that an instance with a slash has a queue manager.
ACROSS_LINES = (
    "form-bsd-repeats",
    "form-tag-repeats",
    "form-syslog-ng-repeats",
    "skipped-by-kind",
    "postfix-instances-with-a-slash",
)


@pytest.mark.parametrize("case", [case for case in CASES if case.name not in ACROSS_LINES], ids=lambda case: case.name)
def test_reading_line_by_line_says_the_same(case, tmp_path, monkeypatch):
    """With since_last, in as many runs as the log has lines: nothing is lost between them, and nothing comes twice."""
    monkeypatch.setattr(log_info, "STATE_DIRECTORY", str(tmp_path / "state"))
    expected = json.loads((case / "expected.json").read_text())
    path = log_of(case, tmp_path)
    lines = path.read_bytes().splitlines(True)
    path.write_bytes(b"")
    shown = []
    for line in lines:
        with path.open("ab") as stream:
            stream.write(line)
        os.utime(str(path), (NOW, NOW))
        found = answer(path, dict(expected["options"], since_last=True, attempts="all"))
        shown += found["deliveries"]
    at_once = answer(path, dict(expected["options"], attempts="all"))["deliveries"]
    names = ("queue_id", "status", "recipient", "sender", "status_code", "client", "tls_out")
    outcomes = sorted(repr([record[name] for name in names]) for record in at_once)
    if case.name in ("sendmail-milter-refuses-and-no-recipient-follows", "sendmail-milter-refuses-the-sender"):
        outcomes = []  # what waits for the end of the log has none yet
    assert sorted(repr([record[name] for name in names]) for record in shown) == outcomes
    assert state.load_state(str(tmp_path / "state" / "log-log_info.json")).positions
