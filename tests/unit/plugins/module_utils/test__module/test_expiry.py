# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a watcher rolls back: one generation, and nothing of what came later; who arms it sends it along."""

import time

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._module import expiry
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__module.one_change import change
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix import postfix_host


def test_what_came_later_stays(live):
    """An urgent block in the same table, and another parameter in the same main.cf."""
    table = b"old@a.test REJECT\nnew@a.test REJECT\n"
    change(live, {"access_to": table, "main.cf": b"a = 2\nb = 1\n"}, confirm_by=1)
    change(live, {"access_to": table + b"urgent@a.test REJECT\n", "main.cf": b"a = 2\nb = 3\n"})
    files = expiry.taken_back(postfix_host.make_host("3.10.13"), str(live), 1)
    assert files == {"access_to": b"old@a.test REJECT\nurgent@a.test REJECT\n", "main.cf": b"a = 1\nb = 3\n"}


def test_a_large_table_that_was_edited_later_is_no_obstacle(live):
    """It once was: the change of main.cf that nobody confirmed stayed, and the watcher failed for ever."""
    lines = b"".join(b"d%06d.example REJECT\n" % number for number in range(20000))
    change(live, {"access_to": lines})
    change(live, {"main.cf": b"a = 2\n"}, "relay")
    change(live, {"access_to": lines + b"x REJECT\n"})
    (live / "access_to").write_bytes(b"manual REJECT\n" + lines)
    assert set(expiry.without_generation(postfix_host.make_host("3.10.13"), str(live), 2)) == {"main.cf"}


def test_what_nobody_has_touched_since_comes_back_as_it_was(live):
    before = (live / "main.cf").read_bytes()
    change(live, {"access_to": None, "main.cf": b"a = 2\n"}, confirm_by=1)
    files = expiry.taken_back(postfix_host.make_host("3.10.13"), str(live), 1)
    assert files == {"access_to": b"old@a.test REJECT\n", "main.cf": before}


@pytest.mark.parametrize("ahead, word", [(60, "may still be confirmed"), (-60, "rolled back")])
def test_a_watcher_that_a_restart_of_the_host_wakes_up_early_waits(live, capsys, ahead, word):
    """Each start of the host wakes it up: a shutdown can have interrupted it, and for systemd it has run."""
    change(live, {"main.cf": b"a = 2\n"}, confirm_by=int(time.time()) + ahead)
    assert expiry.main(lambda *given: "rolled back", ["postfix", str(live), "1"]) == 0
    assert word in capsys.readouterr().out
