# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A list of a million domains, and the memory that it takes of a relay.

How many domains can be said: PROOF_DOMAINS (1,000,000).
"""

from __future__ import annotations

import os

import pytest
from accesshosts import DOORWAY, clear
from labhosts import POSTFIX, SENDMAIL, Host
from test_relay import figure

DOMAINS = int(os.environ.get("PROOF_DOMAINS", "1000000"))
#: What a module may take of the relay's memory, whatever the number of domains up to a million.
MOST_MEGABYTES = 400
LIST = "/root/postmaster-domains.txt"
#: In their order: the name, the options, whether it is check mode, and which count has all domains.
STEPS = (
    ("import, check mode", {}, True, "added"),
    ("import", {}, False, "added"),
    ("the same again", {}, False, "unchanged"),
    ("another ticket, check mode", {"ticket": "BULK-2"}, True, "updated"),
    ("removal, check mode", {"state": "absent"}, True, "removed"),
    ("removal", {"state": "absent"}, False, "removed"),
)


@pytest.mark.parametrize("host", [POSTFIX[1], SENDMAIL[1]], ids=str)
def test_a_list_of_a_million_domains_leaves_the_mta_its_memory(host: Host) -> None:
    clear(host)
    host.run(f"seq -f bulk%07.0f.example 1 {DOMAINS} > {LIST}")
    try:
        taken = {}
        for name, options, check_mode, count in STEPS:
            params = {"mta": host.mta, "src": LIST, "ticket": "BULK-1", **options}
            asked = {"module": "access", "params": params, "check_mode": check_mode, "patch": ""}
            answer = host.ask(DOORWAY, asked, timeout=3000)
            assert answer.get("counts", {}).get(count) == DOMAINS, f"{host}: {name}: {answer.get('msg') or answer}"
            taken[name] = answer["megabytes"]
            figure("F1", f"{host}: {DOMAINS} domains, {name}: {taken[name]:.0f} MB, {answer['seconds']:.0f} s")
    finally:
        clear(host)
        host.run(f"rm -f {LIST}")
    assert max(taken.values()) <= MOST_MEGABYTES, taken
