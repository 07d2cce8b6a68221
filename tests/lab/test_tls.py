# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TLS as a client outside sees it: old versions and weak suites refused, new ones agreed on, no AUTH."""

from __future__ import annotations

import audits
import pytest
from labhosts import RELAYS

pytestmark = pytest.mark.usefixtures("hardened")


@pytest.mark.parametrize("host", RELAYS, ids=str)
def test_handshakes(host):
    answer = audits.audit(host, probes=["tls"])
    assert answer["verdict"] == "passed", audits.told(answer)
    assert answer["groups"]["tls"] == {"total": 12, "good": 12}
    assert answer["relay"]["tls"]["version"] == "TLSv1.3"
    assert f"{host}.lab.test" in [
        answer["relay"]["tls"]["certificate"]["subject"],
        *answer["relay"]["tls"]["certificate"]["names"],
    ]
