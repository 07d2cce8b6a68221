# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who wrote which file last, and what is known of a directory that is made anew."""

from ansible_collections.postmaster.mta.plugins.module_utils._account import generations, writers
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__account.sites import go_live, prepare


def test_of_a_directory_that_is_made_anew_nothing_is_known(site):
    go_live(site, prepare(site, {"main.cf": (b"1\n", b"2\n")}))
    writers.forget(str(site / "live"))
    assert generations.numbers(str(site / "live")) == [] and generations.newest(str(site / "live")) == {}
    writers.forget(str(site / "nosuch"))
