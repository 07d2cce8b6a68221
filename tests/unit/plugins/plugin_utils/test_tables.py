# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The printer of tables."""

import pytest

from ansible_collections.postmaster.mta.plugins.plugin_utils import tables
from ansible_collections.postmaster.mta.plugins.plugin_utils.tables import Column

COLUMNS = [Column("ID"), Column("SIZE", right=True), Column("SENDER", least=10), Column("WHY", least=10)]


def test_cells_are_aligned():
    assert tables.table(COLUMNS[:3], [("A1", 7, "a@b"), ("A123", 12345, "c@d")]) == [
        "ID     SIZE  SENDER",
        "A1        7  a@b",
        "A123  12345  c@d",
    ]


@pytest.mark.parametrize("width", [50, 60, 80, 200])
def test_a_table_fits_and_an_id_is_whole(width):
    lines = tables.table(COLUMNS, [("4jXz8K2qy1zHTm6", 1, "s" * 90, "w" * 500)], width=width)
    assert max(len(line) for line in lines) == width
    assert "4jXz8K2qy1zHTm6" in lines[1] and lines[1].endswith("...")


def test_the_widest_column_gives_way_first():
    (line,) = tables.table(COLUMNS, [("A", 1, "sender@b.test", "w" * 500)], width=50)[1:]
    assert "sender@b.test" in line


def test_what_may_not_be_shortened_is_shown_whole_even_where_it_does_not_fit():
    assert tables.table([Column("ID")], [("A" * 50,)], width=20)[1] == "A" * 50


def test_control_characters_are_harmless():
    assert tables.table([Column("A")], [("a\x1b[31m\nb",)])[1] == "a\\x1b[31m\\nb"
    assert tables.sentence("a \x1b[2J\nb") == ["a \\x1b[2J b"]


def test_a_sentence_below_a_row_is_wrapped_and_takes_three_lines_at_most():
    lines = tables.table([Column("A")], [("a",), ("b",)], ["x" * 200, ""], width=30)
    assert lines == ["A", "a", "    " + "x" * 26, "    " + "x" * 26, "    " + "x" * 23 + "...", "b"]


def test_the_width_is_that_of_columns_or_80(monkeypatch):
    monkeypatch.setenv("COLUMNS", "123")
    assert tables.terminal_width() == 123
    monkeypatch.setenv("COLUMNS", "wide")
    monkeypatch.setattr(tables.Display(), "columns", 79)
    assert tables.terminal_width() == 80


def test_a_sentence_of_several_hosts_is_shown_once():
    assert tables.by_host([("a", "x"), ("b", "y"), ("c", "x")]) == ["  a, c: x", "  b: y"]


def test_a_cell_that_is_an_answer_goes_on_below():
    columns = [Column("HOST", least=6), Column("RULE", least=12, whole=True), Column("HITS", right=True)]
    rows = [("mx1", "from averylongname.of.some.example", 7), ("mx2", "connect 192.0.2.0/24", 12)]
    assert tables.table(columns, rows, ["why", ""], width=32) == [
        "HOST  RULE                  HITS",
        "mx1   from averylongname.o     7",
        "      f.some.example",
        "    why",
        "mx2   connect 192.0.2.0/24    12",
    ]
