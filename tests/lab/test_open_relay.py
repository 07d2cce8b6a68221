# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The probes from outside on the hardened fleet: every one refused, over IPv4 and IPv6."""

from __future__ import annotations

import audits
import pytest
from labhosts import RELAYS, crossed, some

pytestmark = pytest.mark.usefixtures("hardened")


@pytest.mark.parametrize("host, family", crossed(RELAYS, ["ipv4", "ipv6"]), ids=str)
def test_every_probe_is_refused(host, family):
    answer = audits.audit(host, family, probes=["relay", "session"])
    assert answer["verdict"] == "passed", audits.told(answer)
    assert answer["counts"]["closed"] == 80


@pytest.mark.parametrize("host", some("sles15", "sm12"), ids=str)
def test_limits_and_manners(host):
    answer = audits.audit(host, probes=["limits"])
    assert answer["verdict"] == "passed", audits.told(answer)


@pytest.mark.parametrize("host", RELAYS[:1], ids=str)
def test_from_a_trusted_address_the_same_probes_are_open(host):
    """The list must be able to fail: what a trusted client sees is an open relay, and mail arrives at the third party."""
    answer = audits.audit(
        host, probes=["relay"], source_addresses=["10.25.0.60"], sink={"third_party": audits.SINK["third_party"]}
    )
    assert answer["verdict"] == "failed"
    accepted = {one["probe"]: one for one in answer["failures"] if one["judgement"] == "open"}
    assert {"O01", "O03", "O09"} <= set(accepted), audits.told(answer)
    assert "delivered to the third party" in accepted["O01"]["reason"]
    assert accepted["O01"]["dialogue"][-1]["step"] == "message"


@pytest.mark.parametrize("host", RELAYS[:1], ids=str)
def test_a_relay_that_is_not_there_is_not_closed(host):
    answer = audits.audit(host, port=2525, probes=["relay"])
    assert answer["verdict"] == "failed"
    assert (answer["counts"]["not_tested"], answer["counts"]["closed"]) == (66, 0)
