# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

from ansible_collections.postmaster.mta.plugins.action.relay import ActionModule


class Task:
    """As much of a task as the action looks at."""

    async_val = 0
    check_mode = False
    args = {}


class Connection:
    """As much of a connection as the action looks at."""

    has_pipelining = True

    class _shell:
        tmpdir = None


def action(monkeypatch, answer):
    """The action plugin with a host that gives this answer."""

    def execute(self, **dummy):
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    monkeypatch.setattr(ActionBase, "_execute_module", execute)
    return ActionModule(Task(), Connection(), None, None, None, None)


def test_the_answer_of_the_module_is_handed_on(monkeypatch):
    result = action(monkeypatch, {"changed": True, "mta": "postfix"}).run(task_vars={})
    assert (result["changed"], result["mta"]) == (True, "postfix")


def test_a_broken_connection_is_a_failure_that_rescue_sees(monkeypatch):
    result = action(monkeypatch, AnsibleConnectionFailure("Broken pipe")).run(task_vars={})
    assert result["failed"]
    assert result["connection_lost"]
    assert "Broken pipe" in result["msg"]
    assert "unreachable" not in result


def test_there_is_nothing_to_tidy_up_with_then(monkeypatch):
    def cleanup(self, force=False):
        raise AnsibleConnectionFailure("Broken pipe")

    monkeypatch.setattr(ActionBase, "cleanup", cleanup)
    assert action(monkeypatch, {}).cleanup() is None
