# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._audit import verdict as _judge
from ansible_collections.postmaster.mta.plugins.module_utils._audit.verdict import (
    CLOSED,
    FAILED,
    NOT_TESTED,
    OPEN,
    PASSED,
    SUSPICIOUS,
    WEAK,
    ProbeVerdict,
)
from ansible_collections.postmaster.mta.plugins.module_utils._smtp import dialogue as _smtp
from ansible_collections.postmaster.mta.plugins.module_utils._smtp.dialogue import Step, parse_reply


def step(name, answer, sent=b"x\r\n"):
    """A step from C(name) and either the text of a reply or the name of an outcome."""
    if not answer[:1].isdigit() or answer == "421":
        return Step(name, sent, None, answer, 0.1, "")
    text = answer.replace("|", "\r\n")
    reply = parse_reply(text.encode() + b"\r\n")
    return Step(name, sent, reply, _smtp.SERVICE_CLOSING if reply.code == 421 else _smtp.ANSWERED, 0.1)


def talk(*answers):
    """Steps from C("mail 250 Ok") and the like; greeting and EHLO go before them."""
    return [step("connect", "220 relay.test ESMTP"), step("ehlo", "250 relay.test")] + bare(*answers)


def bare(*answers):
    return [step(*answer.split(" ", 1)) for answer in answers]


@pytest.mark.parametrize(
    "answers, judgement",
    [
        (["mail 250 2.1.0 Ok", "rcpt 554 5.7.1 Relay access denied"], CLOSED),
        (["mail 553 5.5.4 domain name required", "rcpt 503 5.0.0 need MAIL"], CLOSED),
        (["mail 250 Ok", "rcpt 454 4.7.1 Relay access denied"], WEAK),
        # A MAIL that was put off makes the RCPT fail with 503: that is no refusal to relay.
        (["mail 450 4.7.1 later", "rcpt 503 5.5.1 need MAIL"], WEAK),
        (["mail 250 Ok", "rcpt 250 2.1.5 Ok"], OPEN),
        (["mail 250 Ok", "rcpt 251 will forward"], OPEN),
        (["mail 250 Ok", "rcpt 421 4.7.0 too many errors"], NOT_TESTED),
        (["mail 250 Ok", "rcpt closed"], NOT_TESTED),
        (["mail 250 Ok", "rcpt timeout"], NOT_TESTED),
        (["mail timeout", "rcpt not_sent"], NOT_TESTED),
        (["mail 250 Ok", "rcpt malformed"], NOT_TESTED),
        (["mail 221 2.7.0 goodbye", "rcpt not_sent"], CLOSED),
    ],
)
def test_relaying(answers, judgement):
    assert _judge.judge_relaying(talk(*answers), 3).judgement == judgement


@pytest.mark.parametrize(
    "greeting",
    ["421 4.3.2 too many", "554 5.7.1 go away", "450 4.3.2 later", "refused", "timeout", "closed", "no_source"],
)
def test_a_relay_that_does_not_greet_us_is_not_closed(greeting):
    steps = [step("connect", greeting)] + bare("ehlo not_sent", "mail not_sent", "rcpt not_sent")
    assert _judge.judge_relaying(steps, 3).judgement == NOT_TESTED


@pytest.mark.parametrize("trick, judgement", [(True, CLOSED), (False, NOT_TESTED)])
def test_a_refused_helo_counts_only_where_the_name_is_the_trick(trick, judgement):
    steps = bare("connect 220 relay.test", "helo 501 5.7.1 bad name", "mail 503 first HELO", "rcpt 503 first MAIL")
    assert _judge.judge_relaying(steps, 3, trick).judgement == judgement
    steps = bare("connect 220 relay.test", "helo 450 4.7.1 later", "mail 503 first HELO", "rcpt 503 first MAIL")
    assert _judge.judge_relaying(steps, 3, trick).judgement == NOT_TESTED


def test_only_the_last_transaction_counts():
    steps = talk("mail 554 no", "rcpt 503 no", "rset 250 ok", "mail 250 ok", "rcpt 250 ok")
    assert _judge.judge_relaying(steps, 6).judgement == OPEN


def test_a_relay_that_hangs_up_halfway_is_not_closed():
    steps = talk("xclient 250 ok", "mail closed", "rcpt not_sent")
    assert _judge.judge_relaying(steps, 4).judgement == NOT_TESTED


@pytest.mark.parametrize(
    "answer, judgement",
    [
        ("502 5.5.1 VRFY command is disabled", CLOSED),
        ("252 2.5.2 Cannot VRFY user; try RCPT to attempt delivery", CLOSED),
        ("550 5.7.1 VRFY not allowed", CLOSED),
        ("252 2.0.0 postmaster", OPEN),
        ("250 2.1.5 <postmaster@relay.test>", OPEN),
        ("550 5.1.1 postmaster... User unknown", SUSPICIOUS),
        ("450 4.3.2 later", WEAK),
        ("421 4.3.2 bye", NOT_TESTED),
        ("closed", NOT_TESTED),
    ],
)
def test_user_queries(answer, judgement):
    assert _judge.judge_user_query(talk("vrfy " + answer), "postmaster").judgement == judgement


@pytest.mark.parametrize(
    "known, unknown, judgement",
    [
        ("502 5.5.1 off", "502 5.5.1 off", PASSED),
        ("252 2.0.0 a", "550 5.1.1 b", FAILED),
        ("252 2.5.2 a", "252 2.5.2 b", PASSED),
        ("252 2.5.2 a", "timeout", NOT_TESTED),
    ],
)
def test_same_answer(known, unknown, judgement):
    assert _judge.judge_same_answer(talk("vrfy " + known, "vrfy " + unknown)).judgement == judgement


@pytest.mark.parametrize(
    "answers, expected, judgement",
    [
        (["mail 503 5.5.1 first HELO"], ["503"], PASSED),
        (["mail 250 Ok"], ["503"], FAILED),
        (["mail 250 Ok", "rcpt 450 4.1.8 Domain not found"], ["4", "5"], PASSED),
        (["mail 553 5.1.8 no such domain", "rcpt 503 need MAIL"], ["4", "5"], FAILED),
        (["mail 552 5.3.4 too big"], ["552"], PASSED),
        (["mail closed"], ["552"], NOT_TESTED),
        (["mail 421 bye"], ["5"], NOT_TESTED),
    ],
)
def test_expected(answers, expected, judgement):
    assert _judge.judge_expected(talk(*answers), expected).judgement == judgement


@pytest.mark.parametrize(
    "accepted, last, judgement",
    [
        (3, "452 4.5.3 too many", PASSED),
        (2, "452 4.5.3 too many", FAILED),
        (4, "452 4.5.3 too many", FAILED),
        (3, "250 Ok", FAILED),
        (3, "554 no", FAILED),
        (3, "421 bye", NOT_TESTED),
        (3, "timeout", NOT_TESTED),
    ],
)
def test_recipient_limit(accepted, last, judgement):
    steps = talk("mail 250 Ok", *["rcpt 250 Ok"] * accepted) + bare("rcpt " + last)
    assert _judge.judge_recipient_limit(steps, 3).judgement == judgement


@pytest.mark.parametrize(
    "greeting, judgement",
    [
        ("220 relay.test ESMTP", PASSED),
        ("220 RELAY.test ESMTP ready at Mon, 23 Nov 2026 06:12:01 GMT", PASSED),
        ("220 other.test ESMTP", FAILED),
        ("220 relay.test ESMTP Postfix (Debian/GNU)", FAILED),
        ("220 relay.test ESMTP 8.17.1.9/8.17.1", FAILED),
        ("220 relay.test ESMTP mailer-3.7", FAILED),
        ("554 no", NOT_TESTED),
        ("timeout", NOT_TESTED),
    ],
)
def test_greeting(greeting, judgement):
    assert _judge.judge_greeting([step("connect", greeting)], "relay.test").judgement == judgement


@pytest.mark.parametrize(
    "answer, judgement",
    [
        ("250-relay.test|250-SIZE 1|250 STARTTLS", PASSED),
        ("250-relay.test|250-AUTH PLAIN|250 SIZE 1", FAILED),
        ("250-relay.test|250 AUTH=PLAIN", FAILED),
        ("250-relay.test|250 XCLIENT NAME ADDR", FAILED),
        ("250-relay.test|250 ETRN", FAILED),
        ("502 no", NOT_TESTED),
        ("closed", NOT_TESTED),
    ],
)
def test_keywords(answer, judgement):
    assert _judge.judge_keywords(bare("connect 220 x", "ehlo " + answer)).judgement == judgement


def test_one_keyword():
    steps = bare("connect 220 x", "ehlo 250-x|250 STARTTLS")
    assert _judge.judge_keyword(steps, "STARTTLS", True) == ProbeVerdict(PASSED, "STARTTLS is offered")
    assert _judge.judge_keyword(steps, "AUTH", True) == ProbeVerdict(FAILED, "AUTH is not offered")
    assert _judge.judge_keyword(bare("connect 220 x", "tls timeout"), "AUTH", False).judgement == NOT_TESTED


@pytest.mark.parametrize(
    "answer, judgement",
    [("250-x|250 SIZE 100", PASSED), ("250-x|250 SIZE 0", FAILED), ("250 x", FAILED), ("closed", NOT_TESTED)],
)
def test_size_keyword(answer, judgement):
    assert _judge.judge_size_keyword(bare("connect 220 x", "ehlo " + answer), 100).judgement == judgement


@pytest.mark.parametrize(
    "answers, judgement",
    [
        (["mail 250 Ok", "rcpt 250 Ok", "data 354 go"], FAILED),
        (["mail 503 5.5.0 pipelining", "rcpt closed", "data not_sent"], PASSED),
        (["mail 250 Ok", "rcpt 250 Ok", "data 554 5.5.0 pipelining"], PASSED),
        (["mail closed", "rcpt not_sent", "data not_sent"], NOT_TESTED),
        (["mail 421 bye", "rcpt not_sent", "data not_sent"], NOT_TESTED),
    ],
)
def test_stuffing(answers, judgement):
    assert _judge.judge_stuffing(talk(*answers)).judgement == judgement


@pytest.mark.parametrize(
    "answers, judgement",
    [
        (["connect answered", "ehlo 554 5.5.1 too early"], PASSED),
        (["connect answered", "ehlo 220 x", "mail 250 x", "rcpt 550 5.5.1 protocol error"], PASSED),
        (["connect answered", "ehlo 220 x", "mail 250 x", "rcpt 250 x"], FAILED),
        (["connect answered", "ehlo closed"], NOT_TESTED),
    ],
)
def test_early_talker(answers, judgement):
    assert _judge.judge_early_talker(bare(*answers)).judgement == judgement


@pytest.mark.parametrize(
    "replies, judgement",
    [
        (["message 250 2.0.0 queued", "more timeout"], CLOSED),
        (["message 550 5.5.2 bare <LF> received", "more closed"], CLOSED),
        (["message 554 5.6.0 NUL"], CLOSED),
        (["message 421 4.5.0 Bare linefeed"], CLOSED),
        (["message 421 4.4.2 timeout exceeded"], NOT_TESTED),
        (["message 451 4.3.0 later", "more timeout"], WEAK),
        (["message timeout"], NOT_TESTED),
        (["message closed"], NOT_TESTED),
        (["message 250 queued", "more 250 Ok", "more 250 Ok", "more 354 go", "more 250 queued", "more timeout"], OPEN),
        (["message 250 queued", "more 554 pipelining", "more 503 x", "more timeout"], WEAK),
        (["message 550 no", "more 250 Ok", "more 250 Ok", "more 354 go", "more 250 queued"], OPEN),
        (["message 550 no", "more 503 x", "more 503 x", "more timeout"], CLOSED),
    ],
)
def test_sequences(replies, judgement):
    assert _judge.judge_sequence(talk("mail 250 x", "rcpt 250 x", "data 354 go", *replies)).judgement == judgement


@pytest.mark.parametrize("answers", [["mail 250 x", "rcpt 454 no"], ["mail 250 x", "rcpt 250 x", "data 554 no"]])
def test_a_sequence_that_was_never_sent_is_not_closed(answers):
    assert _judge.judge_sequence(talk(*answers)).judgement == NOT_TESTED


@pytest.mark.parametrize(
    "answer, judgement",
    [
        ("message 550 5.5.2 bare <LF> received", PASSED),
        ("message 421 4.5.0 Bare linefeed (LF) not allowed", PASSED),
        ("message 421 4.4.2 timeout", NOT_TESTED),
        ("message 451 later", NOT_TESTED),
        ("message closed", NOT_TESTED),
        ("message 250 queued", FAILED),
        ("rcpt 550 no", NOT_TESTED),
    ],
)
def test_bare_newline(answer, judgement):
    assert _judge.judge_bare_newline(talk("mail 250 x", answer)).judgement == judgement


@pytest.mark.parametrize(
    "answers, accepted, judgement",
    [
        (["starttls 220 go", "tls answered"], True, PASSED),
        (["starttls 220 go", "tls answered"], False, FAILED),
        (["starttls 220 go", "tls tls_refused"], False, PASSED),
        (["starttls 220 go", "tls tls_refused"], True, FAILED),
        (["starttls 220 go", "tls tls_failed"], False, NOT_TESTED),
        (["starttls 220 go", "tls timeout"], False, NOT_TESTED),
        (["starttls 502 no"], False, NOT_TESTED),
        (["starttls closed"], False, NOT_TESTED),
    ],
)
def test_handshakes(answers, accepted, judgement):
    assert _judge.judge_handshake(talk(*answers), accepted).judgement == judgement


@pytest.mark.parametrize(
    "answers, judgement",
    [
        (["starttls 220 go", "tls answered", "injected timeout"], PASSED),
        (["starttls 220 go", "tls answered", "injected 250 obeyed"], FAILED),
        (["starttls 220 go", "tls answered", "injected closed"], NOT_TESTED),
        (["starttls 220 go", "tls tls_failed"], PASSED),
        (["starttls 503 5.5.0 pipelining"], PASSED),
        (["starttls 220 go", "tls timeout"], NOT_TESTED),
    ],
)
def test_injection(answers, judgement):
    assert _judge.judge_injection(talk(*answers)).judgement == judgement


@pytest.mark.parametrize(
    "answers, judgement, again",
    [
        (["mail 250 x", "rcpt 421 too fast"], NOT_TESTED, True),
        (["mail 250 x", "rcpt closed"], NOT_TESTED, True),
        (["mail 450 4.7.1 Error: too much mail", "rcpt 503 x"], WEAK, True),
        (["mail 250 x", "rcpt 450 4.7.1 Error: too many recipients from"], WEAK, True),
        (["mail 450 5.5.1 Error: send HELO/EHLO first", "rcpt 503 x"], WEAK, False),
        (["mail 250 x", "rcpt 454 4.7.1 Relay access denied"], WEAK, False),
        (["mail 250 x", "rcpt 554 5.7.1 Relay access denied"], CLOSED, False),
        (["mail 250 x", "rcpt 452 4.5.3 too many recipients"], PASSED, False),
        (["mail 250 x", "rcpt 550 x"], NOT_TESTED, False),
        (["mail 250 x", "rcpt 250 x"], OPEN, False),
    ],
)
def test_another_try(answers, judgement, again):
    assert _judge.worth_another_try(talk(*answers), ProbeVerdict(judgement, "")) is again


def test_no_steps_no_other_try():
    assert _judge.worth_another_try([], ProbeVerdict(NOT_TESTED, "cannot be tried from here")) is False
