# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the action playbook_diagnosis_report: a diagnosis that asked nobody is no verdict."""

import time

import pytest

from ansible_collections.postmaster.mta.plugins.action import playbook_diagnosis_report
from ansible_collections.postmaster.mta.plugins.plugin_utils import _action


class Play:
    """What Ansible gives an action plugin, as far as this one looks."""

    def run(self, monkeypatch, **hosts):
        plugin = playbook_diagnosis_report.ActionModule.__new__(playbook_diagnosis_report.ActionModule)
        options = dict(
            {name: one.get("default") for name, one in playbook_diagnosis_report._SPEC.items()}, domain="exa mple"
        )
        monkeypatch.setattr(_action.ActionBase, "run", lambda *arguments: {})
        monkeypatch.setattr(plugin, "validate_argument_spec", lambda spec: (None, options), raising=False)
        return plugin.run(None, {"ansible_play_hosts_all": sorted(hosts), "hostvars": hosts})


def test_a_domain_that_is_none_fails(monkeypatch):
    bad = {"failed": True, "msg": "domain: exa mple: blanks and control characters are not allowed"}
    result = Play().run(monkeypatch, a={"diagnose_begun": bad}, b={"diagnose_begun": bad})
    assert result["failed"]
    assert result["msg"] == "nobody could be asked: domain: exa mple: blanks and control characters are not allowed"


def test_one_relay_that_answers_is_a_verdict_and_the_other_one_is_named(monkeypatch):
    report = {"check_seconds": {}, "domain": "ok.test"}
    result = Play().run(monkeypatch, a={"diagnose_report": report}, b={})
    assert result["lines"][0].startswith("VERDICT")
    assert result["failed"]
    assert result["msg"] == "not asked: b: it did not answer"


@pytest.mark.parametrize("ahead, codes", [(-3600.0, ["clock"]), (0.0, []), (3600.0, ["clock"])])
def test_a_relay_that_was_slow_to_begin_is_not_ahead_of_time(ahead, codes):
    """It began 100 seconds after it was asked."""
    host = {"time": time.time() - 5 + ahead, "clock_offset": 100 + ahead, "findings": [{"code": "clock"}]}
    answer = playbook_diagnosis_report._without_lag({"host": host})
    assert [finding["code"] for finding in answer["host"]["findings"]] == codes
