# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the MTA is asked about the tables that were not compared whole."""

import types

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model.blocks import Block, BlockChange
from ansible_collections.postmaster.mta.plugins.module_utils._module import access_lookup

ADDED = BlockChange("from a.test", None, Block("from a.test", ("a.test\tREJECT",)))
REMOVED = BlockChange("from b.test", Block("from b.test", ("b.test\tREJECT",)), None)


@pytest.fixture(name="ask")
def _ask(monkeypatch):
    """Return a function that asks about changes of a table of a type whose live entries are given."""

    def ask(changes, live, kind="hash"):
        asked = []
        driver = types.SimpleNamespace(ask=lambda host, directory, name, kind, keys: asked.extend(keys) or live)
        monkeypatch.setattr(access_lookup, "lookup_of", lambda mta: driver)
        run = types.SimpleNamespace(
            facts=types.SimpleNamespace(type_of=lambda name: kind), host=types.SimpleNamespace(mta="postfix")
        )
        return list(access_lookup.findings(run, "/etc/postfix", "access_from", changes)), asked

    return ask


def test_a_table_that_says_all_of_it_is_well(ask):
    assert ask([ADDED, REMOVED], {"a.test": "REJECT"}) == ([], ["a.test", "b.test"])


def test_what_is_missing_and_what_is_there_still_is_told(ask):
    findings, dummy = ask([ADDED, REMOVED], {"b.test": "REJECT"})
    assert findings == [
        "access_from: a.test: the MTA finds None there, not 'REJECT'",
        "access_from: b.test: the MTA still finds it",
    ]


def test_a_network_is_asked_for_by_its_first_address_and_patterns_are_not_compared(ask):
    network = BlockChange("connect 192.0.2.0/24", None, Block("x", ("192.0.2.0/24\tREJECT",)))
    assert ask([network], {"192.0.2.0": "REJECT"}, "cidr") == ([], ["192.0.2.0"])
    assert ask([ADDED], {}, "regexp")[0] == []


def test_many_changes_are_asked_in_several_calls(ask, monkeypatch):
    monkeypatch.setattr(access_lookup, "AT_ONCE", 1)
    assert ask([ADDED, REMOVED], {"a.test": "REJECT"})[1] == ["a.test", "b.test"]
