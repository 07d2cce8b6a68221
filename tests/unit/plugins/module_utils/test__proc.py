# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What /proc says: of this machine as it runs, and of others by the text of their kernels."""

import os
import socket
import subprocess
import sys

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _proc

NOBODY = 2**30


@pytest.fixture
def texts(monkeypatch):
    """Files below /proc, by path; every other is absent."""
    files = {}
    monkeypatch.setattr(_proc, "read_text", lambda path: files.get(path, ""))
    return files


def test_a_process_that_runs():
    me = os.getpid()
    assert me in _proc.pids() and _proc.is_running(me)
    assert _proc.command(me).startswith(("python", "pytest"))
    assert _proc.working_directory(me) == os.getcwd()
    assert 0 < _proc.started_at(_proc.started(me)) < os.stat(f"/proc/{me}").st_ctime + 60


def test_a_process_that_is_not_there():
    assert not _proc.is_running(NOBODY) and _proc.ends(NOBODY, 0.1)
    assert (_proc.command(NOBODY), _proc.working_directory(NOBODY)) == ("", "")
    assert _proc.started(NOBODY) is None and _proc.started_at(None) == 0.0
    assert _proc.socket_inodes(NOBODY) == set() and _proc.listening(NOBODY) == ()


def test_a_zombie_has_ended():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    assert child.pid in _proc.children(os.getpid())
    assert not _proc.ends(child.pid, 0.1)
    child.kill()
    assert _proc.ends(child.pid, 5)
    child.wait()


def test_a_command_with_parentheses_and_blanks(texts):
    texts["/proc/7/stat"] = "7 (a) b (c) S 3 " + " ".join("0" * 17) + " 4711 0\n"
    assert _proc.is_running(7) and _proc.started(7) == 4711


@pytest.mark.parametrize(
    "text,unit",
    [
        ("0::/system.slice/system-postfix.slice/postfix@-.service\n", "postfix@-.service"),
        ("12:pids:/x\n1:name=systemd:/system.slice/sendmail.service\n", "sendmail.service"),
        ("0::/user.slice\n", None),
    ],
)
def test_the_unit_of_a_process(texts, text, unit):
    texts["/proc/7/cgroup"] = text
    assert _proc.service_unit(7) == unit


def test_sockets_are_known_by_address_and_owner():
    with socket.socket() as server:
        # An address of its own: other tests connect to 127.0.0.1, and to any port of it.
        server.bind(("127.0.83.1", 0))
        server.listen(1)
        place = server.getsockname()[:2]
        assert place in _proc.listening(os.getpid())
        assert _proc.connections_to(place) == 0
        with socket.create_connection(place):
            assert _proc.connections_to(place) == 1


def test_a_connection_that_the_kernel_prints_twice_is_one(texts):
    line = "  0: 0100007F:C350 0100007F:0019 01 00000000:00000000 00:00000000 00000000 0 0 4711 1\n"
    other = line.replace("C350", "C351").replace("4711", "4712")
    texts["/proc/self/net/tcp"] = "  sl  local_address rem_address st\n" + line + other + line
    assert _proc.connections_to(("127.0.0.1", 25)) == 2


# The kernel prints the four bytes of each word as one number: the same socket, on two machines.
IPV6 = socket.AF_INET6
ENDPOINTS = [
    ("0100007F:0019", "7F000001:0019", socket.AF_INET, ("127.0.0.1", 25)),
    ("00000000:0A1A", "00000000:0A1A", socket.AF_INET, ("0.0.0.0", 2586)),
    ("0A0200C0:0019", "C000020A:0019", socket.AF_INET, ("192.0.2.10", 25)),
    ("00000000000000000000000001000000:0019", "00000000000000000000000000000001:0019", IPV6, ("::1", 25)),
    ("B80D0120000000000000000005000000:0019", "20010DB8000000000000000000000005:0019", IPV6, ("2001:db8::5", 25)),
]


@pytest.mark.parametrize("little,big,family,place", ENDPOINTS)
def test_addresses_on_either_kind_of_machine(monkeypatch, little, big, family, place):
    for order, text in (("little", little), ("big", big)):
        monkeypatch.setattr(_proc.sys, "byteorder", order)
        assert _proc.endpoint(text, family) == place


# /proc/net/tcp of SLES 15 on s390x: sendmail listens on the loopback, one session comes from 192.0.2.10 to 192.0.2.1.
S390X = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 7F000001:0019 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 20411 1 0000000000000000 100 0 0 10 0
   1: C0000201:8F2C C000020A:0019 01 00000000:00000000 02:00000A4B 00000000     0        0 20512 2 0000000000000000 20 4 30 10 -1
"""


def test_the_sockets_of_a_big_endian_machine(monkeypatch, texts):
    monkeypatch.setattr(_proc.sys, "byteorder", "big")
    texts["/proc/self/net/tcp"] = S390X
    assert [(entry.local, entry.inode) for entry in _proc.listeners()] == [(("127.0.0.1", 25), "20411")]
    assert _proc.connections_to(("192.0.2.10", 25)) == 1
    assert _proc.connections_to(("10.2.0.192", 25)) == 0


FIB_TRIE = """\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 127.0.0.1
        /32 host LOCAL
     |-- 192.0.2.0
        /24 link UNICAST
     |-- 192.0.2.7
        /32 host LOCAL
     |-- 192.0.2.255
        /32 link BROADCAST
Local:
     |-- 192.0.2.7
        /32 host LOCAL
"""
IF_INET6 = """\
fe80000000000000021122fffe334455 02 40 20 80     eth0
20010db8000000000000000000000007 02 40 00 80     eth0
00000000000000000000000000000001 01 80 10 80       lo
"""


@pytest.mark.parametrize("order", ["little", "big"])
def test_the_addresses_of_a_host(monkeypatch, texts, order):
    monkeypatch.setattr(_proc.sys, "byteorder", order)
    assert _proc.own_addresses() == ("127.0.0.1",) and not _proc.has_ipv6()
    texts.update({"/proc/net/fib_trie": FIB_TRIE, "/proc/net/if_inet6": IF_INET6})
    assert _proc.own_addresses() == ("127.0.0.1", "192.0.2.7", "2001:db8::7", "::1") and _proc.has_ipv6()
