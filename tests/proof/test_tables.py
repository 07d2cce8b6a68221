# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables change their type and go back, again and again, while 10,000 clients come: none is refused, none gets another answer."""

from __future__ import annotations

import pytest
import tablehosts
from labhosts import Host, some

CONNECTIONS = 10000
ROUNDS = 3


@pytest.mark.parametrize("host", some("pf13"), ids=str)
def test_ten_thousand_connections_while_tables_change(host: Host) -> None:
    with tablehosts.grown(host):
        with tablehosts.asked(host, CONNECTIONS, 3000) as answers:
            for dummy in range(ROUNDS):
                assert host.done("tables_upgrade", to="lmdb")["changed"]
                host.done("undo")
        print(
            f"{answers['asked']} connections, {ROUNDS} upgrades, {ROUNDS} undos: {sum(answers['wrong'].values())} wrong"
        )
        assert answers["wrong"] == {} and answers["asked"] >= CONNECTIONS, answers
