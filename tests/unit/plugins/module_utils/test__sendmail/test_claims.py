# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What rules of an administrator's own name, wherever they name it."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import cf, claims

RULES = {
    "in the rule": "SLocal_check_rcpt\nR$*\t$: $1 $| $&f\nR$* $| $* @ partner.test\t$# OK\n",
    "in the rule, with blanks": "SLocal_check_rcpt\nR$* $| <$* @ partner . test>\t$# OK\n",
    "in a class": "C{Friends}partner.test\nSLocal_check_rcpt\nR$* $| $* @ $={Friends}\t$# OK\n",
    "in an expression": "Kfriends regex -a@MATCH @partner\\.test$\nSLocal_check_rcpt\nR$*\t$: $(friends $&f $)\n",
    "in a table": "Kfriends hash /t/friends\nSLocal_check_rcpt\nR$*\t$: $(friends $&f $: NO $)\n",
    "in a rule set that is called": "SLocal_check_rcpt\nR$*\t$: $>Mine $1\nSMine\nR$* @ partner.test\t$# OK\n",
    "where the set is begun again": "SLocal_check_rcpt\nScheck_rcpt\nR$*\t$: $1\nSLocal_check_rcpt\nR$* $| $* @ partner.test\t$# OK\n",
    "behind a map": "SLocal_check_rcpt\nR$*\t$: $1\nKother hash /t/x\nR$* $| $* @ partner.test\t$# OK\n",
    "for those who may relay": "SLocal_Relay_Auth\nR$* @ partner.test\t$# RELAY\n",
}


@pytest.mark.parametrize("rules", list(RULES.values()), ids=list(RULES))
def test_what_a_rule_names(rules):
    source = claims.Source(
        rules, cf.parse(rules), lambda definition: ["partner.test"] if "/t/friends" in definition else []
    )
    assert "partner.test" in claims.words(source)


def test_an_address_is_an_address():
    rules = "SLocal_check_rcpt\nR$* $| boss @ partner.test\t$# OK\n"
    assert claims.words(claims.Source(rules, cf.parse(rules), lambda definition: [])) == ["boss@partner.test"]


def test_rules_of_others_name_nothing():
    rules = "Scheck_rcpt\nR$* @ partner.test\t$# OK\n"
    assert claims.words(claims.Source(rules, cf.parse(rules), lambda definition: [])) == []
