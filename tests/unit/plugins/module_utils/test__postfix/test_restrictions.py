# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._postfix.restrictions import elements, merge, unknown_words


def test_a_restriction_and_its_argument_are_one_element():
    value = "permit_mynetworks, check_sender_access hash:/etc/postfix/x reject_rbl_client zen.example.org,warn_if_reject reject_unknown_client_hostname"
    assert elements(value) == (
        "permit_mynetworks",
        "check_sender_access hash:/etc/postfix/x",
        "reject_rbl_client zen.example.org",
        "warn_if_reject reject_unknown_client_hostname",
    )


@pytest.mark.parametrize(
    "there,wanted,unwanted,after",
    [
        ([], ["a", "b"], [], ["a", "b"]),
        (["own"], ["a", "b"], [], ["own", "a", "b"]),
        (["a", "own", "b"], ["a", "b"], [], ["a", "own", "b"]),
        (["own", "permit"], ["a"], [], ["own", "a", "permit"]),
        (["own", "a"], [], ["a"], ["own"]),
        (["own", "reject"], ["reject_x"], [], ["own", "reject_x", "reject"]),
    ],
)
def test_ours_come_in_and_the_administrators_stay(there, wanted, unwanted, after):
    once = merge(there, wanted, unwanted)
    assert list(once) == after
    assert merge(once, wanted, unwanted) == once


@pytest.mark.parametrize(
    "value,unknown",
    [
        ("permit_mynetworks, reject", []),
        ("permitt_mynetworks", ["permitt_mynetworks"]),
        ("check_sender_access", ["check_sender_access without its argument"]),
        ("my_class, other_class", ["other_class"]),
        ("hash:/etc/postfix/access", []),
        ("warn_if_reject reject_nothing", ["reject_nothing"]),
        ("check_policy_service { unix:private/p, timeout=10s }, nonsense", ["nonsense"]),
        ("sleep 5, reject_unauth_pipelining", []),
    ],
)
def test_words_that_are_no_restriction_are_found(value, unknown):
    assert unknown_words(value, {"my_class"}) == unknown
