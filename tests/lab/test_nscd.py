# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role nscd on a host with a real nscd: a server moves, and nscd hides it until the role has been there."""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t

import pytest
from labhosts import DNS, HOSTS, ROOT, ansible_environment

pytestmark = pytest.mark.lab(group="sles15", uses=["sles15"])
SLES = HOSTS["sles15"]
NAME = "moved.ok.test"
BEFORE, AFTER = "10.25.0.51", "10.25.0.56"
#: With a trailing dot, as sendmail asks for the address of the next hop.
ASK = f"import socket; print(socket.gethostbyname('{NAME}.'))"


def address_by_libc() -> str:
    """What a mail server on the host is told."""
    return SLES.run(f'/usr/bin/python3 -c "{ASK}"').strip()


def address_by_dns() -> str:
    """What the name server says, asked from the same host without nscd."""
    return SLES.run(f"getent -s hosts:dns ahostsv4 {NAME} | cut -d ' ' -f 1 | sort -u").strip()


def run_role(*arguments: str) -> t.Dict[str, t.Any]:
    """Run the role by Ansible; returns the result of its module."""
    argv = [sys.executable, "-m", "ansible", "adhoc", "sles15", "-m", "ansible.builtin.include_role"]
    environment = ansible_environment(ANSIBLE_CALLBACK_RESULT_FORMAT="json")
    done = subprocess.run(
        [*argv, "-a", "name=postmaster.mta.nscd", "-v", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=str(ROOT),
        env=environment,
        check=False,
    )
    output = done.stdout.decode()
    assert done.returncode == 0, output
    decode = json.JSONDecoder().raw_decode
    found = [decode(block)[0] for block in output.split("=> ")[1:]]
    return next(answer for answer in found if "units" in answer)


@pytest.fixture(name="caching")
def _caching() -> t.Iterator[None]:
    """nscd as the distribution ships it; afterwards the host is left hardened, and the record is gone."""
    SLES.run("sed -i 's/\\(enable-cache[ \\t]*hosts[ \\t]*\\)no/\\1yes/' /etc/nscd.conf && systemctl restart nscd")
    DNS.run(f"labdns set {NAME} A {BEFORE} 3600")
    yield
    DNS.run(f"labdns delete {NAME}")
    SLES.run("systemctl enable --now -q nscd")
    run_role()


def test_a_server_that_moved_is_found_where_it_is_now(caching):
    assert address_by_libc() == BEFORE
    DNS.run(f"labdns set {NAME} A {AFTER} 3600")
    assert address_by_dns() == AFTER
    assert address_by_libc() == BEFORE, "nscd hides nothing here, so that this test proves nothing"

    answer = run_role()
    assert answer["changed"]
    assert answer["units"] == ["nscd.service"]
    assert address_by_libc() == AFTER
    assert SLES.run("systemctl is-active nscd").strip() == "active"

    DNS.run(f"labdns set {NAME} A {BEFORE} 3600")
    assert address_by_libc() == BEFORE
    assert not run_role()["changed"]


@pytest.mark.long
def test_stopped_means_stopped_now_and_at_the_next_boot(caching):
    assert address_by_libc() == BEFORE
    DNS.run(f"labdns set {NAME} A {AFTER} 3600")
    assert run_role("-e", "nscd_state=stopped")["changed"]
    assert address_by_libc() == AFTER
    assert SLES.run("systemctl is-active nscd", check=False).strip() == "inactive"
    assert SLES.run("systemctl is-enabled nscd", check=False).strip() == "disabled"
    assert not run_role("-e", "nscd_state=stopped")["changed"]


def test_check_mode_changes_neither_file_nor_daemon(caching):
    before = SLES.run("stat -c '%i %Y' /etc/nscd.conf; systemctl show -p MainPID nscd")
    assert run_role("--check")["changed"]
    assert SLES.run("stat -c '%i %Y' /etc/nscd.conf; systemctl show -p MainPID nscd") == before
