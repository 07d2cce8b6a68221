# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our errors: each message says option or file, value, and why; and what a module returns of it."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _errors


def test_an_option_is_named_with_its_value():
    problem = _errors.OptionError("policy.limits.hops", "many", "expected a number")
    assert str(problem) == "policy.limits.hops: many: expected a number"
    assert isinstance(problem, ValueError)


def test_what_an_mta_cannot_do_names_the_nearest():
    assert (
        str(_errors.Unsupported("policy.x", 3, "sendmail", "4"))
        == "policy.x: 3: sendmail cannot do this; the nearest it can do: 4"
    )


def test_a_file_is_named_with_its_line():
    problem = _errors.SyntaxProblem("/etc/postfix/main.cf", 7, "a\x1b b", "no name")
    assert str(problem) == "/etc/postfix/main.cf:7: a\\x1b b: no name"


@pytest.mark.parametrize(
    "value, shown", [("short", "short"), ("x" * 90, "x" * 80 + "... (90 characters)"), ({"a": 1}, "{'a': 1}")]
)
def test_a_value_is_shown_on_one_line(value, shown):
    assert _errors.shorten(value) == shown


def test_a_command_that_failed_shows_what_it_said_last():
    problem = _errors.CommandError(["postfix", "check"], 1, "out", " fatal: no\n")
    assert str(problem) == "postfix check: exit status 1: fatal: no"
    assert "no output" in str(_errors.CommandError(["x"], 2, "", ""))


def test_that_the_relay_is_down_comes_first():
    down = _errors.RolledBack(["it did not greet"], False, f"{_errors.DOWN}: fatal")
    assert str(down).splitlines() == ["THE RELAY IS DOWN: fatal", "The change failed: it did not greet"]
    restored = _errors.RolledBack(["it did not greet"], True)
    assert str(restored) == "the change failed, the old configuration is restored: it did not greet"
    assert _errors.failure(restored) == {"msg": str(restored), "findings": ["it did not greet"], "restored": True}
    assert "restored" not in _errors.failure(_errors.Busy("locked"))


def test_the_warnings_of_an_answer_go_their_own_way():
    """ansible-core 2.21 calls them deprecated among the rest."""
    heard = []
    assert _errors.told(heard.append, {"changed": True, "warnings": ["a", "b"]}) == {"changed": True}
    assert heard == ["a", "b"]
    assert _errors.told(heard.append, {"changed": False}) == {"changed": False}
