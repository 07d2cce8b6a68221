# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._postfix import expansion, parameters
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.expansion import references
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.parameters import MalformedValue, expand
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import (
    VERSIONS,
    scripted,
)

VALUES = {"a": "1", "b": "$a-$(a)-${a}", "empty": "", "level": "3.6", "loop": "$pool", "pool": "$loop"}


@pytest.mark.parametrize(
    "value,expanded",
    [
        ("plain", "plain"),
        ("$b", "1-1-1"),
        ("$$a", "$a"),
        ("$unknown.", "."),
        ("${a?yes}${a:no}", "yes"),
        ("${empty?yes}${empty:no}", "no"),
        ("${a?{yes}:{no}}/${empty?{yes}:{no}}", "yes/no"),
        ("${a ? {x $a} : {no}}", "x 1"),
        ("${stress?{10}:{300}}s", "300s"),
        ("${{$a} == {1} ? {one} : {other}}", "one"),
        ("${{10} < {9} ? {text} : {number}}", "number"),
        ("${{$level} <level {3.10} ? {older} : {newer}}", "older"),
        ("${{x} != {y} ? {differ}}", "differ"),
    ],
)
def test_references_expand_as_postfix_does_it(value, expanded):
    assert expand(value, VALUES) == expanded


def test_stress_is_a_second_face_of_a_value():
    assert expand("${stress?{10}:{300}}s", {}, stress=True) == "10s"


@pytest.mark.parametrize("value", ["$", "a $ b", "${", "${a", "$(a", "${a b}", "${}", "${a?{x}{y}}", "$loop"])
def test_what_would_be_fatal_for_postfix_is_an_error(value):
    with pytest.raises(MalformedValue):
        expand(value, VALUES)


def test_references_are_found_in_all_branches():
    assert references("$a ${b?{$c}:{$d}} $$e $(f)") == ("a", "b", "c", "d", "f")


@pytest.mark.parametrize("version", VERSIONS)
def test_the_built_in_parameters_are_asked_once(version):
    runner = scripted(version)
    assert parameters.defaults(runner)["mail_version"] == version
    assert parameters.defaults(runner)["smtpd_timeout"] == "${stress?{10}:{300}}s"
    assert runner.calls == [("postconf", "-d")]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_default_expands(version):
    builtin = parameters.defaults(scripted(version))
    for name, value in builtin.items():
        if name not in expansion.RAW:
            expand(value, builtin)


def test_lists_split_at_blanks_and_commas_but_not_in_braces():
    assert parameters.split_list("a, b\tc,{ d, e } f:{g h}") == ("a", "b", "c", "{ d, e }", "f:{g h}")
