# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The expansion of parameters, as postconf(5) describes it."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._postfix.parameters import MalformedValue, expand

VALUES = {"name": "relay.test", "empty": "", "other": "$name:25", "loop": "$loop"}


@pytest.mark.parametrize(
    "text, expected",
    [
        ("$name", "relay.test"),
        ("${name}", "relay.test"),
        ("$(name)x", "relay.testx"),
        ("$other", "relay.test:25"),
        ("$unset", ""),
        ("$$name", "$name"),
        ("${name?yes}", "yes"),
        ("${empty?yes}", ""),
        ("${empty:no}", "no"),
        ("${name?{yes}:{no}}", "yes"),
        ("${empty?{yes}:{no}}", "no"),
        ("${{$name} == {relay.test} ? {same} : {other}}", "same"),
        ("${{1} > {10} ? {more} : {less}}", "less"),
    ],
)
def test_expansion(text, expected):
    assert expand(text, VALUES) == expected


@pytest.mark.parametrize("text", ["$", "a $ b", "${name", "${na me}", "$loop"])
def test_what_postfix_would_refuse(text):
    with pytest.raises(MalformedValue):
        expand(text, VALUES)
