# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which parameters of a live main.cf no option of the policy can say."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._postfix.main_cf import parse
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.unexpressed import unexpressed
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import recorded

BUILT_IN = parse(recorded("3.10.13", "postconf-d.txt")).values


def named(spoken=(), **own):
    effective = dict(BUILT_IN, myhostname="mx1.example.net", default_destination_concurrency_limit="7", **own)
    return unexpressed(own, effective, BUILT_IN, frozenset(spoken))


@pytest.mark.parametrize(
    "name, value",
    [
        ("smtpd_timeout", BUILT_IN["smtpd_timeout"]),
        ("queue_directory", "/elsewhere"),
        ("mydomain", "example.net"),
        ("soft_bounce", "no"),
        ("smtpd_soft_error_limit", "3"),
        ("smtpd_discard_ehlo_keywords", "etrn, dsn"),
        ("smtpd_sender_restrictions", "check_sender_access hash:$config_directory/access_from, reject_non_fqdn_sender"),
        ("transport_maps", "hash:$config_directory/policy_transport"),
        ("initial_destination_concurrency", "7"),
    ],
)
def test_a_default_and_what_the_policy_or_the_baseline_sets_needs_no_word(name, value):
    assert named(**{name: value}) == {}


@pytest.mark.parametrize(
    "name, value",
    [
        ("smtpd_timeout", "17s"),
        ("mydomain", "other.test"),
        ("soft_bounce", "yes"),
        ("smtpd_discard_ehlo_keywords", "etrn, starttls"),
        ("smtpd_sender_restrictions", "check_sender_access hash:/etc/postfix/mine"),
        ("transport_maps", "hash:/etc/postfix/mine"),
    ],
)
def test_everything_else_is_named_with_its_value(name, value):
    assert named(**{name: value}) == {name: value}


def test_what_was_read_for_an_option_is_not_named_again():
    assert named(spoken=["smtpd_timeout"], smtpd_timeout="17s") == {}


def test_one_option_sets_both_levels_of_the_tls_log():
    assert named(smtp_tls_loglevel="1", smtpd_tls_loglevel="1") == {"smtpd_tls_loglevel": "1"}
