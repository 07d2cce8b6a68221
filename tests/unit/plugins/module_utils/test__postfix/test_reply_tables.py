# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of regular expressions: a client gets the same codes from Postfix as from sendmail."""

import re

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._postfix import reply_tables


def answer(lines, text):
    """Look a text up as regexp_table(5) does."""
    for line in lines:
        negated, pattern, result = re.match(r"(!?)/(.*)/ (.*)\Z", line).groups()
        if bool(re.search(pattern, text, re.IGNORECASE)) != bool(negated):
            return result
    return None


@pytest.mark.parametrize("command", ["EHLO relay.test", "mail from:<a@b>", "QUIT", "", " VRFY", "STARTTLS"])
def test_a_command_that_smtpd_has_stays(command):
    assert answer(reply_tables.command_filter(), command) is None


@pytest.mark.parametrize("command", ["EXPN list", "TURN", "SEND FROM:<a>", "MAILX"])
def test_another_becomes_one_with_the_right_answer(command):
    assert answer(reply_tables.command_filter(), command) == "VRFY unknown"


@pytest.mark.parametrize(
    "name, expected",
    [
        ("mx.example.com", None),
        ("mx.example.com.", None),
        ("relay.test", "550 5.7.1 This is my name, not yours"),
        ("relayxtest", "550 5.7.1 Not a fully qualified host name"),
        ("[127.0.0.1]", "550 5.7.1 This is my address, not yours"),
        ("::1", "550 5.7.1 This is my address, not yours"),
        ("[192.0.2.1]", "DUNNO"),
        ("[IPv6:2001:db8::1]", "DUNNO"),
        ("bare", "550 5.7.1 Not a fully qualified host name"),
        ("-bad.example.com", "550 5.7.1 Not a fully qualified host name"),
    ],
)
def test_names_in_helo(name, expected):
    assert answer(reply_tables.helo_names("relay.test"), name) == expected


def test_without_a_name_of_its_own():
    assert answer(reply_tables.helo_names(None), "relay.test") is None
