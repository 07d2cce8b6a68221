# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook harden-relay on real relays: what it must leave alone, and when it must stop.

The mechanics of the batches are tested without relays, in tests/unit/plugins/action/test_rollout.py.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import typing as t

import pytest
from labhosts import HOSTS, RELAYS, ROOT, ansible_environment, policy_of

pytestmark = pytest.mark.lab(group="fleet", uses=[host.name for host in RELAYS])
CANARY, NEXT = HOSTS["pf12"], HOSTS["pf13"]
#: As soon as the candidate is staged, ends every ssh session of the host, and nothing else.
DROP_SSH = """
tries=0
while [ $tries -lt 4000 ]; do
    if [ -d /etc/.postfix.postmaster ]; then
        pkill -9 -f 'sshd: root@'
        exit
    fi
    tries=$((tries + 1))
    sleep 0.005
done
"""
GHOST = "relays:\n  hosts:\n    ghost: {ansible_host: 10.25.0.250, ansible_ssh_timeout: 5}\n"


def harden(*arguments: str) -> t.Tuple[int, str]:
    """Run the playbook, without the probes from outside, which have their own tests; returns the exit status and what is shown."""
    argv = [sys.executable, "-m", "ansible", "playbook", "-i", str(ROOT / "molecule" / "inventory")]
    environment = ansible_environment(ANSIBLE_STDOUT_CALLBACK="postmaster.mta.brief")
    done = subprocess.run(
        [*argv, *arguments, "-e", "harden_probes=false", "playbooks/harden-relay.yml"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=str(ROOT),
        env=environment,
        timeout=600,
        check=False,
    )
    return done.returncode, done.stdout.decode()


@pytest.fixture(name="larger")
def _larger(hardened: None) -> t.Iterator[t.List[str]]:
    """The arguments of a change; afterwards the relays have the fleet's policy again."""
    yield ["-l", f"{CANARY},{NEXT}", "-e", '{"relay_policy_host": {"limits": {"message_size": "26M"}}}']
    for host in (CANARY, NEXT):
        answer = host.apply(policy_of(host))
        assert not answer.get("failed"), f"{host}: {answer['msg']}"


def size(host: t.Any) -> str:
    """The message size in main.cf."""
    return host.run("postconf -h message_size_limit").strip()


def test_check_and_diff_show_the_change_and_touch_nothing(larger):
    before = {host: host.look("/etc") for host in RELAYS}
    status, output = harden(*larger, "--check", "--diff")
    assert status == 0, output
    assert "-message_size_limit = 26214400" in output
    assert "+message_size_limit = 27262976" in output
    for host in RELAYS:
        assert host.look("/etc") == before[host]


@pytest.mark.long
def test_a_relay_that_is_not_there_stops_it_before_anything_is_touched(larger, tmp_path):
    (tmp_path / "ghost.yml").write_text(GHOST)
    limit = ["-l", f"{CANARY},{NEXT},ghost", *larger[2:]]
    status, output = harden("-i", str(tmp_path / "ghost.yml"), *limit)
    assert status != 0
    assert "ghost: unreachable:" in output
    assert (size(CANARY), size(NEXT)) == ("26214400", "26214400")


def test_a_connection_that_drops_in_the_change_leaves_the_host_whole_and_stops_it(larger):
    CANARY.run(f"nohup sh -c {shlex.quote(DROP_SSH)} > /dev/null 2>&1 &")
    status, output = harden(*larger)
    assert status != 0
    assert "the connection to the host broke during the change" in " ".join(output.split())
    assert f"{NEXT}: not touched" in output
    assert size(NEXT) == "26214400"

    status, output = harden(*larger)
    assert status == 0, output
    assert CANARY.run("ls -A /etc | grep postmaster || true") == ""
    assert (size(CANARY), size(NEXT)) == ("27262976", "27262976")
