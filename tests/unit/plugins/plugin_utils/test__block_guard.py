# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Blocks that must be confirmed by name."""

import pytest

from ansible_collections.postmaster.mta.plugins.plugin_utils import _block_guard

SERVED = {"served.test", "mail.b.example"}


@pytest.mark.parametrize(
    "value",
    [
        "com",
        "COM.",
        ["a.example", "co.uk"],
        "served.test",
        "anna@served.test",
        "b.example",
        "news.served.test",
        "x@a.news.served.test",
    ],
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


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"block_client": "10.0.0.0/7"}, "block_client: 10.0.0.0/7: a network must be /8 or narrower"),
        ({"block_client": ["192.0.2.1", "::/0"]}, "block_client: ::/0: a network must be /16 or narrower"),
        ({"block_client": "192.0.2.1/24"}, "block_client: 192.0.2.1/24: "),
        ({"block_client": "a@b.example"}, "block_client: a@b.example: a client has no mail address"),
        ({"block_domain": "<>"}, "block_domain: <>: the null sender carries all bounces"),
        ({"block_recipient": "192.0.2.1"}, "block_recipient: 192.0.2.1: an IP address is a client's"),
        ({"block_domain": "a.example,b.example", "block_code": "250"}, "block_code: 250: the code for reject must be"),
        ({"block_file": "/x", "block_status": "2.0.0"}, "block_status: 2.0.0: expected a status like 5.7.1"),
        ({"block_domain": "a.example", "block_action": "relay"}, "block_action: relay: from a.example: anybody can"),
        ({"block_rules": [{"connect": "0.0.0.0/0"}]}, "block_rules[0].connect: 0.0.0.0/0: a network must be"),
        ({"block_rules": [{"form": "a.example"}]}, "block_rules[0]: "),
    ],
)
def test_what_cannot_be_meant_is_said_before_a_relay_is_asked(values, said):
    (sentence,) = _block_guard.unfit(values, False)
    assert sentence.startswith(said)


def test_what_is_to_be_removed_is_judged_by_its_pattern_alone():
    assert _block_guard.unfit({"block_domain": "a.example", "block_code": 250}, True) == []
    assert len(_block_guard.unfit({"block_client": "0.0.0.0/0,::/0"}, True)) == 2


def test_what_the_module_takes_is_fit():
    values = {"block_domain": "A.example, b.example.", "block_code": "554", "block_expires": "30d", "block_ticket": 7}
    assert _block_guard.unfit(values, False) == []
    rules = [{"from": ["a.example"], "to": "u@b.example", "code": "551"}, {"connect": ["192.0.2.0/24"], "action": "ok"}]
    assert _block_guard.unfit({"block_rules": rules}, False) == []


def test_rules_are_judged_too_and_exemptions_are_not():
    assert _block_guard.problems({"block_rules": [{"from": ["com"]}]}, SERVED)
    assert _block_guard.problems({"block_domain": "served.test", "block_action": "ok"}, SERVED) == []


def test_the_served_domains_are_those_of_the_merged_policy():
    variables = {
        "relay_policy": {"relay": {"domains": ["A.test"]}},
        "relay_policy_host": {"relay": {"domains+": ["b.test"]}},
    }
    assert _block_guard.served_domains(variables, lambda value: value) == {"a.test", "b.test"}
