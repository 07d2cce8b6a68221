# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module hands its parameters to the library; test__dns/test_nscd.py has what that does."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._module import nscd


@pytest.mark.parametrize("check_mode", [False, True])
def test_the_state_and_the_check_mode_are_handed_on(monkeypatch, check_mode):
    monkeypatch.setattr(nscd.nscd, "apply", lambda *given: given)
    runner = object()
    assert nscd.run({"state": "stopped"}, check_mode, runner) == (runner, "stopped", check_mode)


def test_each_state_of_the_library_can_be_asked_for():
    assert nscd.ARGUMENT_SPEC["state"]["choices"] == [nscd.nscd.HOSTS_OFF, nscd.nscd.STOPPED]
