# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What smtpd decides, told from the configuration."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._postfix.admission import Admission, Session
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.static_tables import Tables

SESSION = Session("203.0.113.9", "mail.x.test", "mail.x.test", "a@x.test", "v@third.test")
FILES = {
    "/t/a": b"x.test REJECT\n",
    "/t/b": b"a@x.test ours\n",
    "/t/n": b"10.0.0.0/8\n# c\n!203.0.113.9, 203.0.113.0/24\n",
}


def decided(**values):
    admission = Admission(
        dict({"relay_domains": "served.test", "smtpd_restriction_classes": "ours"}, **values), Tables(FILES.get)
    )
    return admission.decide(SESSION).verdict


@pytest.mark.parametrize(
    "values, verdict",
    [
        ({}, "permit"),
        ({"smtpd_relay_restrictions": "reject_unauth_destination"}, "refuse"),
        ({"smtpd_relay_restrictions": "defer_unauth_destination"}, "defer"),
        ({"smtpd_relay_restrictions": "permit", "smtpd_recipient_restrictions": "reject"}, "refuse"),
        ({"smtpd_client_restrictions": "permit", "smtpd_sender_restrictions": "hash:/t/a"}, "refuse"),
        ({"smtpd_sender_restrictions": "check_sender_access hash:/t/b", "ours": "reject"}, "refuse"),
        ({"smtpd_sender_restrictions": "warn_if_reject reject"}, "permit"),
        ({"smtpd_sender_restrictions": "check_sender_access static:DISCARD"}, "discard"),
        ({"smtpd_client_restrictions": "check_client_access inline:{203.0.113=451}"}, "defer"),
        ({"smtpd_helo_restrictions": "check_helo_access inline:{x.test=DUNNO}, reject"}, "refuse"),
        ({"smtpd_relay_restrictions": "check_recipient_access inline:{third.test=OK}, reject"}, "permit"),
        ({"smtpd_relay_restrictions": "permit_mynetworks, reject", "mynetworks": "203.0.113.0/24"}, "permit"),
        ({"smtpd_relay_restrictions": "permit_mynetworks, reject", "mynetworks": "/t/n"}, "refuse"),
        ({"smtpd_relay_restrictions": "reject_unauth_destination", "relay_domains": "test", "parent_domain_matches_subdomains": "relay_domains"}, "permit"),
        ({"smtpd_relay_restrictions": "reject_unauth_destination", "relay_domains": "!third.test, static:x"}, "refuse"),
        ({"smtpd_relay_restrictions": "reject_unauth_destination", "relay_domains": ".test"}, "permit"),
        # Seen on a real one: only relay_domains has subdomains.
        ({"smtpd_relay_restrictions": "reject_unauth_destination", "mydestination": ".test"}, "refuse"),
    ],
)  # fmt: skip
def test_the_lists_are_read_as_smtpd_does(values, verdict):
    assert decided(**values) == verdict
