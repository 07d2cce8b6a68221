# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What sendmail -bt says about recipients: the outermost answer of a ruleset counts."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import cf, rulesets

OUT = """> > checkrcpt          input: < a @ b . test >
Basic_check_rcpt   input: < a @ b . test >
checkrcpt          input: < a >
checkrcpt        returns: OK
Basic_check_rcpt returns: $# error $@ 5 . 7 . 1 $: "550 no"
checkrcpt        returns: $# error $@ 5 . 7 . 1 $: "550 no"
> checkrcpt          input: < c @ d . test >
checkrcpt        returns: < c @ d . test >
"""


def test_only_the_outermost_answers_count():
    assert rulesets.verdicts_in(OUT, "checkrcpt") == ('$# error $@ 5 . 7 . 1 $: "550 no"', "< c @ d . test >")


@pytest.mark.parametrize(
    "verdict, refused, taken",
    [
        ('$# error $@ 5 . 7 . 1 $: "550 no"', True, False),
        ("$# TEMP", True, False),
        ("REJECT", True, False),
        ("$# discard $: discard", False, False),
        ("< a @ b >", False, True),
        ("RELAY", False, True),
    ],
)
def test_what_a_verdict_means(verdict, refused, taken):
    assert (rulesets.refused(verdict), rulesets.taken(verdict)) == (refused, taken)


def test_the_ruleset_about_recipients_alone():
    assert rulesets.about_recipients(cf.parse("Scheck_rcpt\nScheckrcpt\n")) == "checkrcpt"
    assert rulesets.about_recipients(cf.parse("Scheck_rcpt\n")) == "check_rcpt"


@pytest.mark.parametrize("address, written", [("fd00:25::60", "IPv6:fd00:25:0:0:0:0:0:60"), ("10.0.0.1", "10.0.0.1")])
def test_an_address_is_written_as_sendmail_compares_it(address, written):
    """Class R has whole groups; a network of IPv6 that may relay was taken for one that may not."""
    assert rulesets._tagged(address) == written
