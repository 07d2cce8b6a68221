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
from labhosts import CACHE, Host, policy_of

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOMAINS = 1000
#: So many turns of the loop are measured; a thousand would take a quarter of an hour.
SAMPLE = 20
RULES = 1000000
FLEET = 50
#: Two throw-away containers beside the fleet: image and address.
HOSTS = {"postfix": ("debian12-postfix", "10.25.0.95"), "sendmail": ("debian12-sendmail", "10.25.0.96")}
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


def rows() -> t.Iterator[Row]:
    """The ratios of issue 3."""
    with _relays() as relays:
        yield _thousand(relays["postfix"])
        for host in relays.values():
            yield from _million(host)
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
    """One domain to many relays against a ping to the same, and the compilation itself.

    The relays are names of one host, each with an instance of its own: the machine that runs them is the same for both sides.
    """
    clear(host)
    names = {f"relay{number:02}": host.address for number in range(FLEET)}
    make = 'set -e; for n in $(seq -w 0 {last}); do rm -rf /etc/postfix-$n; cp -a /etc/postfix /etc/postfix-$n; all="$all /etc/postfix-$n"; done; '
    make += 'postconf -e "multi_instance_directories = $all"; : > /tmp/yardstick; '
    make += "began=$(date +%s.%N); postmap hash:/tmp/yardstick; ended=$(date +%s.%N); echo $ended $began | awk '{{print $1 - $2}}'"
    compiling = float(host.run(make.format(last=FLEET - 1), timeout=300).split()[-1]) * FLEET / (os.cpu_count() or 1)
    inventory = _inventory(names)
    task = {
        "postmaster.mta.access": {
            "rules": [{"from": ["{{ wave }}.example"]}],
            "instance": "/etc/postfix-{{ inventory_hostname[5:] }}",
        }
    }
    block = [{"hosts": "all", "gather_facts": False, "vars": {"wave": "first"}, "tasks": [task]}]
    _ansible(inventory, json.dumps(block))
    block[0]["vars"] = {"wave": "second"}
    ours = _ansible(inventory, json.dumps(block))
    ping = _ansible(
        inventory, json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [{"ansible.builtin.ping": None}]}])
    )
    return Row(f"one domain to {FLEET} relays : ping and compile", ours, ping + compiling, "s", 1.25)


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
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
        return time.monotonic() - began
