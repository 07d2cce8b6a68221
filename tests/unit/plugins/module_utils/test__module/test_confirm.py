# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What waits for a confirmation is confirmed, or rolled back at once."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._account import generations, watch
from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._module import confirm, expiry
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__module.one_change import change


@pytest.fixture(name="run")
def _run(host, live, monkeypatch):
    """Return a function that runs the module on a host on which two of three generations wait."""
    monkeypatch.setattr(watch, "disarm", lambda *dummy: None)
    change(live, {"main.cf": b"a = 2\n"}, confirm_by=1)
    change(live, {"main.cf": b"a = 3\n"})
    change(live, {"main.cf": b"a = 4\n"}, confirm_by=1)

    def run(check_mode=False, **given):
        params = {name: spec.get("default") for name, spec in confirm.ARGUMENT_SPEC.items()}
        return confirm.run(dict(params, **given), check_mode, object())

    return run


def test_all_that_waits_is_confirmed_once(run, live):
    assert run(True)["confirmed"] == [1, 3]
    answer = run()
    assert (answer["changed"], answer["actions"]) == (True, ["confirm generation 1", "confirm generation 3"])
    assert [generations.load(str(live), number)["ended"] for number in (1, 2, 3)] == ["confirmed", "live", "confirmed"]
    assert not run()["changed"]


def test_one_that_is_named_and_confirmed_already_is_no_error(run):
    assert run(generation=3)["confirmed"] == [3]
    assert not run(generation=3)["changed"]
    with pytest.raises(OptionError, match="there is no such generation"):
        run(generation=9)


def test_what_is_rolled_back_is_so_from_the_newest_on(run, monkeypatch):
    rolled_back = []
    monkeypatch.setattr(expiry, "expire", lambda kind, runner, mta, directory, number: rolled_back.append(number))
    assert run(state="rolled_back")["rolled_back"] == [1, 3]
    assert rolled_back == [3, 1]
