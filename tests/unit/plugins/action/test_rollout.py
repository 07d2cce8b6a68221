# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook harden_relay itself, run by a real ansible-playbook on hosts that are all this machine.

The modules that would touch a relay are replaced by stubs that write down that they were called. A host is taken away
by a file that its connection is read from.
"""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from ansible_collections.postmaster.mta.tests.unit.playbook_program import ansible_playbook

pytest.importorskip("ansible.executor", reason="a controller is needed")

ROOT = pathlib.Path(__file__).resolve().parents[4]
LINKED = ("action", "callback", "doc_fragments", "filter", "module_utils", "plugin_utils")
HOSTS = ("canary", "second", "third", "fourth")

STUB = """#!/usr/bin/python
import json, sys
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule(argument_spec={spec}, supports_check_mode=True)
{body}
"""
RELAY = STUB.format(
    spec="{name: {'type': 'raw'} for name in"
    " 'policy baseline main main_secrets master mc mta instance lock_timeout by ticket confirm accept_risk unsupported'.split()}",
    body="""
host, log = module.params["main"]["host"], module.params["main"]["log"]
if module.params["policy"].get("limits"):
    module.fail_json(msg="refused, nothing was changed: limits.message_size")
if not module.check_mode:
    open(log, "a").write(host + "\\n")
module.exit_json(changed=True, mta="postfix", version="3.7.11", instance="postfix", settings=["message_size_limit"],
    actions=["edit main.cf"], activation={"kind": "reload", "because": ["message_size_limit"]}, notes=[], diff=[],
    config_directory=log + ".confirmed", generation=None if module.check_mode else 5, confirm_by=None if module.check_mode else 1)
""",
)
# Writes down what was asked of it in the file that the other one named as its configuration directory.
CONFIRM = STUB.format(
    spec="{'mta': {}, 'instance': {}, 'generation': {'type': 'int'}, 'state': {'default': 'confirmed'}}",
    body="""
open(module.params["instance"], "a").write("%s-%d\\n" % (module.params["state"], module.params["generation"]))
module.exit_json(changed=True)
""",
)
AUDIT = STUB.format(
    spec="{'host': {'type': 'str'}, 'probes': {'type': 'raw'}, 'served_domain': {'type': 'str'}, 'expect': {'type': 'raw'},"
    " 'third_party_domain': {'type': 'str'}, 'client_domain': {'type': 'str'}, 'source_addresses': {'type': 'raw'}, 'trusted': {'type': 'raw'},"
    " 'relay_name': {'type': 'str'}, 'risks': {'type': 'raw'}}",
    body="""
if not module.params["probes"]:
    module.exit_json(changed=False, verdict="not probed")
good = 3 if module.params["served_domain"] == "open.test" else 4
failures = [dict(probe="O15", trick="percent hack", judgement="open", reason="rcpt: 250")] if good < 4 else []
module.exit_json(changed=False, verdict="passed" if good == 4 else "failed", summary="%d/4" % good,
    groups={"relay": {"total": 4, "good": good}}, failures=failures)
""",
)


class Fleet:
    """A stub collection, an inventory of four hosts, and what happened to them."""

    def __init__(self, directory):
        self.directory = directory
        self.log = directory / "touched"
        self.variables = {host: {} for host in HOSTS}
        self._make_collection()

    def _make_collection(self):
        top = self.directory / "collections" / "ansible_collections" / "postmaster" / "mta"
        (top / "plugins" / "modules").mkdir(parents=True)
        for name in LINKED:
            (top / "plugins" / name).symlink_to(ROOT / "plugins" / name)
        for name in ("roles", "playbooks", "meta", "galaxy.yml"):
            (top / name).symlink_to(ROOT / name)
        for name in ("playbook_harden_gate", "playbook_harden_table", "nscd", "playbook_arguments"):
            (top / "plugins" / "modules" / f"{name}.py").symlink_to(ROOT / "plugins" / "modules" / f"{name}.py")
        (top / "plugins" / "modules" / "relay.py").write_text(RELAY)
        (top / "plugins" / "modules" / "audit_info.py").write_text(AUDIT)
        (top / "plugins" / "modules" / "confirm.py").write_text(CONFIRM)
        for host in HOSTS:
            (self.directory / host).write_text("local")

    def take_away(self, host):
        """From now on nobody reaches the host."""
        (self.directory / host).write_text("ssh")

    def dies_when_its_turn_comes(self, host):
        """It answers, and is gone with the first task after that."""
        path = self.directory / host
        self.variables[host]["nscd_state"] = (
            "{{ lookup('ansible.builtin.pipe', 'printf ssh > %s; echo unmanaged') }}" % path
        )

    def kills_in_passing(self, killer, host):
        """While one host is configured another one dies."""
        path = self.directory / host
        self.variables[killer]["nscd_state"] = (
            "{{ lookup('ansible.builtin.pipe', 'printf ssh > %s; echo unmanaged') }}" % path
        )

    def run(self, *arguments):
        """Run the playbook; returns the exit status and the output."""
        hosts = {host: self._variables_of(host) for host in HOSTS}
        inventory = {"relays": {"hosts": hosts}}
        (self.directory / "inventory.json").write_text(json.dumps(inventory))
        command = [*ansible_playbook(), "-i", str(self.directory / "inventory.json")]
        done = subprocess.run(
            [*command, "postmaster.mta.harden_relay", "-f", "4", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._environment(),
            cwd=str(self.directory),
            check=False,
        )
        return done.returncode, done.stdout.decode()

    def _variables_of(self, host):
        own = {
            "ansible_connection": "{{ lookup('ansible.builtin.file', '%s') }}" % (self.directory / host),
            "ansible_port": 1,
            "ansible_host": "127.0.0.1",
            "ansible_python_interpreter": sys.executable,
            "ansible_become": False,
            "nscd_state": "unmanaged",
            "relay_service": "unmanaged",
            "relay_policy": {"relay": {"domains": ["served.test"]}},
            "relay_main": {"host": host, "log": str(self.log)},
        }
        return dict(own, **self.variables[host])

    def _environment(self):
        here = {
            "ANSIBLE_COLLECTIONS_PATH": str(self.directory / "collections"),
            "ANSIBLE_LOCAL_TEMP": str(self.directory / "tmp"),
            "ANSIBLE_REMOTE_TMP": str(self.directory / "tmp"),
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_NOCOLOR": "true",
            "COLUMNS": "100",
            "ANSIBLE_STDOUT_CALLBACK": "postmaster.mta.brief",
            "HOME": str(self.directory),
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        return dict(kept, **here)

    def touched(self):
        """The hosts that were configured, in order."""
        return self.log.read_text().split() if self.log.exists() else []

    def confirmed(self):
        """What was confirmed and what was rolled back, in order."""
        path = self.directory / "touched.confirmed"
        return path.read_text().split() if path.exists() else []


@pytest.fixture
def fleet(tmp_path):
    return Fleet(tmp_path)


def test_all_goes_well(fleet):
    status, output = fleet.run()
    assert status == 0, output
    assert fleet.touched()[0] == "canary"
    assert sorted(fleet.touched()) == sorted(HOSTS)
    assert fleet.confirmed() == ["confirmed-5"] * len(HOSTS)
    table = output[output.index("HOST ") :].splitlines()
    assert table[0].split() == ["HOST", "MTA", "INSTANCE", "CHANGED", "ACTIVATION", "PROBES"]
    assert table[1].split()[:5] == ["canary", "postfix", "3.7.11", "postfix", "message_size_limit"]


@pytest.mark.long
def test_check_mode_touches_nothing_and_shows_all_that_is_wrong(fleet):
    fleet.variables["canary"]["relay_policy_host"] = {"limits": {"message_size": "1k"}}
    status, output = fleet.run("--check")
    assert status != 0
    assert fleet.touched() == fleet.confirmed() == []
    assert "WOULD CHANGE" in output
    assert all(host in output[output.index("WOULD CHANGE") :] for host in HOSTS)
    assert "limits.message_size" in output[output.index("Would not be hardened:") :]


def test_a_failing_canary_stops_everything(fleet):
    fleet.variables["canary"]["relay_policy_host"] = {"limits": {"message_size": "1k"}}
    status, output = fleet.run()
    assert status != 0
    assert fleet.touched() == []
    end = output[output.index("Not hardened:") :]
    assert "canary: Apply the relay policy: refused" in end
    assert "fourth: not touched" in end


def test_a_relay_that_a_probe_gets_through_stops_everything(fleet):
    fleet.variables["canary"]["harden_served_domain"] = "open.test"
    status, output = fleet.run()
    assert status != 0
    assert fleet.touched() == ["canary"]
    assert fleet.confirmed() == ["rolled_back-5"], "what a probe gets through must not stay live"
    assert "O15 percent hack: open (rcpt: 250)" in " ".join(output.split())
    assert "3 of 4" in output


@pytest.mark.long
def test_a_host_that_does_not_answer_stops_it_before_anything_is_touched(fleet):
    fleet.take_away("fourth")
    status, output = fleet.run()
    assert status != 0
    assert fleet.touched() == []
    assert "fourth: unreachable:" in output[output.index("Not hardened:") :]


@pytest.mark.long
def test_a_prober_that_does_not_answer_stops_it_before_anything_is_touched(fleet):
    fleet.take_away("fourth")
    status, output = fleet.run("-l", "!fourth", "-e", "harden_prober=fourth")
    assert status != 0
    assert fleet.touched() == []
    end = output[output.index("Not hardened:") :]
    assert "canary: the host that probes from outside does not answer" in end
    assert "second, third: not touched" in end


@pytest.mark.long
def test_a_prober_that_dies_leaves_the_relay_unproven_and_stops_it(fleet):
    fleet.kills_in_passing("canary", "fourth")
    status, output = fleet.run("-l", "!fourth", "-e", "harden_prober=fourth")
    assert status != 0
    assert fleet.touched() == ["canary"]
    assert fleet.confirmed() == [], "the host rolls back by itself"
    end = " ".join(output[output.index("Not hardened:") :].split())
    assert "canary: it was configured, but not proven from outside:" in end
    assert "second, third: not touched" in end


@pytest.mark.long
def test_it_can_be_left_out(fleet):
    fleet.take_away("fourth")
    status, output = fleet.run("-l", "!fourth")
    assert status == 0, output
    assert sorted(fleet.touched()) == ["canary", "second", "third"]


@pytest.mark.parametrize("host", [pytest.param("canary", marks=pytest.mark.long), "second"])
def test_a_host_that_dies_in_its_turn_stops_the_batches_after_it(fleet, host):
    fleet.dies_when_its_turn_comes(host)
    status, output = fleet.run("-e", '{"harden_serial": [1, 2, 1]}')
    assert status != 0
    assert fleet.touched() == {"canary": [], "second": ["canary", "third"]}[host], output
    assert "UNREACHABLE" in output


@pytest.mark.long
def test_a_host_that_dies_before_its_turn_stops_its_batch(fleet):
    fleet.kills_in_passing("canary", "third")
    status, output = fleet.run("-e", '{"harden_serial": [1, 2, 1]}')
    assert status != 0
    assert fleet.touched() == ["canary"]
    end = output[output.index("Not hardened:") :]
    assert "third: unreachable:" in end
    assert "second, fourth: not touched" in end
