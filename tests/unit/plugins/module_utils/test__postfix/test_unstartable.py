# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What smtpd(8) itself refuses to start with."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._postfix import unstartable
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.admission import Admission
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.static_tables import Tables


def admission(**values):
    return Admission(values, Tables(lambda path: None))


@pytest.mark.parametrize(
    "relay, recipient, starts",
    [
        ("permit_mynetworks, reject_unauth_destination", "", True),
        ("", "permit_mynetworks, defer", True),
        ("permit_mynetworks, permit", "reject_unauth_destination", True),
        ("permit_mynetworks, permit, reject", "", False),
        ("warn_if_reject reject_unauth_destination", "", False),
        ("warn_if_reject reject_non_fqdn_sender, defer_if_permit", "", True),
        ("ours", "", True),
        ("loop", "", False),
        ("", "", False),
    ],
)
def test_some_word_of_the_control_must_be_able_to_refuse(relay, recipient, starts):
    known = admission(
        smtpd_relay_restrictions=relay,
        smtpd_recipient_restrictions=recipient,
        smtpd_restriction_classes="ours, loop",
        ours="permit_mynetworks, reject",
        loop="loop",
    )
    lists = unstartable.uncontrolled(known)
    assert (lists == "") == starts
    assert starts or f"smtpd_relay_restrictions = {relay}" in lists


def test_a_table_that_proxymap_is_not_told_of_is_named_with_its_parameter():
    own = {"relay_domains": "proxy:lmdb:/t/a, proxy:lmdb:/t/b", "proxy_read_maps": "$mynetworks proxy:lmdb:/t/a"}
    known = admission(**own)
    assert list(unstartable.unserved(known, known)) == [("relay_domains", "proxy:lmdb:/t/b")]
    whole = admission(**dict(own, proxy_read_maps="$relay_domains"))
    assert list(unstartable.unserved(known, whole)) == []
