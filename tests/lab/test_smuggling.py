# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SMTP smuggling: no second message, and no lone CR, LF or NUL at the next hop, from a stranger and from a trusted client."""

from __future__ import annotations

import audits
import pytest
from labhosts import RELAYS, TRUSTED_ADDRESS, crossed

pytestmark = pytest.mark.usefixtures("hardened")


@pytest.mark.parametrize("host, who", crossed(RELAYS, ["stranger", "trusted"]), ids=str)
def test_no_sequence_yields_a_second_message(host, who):
    sources = audits.SOURCES if who == "stranger" else [TRUSTED_ADDRESS]
    answer = audits.audit(host, probes=["smuggling"], source_addresses=sources)
    assert answer["verdict"] == "passed", audits.told(answer)
    assert answer["groups"]["smuggling"] == {"total": 13, "good": 13}
