# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Half past two: one command, and every relay of the fleet refuses a campaign, a second Postfix instance among them."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import typing as t

import pytest
from accesshosts import rcpt
from labhosts import HOSTS, RELAYS, ROOT, Host, ansible_environment

pytestmark = pytest.mark.lab(group="fleet", uses=[host.name for host in RELAYS])
SECOND_HOST, SECOND, PORT = HOSTS["pf13"], "postfix-second", 2525
DOMAINS = ("emalsrv.example", "complains.example", "look-alike.example")
ADDRESS = "boss@gmail.example"
REPLY = {"code": 554, "status": "5.7.26", "text": "Sender banned, please use a legitimate domain"}
SERVED, KNOWN = "user@served.test", "probe@stranger.test"
#: A second instance, made with postmulti(1) by hand: the configuration of the first one, with directories and a port of its own.
CREATE = f"""set -e
cp -a /etc/postfix/main.cf /root/main.cf.kept
postmulti -e init
postmulti -I {SECOND} -e create
find /etc/postfix -mindepth 1 -maxdepth 1 ! -name main.cf -exec cp -a {{}} /etc/{SECOND}/ \\;
postconf -c /etc/{SECOND} -h multi_instance_name >/dev/null
cp /root/main.cf.kept /etc/{SECOND}/main.cf
postconf -c /etc/{SECOND} -e queue_directory=/var/spool/{SECOND} data_directory=/var/lib/{SECOND} \\
    multi_instance_name={SECOND} multi_instance_enable=yes inet_protocols=ipv4
postconf -c /etc/{SECOND} -F '*/unix/chroot=n'
for service in $(postconf -c /etc/{SECOND} -M | awk '$2 == "inet" {{print $1 "/inet"}}'); do postconf -c /etc/{SECOND} -MX $service; done
postconf -c /etc/{SECOND} -M '{PORT}/inet={PORT} inet n - n - - smtpd'
postfix -c /etc/{SECOND} start
"""
REMOVE = f"""postfix -c /etc/{SECOND} stop
rm -rf /etc/{SECOND} /var/spool/{SECOND} /var/lib/{SECOND}
cat /root/main.cf.kept > /etc/postfix/main.cf; rm -f /root/main.cf.kept; postfix reload; true
"""
_strangers = itertools.cycle(range(100, 117))


class Relay(t.NamedTuple):
    """One instance of the fleet, as it is asked from outside."""

    name: str
    host: Host
    directory: str
    port: int = 25


#: By the names that the tables show.
FLEET = [
    *(Relay(host.name, host, host.directory) for host in RELAYS if host != SECOND_HOST),
    Relay(f"{SECOND_HOST} postfix", SECOND_HOST, SECOND_HOST.directory),
    Relay(f"{SECOND_HOST} {SECOND}", SECOND_HOST, f"/etc/{SECOND}", PORT),
]


@pytest.fixture(scope="module", autouse=True)
def _second_instance(hardened: None) -> t.Iterator[None]:
    SECOND_HOST.run(CREATE)
    try:
        yield
    finally:
        SECOND_HOST.run(REMOVE)


def play(book: str, **extra: t.Any) -> t.Tuple[int, str]:
    """Type one command; returns the exit status and what is shown."""
    command = [sys.executable, "-m", "ansible", "playbook", "-i", str(ROOT / "molecule" / "inventory")]
    done = subprocess.run(
        [*command, f"playbooks/{book}.yml", "-e", json.dumps(extra)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=str(ROOT),
        env=ansible_environment(COLUMNS="160"),
        timeout=600,
        check=False,
    )
    return done.returncode, done.stdout.decode()


def table(output: str) -> t.Dict[str, t.List[str]]:
    """The cells behind the name of each relay in the table at the end; a host with several instances has a line for each."""
    lines = output[output.index("HOST ") : output.index("PLAY RECAP")].splitlines()[1:]
    return {
        relay.name: line[len(relay.name) :].split()
        for relay in FLEET
        for line in lines
        if line.startswith(f"{relay.name}  ")
    }


_NAMES = {relay.name for relay in FLEET}


def _sources(relay: Relay) -> t.Dict[str, t.List[t.Any]]:
    """Content, mode and owner of every file that is no compiled table."""
    found = relay.host.look(relay.directory)
    return {name: known[:4] for name, known in found.items() if not name.endswith((".db", ".lmdb", ".cdb"))}


def _ask(relay: Relay, sender: str, recipient: str = SERVED) -> t.Dict[str, t.Any]:
    return rcpt(relay.host, f"10.25.0.{next(_strangers)}", sender, recipient, relay.port)


def test_one_command_blocks_a_campaign_on_the_whole_fleet_and_one_takes_it_back():
    before = {relay.name: _sources(relay) for relay in FLEET}
    said = {f"block_{name}": value for name, value in REPLY.items()}
    asked = {"block_domain": ",".join([*DOMAINS, ADDRESS]), "block_ticket": "SPAM-7", "block_expires": "30d", **said}
    status, output = play("block_domains", **asked)
    assert status == 0, output
    assert {name: row[2] for name, row in table(output).items()} == dict.fromkeys(_NAMES, "4")
    for relay in FLEET:
        senders = [f"x@{domain}" for domain in DOMAINS] + [f"x@deep.sub.{domain}" for domain in DOMAINS] + [ADDRESS]
        for sender in senders:
            reply = _ask(relay, sender)
            assert (reply["code"], reply["enhanced"]) == (REPLY["code"], REPLY["status"]), (relay.name, reply)
            assert REPLY["text"] in reply["text"], (relay.name, reply)
        for sender in (KNOWN, "boss@ok.test", "x@xemalsrv.example.stranger.test"):
            assert REPLY["text"] not in _ask(relay, sender)["text"], (relay.name, sender)
        assert _ask(relay, KNOWN)["code"] == 250, f"{relay.name}: other mail does not flow"

    look = {relay.name: relay.host.look(relay.directory) for relay in FLEET}
    status, output = play("block_domains", **asked)
    assert status == 0, output
    assert {name: row[2:5] for name, row in table(output).items()} == dict.fromkeys(_NAMES, ["0", "0", "4"])
    assert {relay.name: relay.host.look(relay.directory) for relay in FLEET} == look, "the second run changed something"

    status, output = play("unblock_domains", block_domain=asked["block_domain"])
    assert status == 0, output
    for relay in FLEET:
        assert _sources(relay) == before[relay.name], f"{relay.name} is not as it was, byte for byte"
        assert REPLY["text"] not in _ask(relay, f"x@{DOMAINS[0]}")["text"]


@pytest.mark.long
def test_check_blocks_shows_who_added_it_on_every_relay():
    play("block_domains", block_domain=DOMAINS[0], block_ticket="SPAM-8", block_by="drj")
    try:
        status, output = play("check_blocks", block_domain=f"x@sub.{DOMAINS[0]}")
        assert status == 0, output
        rows = table(output)
        assert set(rows) == _NAMES and all("SPAM-8" in row and "drj" in row for row in rows.values()), output
    finally:
        play("unblock_domains", block_domain=DOMAINS[0])
