# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts as a difference, what explains it, and which envelopes may be asked at all."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model.move import CONVERTED, DIFFERS, NOT_CONVERTED, Row
from ansible_collections.postmaster.mta.plugins.module_utils._model.replay import (
    CODE,
    CODES,
    DECISION,
    RECIPIENT,
    ROUTE,
    SENDER,
    Answer,
    Comparison,
    Envelope,
    concerns,
    decision_of,
    differing,
    is_askable,
    made_up,
)
from ansible_collections.postmaster.mta.plugins.module_utils._model.route import Hop

MAIL = Envelope("198.51.100.7", "host.relayed.test", "a@from.test", "b@to.test")
TAKEN = Answer("accepted", "", "remote", (Hop("mx.test"),), "b@to.test", "a@from.test")


def kinds(old, new):
    return [kind for kind, dummy, dummy in differing(old, new)]


@pytest.mark.parametrize(
    "new, kind",
    [
        (TAKEN, []),
        (TAKEN._replace(recipient="B@to.test", hops=(Hop("MX.test"),)), []),
        (Answer("refused", "554 5.7.1 no"), [DECISION]),
        (Answer("deferred", "450 4.7.1 later"), [DECISION]),
        (TAKEN._replace(hops=(Hop("mx.test", 25, False),)), [ROUTE]),
        (TAKEN._replace(hops=(Hop("mx.test", 2525),)), [ROUTE]),
        (TAKEN._replace(verdict="local", hops=()), [ROUTE]),
        (TAKEN._replace(recipient="c@to.test"), [RECIPIENT]),
        (TAKEN._replace(sender="a@other.test"), [SENDER]),
        (TAKEN._replace(sender="a@other.test", recipient="c@to.test"), [RECIPIENT, SENDER]),
    ],
)
def test_what_differs(new, kind):
    assert kinds(TAKEN, new) == kind and kinds(new, TAKEN) == kind


def test_two_refusals_may_have_their_own_codes_but_not_their_own_permanence():
    refused = Answer("refused", "550 5.7.1 no")
    assert kinds(refused, Answer("refused", "550 5.1.1 other words")) == []
    assert kinds(refused, Answer("refused", "554 5.7.1 no")) == [CODE]
    assert kinds(refused, Answer("deferred", "450 4.7.1 no")) == [DECISION]


def test_a_local_user_has_no_domain_on_one_side():
    local = Answer("accepted", "", "local", (), "anna", "a@from.test")
    assert kinds(local, local._replace(recipient="Anna@host.test", sender="other@from.test")) == []
    assert kinds(local, local._replace(recipient="bert@host.test")) == [RECIPIENT]


@pytest.mark.parametrize(
    "row, kind, expected",
    [
        (Row(5, DIFFERS, "access:1", "From:from.test OK", "x"), DECISION, True),
        (Row(5, DIFFERS, "access:1", "From:from.test OK", "x"), ROUTE, False),
        (Row(5, DIFFERS, "access:1", "From:to.test OK", "x"), DECISION, False),
        (Row(4, DIFFERS, "access:1", "To:b@to.test OK", "x"), DECISION, True),
        (Row(4, DIFFERS, "access:1", "To:b@ OK", "x"), DECISION, True),
        (Row(3, DIFFERS, "access:1", "Connect:198.51 OK", "x"), DECISION, True),
        (Row(3, DIFFERS, "access:1", "Connect:198.5 OK", "x"), DECISION, False),
        (Row(6, DIFFERS, "access:1", "to.test OK", "x"), DECISION, True),
        (Row(10, DIFFERS, "access:1", "ClientConn:198.51.100.7 0", "x"), DECISION, False),
        (Row(2, DIFFERS, "relay-domains:1", "relayed.test", "x"), DECISION, True),
        (Row(2, DIFFERS, "relay-domains:1", "to.test", "x"), DECISION, False),
        (Row(21, DIFFERS, "postmaster:", "postmaster@", "x"), DECISION, False),
        (Row(21, DIFFERS, "postmaster:", "b@", "x"), DECISION, True),
        (Row(21, DIFFERS, "/etc/aliases:3", "b: |x", "x"), DECISION, False),
        (Row(31, DIFFERS, "sendmail.mc:4", "FEATURE(require_rdns)", "x"), DECISION, False),
        (Row(13, DIFFERS, "genericstable:1", "a@from.test c@d.test", "x"), SENDER, True),
        (Row(15, DIFFERS, "virtusertable:1", "@to.test c@d.test", "x"), RECIPIENT, True),
        (Row(15, DIFFERS, "virtusertable:1", "@o.test c@d.test", "x"), RECIPIENT, False),
        (Row(16, DIFFERS, "mailertable", "", "canonical names"), ROUTE, False),
        (Row(24, DIFFERS, "sendmail.mc:3", "FEATURE(dnsbl, list.test)", "x"), DECISION, True),
        (Row(24, DIFFERS, "sendmail.mc:3", "FEATURE(dnsbl, other.test)", "x"), DECISION, False),
    ],
)
def test_only_a_row_about_this_envelope_explains_it(row, kind, expected):
    assert concerns(row, kind, MAIL, "refused 554 listed by LIST.test accepted") is expected


@pytest.mark.parametrize("verdict", [CONVERTED, NOT_CONVERTED])
def test_what_is_said_to_be_converted_or_not_explains_nothing(verdict):
    comparison = Comparison([Row(5, verdict, "access:1", "From:from.test OK", "x")])
    comparison.take(MAIL, TAKEN, Answer("refused", "554 5.7.1 no"))
    assert [item.is_explained for item in comparison.differences] == [False]


def test_differences_of_one_shape_are_counted_and_the_unexplained_come_first():
    comparison = Comparison([])
    for number in range(3):
        mail = MAIL._replace(recipient=f"user{number}@to.test")
        comparison.take(mail, Answer("refused", f"550 5.7.1 {number}"), Answer("refused", f"554 5.7.1 <{number}>"))
    comparison.take(MAIL, TAKEN, TAKEN._replace(hops=()))
    comparison.take(MAIL, TAKEN, TAKEN)
    assert (comparison.asked, comparison.alike) == (5, 1)
    first, second = comparison.differences
    assert (first.kind, first.times, first.because) == (ROUTE, 1, "")
    assert (second.kind, second.times, second.because) == (CODE, 3, CODES)


@pytest.mark.parametrize(
    "change",
    [
        {"client": "mx.test"},
        {"name": "a b"},
        {"recipient": "nobody"},
        {"recipient": "a@b.test\nQUIT"},
        {"sender": "/map x y@z"},
        {"recipient": "<a@b.test>"},
    ],
)
def test_a_text_that_could_be_a_command_is_never_asked(change):
    assert is_askable(MAIL) and is_askable(MAIL._replace(sender="", name=""))
    assert not is_askable(MAIL._replace(**change))


def test_envelopes_are_made_up_about_every_key():
    mails = made_up(["served.test", ".sub.test", "info@v.test", "list@"], ["spam.test"], ["10.9.0.1"])
    recipients = {mail.recipient for mail in mails}
    assert {"postmaster@served.test", "postmaster@below.served.test", "postmaster@host.sub.test"} <= recipients
    assert {"info@v.test", "list@elsewhere.example"} <= recipients
    assert {"postmaster@spam.test"} <= {mail.sender for mail in mails}
    assert {"10.9.0.1", "127.0.0.1"} <= {mail.client for mail in mails}
    assert len(set(mails)) == len(mails) and made_up([], [], [])


@pytest.mark.parametrize("code, decision", [(250, "accepted"), (450, "deferred"), (554, "refused"), (0, "unknown")])
def test_a_reply_code_is_a_decision(code, decision):
    assert decision_of(code) == decision
