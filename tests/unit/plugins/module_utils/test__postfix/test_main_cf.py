# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import hypothesis
import pytest
from hypothesis import strategies as some

from ansible_collections.postmaster.mta.plugins.module_utils._errors import SyntaxProblem
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import main_cf
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import (
    CORPUS,
    VERSIONS,
    recorded,
)
from ansible_collections.postmaster.mta.tests.unit.share import examples

EVERY_MAIN_CF = sorted(CORPUS.glob("*/main.cf*"))
TEXT = b"""# a comment

myhostname = relay.example.com
  # a comment between
mynetworks = 127.0.0.0/8
# in the middle
   [::1]/128

\t10.0.0.0/8
relayhost=
last = no line end"""


def test_continued_lines_go_on_across_comments_and_empty_lines():
    values = main_cf.parse(TEXT).values
    assert values["mynetworks"].split() == ["127.0.0.0/8", "[::1]/128", "10.0.0.0/8"]
    assert values["relayhost"] == ""
    assert values["last"] == "no line end"


def test_a_changed_parameter_keeps_its_place_and_the_comments_stay():
    after = main_cf.edit(main_cf.parse(TEXT), {"mynetworks": "192.0.2.0/24"}).decode()
    assert after == (
        "# a comment\n\nmyhostname = relay.example.com\n  # a comment between\nmynetworks = 192.0.2.0/24\n"
        "# in the middle\n\nrelayhost=\nlast = no line end"
    )


def test_new_parameters_go_to_the_end_in_order_after_one_empty_line():
    main = main_cf.parse(b"myhostname = a.test\n")
    assert main_cf.edit(main, {"b": "2", "a": "1", "c": ""}) == b"myhostname = a.test\n\na = 1\nb = 2\nc =\n"


def test_a_second_edit_adds_to_the_block_and_no_further_empty_line():
    once = main_cf.edit(main_cf.parse(b"x = 1\n"), {"a": "1"})
    assert main_cf.edit(main_cf.parse(once + b"\n"), {"b": "1"}) == b"x = 1\n\na = 1\n\nb = 1\n"


def test_a_parameter_is_removed_with_all_its_lines_and_nothing_else():
    after = main_cf.edit(main_cf.parse(TEXT), {"mynetworks": None, "unknown": None})
    assert b"10.0.0.0/8" not in after
    assert b"# in the middle" in after
    assert main_cf.parse(after).values == {"myhostname": "relay.example.com", "relayhost": "", "last": "no line end"}


def test_the_same_value_in_other_lines_is_no_change():
    wanted = {"mynetworks": "127.0.0.0/8 [::1]/128 10.0.0.0/8", "relayhost": ""}
    assert main_cf.edit(main_cf.parse(TEXT), wanted) == TEXT


@pytest.mark.parametrize(
    "text,line,why",
    [
        (b"a = 1\nnonsense\n", 2, "name = value"),
        (b" a = 1\n", 1, "starts with a blank"),
        (b"= 1\n", 1, "not the name"),
        (b"a b = 1\n", 1, "not the name"),
        (b"a = 1\0b = 2\n", 1, "NUL"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_line(text, line, why):
    with pytest.raises(SyntaxProblem, match=why) as caught:
        main_cf.sound(main_cf.parse(text, "/etc/postfix/main.cf"))
    assert str(caught.value).startswith(f"/etc/postfix/main.cf:{line}: ")


TWICE = b"a = 1\n# why\nb = 1\na = 2\n"


def test_of_two_values_the_last_one_counts_as_in_postfix():
    assert main_cf.sound(main_cf.parse(TWICE)).values == {"a": "2", "b": "1"}


@pytest.mark.parametrize(
    "changes,after",
    [
        ({"b": "2"}, b"a = 1\n# why\nb = 2\na = 2\n"),
        ({"a": "2"}, TWICE),
        ({"a": "3"}, b"# why\nb = 1\na = 3\n"),
        ({"a": "1"}, b"# why\nb = 1\na = 1\n"),
        ({"a": None}, b"# why\nb = 1\n"),
    ],
)
def test_a_parameter_that_is_set_twice_stands_there_once_after_its_change(changes, after):
    assert main_cf.edit(main_cf.parse(TWICE), changes) == after


@pytest.mark.parametrize("path", EVERY_MAIN_CF, ids=lambda path: "-".join(path.parts[-2:]))
def test_shipped_files_survive_reading_and_writing(path):
    main = main_cf.sound(main_cf.parse(path.read_bytes()))
    assert main_cf.edit(main, {}) == path.read_bytes()
    assert main_cf.edit(main, main.values) == path.read_bytes()


@pytest.mark.parametrize("version", VERSIONS)
def test_an_unmanaged_comment_survives(version):
    content = recorded(version, "main.cf")
    comments = [line for line in content.splitlines() if line.startswith(b"#")]
    after = main_cf.edit(main_cf.parse(content), {"smtpd_banner": "x", "new": "y"})
    assert [line for line in after.splitlines() if line.startswith(b"#")] == comments


LINES = some.lists(
    some.one_of(
        some.sampled_from([b"", b"# c", b"   ", b" # c", b"  more", b"\tmore", b"a = 1", b"b=", b"c = x\r", b"d = $a"]),
        some.binary(max_size=12).map(lambda line: line.replace(b"\n", b"")),
    )
)


@hypothesis.given(LINES, some.booleans())
@hypothesis.settings(max_examples=examples(400))
def test_reading_and_writing_is_the_identity_whatever_the_file(lines, newline):
    content = b"\n".join(lines) + (b"\n" if newline else b"")
    main = main_cf.parse(content)
    assert main_cf.edit(main, {}) == content
    assert main_cf.edit(main, main.values) == content


@hypothesis.given(
    LINES, some.dictionaries(some.sampled_from("abcxyz"), some.one_of(some.none(), some.sampled_from(["1", "", "x y"])))
)
@hypothesis.settings(max_examples=examples(400))
def test_an_edit_does_what_it_says_and_nothing_else(lines, changes):
    main = main_cf.parse(b"\n".join(lines))
    hypothesis.assume(not main.problems)
    after = main_cf.parse(main_cf.edit(main, changes))
    wanted = dict(main.values)
    wanted.update({name: value for name, value in changes.items() if value is not None})
    wanted = {name: value for name, value in wanted.items() if changes.get(name, "") is not None}
    assert not after.problems
    assert {name: value.split() for name, value in after.values.items()} == {n: v.split() for n, v in wanted.items()}
    assert main_cf.edit(after, changes) == main_cf.edit(main, changes)
