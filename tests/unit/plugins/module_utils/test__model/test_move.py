# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from ansible_collections.postmaster.mta.plugins.module_utils._model import move


def test_the_constructs_have_the_numbers_of_the_documentation():
    assert list(move.CONSTRUCTS) == list(range(1, 34))
    assert len(set(move.CONSTRUCTS.values())) == 33


def test_a_row_is_plain_data():
    facts = move.facts(move.Row(16, move.CONVERTED, "mailertable:1", "a b", "policy.routes.domains"))
    assert facts["construct"] == "mailertable: routes" and facts["test"] == ""
