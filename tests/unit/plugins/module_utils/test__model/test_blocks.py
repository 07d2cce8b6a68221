# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Blocks of ours in a source: found, edited and taken out again, and everything else stays byte for byte."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.postmaster.mta.plugins.module_utils._errors import SyntaxProblem
from ansible_collections.postmaster.mta.plugins.module_utils._model import blocks as _tables
from ansible_collections.postmaster.mta.plugins.module_utils._model.blocks import Block, Note
from ansible_collections.postmaster.mta.tests.unit.share import examples

HAND = b"# by Jane\nold.example\tREJECT\n\nother.example 550 5.7.1 no\n"
NOTE = Note("2026-11-23T14:14:02Z", "drj", "2026-12-23", "SPAM-7", "phishing wave")


def block(name, value="REJECT", note=NOTE):
    return Block("from " + name, (name + "\t" + value,), note)


def edited(data, wanted=(), unwanted=()):
    return _tables.edited(data, _tables.edit("t", data, list(wanted), list(unwanted)).edits)


# Lines by hand never name what the rules are about: names of their own, comments, blank lines, bytes that are no text.
HAND_LINES = st.lists(
    st.one_of(
        st.sampled_from(
            [b"", b"# a comment", b"#postmaster.mta from", b"\xff\xfe\tREJECT", b"A.hand.example   OK", b"x:y z"]
        ),
        st.from_regex(rb"hand[a-z0-9]{1,8}\.example\t(OK|REJECT|550 no)", fullmatch=True),
    ),
    max_size=8,
)
NAMES = st.lists(st.from_regex(r"[a-z]{1,6}\.ours", fullmatch=True), min_size=1, max_size=40, unique=True)


@settings(max_examples=examples(300))
@given(HAND_LINES, st.booleans(), NAMES, st.randoms(use_true_random=False))
def test_what_is_added_in_steps_and_removed_in_any_order_leaves_the_bytes_as_they_were(lines, ends, names, dice):
    data = b"\n".join(lines) + (b"\n" if ends and lines else b"")
    content, rest = data, list(names)
    while rest:
        count = dice.randint(1, len(rest))
        content = edited(content, [block(name) for name in rest[:count]])
        rest = rest[count:]
    assert [found.block.title for found in _tables.all_blocks(content)] == ["from " + name for name in names]
    rest = list(names)
    dice.shuffle(rest)
    while rest:
        count = dice.randint(1, len(rest))
        content = edited(content, (), [block(name) for name in rest[:count]])
        rest = rest[count:]
    assert content == data


@settings(max_examples=examples(200))
@given(HAND_LINES, NAMES)
def test_few_and_many_names_are_found_alike(lines, names):
    data = edited(b"".join(line + b"\n" for line in lines), [block(name) for name in names])
    many = names + ["%d.nowhere" % number for number in range(_tables.FEW)]
    titles = ["from " + name for name in names]
    few = {}
    for title in titles:
        few.update(_tables.find_blocks(data, [title]))
    assert few == _tables.find_blocks(data, ["from " + name for name in many])
    one_by_one = {}
    for name in names:
        one_by_one.update(_tables.unmanaged(data, {name}))
    assert one_by_one == _tables.unmanaged(data, set(many))


def test_lines_by_hand_stay_and_the_note_stands_above_the_rule():
    content = edited(HAND, [block("emalsrv.example")])
    assert content.startswith(HAND)
    assert content[len(HAND) :].split(b"\n") == [
        b"# postmaster.mta from emalsrv.example added=2026-11-23T14:14:02Z by=drj expires=2026-12-23 ticket=SPAM-7 -- phishing wave",
        b"emalsrv.example\tREJECT",
        b"",
    ]


def test_what_is_there_is_left_alone_whoever_adds_it_again():
    content = edited(HAND, [block("a.example")])
    again = block("a.example", note=Note("2027-01-01T00:00:00Z", "jane", "+2027-02-01"))
    result = _tables.edit("t", content, [again], [])
    assert result.edits == () and result.changes == ()


def test_a_new_ticket_changes_the_note_and_keeps_who_added_it():
    content = edited(b"", [block("a.example")])
    content = edited(content, [block("a.example", note=Note("later", "jane", "", "SPAM-8"))])
    (found,) = _tables.all_blocks(content)
    assert found.block.note == NOTE._replace(ticket="SPAM-8")


def test_another_value_replaces_the_lines_in_place():
    content = edited(edited(HAND, [block("a.example"), block("b.example")]), [block("a.example", "550 5.7.1 other")])
    titles = [found.block.title for found in _tables.all_blocks(content)]
    assert titles == ["from a.example", "from b.example"] and b"a.example\t550 5.7.1 other\n" in content


def test_a_line_by_hand_that_says_the_same_is_enough():
    result = _tables.edit("t", HAND, [block("old.example")], [])
    assert result.edits == () and [line.key for line in result.kept] == ["old.example"]


def test_a_line_by_hand_that_says_something_else_is_named():
    with pytest.raises(_tables.Conflict) as caught:
        _tables.edit("/etc/t", HAND, [block("other.example")], [])
    assert "/etc/t:4" in str(caught.value) and "550 5.7.1 no" in str(caught.value)


def test_a_line_by_hand_is_not_removed_but_told():
    result = _tables.edit("t", HAND, [], [block("old.example")])
    assert result.edits == () and [line.value for line in result.kept] == ["REJECT"]


@pytest.mark.parametrize("spoil", [b"  continued\n", b"\tcontinued\n"])
def test_a_line_that_continues_ours_is_refused_by_line(spoil):
    content = edited(HAND, [block("a.example")]) + spoil
    with pytest.raises(SyntaxProblem) as caught:
        _tables.edit("t", content, [], [block("a.example")])
    assert "t:7" in str(caught.value)


def test_a_comment_line_whose_rule_is_gone_is_refused_by_line():
    content = edited(HAND, [block("a.example")])
    content = content[: content.rindex(b"a.example\t")] + b"# gone\n"
    with pytest.raises(SyntaxProblem):
        list(_tables.all_blocks(content, "t"))


def test_a_pattern_that_looks_like_a_field_is_a_pattern():
    odd = Block("from lines=9@example.com", ("lines=9@example.com\tREJECT",), NOTE)
    (found,) = _tables.all_blocks(_tables.text_of(odd))
    assert found.block == odd


def test_the_pieces_are_the_edited_source():
    result = _tables.edit("t", HAND, [block("a.example")], [])
    whole = b"".join(bytes(piece) for piece in _tables.pieces(HAND, result.edits))
    assert len(whole) == _tables.size_after(HAND, result.edits)
