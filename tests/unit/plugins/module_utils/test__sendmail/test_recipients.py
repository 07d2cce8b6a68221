# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The recipients of the policy: a table of ours, and the ruleset that asks it."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Native
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import read
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import render as _render
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host as given
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail.sendmail_rendering import (
    HOST,
    mc_of,
    pairs,
)

pytestmark = pytest.mark.usefixtures("debian")


def test_recipients_are_asked_at_rcpt_before_all_else():
    relay = {"domains": ["served.test", "all.test"]}
    wanted = {"domains": [{"domain": "served.test", "users": ["Anna"]}], "tables": ["people"]}
    made = _render.render(
        given.make_host(),
        _policy.parse({**HOST, "relay": relay, "recipients": wanted}),
        Native(),
        {"people": b"x\ty\n"}.get,
    )
    assert pairs(made, "recipients.postmaster") == {
        "served.test": "LISTED",
        "anna@served.test": "OK",
        "postmaster@served.test": "OK",
    }
    text = mc_of(made)
    assert "Kpostmaster_recipients_1 hash /etc/mail/people" in text
    assert "SLocal_check_rcpt\nR$*\t$: $1 $| $>PostmasterRecipients $1\nR$* $| $#$*\t$#$2" in text


def test_an_address_that_becomes_another_is_known_and_is_no_user():
    """The rule asks about the address that came, before it is rewritten; Postfix knows it by its canonical maps."""
    policy = {
        **HOST,
        "relay": {"domains": ["served.test", "open.test"]},
        "recipients": {"domains": [{"domain": "served.test", "users": ["anna"]}]},
        "rewrite": {
            "recipients": [
                {"match": "old@served.test", "to": "anna@served.test"},
                {"match": "x@open.test", "to": "y@open.test"},
            ]
        },
    }
    made = _render.render(given.make_host(), _policy.parse(policy), Native(), {}.get)
    assert pairs(made, "recipients.postmaster") == {
        "served.test": "LISTED",
        "anna@served.test": "OK",
        "postmaster@served.test": "OK",
        "old@served.test": "REWRITTEN",
    }


CF = "Kpostmaster_recipients hash /etc/mail/recipients.postmaster\nKpostmaster_recipients_1 hash /etc/mail/people\n"


def test_the_table_is_read_back(tmp_path):
    (tmp_path / "recipients.postmaster").write_text(
        "s.test\tLISTED\nanna@s.test\tOK\nold@s.test\tREWRITTEN\npostmaster@s.test\tOK\n"
    )
    for text, expected in (
        (CF, {"domains": [{"domain": "s.test", "users": ["anna"]}], "tables": ["people"]}),
        ("", None),
    ):
        (tmp_path / "sendmail.cf").write_text(text)
        policy = read.read(given.make_host(directory=tmp_path))["policy"]
        assert (policy.get("recipients") or None) == expected
