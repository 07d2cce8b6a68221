# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Blocks that must be confirmed by name."""

import pytest

from ansible_collections.postmaster.mta.plugins.plugin_utils import _block_guard

SERVED = {"served.test", "mail.b.example"}


@pytest.mark.parametrize(
    "value", ["com", "COM.", ["a.example", "co.uk"], "served.test", "anna@served.test", "b.example"]
)
def test_what_is_regretted_must_be_confirmed_by_its_name(value):
    (said,) = _block_guard.problems({"block_domain": value}, SERVED)
    name = said.split(": ")[1]
    assert said.endswith(f"if you mean it, add -e block_anyway={name}")
    assert _block_guard.problems({"block_domain": value, "block_anyway": name}, SERVED) == []


@pytest.mark.parametrize(
    "value", ["spam.example", "a@c.example", "anna@com.example", "<>", "x.co.uk", "192.0.2.66", "2001:db8::1"]
)
def test_an_ordinary_block_passes(value):
    assert _block_guard.problems({"block_domain": value}, SERVED) == []


def test_rules_are_judged_too_and_exemptions_are_not():
    assert _block_guard.problems({"block_rules": [{"from": ["com"]}]}, SERVED)
    assert _block_guard.problems({"block_domain": "served.test", "block_action": "ok"}, SERVED) == []


def test_the_served_domains_are_those_of_the_merged_policy():
    variables = {
        "relay_policy": {"relay": {"domains": ["A.test"]}},
        "relay_policy_host": {"relay": {"domains+": ["b.test"]}},
    }
    assert _block_guard.served_domains(variables, lambda value: value) == {"a.test", "b.test"}
