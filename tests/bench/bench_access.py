# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a block costs: a thousand domains at once, one domain into a million rules, one domain to a whole fleet."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import subprocess
import tempfile
import time
import typing as t

import lab
from accesshosts import access, clear
from figures import Row
from labhosts import CACHE, Host, ansible_environment, policy_of

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOMAINS = 1000
#: So many turns of the loop are measured; a thousand would take a quarter of an hour.
SAMPLE = 20
RULES = 1000000
FLEET = 50
#: Two throw-away containers beside the fleet: image and address.
HOSTS = {"postfix": ("debian12-postfix", "10.25.0.95"), "sendmail": ("debian12-sendmail", "10.25.0.96")}
ROUNDS = 3
#: Makes relays of one container, each with an /etc, a lock and an sshd of its own, on the ports from 2200 on.
MANY = """set -e
mkdir -p /run/postmaster-mta /run/sshd
for number in $(seq 0 {last}); do
    mine=/srv/relay$number
    rm -rf $mine && mkdir -p $mine/run && cp -a /etc $mine/etc
    unshare --mount --propagation private sh -c "
        mount --bind $mine/etc /etc && mount --bind $mine/run /run/postmaster-mta
        exec /usr/sbin/sshd -o Port=$((2200 + number)) -o PidFile=none -E $mine/log" </dev/null >/dev/null 2>&1
done
for number in $(seq 0 {last}); do
    for wait in $(seq 50); do grep -q listening /srv/relay$number/log && break; sleep 0.1; done
done
"""
#: One table compiled, in seconds; every Postfix program waits for a main.cf of the last second to get older, which is no compiling.
COMPILE = """set -e
touch -d -1min /etc/postfix/main.cf; : > /tmp/yardstick
began=$(date +%s.%N); postmap hash:/tmp/yardstick; ended=$(date +%s.%N)
echo $ended $began | awk '{print $1 - $2}'
"""
LOOP = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.lineinfile:
        path: /etc/postfix/loop
        regexp: "^{{{{ item }}}} "
        line: "{{{{ item }}}} REJECT"
        create: true
      loop: {names}
      notify: compile
  handlers:
    - name: compile
      ansible.builtin.command: postmap hash:/etc/postfix/loop
"""


def rows(part: str = "") -> t.Iterator[Row]:
    """The ratios of issue 3.

    :param part: only those of C(thousand), C(million) or C(fleet).
    """
    with _relays() as relays:
        if part in ("", "thousand"):
            yield _thousand(relays["postfix"])
        for host in relays.values():
            if part in ("", "million", f"million-{host.mta}"):
                yield from _million(host)
        if part in ("", "fleet"):
            yield _fleet(relays["postfix"])


@contextlib.contextmanager
def _relays() -> t.Iterator[t.Dict[str, Host]]:
    podman = lab.Podman()
    made = {mta: lab.Host(f"bench-access-{mta}", address, image, ()) for mta, (image, address) in HOSTS.items()}
    try:
        for host in made.values():
            lab.start(podman, host, lab.ensure_image(podman, host.image))
        problems = [lab.wait_until_ready(podman, host) for host in made.values()]
        assert not any(problems), problems
        relays = {mta: Host(host.name, host.address, "/usr/bin/python3", mta) for mta, host in made.items()}
        for relay in relays.values():
            answer = relay.apply(policy_of(relay))
            assert not answer.get("failed"), answer
        yield relays
    finally:
        for host in made.values():
            lab.remove(podman, host)


def _thousand(host: Host) -> Row:
    """The module against the loop that people write; the loop is measured in part and the rest reckoned."""
    names = [f"spam{number}.example" for number in range(DOMAINS)]
    inventory = _inventory({"one": host.address})
    empty = _ansible(inventory, LOOP.format(names="[]"))
    loop = _ansible(inventory, LOOP.format(names=json.dumps(names[:SAMPLE])))
    other = empty + (loop - empty) * DOMAINS / SAMPLE
    task = {"postmaster.mta.access": {"rules": [{"from": names}], "mta": host.mta}}
    ours = _ansible(inventory, json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task]}]))
    clear(host)
    what = f"lineinfile in a loop : {DOMAINS} domains by access"
    return Row(what, other, ours, "s", 100, at_most=False)


def _million(host: Host) -> t.Iterator[Row]:
    """One domain more, against the compiler alone on the same table and the same file system."""
    name, line, compiler = {
        "postfix": ("access_from", "spam%07d.example\\t550 5.7.1 Refused\\n", "postmap hash:/etc/postfix/yardstick"),
        "sendmail": (
            "access",
            'From:spam%07d.example\\tERROR:5.7.1:\\"550 Refused\\"\\n',
            "makemap hash /etc/mail/yardstick < /etc/mail/yardstick",
        ),
    }[host.mta]
    access(host, rules=[{"from": ["first.example"]}])
    path = f"{host.directory}/{name}"
    host.run(
        f"python3 -c \"import sys; [sys.stdout.write('{line}' % n) for n in range({RULES})]\" >> {path}", timeout=300
    )
    access(host, rules=[{"from": ["second.example"]}])
    host.run(f"cp {path} {host.directory}/yardstick")
    pairs = []
    for number in range(3):
        began = time.monotonic()
        host.run(f"{compiler} && rm -f {host.directory}/yardstick.db", timeout=600)
        alone = time.monotonic() - began
        answer = access(host, rules=[{"from": [f"more{number}.example"]}])
        assert answer.get("changed"), answer
        pairs.append((answer["seconds"], alone, answer["megabytes"]))
    host.run(
        f"rm -f {host.directory}/yardstick* && : > {path} && cd {host.directory} && {compiler.replace('yardstick', name)}"
    )
    ours, alone, megabytes = sorted(pairs, key=lambda pair: pair[0] / pair[1])[1]
    yield Row(f"one domain into {RULES} rules : {compiler.split()[0]} alone", ours, alone, "s", 1.3)
    yield Row(f"memory for it : 200 MB, {host.mta}", megabytes, 200, "MB", 1)


def _fleet(host: Host) -> Row:
    """One domain to many relays against a ping to the same, and the compilation itself; nobody is connected yet, as at 14:14.

    The relays are one container: each has an /etc and an sshd of its own, so that the machine that runs them is the same for both sides.
    """
    clear(host)
    host.run(MANY.format(last=FLEET - 1), timeout=300)
    compiling = float(host.run(COMPILE).split()[-1]) * FLEET / (os.cpu_count() or 1)
    play: t.Dict[str, t.Any] = {"hosts": "all", "gather_facts": False}
    ping = json.dumps([{**play, "tasks": [{"ansible.builtin.ping": None}]}])
    pings, blocks = [], []
    for number in range(ROUNDS + 1):
        task = {"postmaster.mta.access": {"rules": [{"from": [f"wave{number}.example"]}], "mta": "postfix"}}
        block = json.dumps([{**play, "tasks": [task]}])
        with tempfile.TemporaryDirectory(prefix="bench-") as sockets:
            blocks.append(_ansible(_many(host, f"{sockets}/block"), block))
            pings.append(_ansible(_many(host, f"{sockets}/ping"), ping))
    # The first round brings the tables into the configuration. Of the others the best counts: what other programs take away from a
    # round is no property of either.
    return Row(
        f"one domain to {FLEET} relays : ping and compile", min(blocks[1:]), min(pings[1:]) + compiling, "s", 1.25
    )


def _many(host: Host, sockets: str) -> str:
    names = {f"relay{number:02}": host.address for number in range(FLEET)}
    inventory = json.loads(_inventory(names))
    for number, known in enumerate(inventory["all"]["hosts"].values()):
        known.update(ansible_port=2200 + number, ansible_control_path_dir=sockets)
    return json.dumps(inventory)


def _inventory(addresses: t.Mapping[str, str]) -> str:
    common = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(CACHE / "id_ed25519"),
        "ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR",
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    hosts = {name: {"ansible_host": address} for name, address in addresses.items()}
    return json.dumps({"all": {"vars": common, "hosts": hosts}})


def _ansible(inventory: str, playbook: str) -> float:
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        where = pathlib.Path(directory)
        (where / "hosts.yml").write_text(inventory)
        (where / "play.yml").write_text(playbook)
        command = ["ansible-playbook", "--forks", "10", "-i", str(where / "hosts.yml"), str(where / "play.yml")]
        began = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=ansible_environment())
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
        return time.monotonic() - began
