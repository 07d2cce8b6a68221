# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rulesets that we write: their names, and how one calls others."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import ruleset_texts

TEXTS = [
    ruleset_texts.VRFY_OFF,
    ruleset_texts.STARTTLS_DEMANDED,
    ruleset_texts.TRUSTED,
    ruleset_texts.SENDER_CHECKED,
    ruleset_texts.SENDER_QUALIFIED,
    ruleset_texts.size_kept(1000),
]


@pytest.mark.parametrize("text", TEXTS)
def test_each_text_declares_one_ruleset_and_has_two_columns_a_rule(text):
    assert len(ruleset_texts.declared(text)) == 1
    for rule in text.split("\n")[1:]:
        left, tab, right = rule.partition("\t")
        assert rule.startswith("R") and left and tab and right, rule


def test_the_limit_of_the_size_stands_in_the_ruleset():
    assert "postmaster_arith l $@ 1000 $@" in ruleset_texts.size_kept(1000)


@pytest.mark.parametrize(
    "make, name", [(ruleset_texts.check_mail, "check_mail"), (ruleset_texts.check_rcpt, "Local_check_rcpt")]
)
def test_others_are_called_one_after_another_and_the_first_refusal_decides(make, name):
    text = make(["First", "Second"])
    assert ruleset_texts.declared(text) == [name]
    assert text.index("$>First") < text.index("$#$2") < text.index("$>Second")
