# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sources that are read part by part say what they say in one piece."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import SyntaxProblem
from ansible_collections.postmaster.mta.plugins.module_utils._model import blocks, sources
from ansible_collections.postmaster.mta.plugins.module_utils._model.sources import Source

BLOCK = blocks.text_of(blocks.Block("from a.test", ("a.test\tREJECT", "b.test\tREJECT", "c.test\tREJECT")))
ONE = blocks.text_of(blocks.Block("to one.test", ("one.test\tREJECT",)))
CONTENT = (
    b"hand.test OK\n\n" + BLOCK + ONE + b"between.test OK\n# a comment\n" + ONE.replace(b"one", b"two") + b"end.test OK"
)


@pytest.fixture(name="in_parts", params=[1, 7, 30, 64, 200])
def _in_parts(tmp_path, monkeypatch, request):
    """Return a function that makes a file to be read in parts of few bytes."""
    monkeypatch.setattr(sources, "PART", request.param)

    def put(content):
        (tmp_path / "t").write_bytes(content)
        return Source.read(str(tmp_path / "t"))

    return put


def test_no_block_and_no_line_is_in_two_parts(in_parts):
    source = in_parts(CONTENT)
    assert b"".join(part.data for part in source.parts()) == CONTENT == b"".join(source.raw(0, source.size))
    assert list(blocks.walk(source)) == list(blocks.all_blocks(CONTENT))
    (second,) = [placed for placed in blocks.all_blocks(CONTENT) if placed.block.title == "to one.test"]
    assert next(blocks.walk(source, second.start)) == second


def test_what_continues_a_block_is_refused_by_its_line_in_the_whole(in_parts):
    source = in_parts(CONTENT.replace(b"between", b"  between"))
    with pytest.raises(SyntaxProblem) as caught:
        list(blocks.walk(source))
    assert caught.value.line == 9


def test_a_file_that_is_not_there_is_empty(tmp_path):
    source = Source.read(str(tmp_path / "none"))
    assert source.size == 0 and not source.ends_open() and list(blocks.walk(source)) == []
    assert Source("t", b"x").ends_open() and not Source("t", b"x\n").ends_open()
