# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of a rollout of access rules."""

from ansible_collections.postmaster.mta.plugins.plugin_utils import _blocks


def answer(**more):
    counts = {"added": 1, "updated": 0, "removed": 0, "unchanged": 0}
    verified = ["1 changes asked", "from a.example: 550 5.7.1 <x@a.example>: Refused"]
    return dict(
        {"mta": "postfix", "version": "3.7.11", "instance": "postfix", "counts": counts, "verified": verified}, **more
    )


def test_every_instance_has_a_row():
    several = answer(instance="all", instances=[answer(), answer(instance="postfix-EXT", verified=[])])
    lines = _blocks.table([_blocks.read("mx1", several)])
    assert lines[1].split() == ["mx1", "postfix", "postfix", "3.7.11", "1", "0", "0", "550", "5.7.1"]
    assert lines[2].split() == ["mx1", "postfix-EXT", "postfix", "3.7.11", "1", "0", "0", "-"]


def test_rules_are_listed_once_for_all_hosts_and_expired_ones_are_marked():
    rule = {
        "rule": "from a.example",
        "action": "reject",
        "code": 550,
        "status": "5.7.1",
        "added": "2026-11-01T00:00:00Z",
    }
    rule.update(by="anna", ticket="T-1", expires="2020-01-01", comment="why", expired=True)
    relays = [_blocks.read(host, answer(answers=[], rules=[rule])) for host in ("a", "b")]
    lines = _blocks.answers(relays)
    assert lines[1].split() == [
        *("from", "a.example", "reject", "550", "5.7.1", "2026-11-01", "anna", "T-1", "2020-01-01", "EXPIRED", "all"),
    ]
    assert lines[2:] == ["    comment: why", "1 rule on a, b"]


def test_a_rule_that_only_some_instances_have_names_them():
    rule = {"rule": "from a.example", "action": "reject", "instance": "postfix"}
    both = [rule, dict(rule, instance="postfix-EXT")]
    names = ["postfix", "postfix-EXT"]
    relays = [
        _blocks.read("a", answer(answers=[], rules=[rule], instances=names)),
        _blocks.read("b", answer(answers=[], rules=both, instances=names)),
    ]
    assert _blocks.answers(relays)[1].endswith("a postfix, b")


def test_rules_that_are_not_listed_are_counted():
    rules = [{"rule": f"from {name}.example", "action": "reject"} for name in "xy"]
    lines = _blocks.answers([_blocks.read("a", answer(answers=[], rules=rules, count=3066))])
    assert lines[-2:] == ["2 of the rules on a", "  a: 2 of 3066 rules are shown; block_limit=0 shows all"]


def test_no_rule_is_a_sentence():
    assert _blocks.answers([_blocks.read("a", answer(answers=[], rules=[]))]) == [
        "No rule of ours blocks anybody on a."
    ]


def test_who_is_not_blocked_is_said():
    asked = {"place": "from", "asked": "x.example", "action": "none"}
    line = _blocks.answers([_blocks.read("a", answer(answers=[asked]))])[1]
    assert "from x.example  not blocked" in line
