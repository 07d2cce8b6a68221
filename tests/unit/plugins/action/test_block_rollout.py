# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks of blocks, run by a real ansible-playbook on hosts that are all this machine; the module access is a stub (R10)."""

import json
import subprocess

import pytest

pytest.importorskip("ansible.executor", reason="a controller is needed")

from ansible_collections.postmaster.mta.tests.unit.playbook_program import ansible_playbook
from ansible_collections.postmaster.mta.tests.unit.plugins.action.test_rollout import HOSTS, ROOT, STUB, Fleet  # noqa: E402

ACCESS = STUB.format(
    spec="{name: {'type': 'raw'} for name in 'rules ticket expires comment by action code status text verify legitimate instance anyway state"
    " purge_expired'.split()}",
    body="""
known = module.params["instance"]
known = json.loads(known) if isinstance(known, str) else known
if known.get("kills"):
    open(known["kills"], "w").write("ssh")
if known.get("fails"):
    module.fail_json(msg="the change failed, the old configuration is restored: legitimate mail is refused")
if not module.check_mode:
    open(known["log"], "a").write(known["host"] + "\\n")
there = known.get("there", False)
module.exit_json(changed=not there, mta="postfix", version="3.7.11", instance="postfix", by_hand=[],
    counts=dict(added=int(not there), updated=0, removed=0, unchanged=int(there)),
    verified=["1 changes asked", "from a.example: 550 5.7.1 <x@a.example>: Refused"])
""",
)


class BlockFleet(Fleet):
    """Four hosts and what the stub does on each of them."""

    def __init__(self, directory):
        self.does = {host: {} for host in HOSTS}
        super().__init__(directory)
        modules = self.directory / "collections" / "ansible_collections" / "postmaster" / "mta" / "plugins" / "modules"
        (modules / "playbook_block_gate.py").symlink_to(ROOT / "plugins" / "modules" / "playbook_block_gate.py")
        (modules / "access.py").write_text(ACCESS)

    def _variables_of(self, host):
        known = dict(self.does[host], host=host, log=str(self.log))
        return dict(super()._variables_of(host), block_instance=json.dumps(known))

    def block(self, *arguments):
        """Run block_domains; returns the exit status and the output."""
        hosts = {host: self._variables_of(host) for host in HOSTS}
        (self.directory / "inventory.json").write_text(json.dumps({"relays": {"hosts": hosts}}))
        command = [*ansible_playbook(), "-i", str(self.directory / "inventory.json"), "-f", "4"]
        done = subprocess.run(
            [*command, "postmaster.mta.block_domains", "-e", "block_domain=a.example block_ticket=T-1", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._environment(),
            cwd=str(self.directory),
            check=False,
        )
        return done.returncode, done.stdout.decode()


@pytest.fixture
def fleet(tmp_path):
    return BlockFleet(tmp_path)


def test_one_command_blocks_on_all(fleet):
    status, output = fleet.block()
    assert status == 0, output
    assert fleet.touched()[0] == "canary" and sorted(fleet.touched()) == sorted(HOSTS)
    table = output[output.index("HOST ") :].splitlines()
    assert table[0].split() == ["HOST", "MTA", "ADD", "REMOVE", "ALREADY", "SO", "VERIFIED", "REPLY"]
    assert table[1].split() == ["canary", "postfix", "3.7.11", "1", "0", "0", "550", "5.7.1"]


def test_a_canary_that_fails_stops_it(fleet):
    fleet.does["canary"] = {"fails": True}
    status, output = fleet.block()
    assert status != 0 and fleet.touched() == []
    end = output[output.index("Not done:") :]
    assert "canary: the change failed, the old configuration is restored: legitimate mail" in " ".join(end.split())
    assert "fourth: not touched" in end


@pytest.mark.long
def test_a_canary_that_is_down_stops_it(fleet):
    fleet.take_away("canary")
    status, output = fleet.block()
    assert status != 0 and fleet.touched() == []
    assert "canary: unreachable" in output[output.index("Not done:") :]


@pytest.mark.long
def test_a_canary_batch_of_two_stops_it_whichever_of_them_is_down(fleet):
    fleet.take_away("second")
    status, output = fleet.block("-e", '{"block_serial": [2, 2]}')
    assert status != 0 and fleet.touched() == ["canary"]
    end = output[output.index("Not done:") :]
    assert "second: unreachable" in end and "third: not touched" in end and "fourth: not touched" in end


def test_a_relay_that_fails_later_stops_what_follows(fleet):
    fleet.does["second"] = {"fails": True}
    status, output = fleet.block("-e", '{"block_serial": [1, 1, 2]}')
    assert status != 0 and fleet.touched() == ["canary"]
    end = output[output.index("Not done:") :]
    assert "third: not touched" in end and "second: the change failed" in end


def test_a_relay_that_is_down_is_listed_at_the_end_and_the_others_are_blocked(fleet):
    fleet.take_away("third")
    status, output = fleet.block("-e", '{"block_serial": [1, 1, 2]}')
    assert status != 0
    assert sorted(fleet.touched()) == ["canary", "fourth", "second"]
    end = output[output.index("Not done:") :]
    assert "third: unreachable:" in end and "A repeat run changes only these." in end


@pytest.mark.long
def test_a_repeat_run_changes_only_what_was_down(fleet):
    for host in ("canary", "second", "fourth"):
        fleet.does[host] = {"there": True}
    status, output = fleet.block()
    assert status == 0, output
    lines = {line.split()[0]: line.split() for line in output[output.index("HOST ") :].splitlines() if line.strip()}
    assert lines["third"][3:6] == ["1", "0", "0"] and lines["canary"][3:6] == ["0", "0", "1"]


@pytest.mark.long
def test_a_relay_killed_meanwhile_is_listed(fleet):
    fleet.does["canary"] = {"kills": str(fleet.directory / "fourth")}
    status, output = fleet.block("-e", '{"block_serial": [1, 2, 1]}')
    assert status != 0
    assert sorted(fleet.touched()) == ["canary", "second", "third"]
    assert "fourth: unreachable:" in output[output.index("Not done:") :]


def test_check_mode_touches_nothing(fleet):
    status, output = fleet.block("--check")
    assert status == 0, output
    assert fleet.touched() == [] and "WOULD ADD" in output
