# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of _finding.py."""

from ansible_collections.postmaster.mta.plugins.module_utils._model.finding import ERROR, Finding, as_facts, from_facts


def test_there_and_back():
    finding = Finding("code", ERROR, "about", "what", ("one", "two"), "do this")
    assert from_facts(as_facts(finding)) == finding


def test_what_came_from_outside_is_escaped_and_cut():
    facts = as_facts(Finding("code", ERROR, "a\x1b[2Jb", "x" * 5000, ("\r\n" * 5000,) * 90))
    assert facts["about"].isprintable()
    assert len(facts["what"]) < 700
    assert len(facts["evidence"]) == 20
    assert all(line.isprintable() and len(line) < 400 for line in facts["evidence"])
