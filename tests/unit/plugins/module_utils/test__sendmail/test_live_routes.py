# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The routes of a live sendmail: what its tables and mailers say, as the policy says it."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import read as _read
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host as given

CF = """\
DSpostmaster_helo:[10.0.0.1]:[gw.test]
Kmailertable hash -o /etc/mail/mailertable
Kpostmaster_routes hash /etc/mail/routes.postmaster
Kpostmaster_recipients hash /etc/mail/recipients.postmaster
Kpostmaster_recipients_1 hash /etc/mail/people
Mesmtp,\tP=[IPC], F=mDFMuXa, A=TCP $h
Mesmtp26,\tP=[IPC], F=mDFMuXa, A=TCP $h 26
Mpostmaster_helo,\tP=[IPC], F=mDFMuX2, A=TCP $h
"""
OURS = """\
to:bad.test\terror:5.7.1:"550 Not any more"
to:.bad.test\terror:5.7.1:"550 Not any more"
to:one@a.test\tesmtp:gw.test
from:camp.test\tesmtp26:[10.0.0.1]:[IPv6:2001:db8::1]
from:x@camp.test\tpostmaster_discard:nowhere
to:odd.test\tesmtp:[a.test]:b.test
from:odd.test\tesmtp:[a.test]:b.test
"""


@pytest.fixture(name="live")
def _live(tmp_path):
    (tmp_path / "sendmail.cf").write_text(CF)
    (tmp_path / "routes.postmaster").write_text(OURS)
    (tmp_path / "mailertable").write_text("a.test\tesmtp:[10.0.0.1]:[10.0.0.2]\n")
    (tmp_path / "recipients.postmaster").write_text("s.test\tLISTED\na@s.test\tOK\npostmaster@s.test\tOK\n")
    return _read.read(given.make_host(directory=tmp_path))


def test_routes_are_read_back(live):
    assert live["policy"]["routes"] == {
        "default": {"hosts": ["10.0.0.1", "gw.test"], "esmtp": False},
        "domains": [
            {"domain": "a.test", "hosts": ["10.0.0.1", "10.0.0.2"]},
            {"domain": "bad.test", "action": "reject", "text": "Not any more", "subdomains": True},
        ],
        "addresses": [{"address": "one@a.test", "host": "gw.test", "mx": True}],
        "senders": [
            {"sender": "camp.test", "hosts": ["10.0.0.1", "2001:db8::1"], "port": 26},
            {"sender": "x@camp.test", "action": "discard"},
        ],
    }
    assert live["unexpressed"]["routes"] == [
        "routes.postmaster: odd.test esmtp:[a.test]:b.test",
        "routes.postmaster: from:odd.test esmtp:[a.test]:b.test",
    ]


def test_recipients_are_read_back(live):
    assert live["policy"]["recipients"] == {"domains": [{"domain": "s.test", "users": ["a"]}], "tables": ["people"]}
