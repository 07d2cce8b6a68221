# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When the report of answers fails."""

import types

import pytest

pytest.importorskip("ansible.executor", reason="a controller is needed")

from ansible_collections.postmaster.mta.plugins.action import playbook_answers_report  # noqa: E402

CHANGED = {"instances": [{"drift": [{"file": "main.cf", "setting": "", "since": ""}]}]}
SAME = {"instances": [{"generation": 1, "drift": []}]}
DOWN = {"unreachable": True, "msg": "no route"}


def failed(result, **options):
    action = playbook_answers_report.ActionModule.__new__(playbook_answers_report.ActionModule)
    action._task = types.SimpleNamespace(check_mode=False)
    variables = {"ansible_play_hosts_all": ["mx1"], "hostvars": {"mx1": {"drift_result": result}}}
    given = {"kind": "drift", "variable": "drift_result", "title": "drift", "strict": True, "defer": False, **options}
    for name, spec in playbook_answers_report._SPEC.items():
        given.setdefault(name, spec.get("default"))
    return action.answer(variables, given)["failed"]


@pytest.mark.parametrize("result, strictly, mildly", [(SAME, False, False), (CHANGED, True, False), (DOWN, True, True)])
def test_who_was_not_asked_fails_however_mild_the_judgement_is(result, strictly, mildly):
    assert failed(result) == strictly
    assert failed(result, strict=False) == mildly
    assert not failed(result, defer=True)
