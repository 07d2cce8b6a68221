# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""C(policy.load) on Postfix: the program answers by the load, and the setting comes and goes whole."""

import subprocess
import sys

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._postfix import load
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.master_cf import Service
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_rendering import rendered

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


@pytest.mark.parametrize(
    ("average", "answer"),
    [
        ("3.99 1 1 1/1 1", b"NOTFOUND "),
        ("4.00 1 1 1/1 1", b"OK policy_load_wait:unix:queued-the-load-of-this-host-is-too-high"),
    ],
)
def test_the_program_is_a_table_of_routes(tmp_path, average, answer):
    (tmp_path / "loadavg").write_text(average)
    program = tmp_path / "policy_load"
    program.write_text(load.PROGRAM.replace("/proc/loadavg", str(tmp_path / "loadavg")))
    done = subprocess.run(
        [sys.executable, "-I", str(program), "queue", "4"],
        input=b"12:load a@b.tes,11:load b.test,", stdout=subprocess.PIPE, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == b"%d:%s," % (len(answer), answer) * 2


def test_what_is_queued_has_a_table_in_front_of_the_routes():
    made = rendered({"load": {"queue": 8}, "routes": {"domains": [{"domain": "a.test", "host": "gw.test"}]}})
    assert made.settings["transport_maps"].startswith(f"{load.MAP}, hash:$config_directory/policy_transport")
    lines = [line for line in made.files["master.cf"].content.decode().splitlines() if line.startswith("policy_load")]
    assert [line.split()[0] for line in lines] == ["policy_load_map", "policy_load_wait"]
    assert (
        "smtpd_client_restrictions" not in made.settings or load.CHECK not in made.settings["smtpd_client_restrictions"]
    )


def test_without_that_file_the_system_is_asked(tmp_path):
    program = load.PROGRAM.replace("/proc/loadavg", str(tmp_path / "hidden")).partition("if sys.argv[1]")[0]
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"{program}print(load())"], stdout=subprocess.PIPE, check=True, timeout=60
    )
    assert 0.0 <= float(done.stdout) < 100000.0


def test_it_is_read_back():
    words = ("user=nobody", "argv=/usr/bin/python3", "-I", "/etc/postfix/policy_load", "4", "12")
    present = {"policy_load/unix": Service("policy_load", "unix", "-", "n", "n", "-", "0", "spawn", words)}
    assert load.read(f"{load.CHECK}, permit_mynetworks", (), present) == {"delay": 4, "queue": 0, "refuse": 12}
    assert load.read("permit_mynetworks", (), present) is None
    assert load.read(load.CHECK, (), {}) is None
    queue = ("user=nobody", "argv=/usr/bin/python3", "-I", "/etc/postfix/policy_load", "queue", "8")
    service = Service("policy_load_map", "unix", "-", "n", "n", "-", "0", "spawn", queue)
    assert load.read("", (load.MAP,), {"policy_load_map/unix": service}) == {"delay": 0, "queue": 8, "refuse": 0}


def test_the_shadow_runs_the_program_of_its_own_copy():
    words = ("user=nobody", "argv=/usr/bin/python3", "-I", "/etc/postfix/policy_load", "4", "12")
    service = Service("policy_load", "unix", "-", "n", "n", "-", "0", "spawn", words)
    assert load.in_directory(service, "/scratch/etc").arguments[3] == "/scratch/etc/policy_load"
    other = service._replace(name="other")
    assert load.in_directory(other, "/scratch/etc") == other
