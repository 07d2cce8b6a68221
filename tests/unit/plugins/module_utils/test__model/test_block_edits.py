# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Blocks of ours in a source: edited and taken out again, and everything else stays byte for byte."""

import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.postmaster.mta.plugins.module_utils._model import block_edits, sources
from ansible_collections.postmaster.mta.plugins.module_utils._model import blocks as _tables
from ansible_collections.postmaster.mta.plugins.module_utils._model.blocks import Block, Note
from ansible_collections.postmaster.mta.plugins.module_utils._model.ledger import Ledger
from ansible_collections.postmaster.mta.plugins.module_utils._model.sources import Source
from ansible_collections.postmaster.mta.tests.unit.share import examples

HAND = b"# by Jane\nold.example\tREJECT\n\nother.example 550 5.7.1 no\n"
NOTE = Note("2026-11-23T14:14:02Z", "drj", "2026-12-23", "SPAM-7", "phishing wave")


def block(name, value="REJECT", note=NOTE):
    return Block("from " + name, (name + "\t" + value,), note)


def asked(wanted, unwanted):
    ledger = Ledger()
    for blocks, present in ((wanted, True), (unwanted, False)):
        for said in blocks:
            ledger.ask(said, present)
    return ledger


def edit(data, wanted=(), unwanted=(), path="t"):
    return block_edits.edit(Source(path, data), asked(wanted, unwanted))


def edited(data, wanted=(), unwanted=()):
    return b"".join(block_edits.pieces(Source("t", data), edit(data, wanted, unwanted).edits))


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
    result = edit(content, [again], [])
    assert not result.edits and not result.changes


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
    result = edit(HAND, [block("old.example")], [])
    assert not result.edits and [line.key for line in result.kept] == ["old.example"]


def test_a_line_by_hand_that_says_something_else_is_named():
    with pytest.raises(block_edits.Conflict) as caught:
        edit(HAND, [block("other.example")], [], "/etc/t")
    assert "/etc/t:4" in str(caught.value) and "550 5.7.1 no" in str(caught.value)


def test_a_line_by_hand_is_not_removed_but_told():
    result = edit(HAND, [], [block("old.example")])
    assert not result.edits and [line.value for line in result.kept] == ["REJECT"]


def test_the_size_is_that_of_the_pieces_and_no_more_is_made_than_enough():
    result = edit(HAND, [block("a.example")])
    whole = b"".join(block_edits.pieces(Source("t", HAND), result.edits))
    assert len(whole) == block_edits.size_after(Source("t", HAND), result.edits, 1000)
    assert 50 < block_edits.size_after(Source("t", HAND), result.edits, 50) <= len(whole)


@settings(max_examples=examples(40))
@given(HAND_LINES, st.booleans(), NAMES, st.integers(1, 300), st.randoms(use_true_random=False))
def test_a_source_in_parts_is_edited_as_one_in_one_piece(lines, ends, names, size, dice):
    data = b"\n".join(lines) + (b"\n" if ends and lines else b"")
    data = edited(data, [block(name) for name in names])
    wanted = [block(name, dice.choice(["REJECT", "OK"])) for name in names if dice.random() < 0.3] + [block("new.test")]
    titles = {said.title for said in wanted}
    unwanted = [block(name) for name in names if dice.random() < 0.6 and "from " + name not in titles]
    with tempfile.NamedTemporaryFile() as file, pytest.MonkeyPatch.context() as patch:
        file.write(data)
        file.flush()
        patch.setattr(sources, "PART", size)
        source = Source.read(file.name)
        ledger = asked(wanted, unwanted)
        assert b"".join(block_edits.pieces(source, block_edits.edit(source, ledger).edits)) == edited(
            data, wanted, unwanted
        )


def test_edits_that_touch_each_other_are_one():
    many = [block(f"n{number}.test") for number in range(50)]
    content = edited(HAND, many)
    assert len(edit(content, (), many).edits) == 1 and edited(content, (), many) == HAND
    assert len(edit(content, [block(f"n{number}.test", "OK") for number in range(50)]).edits) == 1
