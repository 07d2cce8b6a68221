# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of mailers.py: what sendmail.mc defines is what the readers of answers and of the log look for."""

from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import drop_map, mailers


def test_the_mailer_of_dropped_recipients_is_the_one_that_the_readers_know():
    block = drop_map.wired("")
    assert f"\nM{mailers.DROP}," in block and f"$#{mailers.DROP} $@ nowhere" in block
    assert mailers.DROP in mailers.DISCARDING
