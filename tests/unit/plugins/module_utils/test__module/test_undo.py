# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an undo takes along, and who owns what afterwards."""

from ansible_collections.postmaster.mta.plugins.module_utils._account import history
from ansible_collections.postmaster.mta.plugins.module_utils._module import undo
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__module.one_change import change


def test_what_is_undone_is_told_by_number(live):
    change(live, {"main.cf": b"a = 2\n"})
    change(live, {"main.cf": b"a = 3\n"})
    change(live, {"access_to": b"x REJECT\n"})
    assert undo._undone(str(live), 1) == [2, 3]
    change(live, {"main.cf": b"a = 2\n", "access_to": b"old@a.test REJECT\n"}, "undo", state=1, undoes=[2, 3])
    assert undo._undone(str(live), 1) == []
    change(live, {"main.cf": b"a = 9\n"})
    assert undo._undone(str(live), 1) == [5]


def test_who_owned_what_is_as_it_was(live):
    change(live, {"main.cf": b"a = 2\n"})
    change(live, {"main.cf": b"a = 3\n"})
    assert history.owned_after(str(live), 1) == {}
