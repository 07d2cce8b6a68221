# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reason classes: real replies and the class that a postmaster would file them under."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model import reason

REPLIES = [
    ("slow_down", "421-4.7.28 Gmail has detected an unusual rate of mail originating from your IP address"),
    ("slow_down", "451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation"),
    ("slow_down", "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume"),
    ("slow_down", "450 4.7.1 Error: too many connections from 192.0.2.1"),
    ("slow_down", "452 4.3.2 Connection rate limit exceeded."),
    ("reputation", "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. part of their network is on our block list (S3150)."),
    ("reputation", "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org"),
    ("reputation", "421 4.7.651 Messages from 192.0.2.1 temporarily deferred (S77719)"),
    ("authentication", "550-5.7.26 This mail has been blocked because the sender is unauthenticated."),
    ("authentication", "550 5.7.515 Access denied, sending domain example.com does not meet the required authentication level."),
    ("authentication", "450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]"),
    ("authentication", "550 5.7.23 The message was rejected because of Sender Policy Framework violation"),
    ("unknown_user", "550 5.1.1 <nobody@example.org>: Recipient address rejected: User unknown in relay recipient table"),
    ("unknown_user", "550-5.1.1 The email account that you tried to reach does not exist."),
    ("unknown_user", "550 5.1.1 User unknown"),
    ("mailbox_full", "452-4.2.2 The email account that you tried to reach is over quota."),
    ("mailbox_full", "552 5.2.2 mailbox full"),
    ("greylist", "450 4.2.0 <a@example.org>: Recipient address rejected: Greylisted, see http://postgrey.example/"),
    ("content", "554 5.7.1 Message rejected: this looks like spam"),
    ("content", "550 5.7.1 Virus found: Eicar-Test-Signature"),
    ("size", "552 5.3.4 Message size exceeds fixed limit"),
    ("size", "452 4.5.3 Error: too many recipients"),
    ("relay_denied", "554 5.7.1 <a@third.test>: Relay access denied"),
    ("relay_denied", "550 5.7.1 <a@third.test>... Relaying denied"),
    ("tls", "403 4.7.0 TLS handshake failed"),
    ("tls", "Server certificate not verified"),
    ("tls", "530 5.7.0 Must issue a STARTTLS command first"),
    ("dns", "Host or domain name not found. Name service error for name=example.org type=MX: Host not found, try again"),
    ("dns", "Domain example.org does not accept mail (nullMX)"),
    ("dns", "450 4.1.8 <a@example.org>: Sender address rejected: Domain not found"),
    ("network", "connect to mx.example.org[192.0.2.1]:25: Connection timed out"),
    ("network", "Deferred: Connection refused by mx.example.org."),
    ("network", "conversation with mx.example.org[192.0.2.1] timed out while sending message body"),
    ("loop", "mail for example.org loops back to myself"),
    ("loop", "554 5.4.0 Error: too many hops"),
    ("local", "452 4.3.1 Insufficient system storage"),
    ("local", "451 4.3.5 Server configuration error"),
    ("local", "451 4.7.1 Service unavailable - try again later"),
    ("policy", "550 5.7.1 <a@example.org>: Sender address rejected: Access denied"),
    ("other", "451 Something went wrong"),
    ("other", ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text"), REPLIES)
def test_a_reply_has_its_class(name, text):
    assert reason.classify(text) == name


def test_the_code_counts_where_the_text_has_none():
    assert reason.classify("please try later", "4.7.28") == "slow_down"


def test_every_pattern_names_a_class_and_every_class_is_used():
    assert {name for name, _texts in reason._PATTERNS} | {"other"} == set(reason.BY_NAME)


def test_reasons_add_up_by_class():
    rows = [
        {"reason": "User unknown", "count": 3},
        {"reason": "Connection timed out", "count": 5},
        {"reason": "5.1.1 no such user", "count": 4},
    ]
    counted = reason.count(rows)
    assert [(row["name"], row["count"]) for row in counted] == [("unknown_user", 7), ("network", 5)]
    assert counted[0]["example"] == "User unknown"
    assert counted[0]["advice"]


def test_a_long_hostile_text_costs_little():
    assert reason.classify("a" * 10_000_000) == "other"
