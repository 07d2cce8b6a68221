# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes as records, and the line of a table's source that has a key."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model import route


def test_the_parents_of_a_domain():
    assert route.parents("a.b.c") == ("b.c", "c")
    assert route.parents("c") == ()
    assert route.parents("a.b.c.") == ("b.c", "c"), "a dot at the end is no label"


SOURCE = "# a.test is no key\n\nb.test smtp:x\nA.test: smtp:y\n  a.test continued\n"


@pytest.mark.parametrize("key, line", [("a.test", 4), ("B.TEST", 3), ("none", 0), ("#", 0)])
def test_the_line_of_a_key(key, line):
    assert route.find_line(SOURCE, key) == line


def test_an_entry_says_where_it_stands():
    entry = route.TableEntry(
        "mailertable", "hash:/etc/mail/mailertable", "a.test", "esmtp:b", "/etc/mail/mailertable:3"
    )
    assert str(entry) == "mailertable hash:/etc/mail/mailertable: a.test -> esmtp:b (/etc/mail/mailertable:3)"
    assert str(entry._replace(source="")).endswith("esmtp:b")


def test_facts_are_plain():
    entry = route.TableEntry("r", "t", "k", "v")
    facts = route.as_facts(
        route.Route("a@b", "a@b", route.REMOTE, hops=(route.Hop("b"),), decided_by=entry, entries=(entry,))
    )
    assert facts["hops"] == [{"name": "b", "port": 25, "by_mx": True}]
    assert (
        facts["decided_by"]
        == facts["entries"][0]
        == {"role": "r", "table": "t", "key": "k", "value": "v", "source": ""}
    )
    assert route.as_facts(route.Route("a@b", "a@b", route.UNKNOWN))["decided_by"] is None
