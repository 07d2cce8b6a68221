# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model import rewriting

HOST = {
    "identity": {"hostname": "relay1.lab.test", "local_domains": ["here.test"]},
    "relay": {"domains": ["served.test"]},
}


def policy_of(**rewrite):
    return _policy.parse(dict(HOST, rewrite=rewrite), "none")


def test_rules_become_keys_and_values():
    rules = rewriting.rules_of(
        policy_of(
            senders=[{"match": "A@int.test", "to": "b@brand.test"}, {"match": "int.test", "to": "brand.test"}],
            domains=[{"domain": "old.test", "to": "served.test"}],
            masquerade={"domains": ["hide.test"], "except": ["Root"]},
        )
    )
    assert rules.senders == {"a@int.test": "b@brand.test", "@int.test": "@brand.test", "@old.test": "@served.test"}
    assert rules.recipients == {"@old.test": "@served.test"}
    assert (rules.masquerade, rules.exposed, rules.headers) == (("hide.test",), ("root",), True)


def test_a_domain_is_served_where_its_other_name_is():
    ends = ("served.test", "here.test", "relay1.lab.test", "ok.test")
    policy = policy_of(domains=[{"domain": f"old{number}.test", "to": end} for number, end in enumerate(ends)])
    rules = rewriting.rules_of(policy)
    assert rewriting.implied_domains(policy, rules, rewriting.RELAYED) == ["old0.test"]
    assert rewriting.implied_domains(policy, rules, rewriting.LOCAL) == ["old1.test", "old2.test"]


@pytest.mark.parametrize(
    "rewrite,why",
    [
        ({"senders": [{"match": "a@b.test", "to": "c.test"}]}, "needs an address"),
        ({"recipients": [{"match": "b.test", "to": "a@c.test"}]}, "needs a domain"),
        ({"senders": [{"match": "b.test", "to": "c.test"}, {"match": "B.test", "to": "d.test"}]}, "already"),
        ({"senders": [{"match": "b.test", "to": "c.test"}, {"match": "c.test", "to": "d.test"}]}, "again"),
        ({"senders": [{"match": "b@b.test", "to": "c@c.test"}, {"match": "c@c.test", "to": "d@d.test"}]}, "again"),
        ({"senders": [{"match": "b@b.test", "to": "c@a.c.test"}], "masquerade": {"domains": ["c.test"]}}, "again"),
        ({"senders": [{"match": "c.test", "to": "d.test"}], "masquerade": {"domains": ["c.test"]}}, "again"),
        ({"masquerade": {"domains": ["c.test", "b.c.test"]}}, "above it"),
        ({"domains": [{"domain": "here.test", "to": "served.test"}]}, "delivered here"),
    ],
)
def test_rules_that_cannot_live_together_are_refused(rewrite, why):
    with pytest.raises(OptionError, match=why):
        rewriting.rules_of(policy_of(**rewrite))


@pytest.mark.parametrize("to", ["%1@b.test", "#x@b.test", "$x@b.test", "a b@b.test", '"a"@b.test', "a@b.test\n"])
def test_characters_that_mean_something_in_a_table_are_refused(to):
    with pytest.raises(OptionError):
        policy_of(senders=[{"match": "a@a.test", "to": to}])


def test_a_domain_may_give_what_an_address_rule_takes():
    rules = rewriting.rules_of(
        policy_of(senders=[{"match": "root@b.test", "to": "x@d.test"}, {"match": "a.test", "to": "b.test"}])
    )
    assert len(rules.senders) == 2


def test_rules_read_back_are_the_options():
    rewrite = {
        "senders": [{"match": "int.test", "to": "brand.test"}],
        "domains": [{"domain": "old.test", "to": "served.test"}],
        "masquerade": {"domains": ["hide.test"], "except": ["root"]},
        "headers": False,
    }
    assert rewriting.as_options(rewriting.rules_of(policy_of(**rewrite))) == rewrite
    assert rewriting.as_options(rewriting.rules_of(policy_of())) == {}


def test_what_follows_from_a_rule_is_no_option_of_its_own():
    policy = {
        "identity": {"hostname": "r.test", "local_domains": ["mine.test", "olda.test"]},
        "relay": {"domains": ["served.test", "old.test", "far.test"]},
        "rewrite": {"domains": [{"domain": "old.test", "to": "served.test"}, {"domain": "olda.test", "to": "mine.test"},
                                {"domain": "far.test", "to": "third.test"}]},
    }  # fmt: skip
    rewriting.without_implied(policy)
    assert policy["relay"]["domains"] == ["served.test", "far.test"]
    assert policy["identity"]["local_domains"] == ["mine.test"]
