# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Blocks of ours in a source: found, edited and taken out again, and everything else stays byte for byte."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.postmaster.mta.plugins.module_utils._errors import SyntaxProblem
from ansible_collections.postmaster.mta.plugins.module_utils._model import block_edits
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


@settings(max_examples=examples(200))
@given(HAND_LINES, NAMES)
def test_few_and_many_names_are_found_alike(lines, names):
    data = edited(b"".join(line + b"\n" for line in lines), [block(name) for name in names])
    many = names + ["%d.nowhere" % number for number in range(_tables.FEW)]
    titles = ["from " + name for name in names]
    few = {}
    source = Source("t", data)
    for title in titles:
        few.update((placed.block.title, placed) for placed in _tables.find_blocks(source, [title]))
    of_many = _tables.find_blocks(source, ["from " + name for name in many])
    assert few == {placed.block.title: placed for placed in of_many}
    one_by_one = {}
    for name in names:
        one_by_one.update(_tables.unmanaged(source, {name}))
    assert one_by_one == _tables.unmanaged(source, set(many))


@pytest.mark.parametrize("spoil", [b"  continued\n", b"\tcontinued\n"])
def test_a_line_that_continues_ours_is_refused_by_line(spoil):
    content = edited(HAND, [block("a.example")]) + spoil
    with pytest.raises(SyntaxProblem) as caught:
        edit(content, [], [block("a.example")])
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
