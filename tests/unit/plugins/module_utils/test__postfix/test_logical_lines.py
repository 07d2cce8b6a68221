# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logical lines: a line that begins with a blank continues the one before, also across comments."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._postfix.logical_lines import read_document, rewrite

TEXT = b"a = 1,\n# a comment\n\n  2\nb = 3\n"


def test_a_line_continues_across_comments():
    document = read_document(TEXT, "main.cf")
    assert [(line.text, line.first, line.parts) for line in document.logical] == [
        ("a = 1,  2", 0, (0, 3)),
        ("b = 3", 4, (4,)),
    ]


def test_nothing_to_do_gives_the_same_bytes():
    assert rewrite(read_document(TEXT, "main.cf"), {}, []) == TEXT
    strange = b"a = \xff\x0c1\r\nb"
    assert rewrite(read_document(strange, "main.cf"), {}, []) == strange


def test_a_line_is_replaced_with_all_its_parts():
    assert rewrite(read_document(TEXT, "main.cf"), {0: "a = 9"}, []) == b"a = 9\n# a comment\n\nb = 3\n"
    assert rewrite(read_document(TEXT, "main.cf"), {1: ""}, []) == b"a = 1,\n# a comment\n\n  2\n"


@pytest.mark.parametrize("content", [b"a = 1\n", b"a = 1"])
def test_what_is_added_and_removed_again_leaves_no_trace(content):
    added = rewrite(read_document(content, "main.cf"), {}, ["b = 2"])
    assert added == b"a = 1\n\nb = 2\n"
    assert rewrite(read_document(added, "main.cf"), {1: ""}, []) == b"a = 1\n"


def _edit(content, added=(), removed=""):
    document = read_document(content, "main.cf")
    gone = {index: "" for index, line in enumerate(document.logical) if removed and line.text.startswith(removed)}
    return rewrite(document, gone, added)


def test_what_comes_and_goes_in_turns_leaves_no_empty_lines():
    """Two modules, the second of which comes before the first is gone."""
    first = text = b"a = 1\n"
    for _turn in range(3):
        text = _edit(text, added=["capture = 1"])
        text = _edit(text, added=["access = 1"])
        text = _edit(text, removed="capture")
        text = _edit(text, added=["capture = 1"])
        assert text == b"a = 1\n\naccess = 1\n\ncapture = 1\n"
        text = _edit(text, removed="access")
        text = _edit(text, removed="capture")
        assert text == first


@pytest.mark.parametrize("content, why", [(b"  a = 1\n", "continues nothing"), (b"a = 1\0 2\n", "NUL byte")])
def test_a_defect_is_named(content, why):
    (problem,) = read_document(content, "main.cf").problems
    assert why in str(problem) and str(problem).startswith("main.cf:1:")
