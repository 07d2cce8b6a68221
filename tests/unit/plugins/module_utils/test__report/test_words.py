# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Words and numbers of a report: ages, sizes, and texts of strangers."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._report import words


@pytest.mark.parametrize(
    "seconds, text",
    [(0, "0s"), (59.9, "59s"), (60, "1m 0s"), (3599, "59m 59s"), (86400, "1d 0h"), (90061, "1d 1h"), (-5, "0s")],
)
def test_an_age(seconds, text):
    assert words.age(seconds) == text


@pytest.mark.parametrize(
    "count, text",
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 kB"),
        (20480, "20 kB"),
        (5 * 1024**2, "5.0 MB"),
        (9 * 1024**5, "9216 TB"),
    ],
)
def test_a_size(count, text):
    assert words.size(count) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain \u00e9", "plain \u00e9"),
        ("a\x1b[2J\nb", "a\\x1b[2J\\nb"),
        ("\u202egnp", "\\u202egnp"),
        ("\udc80", "\\udc80"),
    ],
)
def test_what_cannot_be_seen_is_escaped(text, shown):
    assert words.harmless(text) == words.visible(text) == shown


def test_a_long_text_is_cut():
    assert words.visible("x" * 50, 10) == "x" * 9 + "\u2026"
    assert len(words.visible("\x1b" * 50, 10)) == 10


def test_a_shown_number_remembers_itself():
    assert (words.number(12345), words.number(12345).raw) == ("12,345", 12345)
    assert (words.number(None), words.percent(None), words.percent(12.34)) == ("-", "-", "12.3 %")


def test_the_classes_between_limits():
    assert words.steps((1, 5), str) == ["\u2264 1", "\u2264 5", "> 5"]


def test_the_command_that_blocks_has_real_domains_only():
    command = words.block_command(["a.example", "b.example; rm -rf /", "c.example"])
    assert command == "ansible-playbook postmaster.mta.block_domains -e block_domain=a.example,c.example"
    assert words.block_command(["$(reboot)"]) == ""
