# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks of the queue, as a postmaster types them, on a Postfix and a sendmail relay of the fleet.

What is in a queue afterwards is read from the queue files, what was delivered at the destination.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import typing as t
import uuid

import pytest
from labhosts import HOSTS, ROOT, WORLD, Host, ansible_environment

FLEET = [HOSTS["pf13"], HOSTS["sm13"]]
pytestmark = pytest.mark.lab(group="playbooks", uses=[host.name for host in FLEET])
EACH = 3


class Mail:
    """Messages of one test that wait on both relays: from one sender, with a subject each, to recipients of their own."""

    def __init__(self) -> None:
        self.name = f"q{uuid.uuid4().hex[:12]}"
        self.sender = f"{self.name}@lab.test"
        self.recipient = f"{self.name}@defer.test"

    def send(self) -> None:
        """Hand them to the relays, and wait until all were tried once."""
        for host in FLEET:
            for number in range(EACH):
                subject = f"Subject: {self.name} {host} {number}\n\nx\n"
                host.run(f"/usr/sbin/sendmail -i -f {self.sender} {self.recipient}", subject)
        assert wait_for(lambda: self.states() == {str(host): ["deferred"] * EACH for host in FLEET}), self.states()

    def states(self) -> dict[str, list[str]]:
        """What the queue files of each relay say: deferred or hold for each message."""
        return {str(host): sorted(self.ids(host).values()) for host in FLEET}

    def ids(self, host: Host) -> dict[str, str]:
        """Queue ID to state."""
        return (self._postfix if host.mta == "postfix" else self._sendmail)(host)

    def _postfix(self, host: Host) -> dict[str, str]:
        listed = [json.loads(line) for line in host.run("postqueue -j").splitlines()]
        return {one["queue_id"]: one["queue_name"] for one in listed if one["sender"] == self.sender}

    def _sendmail(self, host: Host) -> dict[str, str]:
        found = host.run(f"grep -rl '^S<\\?{self.sender}' /var/spool/mqueue", check=False).split()
        names = [path.rpartition("/")[2] for path in found]
        return {name[2:]: {"q": "deferred", "h": "hold"}[name[0]] for name in names if name[:2] in ("qf", "hf")}

    def remove(self) -> None:
        """Delete what is still in the queues."""
        for host in FLEET:
            for name in self.ids(host):
                remove = {"postfix": f"postsuper -d {name}", "sendmail": f"rm -f /var/spool/mqueue/[a-zA-Z]f{name}"}
                host.run(remove[host.mta], check=False)

    def delivered(self) -> list[str]:
        """The subjects that the destination took."""
        found = WORLD.run(f"grep -rhs '^Subject: {self.name} ' /var/spool/sink || true").splitlines()
        return sorted(line.strip().partition(f"{self.name} ")[2] for line in found)

    def accept(self, on: bool = True) -> None:
        """The destination takes them from now on, or defers them again."""
        WORLD.run(f"sinkctl set defer.test {'accept' if on else 'defer'} {self.recipient}")

    def expected(self, *states: str) -> dict[str, list[str]]:
        """These states on both relays."""
        return {str(host): list(states) for host in FLEET}


@pytest.fixture(name="mail")
def _mail() -> t.Iterator[Mail]:
    mail = Mail()
    try:
        mail.send()
        yield mail
    finally:
        mail.accept(False)
        mail.remove()


def wait_for(what: t.Callable[[], bool], seconds: float = 60) -> bool:
    """Whether it becomes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(1)
    return False


def play(playbook: str, *arguments: str, **variables: t.Any) -> str:
    """Run a playbook that succeeds with nobody at the keyboard; returns what it prints."""
    status, output = run(playbook, *arguments, **variables)
    assert status == 0, output
    return output


def run(playbook: str, *arguments: str, **variables: t.Any) -> tuple[int, str]:
    """Run a playbook with nobody at the keyboard; returns its exit status and what it prints."""
    environment = ansible_environment(ANSIBLE_STDOUT_CALLBACK="postmaster.mta.brief")
    named = {f"queue_{name}": value for name, value in variables.items()}
    given = json.dumps(dict({"queue_hosts": ",".join(str(host) for host in FLEET)}, **named))
    inventory = str(ROOT / "molecule" / "inventory")
    argv = [sys.executable, "-m", "ansible", "playbook", "-i", inventory, f"playbooks/{playbook}.yml", "-e", given]
    done = subprocess.run(
        [*argv, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=str(ROOT),
        env=environment,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout.decode()


def test_the_report_says_how_much_and_since_when(mail):
    said = play("queue_report", sender=mail.sender, domain="defer.test")
    # The first table that names a thing is the one that is looked at here: a domain stands in that of the ages again.
    rows = {line.split()[0]: line.split() for line in reversed(said.splitlines()) if line.strip()}
    for host in FLEET:
        assert rows[str(host)][1:5] == [str(EACH), "0", str(EACH), "0"], said
    assert rows["all"][1] == str(2 * EACH)
    assert rows["defer.test"][1:3] == [str(2 * EACH), str(2 * EACH)]
    assert rows["defer.test"][-1] in {name for host in FLEET for name in mail.ids(host)}
    assert "451 4.7.1" in said and mail.sender in said
    # JSON is for those who ask for it, and has the same numbers.
    said = play("queue_report", sender=mail.sender, format="json")
    summary = json.loads(said)["summary"]
    assert summary["total"]["messages"] == 2 * EACH
    since = summary["domains"][0]["oldest"]
    assert rows["defer.test"][4:6] == since["arrived"].rstrip("Z").split("T")


def test_hold_and_release(mail):
    said = play("queue_hold", "--check", sender=mail.sender)
    assert mail.states() == mail.expected("deferred", "deferred", "deferred")
    assert f"{2 * EACH} messages" in said
    play("queue_hold", sender=mail.sender)
    assert mail.states() == mail.expected("hold", "hold", "hold")
    mail.accept()
    play("queue_flush", sender=mail.sender)
    time.sleep(3)
    assert mail.delivered() == []
    play("queue_release", "--check", sender=mail.sender)
    assert mail.states() == mail.expected("hold", "hold", "hold")
    play("queue_release", sender=mail.sender)
    assert set(sum(mail.states().values(), [])) == {"deferred"}


def test_flush_of_a_selection(mail):
    mail.accept()
    said = play("queue_flush", "--check", sender=mail.sender)
    time.sleep(3)
    assert mail.delivered() == [] and f"{2 * EACH} messages" in said
    play("queue_flush", sender=mail.sender)
    everything = sorted(f"{host} {number}" for host in FLEET for number in range(EACH))
    assert wait_for(lambda: mail.delivered() == everything), mail.delivered()
    assert wait_for(lambda: mail.states() == mail.expected())


@pytest.mark.parametrize("host", FLEET, ids=str)
def test_deliver_takes_one_and_shows_what_was_said(mail, host):
    wanted = sorted(mail.ids(host))[0]
    mail.accept()
    play("queue_deliver", "--check", id=wanted)
    assert mail.delivered() == [] and wanted in mail.ids(host)
    said = play("queue_deliver", id=wanted)
    assert f"\n{host}:\n" in said and ("status=sent" in said or "Sent" in said), said
    assert [one.split()[0] for one in mail.delivered()] == [str(host)]
    left = {str(one): EACH - (one is host) for one in FLEET}
    assert {name: len(states) for name, states in mail.states().items()} == left


def test_delete_asks_and_takes_exactly_what_it_showed(mail):
    status, said = run("queue_delete", sender=mail.sender)
    assert status != 0 and f"{2 * EACH} messages" in said and "nobody is at the terminal" in said
    assert mail.states() == mail.expected("deferred", "deferred", "deferred"), "nobody said yes"
    play("queue_delete", "--check", sender=mail.sender, yes=True)
    assert mail.states() == mail.expected("deferred", "deferred", "deferred")
    spared = sorted(mail.ids(FLEET[0]))[0]
    others = [name for host in FLEET for name in mail.ids(host) if name != spared]
    play("queue_delete", id=",".join(others), yes=True)
    assert mail.states() == {str(FLEET[0]): ["deferred"], str(FLEET[1]): []}
    assert list(mail.ids(FLEET[0])) == [spared]


def test_delete_refuses_more_than_it_may(mail):
    status, said = run("queue_delete", sender=mail.sender, yes=True, max=EACH - 1)
    assert status != 0 and "messages are selected; nothing was done" in said
    assert mail.states() == mail.expected("deferred", "deferred", "deferred")
