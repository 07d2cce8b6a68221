# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the callback says while a task takes long. Nothing here waits: the alarm and the clock are the test's."""

import pytest

pytest.importorskip("ansible.plugins", reason="a controller is needed")

from ansible_collections.postmaster.mta.plugins.callback import brief  # noqa: E402


class Task:
    def __init__(self, name, action="postmaster.mta.audit_info", **variables):
        self.name, self.action, self._variables = name, action, variables

    def get_name(self):
        return self.name

    def get_vars(self):
        return self._variables


@pytest.fixture
def waiting(monkeypatch):
    """A watch whose alarms are noted, and what it tells."""
    alarms, told, now = [], [], [100.0]
    monkeypatch.setattr(brief.signal, "signal", lambda number, handler: None)
    monkeypatch.setattr(brief.signal, "alarm", alarms.append)
    monkeypatch.setattr(brief.time, "monotonic", lambda: now[0])
    watch = brief.Waiting(told.append)
    watch.alarms, watch.told, watch.now = alarms, told, now
    return watch


def test_a_task_that_takes_long_says_so_again_and_again(waiting):
    waiting.begin(Task("role : Probe it from outside", __waits_for="the relay allows few connections"))
    waiting.add("mx1")
    for seconds in (15, 45, 105, 165):
        waiting.now[0] = 100.0 + seconds
        waiting._speak()
    assert waiting.told[0] == (
        "Probe it from outside: still running after 15 s on mx1; the relay allows few connections"
    )
    assert len(waiting.told) == 4
    assert waiting.alarms == [15, 30, 60, 60, 60]


def test_only_the_hosts_that_have_not_ended_are_named(waiting):
    waiting.begin(Task("Apply the relay policy"))
    waiting.add("mx1")
    waiting.add("mx2")
    waiting.end("mx1")
    waiting._speak()
    assert waiting.told == ["Apply the relay policy: still running after 0 s on mx2"]
    waiting.end("mx2")
    assert waiting.alarms[-1] == 0
    waiting._speak()
    assert len(waiting.told) == 1


def test_a_question_to_a_person_is_not_disturbed(waiting):
    waiting.begin(Task("Ask", action="postmaster.mta.playbook_queue_confirm"))
    assert waiting.alarms == [0]


def test_an_alarm_in_the_middle_of_another_line_breaks_nothing(waiting):
    def tell(text):
        raise RuntimeError("reentrant call inside <_io.BufferedWriter name='<stdout>'>")

    waiting._tell = tell
    waiting.begin(Task("Ask every relay"))
    waiting.add("mx1")
    waiting._speak()
    assert waiting.alarms == [15, 30]


def test_what_is_said_while_waiting_is_no_part_of_the_results(monkeypatch):
    """A report in JSON is read by a program."""
    shown = []
    callback = brief.CallbackModule.__new__(brief.CallbackModule)
    callback._head = "Show what waits: mx1"
    monkeypatch.setattr(brief.CallbackBase, "_display", None, raising=False)
    callback._display = type("Display", (), {"display": lambda self, text, **more: shown.append((text, more))})()
    callback._tell_waiting("Ask every relay: still running after 15 s on mx1")
    assert shown == [("  Ask every relay: still running after 15 s on mx1", {"stderr": True})]


@pytest.mark.parametrize(("verbosity", "expected"), [(0, ["warning: the policy trusts all"]), (1, None)])
def test_what_is_true_of_every_host_is_no_warning(monkeypatch, verbosity, expected):
    said = []
    callback = brief.CallbackModule.__new__(brief.CallbackModule)
    monkeypatch.setattr(brief.CallbackBase, "_display", None, raising=False)
    callback._display = type("Display", (), {"verbosity": verbosity})()
    callback._waiting = brief.Waiting(said.append)
    callback._say = lambda host, text, color: said.append(text)
    warnings = ["Host 'mx1' is using the discovered Python interpreter at '/usr/bin/python3'", "the policy trusts all"]
    result = type("Result", (), {})()
    result._result = {"warnings": warnings}
    result._task = type("Task", (Task,), {"loop": None})("Ask every relay")
    result._host = type("Host", (), {"get_name": lambda self: "mx1"})()
    callback.v2_runner_on_ok(result)
    told = [text for text in said if text.startswith("warning: ")]
    assert told == (expected or [f"warning: {warning}" for warning in warnings])
