# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What sendmail -bt says about recipients: the outermost answer of a ruleset counts."""

import types

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


EACH = """ADDRESS TEST MODE (ruleset 3 NOT automatically invoked)
Enter <ruleset> <address>
> > check_eom          input: 5000
check_eom        returns: $# error $: no
> Undefined ruleset gone
> > PostmasterDelimi   input: NO $| MAIL
PostmasterDelimi returns: NO $| MAIL
tls_client         input: NO $| MAIL
tls_client       returns: OK
> """


def test_each_answer_belongs_to_its_query(monkeypatch):
    host = types.SimpleNamespace(runner=types.SimpleNamespace(run=lambda argv, **more: types.SimpleNamespace(out=EACH)))
    monkeypatch.setattr(rulesets.discover, "the_layout", lambda: types.SimpleNamespace(program="sendmail"))
    first = rulesets.Query("check_eom", "5000", (("{client_addr}", "203.0.113.9"),))
    gone = rulesets.Query("gone", "x")
    last = rulesets.Query("PostmasterDelimited,tls_client", "NO $| MAIL", (("{verify}", "NO"),))
    answers = rulesets.ask_each(host, "/x", [first, gone, last])
    assert answers == {first: "$# error $: no", last: "OK"}


def test_a_cf_is_given_a_ruleset_for_the_delimiter():
    assert rulesets.with_delimiter("Scheck_rcpt\n").endswith(
        "Scheck_rcpt\n\nSPostmasterDelimited\nR$* $$| $*\t$: $1 $| $2\n"
    )
