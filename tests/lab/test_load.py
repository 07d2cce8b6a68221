# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""policy.load with a load average of the test's own: clients wait or are sent away for now, and the relay can still be changed."""

from __future__ import annotations

import time
import uuid

import pytest
from labhosts import HOSTS, WORLD, conversation

#: From Debian 13 on the unit of Postfix hides the file that is faked here; sysinfo(2) is asked then, which cannot be faked.
POSTFIX, SENDMAIL = [HOSTS["pf12"]], [HOSTS["sm13"]]
pytestmark = pytest.mark.long
LIMITS = {"delay": 20, "queue": 30, "refuse": 40}
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


def _send(host, recipient):
    lines = (
        "EHLO trusted.lab.test",
        "MAIL FROM:<a@lab.test>",
        f"RCPT TO:<{recipient}>",
        "DATA",
        "Subject: load\r\n\r\nx\r\n.",
    )
    assert conversation(WORLD, host, "trusted", lines)[-1]["code"] == 250


def _queued(host, loaded):
    """While the load is high mail is taken and waits; afterwards it goes out."""
    recipient = f"load{uuid.uuid4().hex[:8]}@ok.test"
    loaded("30.50")
    time.sleep(1.2)  # the service looks once a second
    _send(host, recipient)
    _until(lambda: "queued-the-load-of-this-host-is-too-high" in host.run("mailq"))
    host.run("postqueue -f")
    loaded("1.00")
    time.sleep(1.2)
    assert recipient in host.run("mailq")
    _until(lambda: host.run("postqueue -f") or recipient not in host.run("mailq"))
    assert recipient in WORLD.run("sinkctl messages ok.test")


def _until(holds):
    deadline = time.monotonic() + 90
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(1)


@pytest.mark.parametrize("host", POSTFIX, ids=str)
def test_postfix_delays_and_refuses_by_the_load(host, policy, loaded):
    loaded("1.00")
    limited = {**policy, "load": LIMITS}
    answer = host.apply(limited)
    assert not answer.get("failed"), answer["msg"]
    assert host.apply(limited)["changed"] is False
    live = host.read_back()
    assert live["policy"]["load"] == limited["load"] and "transport_maps" not in live["unexpressed"]
    assert greeting(host)[0] == 220 and greeting(host)[2] < 1
    loaded("20.00")
    code, dummy, seconds = greeting(host)
    assert code == 220 and seconds >= 1
    _queued(host, loaded)
    loaded("41.50")
    assert greeting(host)[:2] == (421, "4.3.2")
    # B18: a relay under load can still be reconfigured, and without the limits it takes mail at once.
    assert not host.apply(policy).get("failed")
    assert greeting(host)[0] == 220
    assert "policy_load" not in host.run("postconf -n; postconf -M; ls /etc/postfix")


@pytest.mark.parametrize("host", SENDMAIL, ids=str)
def test_sendmail_delays_queues_and_refuses_by_the_load(host, policy, loaded):
    """sendmail itself knows the load; it looks every now and then."""
    loaded("1.00")
    answer = host.apply({**policy, "load": LIMITS})
    assert not answer.get("failed"), answer["msg"]
    assert host.read_back()["policy"]["load"] == LIMITS
    loaded("20.00")
    _until(lambda: conversation(WORLD, host, "stranger", ["EHLO a.stranger.test"])[-1]["seconds"] >= 1)
    loaded("30.50")
    recipient = f"load{uuid.uuid4().hex[:8]}@ok.test"
    _until(lambda: _send(host, recipient) or recipient in host.run("mailq"))
    loaded("41.50")
    _until(lambda: not _listens(host))
    # B18: a relay under load can still be reconfigured.
    assert not host.apply(policy).get("failed")
    loaded("1.00")
    _until(lambda: _listens(host))
    host.run("sendmail -q -v >/dev/null 2>&1", check=False)
    assert recipient in WORLD.run("sinkctl messages ok.test")


def _listens(host):
    return ":25" in host.run("ss -ltnH 'sport = :25'")
