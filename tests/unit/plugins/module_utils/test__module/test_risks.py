# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which findings stop a change, which are told, and what somebody accepts."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._model.finding import ERROR, NOTICE, make_finding
from ansible_collections.postmaster.mta.plugins.module_utils._module import risks

OPEN = make_finding("trusts_everybody", ERROR, "mynetworks", "mynetworks = static:all: a stranger may send")
DEAD = make_finding("nobody_listens", ERROR, "smtpd_milters", "smtpd_milters = inet:127.0.0.1:9: nobody listens there")
USUAL = make_finding("demands_encryption", NOTICE, "smtp_tls_security_level", "some mail waits")


def test_what_a_change_brings_is_refused_with_the_way_to_accept_it():
    said = risks.refusals([DEAD], [OPEN, DEAD, USUAL], {})
    assert len(said) == 1 and said[0].endswith("accept_risk: {trusts_everybody: REASON} lets it pass")
    assert "name the networks of your own clients" in said[0]


def test_what_is_accepted_passes_and_is_told():
    accepted = risks.accepted_by({"trusts_everybody": " a trap "})
    assert risks.refusals([], [OPEN], accepted) == []
    assert risks.warnings([OPEN, USUAL], accepted) == [
        f"trusts_everybody: {risks.sentence(OPEN)} (accepted: a trap)",
    ]
    assert risks.shown([OPEN], accepted)[0]["accepted"] == "a trap"


def test_who_accepts_an_open_relay_is_not_stopped_by_the_trial():
    said = ["smtpd_relay_restrictions: an open relay, a stranger may send to a@b", "smtp/inet: no greeting"]
    assert risks.without_accepted(said, {"trusts_everybody": "x"}) == said[1:]
    assert risks.without_accepted(said, {"nobody_listens": "x"}) == said


@pytest.mark.parametrize(
    "value", [{"trusts_everyone": "typed wrongly"}, {"trusts_everybody": ""}, {"trusts_everybody": None}]
)
def test_only_known_findings_with_a_reason_are_accepted(value):
    with pytest.raises(OptionError, match="accept_risk"):
        risks.accepted_by(value)


@pytest.mark.parametrize(
    "domain, expected",
    [
        ("test", True),
        ("co.uk", True),
        ("example.co.uk", False),
        (".com", True),
        ("localhost", False),
        ("a.example", False),
        ("", False),
    ],
)
def test_a_suffix_is_what_everybody_can_have_a_domain_below(domain, expected):
    assert risks.is_suffix(domain) is expected
