# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A text that an expression matches: what a stranger must say."""

import re

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model.examples import example_of


@pytest.mark.parametrize(
    "expression",
    [
        r"@partner\.example$",
        r"^boss@",
        r"(^|\.)partner\.example$",
        r"^[0-9]+\.x$",
        r"[^@x7]+@a\.b$",
        r"^(a|b){2,3}c?$",
        r".",
        r"^<>$",
        r"^\w+\d\s*\S\W$",
        r"(?:mail|mx)\d\.example",
    ],
)
def test_an_example_matches(expression):
    assert re.search(expression, example_of(expression))


@pytest.mark.parametrize("expression", ["(", r"[^\x00-\xff]"])
def test_where_there_is_none_nothing_is_said(expression):
    assert example_of(expression) == ""
