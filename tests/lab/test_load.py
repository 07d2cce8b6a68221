# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""policy.load with a load average of the test's own: clients wait or are sent away for now, and the relay can still be changed."""

from __future__ import annotations

import pytest
from labhosts import HOSTS, WORLD, conversation

POSTFIX = [HOSTS["pf13"]]
FAKE = "echo '{} 1.00 1.00 1/100 1' > /run/fake-load; mount --bind /run/fake-load /proc/loadavg"


@pytest.fixture(name="loaded")
def _loaded(host):
    """Set the load average that the host's programs see."""

    def load(average):
        host.run("umount /proc/loadavg 2>/dev/null", check=False)
        host.run(FAKE.format(average))

    yield load
    host.run("umount /proc/loadavg", check=False)


def greeting(host):
    """What a stranger gets first, and after how many seconds."""
    step = conversation(WORLD, host, "stranger", [])[0]
    return step["code"], step["enhanced"], step["seconds"]


@pytest.mark.parametrize("host", POSTFIX, ids=str)
def test_postfix_delays_and_refuses_by_the_load(host, policy, loaded):
    loaded("1.00")
    limited = {**policy, "load": {"delay": 20, "refuse": 40}}
    answer = host.apply(limited)
    assert not answer.get("failed"), answer["msg"]
    assert greeting(host)[0] == 220 and greeting(host)[2] < 1
    loaded("20.00")
    code, dummy, seconds = greeting(host)
    assert code == 220 and seconds >= 1
    loaded("41.50")
    assert greeting(host)[:2] == (421, "4.3.2")
    # B18: a relay under load can still be reconfigured, and without the limits it takes mail at once.
    assert not host.apply(policy).get("failed")
    assert greeting(host)[0] == 220
    assert "policy_load" not in host.run("postconf -n; postconf -M; ls /etc/postfix")
