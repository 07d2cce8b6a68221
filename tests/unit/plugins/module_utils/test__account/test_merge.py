# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Take one change out of a table in which somebody has written since: what came later stays."""

import random

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._account.merge import without


@pytest.mark.parametrize(
    "before, after, live, expected",
    [
        (b"a\n", b"a\nb\n", b"a\nb\n", b"a\n"),
        (b"a\n", b"a\nb\n", b"a\nb\nc\n", b"a\nc\n"),
        (b"a\n", b"a\nb\n", b"x\na\nb\n", b"x\na\n"),
        (b"a\nb\nc\n", b"a\nc\n", b"a\nc\nd\n", b"a\nb\nc\nd\n"),
        (b"b\nc\n", b"c\n", b"c\nd\n", b"b\nc\nd\n"),
        (b"a\nb\nc\n", b"a\nB\nc\nd\n", b"a\nB\nc\nd\ne\n", b"a\nb\nc\ne\n"),
        (None, b"a\n", b"a\n", None),
        (None, b"a\n", b"a\nb\n", b"b\n"),
        (b"a\n", None, b"b\n", b"b\n"),
        (b"a\n", b"a\nb\n", None, None),
        # The lines of the change are gone, or there twice: nobody can say what it would be without them.
        (b"a\n", b"a\nb\n", b"a\nc\n", b"a\nc\n"),
        (b"a\n", b"a\nb\n", b"a\nb\nb\n", b"a\nb\nb\n"),
    ],
)
def test_without(before, after, live, expected):
    assert without(before, after, live) == expected


def test_any_rules_that_come_later_stay():
    dice = random.Random(3)
    for dummy in range(300):
        table = [b"%d.example REJECT\n" % number for number in range(dice.randrange(30))]
        after = list(table)
        for number in range(dice.randrange(1, 5)):
            after.insert(dice.randrange(len(after) + 1), b"changed-%d.example REJECT\n" % number)
        live, later = list(after), []
        for number in range(dice.randrange(4)):
            line = b"later-%d.example REJECT\n" % number
            live.insert(dice.randrange(len(live) + 1), line)
            later.append(line)
        left = (without(b"".join(table), b"".join(after), b"".join(live)) or b"").splitlines(True)
        assert set(left) >= set(table) | set(later)
