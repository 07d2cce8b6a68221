# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of any table: edited in place, and what the compilers would swallow is refused by line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError, SyntaxProblem
from ansible_collections.postmaster.mta.plugins.module_utils._model import table as _tablefile
from ansible_collections.postmaster.mta.plugins.module_utils._model.table import ExpectedEntry, Syntax
from ansible_collections.postmaster.mta.tests.unit.share import examples

POSTFIX, SENDMAIL = Syntax("map", True), Syntax("map", False)
ALIASES, PATTERNS = Syntax("aliases", True), Syntax("patterns", True)
SOURCE = b"# routes\nA.example\tsmtp:[a]\n\n# b's host\nb.example   smtp:[b],\n   [c]\n"


def edit(content, pairs, state="present", syntax=POSTFIX):
    return _tablefile.edit("t", content, [ExpectedEntry(*pair) for pair in pairs], state, syntax)


def test_nothing_to_do_is_the_same_bytes():
    assert edit(SOURCE, [("a.example", "smtp:[a]"), ("b.example", "smtp:[b], [c]")]) == SOURCE


def test_present_replaces_in_place_and_appends():
    after = edit(SOURCE, [("b.example", "smtp:[d]"), ("c.example", "smtp:[e]")])
    assert after == b"# routes\nA.example\tsmtp:[a]\n\n# b's host\nb.example\tsmtp:[d]\nc.example\tsmtp:[e]\n"


def test_absent_and_exact():
    assert edit(SOURCE, [("b.example", "-")], "absent") == b"# routes\nA.example\tsmtp:[a]\n\n# b's host\n"
    assert edit(SOURCE, [("a.example", "smtp:[a]")], "exact") == b"# routes\nA.example\tsmtp:[a]\n\n# b's host\n"


def test_aliases_and_patterns():
    assert edit(b"root: jane\n", [("postmaster", "root")], syntax=ALIASES) == b"root: jane\npostmaster: root\n"
    assert (
        edit(b"/^a/ OK\n/^A/ REJECT\n", [("/^b/", "DUNNO")], syntax=PATTERNS) == b"/^a/ OK\n/^A/ REJECT\n/^b/\tDUNNO\n"
    )


@pytest.mark.parametrize(
    "content, syntax, line",
    [
        (b"a x\nA y\n", POSTFIX, 2),
        (b"a x\nb\n", POSTFIX, 2),
        (b"  a x\n", POSTFIX, 1),
        (b"a x\n b y\n", SENDMAIL, 2),
        (b"a: x\na: y\n", ALIASES, 2),
    ],
)
def test_what_a_compiler_would_swallow_is_refused_by_line(content, syntax, line):
    with pytest.raises(SyntaxProblem) as caught:
        _tablefile.edit("t", content, [], "present", syntax)
    assert str(caught.value).startswith("t:%d:" % line)


@pytest.mark.parametrize(
    "key, value",
    [("", "x"), ("a b", "x"), ("a", ""), ("#a", "x"), ("a\nb", "x"), ("a", "x\ny"), (" a", "x"), ("a", None)],
)
def test_entries_that_would_not_stay_one_are_refused(key, value):
    with pytest.raises(OptionError):
        _tablefile.check("entries[0]", key, value, POSTFIX)


TEXT = st.text(min_size=1, max_size=12)


@settings(max_examples=examples(500))
@given(TEXT, TEXT, st.sampled_from([POSTFIX, SENDMAIL, ALIASES, PATTERNS]))
def test_an_entry_is_one_entry_or_it_is_refused(key, value, syntax):
    try:
        wanted = _tablefile.check("entries[0]", key, value, syntax)
    except OptionError:
        return
    content = edit(b"", [wanted], syntax=syntax)
    (entry,) = _tablefile.read("t", content.decode(), syntax)
    assert (entry.key, entry.value) == (key, value)
    assert edit(content, [(key, "-")], "absent", syntax) == b""


OWNED = (
    b"hand.example\tesmtp:[a]\n# BEGIN postmaster.mta relay policy\nserved.test\tesmtp:[b]\n# END postmaster.mta relay policy\n"
    b"# postmaster.mta from bad.example added=2026-01-01T00:00:00Z\nbad.example\tREJECT\n"
)


def test_what_the_policy_and_access_have_written_stays():
    """B15: C(state=exact) emptied the block of the policy, and would have removed the rules of access."""
    after = edit(OWNED, [("new.example", "esmtp:[c]")], "exact")
    assert after == OWNED.replace(b"hand.example\tesmtp:[a]\n", b"") + b"new.example\tesmtp:[c]\n"
    assert edit(OWNED, [("SERVED.test", "esmtp:[b]")]) == OWNED


@pytest.mark.parametrize("pair, state", [(("served.test", "esmtp:[x]"), "exact"), (("bad.example", "-"), "absent")])
def test_an_entry_of_theirs_is_not_changed(pair, state):
    with pytest.raises(OptionError, match=f"entries: {pair[0]}: .*would write it again"):
        edit(OWNED, [pair], state)


def imported(text, form="source", syntax=POSTFIX):
    return list(_tablefile.imported("f", text, form, syntax))


def test_entries_of_a_file():
    assert imported("\ufeff# routes\n\nA.test  smtp:[a] x \r\nlonely\n") == [
        ("f:3", "A.test", "smtp:[a] x"),
        ("f:4", "lonely", None),
    ]
    assert imported("root: jane, joe\n", syntax=ALIASES) == [("f:1", "root", "jane, joe")]
    assert imported('key,value\na.test,"smtp:[a],[b]"\n#c,d\nb.test,\n', "csv") == [
        ("f:2", "a.test", "smtp:[a],[b]"),
        ("f:4", "b.test", None),
    ]


@pytest.mark.parametrize(
    "text, form, line",
    [
        (" a b\n", "source", "f:1"),
        ("name,value\n", "csv", "f:1"),
        ("key,value\na,b,c\n", "csv", "f:2"),
        ("", "csv", "f:1"),
    ],
)
def test_a_line_that_is_no_entry_is_refused_by_its_number(text, form, line):
    with pytest.raises(OptionError) as caught:
        imported(text, form)
    assert caught.value.option == line


def test_a_key_with_two_values_is_refused():
    _tablefile.refuse_contradictions([ExpectedEntry("a", "x"), ExpectedEntry("A", "x")], POSTFIX)
    with pytest.raises(OptionError, match="two values"):
        _tablefile.refuse_contradictions([ExpectedEntry("a", "x"), ExpectedEntry("A", "y")], POSTFIX)


@given(st.text(max_size=60), st.sampled_from(["source", "csv"]))
@settings(max_examples=examples(300))
def test_whatever_a_file_has_each_line_is_one_entry_or_refused(text, form):
    try:
        entries = [_tablefile.check(*row, POSTFIX) for row in imported(text, form)]
    except OptionError:
        return
    content = _tablefile.edit("t", b"", entries, "present", POSTFIX)
    keys = {entry.key.lower() for entry in entries}
    assert {entry.key.lower() for entry in _tablefile.read("t", content.decode(), POSTFIX)} == keys


def test_a_nul_in_csv_is_refused_by_line():
    """Before Python 3.11 the csv module raises an error of its own for it."""
    with pytest.raises(OptionError, match="f:2"):
        imported("key,value\na\0b,c\n", "csv")
