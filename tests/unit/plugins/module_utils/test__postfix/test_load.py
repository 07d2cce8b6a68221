# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""C(policy.load) on Postfix: the program answers by the load, and the setting comes and goes whole."""

import subprocess
import sys

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._postfix import load
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.master_cf import Service
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.test_render import rendered

STRANGER = "request=smtpd_access_policy\nclient_address=192.0.2.7\nhostile=action=OK\n\n"


def ask(tmp_path, average, delay, refuse, requests):
    """Run the program with a load average of the test's own; return its answers."""
    (tmp_path / "loadavg").write_text(average)
    program = tmp_path / "policy_load"
    program.write_text(
        load.PROGRAM.replace("/proc/loadavg", str(tmp_path / "loadavg")).replace("sleep(1)", "sleep(0.01)")
    )
    done = subprocess.run(
        [sys.executable, "-I", str(program), str(delay), str(refuse)],
        input=requests.encode(), stdout=subprocess.PIPE, check=True, timeout=20,
    )  # fmt: skip
    return [line.partition("=")[2] for line in done.stdout.decode().split("\n\n") if line]


@pytest.mark.parametrize(
    ("average", "delay", "refuse", "answer"),
    [
        ("3.99 1 1 1/1 1", 0, 4, "DUNNO"),
        ("4.00 1 1 1/1 1", 0, 4, "421 4.3.2 Too much load, try again later"),
        ("9.00 1 1 1/1 1", 4, 0, "DUNNO"),
        ("", 0, 4, "DUNNO"),
        ("nonsense", 0, 4, "DUNNO"),
    ],
)
def test_the_program_answers_by_the_load(tmp_path, average, delay, refuse, answer):
    assert ask(tmp_path, average, delay, refuse, STRANGER * 2) == [answer, answer]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_the_host_itself_is_never_held_up(tmp_path, address):
    request = STRANGER.replace("192.0.2.7", address)
    assert ask(tmp_path, "99 1 1 1/1 1", 1, 2, request) == ["DUNNO"]


def test_a_client_waits_a_second(tmp_path):
    assert "time.sleep(1)" in load.PROGRAM
    assert ask(tmp_path, "5 1 1 1/1 1", 4, 0, STRANGER) == ["DUNNO"]


def test_the_service_and_the_check_come_together():
    made = rendered({"load": {"delay": 4, "refuse": 12}})
    assert made.settings["smtpd_client_restrictions"] == load.CHECK
    assert made.settings["smtpd_delay_reject"] == "no"
    assert b"import sys" in made.files["policy_load"].content
    lines = made.files["master.cf"].content.decode().splitlines()
    (line,) = [line for line in lines if line.startswith("policy_load")]
    assert line.split()[1:8] == ["unix", "-", "n", "n", "-", "0", "spawn"]
    assert line.endswith("policy_load 4 12")


def test_it_is_read_back():
    words = ("user=nobody", "argv=/usr/bin/python3", "-I", "/etc/postfix/policy_load", "4", "12")
    present = {"policy_load/unix": Service("policy_load", "unix", "-", "n", "n", "-", "0", "spawn", words)}
    assert load.read(f"{load.CHECK}, permit_mynetworks", present) == {"delay": 4, "queue": 0, "refuse": 12}
    assert load.read("permit_mynetworks", present) is None
    assert load.read(load.CHECK, {}) is None


def test_the_shadow_runs_the_program_of_its_own_copy():
    words = ("user=nobody", "argv=/usr/bin/python3", "-I", "/etc/postfix/policy_load", "4", "12")
    service = Service("policy_load", "unix", "-", "n", "n", "-", "0", "spawn", words)
    assert load.in_directory(service, "/scratch/etc").arguments[3] == "/scratch/etc/policy_load"
    other = service._replace(name="other")
    assert load.in_directory(other, "/scratch/etc") == other
