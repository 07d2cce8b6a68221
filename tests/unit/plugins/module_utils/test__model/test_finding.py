# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of finding.py: the record, and the table of codes that every judge keeps to."""

import ast
import json
import pathlib

from ansible_collections.postmaster.mta.plugins.module_utils._model import finding as finding_module
from ansible_collections.postmaster.mta.plugins.module_utils._model.finding import (
    CODES,
    ERROR,
    NOTICE,
    WARNING,
    Finding,
    as_facts,
    from_facts,
    make_finding,
)


def test_there_and_back():
    finding = Finding("code", ERROR, "about", "what", ("one", "two"), "do this")
    assert from_facts(as_facts(finding)) == finding


def test_what_came_from_outside_is_escaped_and_cut():
    facts = as_facts(Finding("code", ERROR, "a\x1b[2Jb", "x" * 5000, ("\r\n" * 5000,) * 90))
    assert facts["about"].isprintable()
    assert len(facts["what"]) < 700
    assert len(facts["evidence"]) == 20
    assert all(line.isprintable() and len(line) < 400 for line in facts["evidence"])


def test_the_remedy_of_a_code_is_filled_in():
    finding = make_finding("first_resolver_silent", ERROR, "10.0.0.1", "it is silent", server="10.0.0.1")
    assert finding.remedy == "fix 10.0.0.1, or remove it: sed -i '/nameserver 10.0.0.1/d' /etc/resolv.conf"
    flush = make_finding("waiting", NOTICE, "a.test", "it waits", domain="a.test").remedy
    assert flush.startswith("ansible {hosts} -m postmaster.mta.queue -a '{") and flush.count("{") == flush.count("}")
    assert json.loads(flush.partition("'")[2][:-1]) == {"action": "flush", "select": {"domain": ["a.test"]}}


def test_what_explains_most_ranks_first():
    def rank(code, severity=ERROR):
        return Finding(code, severity, "a", "w").rank

    assert rank("mta_down") < rank("stale_address") < rank("destination_defers") < rank("mta_down", WARNING)
    assert rank("destination_defers") < rank("from another version")


# --- the table ----------------------------------------------------------------------------------------------------


def test_every_code_that_a_judge_uses_stands_in_the_table():
    assert _made() - set(CODES) == set()


def test_every_code_of_the_table_is_used():
    assert set(CODES) - _literals() == set()


#: What makes a finding of a code, and what stands for one on its way.
_MAKERS = ("make_finding(", "about_setting(", "Obstacle(", "Fate = ")


def _judges():
    root = pathlib.Path(finding_module.__file__).parents[1]
    for path in sorted(root.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if any(word in text for word in _MAKERS) and path.name != "finding.py":
            yield ast.parse(text)


def _made():
    """The codes that are given as they are to what makes a finding."""
    calls = [node for tree in _judges() for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
    made = [call.args[0] for call in calls if f"{getattr(call.func, 'id', '')}(" in _MAKERS]
    return set(filter(None, map(_text_of, made)))


def _literals():
    """Every text in the judges: a code can come to make_finding() out of a table of theirs."""
    nodes = [node for tree in _judges() for node in ast.walk(tree)]
    return set(filter(None, map(_text_of, nodes)))


def _text_of(node):
    """The text of a literal, or None: Python 3.6 and 3.7 parse it as a Str, later ones as a Constant."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    return node.s if type(node).__name__ == "Str" else None


def test_nobody_makes_a_finding_past_the_table():
    root = pathlib.Path(finding_module.__file__).parents[1]
    for path in sorted(root.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if "_model.finding import" in text:
            assert "Finding(" not in text.replace("make_finding(", ""), path
