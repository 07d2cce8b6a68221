# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""R10: a fleet of four Postfix and two sendmail relays; what goes wrong in the canary batch ends the rollout there, and a repeat run heals."""

from __future__ import annotations

import concurrent.futures
import itertools
import json
import os
import pathlib
import shlex
import subprocess
import sys
import typing as t

import lab
import pytest
from accesshosts import access, call, clear
from labhosts import CACHE, RELAYS, ROOT, Host, ansible_environment, policy_of
from test_relay import figure

SIXTH = lab.Host("bench-fleet", "10.25.0.97", "debian12-postfix", ())
#: As soon as the candidate is staged, the run and the connection that it came by die, as they do with the host.
DIE = """
import os, signal, subprocess, sys, time
stage, lock = sys.argv[1:3]
end = time.monotonic() + 60
while time.monotonic() < end and not os.path.isdir(stage):
    time.sleep(0.001)
with open(lock) as holder:
    os.kill(int(holder.read()), signal.SIGKILL)
subprocess.call(["pkill", "-9", "-f", "sshd: root@"])
"""
KINDS = ("killed", "unreachable", "failing its probe")
CANARIES = ("postfix", "sendmail")
#: The canary batch: the bad host alone, or as the second of two.
BATCHES = (1, 2)


@pytest.fixture(scope="module", name="fleet")
def _fleet() -> t.Iterator[t.List[Host]]:
    podman = lab.Podman()
    lab.start(podman, SIXTH, lab.ensure_image(podman, SIXTH.image))
    try:
        problem = lab.wait_until_ready(podman, SIXTH)
        assert not problem, problem
        fleet = [*RELAYS, Host(SIXTH.name, SIXTH.address, "/usr/bin/python3", "postfix")]
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(_prepare, fleet))
        yield fleet
    finally:
        lab.remove(podman, SIXTH)


def _prepare(host: Host) -> None:
    answer = host.apply(policy_of(host))
    assert not answer.get("failed"), f"{host}: {answer['msg']}"
    clear(host)
    # The tables are wired, so that what follows is a change of tables alone.
    access(host, rules=[{"from": ["first.example"]}])


def _inventory(hosts: t.Sequence[Host], away: t.Optional[Host] = None) -> str:
    common = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(CACHE / "id_ed25519"),
        "ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR",
        "ansible_ssh_timeout": 5,
    }
    known = {}
    for host in hosts:
        address = "10.25.0.250" if host is away else host.address
        pair = [{"from": "root@ok.test", "to": f"root@{host}.lab.test"}]
        known[host.name] = {
            "ansible_host": address,
            "ansible_python_interpreter": host.python,
            "block_legitimate": pair,
        }
    return json.dumps({"relays": {"vars": common, "hosts": known}})


def _block(inventory: str, directory: pathlib.Path, *arguments: str) -> t.Tuple[int, str]:
    (directory / "hosts.json").write_text(inventory)
    # Every run with connections of its own: those of a run before would go round an address that is away.
    environment = ansible_environment(ANSIBLE_SSH_CONTROL_PATH_DIR=str(directory / "cp"))
    command = [sys.executable, "-m", "ansible", "playbook", "-i", str(directory / "hosts.json")]
    done = subprocess.run(
        [*command, "playbooks/block_domains.yml", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=str(ROOT),
        env=environment,
        timeout=600,
        check=False,
    )
    return done.returncode, done.stdout.decode()


def _has(host: Host, domain: str) -> bool:
    return bool(call(host, "access_info", **{"from": [domain]})["answers"][0]["refused"])


def test_r10_what_goes_wrong_in_the_canary_batch_ends_the_rollout(fleet, tmp_path):
    """Twelve scenarios: no host behind the canary batch is touched, the bad one is old or new, and a repeat run blocks on all."""
    right = 0
    for number, (kind, mta, size) in enumerate(itertools.product(KINDS, CANARIES, BATCHES)):
        bad = next(host for host in fleet if host.mta == mta)
        others = [host for host in fleet if host is not bad]
        order = [bad, *others] if size == 1 else [others[0], bad, *others[1:]]
        behind = order[size:]
        before = {host: host.look() for host in behind}
        # Only the bad host has legitimate mail that the rule hits; a probe that fails there is a probe that fails.
        domain = f"r10n{number}.example"
        rules = [{"from": [domain]}]
        hosts = _inventory(order, away=bad if kind == "unreachable" else None)
        extra = {"block_rules": rules, "block_serial": [size, "100%"]}
        if kind == "failing its probe":
            known = json.loads(hosts)
            known["relays"]["hosts"][bad.name]["block_rules"] = [*rules, {"from": ["ok.test"]}]
            del extra["block_rules"]
            for host in order:
                known["relays"]["hosts"][host.name].setdefault("block_rules", rules)
            hosts = json.dumps(known)
        if kind == "killed":
            stage = f"/etc/.{os.path.basename(bad.directory)}.postmaster"
            lock = f"/run/postmaster-mta/{bad.directory.strip('/').replace('/', '-')}.lock"
            bad.run(f"nohup {bad.python} -c {shlex.quote(DIE)} {stage} {lock} > /dev/null 2>&1 &")
        (tmp_path / str(number)).mkdir()
        status, output = _block(hosts, tmp_path / str(number), "-e", json.dumps(extra))
        untouched = all(host.look() == before[host] for host in behind)
        listed = all(f"{host}: not touched" in output for host in behind) and f"{bad}: " in output
        (tmp_path / f"{number}b").mkdir()
        again, after = _block(_inventory(order), tmp_path / f"{number}b", "-e", json.dumps({"block_rules": rules}))
        everywhere = all(_has(host, domain) for host in order)
        clean = not bad.run("ls -A /etc | grep postmaster || true").strip()
        good = status != 0 and untouched and listed and again == 0 and everywhere and clean
        right += good
        if not good:
            print(f"\n{kind}, {mta}, batch of {size}: {status=} {untouched=} {listed=} {again=} {everywhere=} {clean=}")
            print(output[-1500:], after[-1500:], flush=True)
    figure(
        "R10", f"{right} of 12 scenarios: nothing behind the canary batch was touched, and a repeat run blocked on all"
    )
    assert right == 12
