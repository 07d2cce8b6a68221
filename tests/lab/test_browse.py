# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook browse: a page is fetched from the relay's second address, by nobody else, until the door closes; then nothing is left."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import time
import typing as t

import pytest
from labhosts import HOSTS, ROOT, WORLD, Host, ansible_environment

#: A relay of each MTA and the oldest Python; the gate takes one. What it asks is at world, whose other tests are not disturbed.
RELAYS = [
    HOSTS["pf13"],
    pytest.param(HOSTS["sm13"], marks=pytest.mark.long),
    pytest.param(HOSTS["sles15"], marks=pytest.mark.long),
]
SECOND = {"pf13": "10.25.0.24", "sm13": "10.25.0.28", "sles15": "10.25.0.30"}
PAGE, PORT = "mx1.ok.test", 8089
#: Runs on world: tells each client which address it has.
ECHO = """
import http.server
class Echo(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.client_address[0].encode())
http.server.ThreadingHTTPServer(("10.25.0.51", %d), Echo).serve_forever()
"""
#: Runs on a relay: whoever runs it tries to use a door.
TRY = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
TRACES = (
    "ls -d /run/postmaster-mta-browse* /run/systemd/transient/postmaster-mta-browse* /etc/systemd/system/*browse* 2>/dev/null;"
    " systemctl list-units --all --no-legend 'postmaster-mta-browse*'; pgrep -fl 'door.py[z]'"
)


@pytest.fixture(name="echo")
def _echo(host: Host) -> t.Iterator[None]:
    """A page of the lab's world that says which address it is asked from; and no door is left, however the test ends."""
    unit = f"browse-echo-{host}"
    WORLD.write(f"/run/{unit}.py", (ECHO % PORT).encode())
    WORLD.run(f"systemd-run --quiet --collect --unit={unit} -p RuntimeMaxSec=600 python3 /run/{unit}.py")
    yield
    WORLD.run(f"systemctl stop {unit}; rm -f /run/{unit}.py")
    host.run("systemctl stop 'postmaster-mta-browse-*'", check=False)


def browse(host: Host, *arguments: str, **variables: t.Any) -> str:
    """Run the playbook for one relay; returns what it prints."""
    given = json.dumps({f"browse_{name}": value for name, value in variables.items()})
    argv = [sys.executable, "-m", "ansible", "playbook", "-i", str(ROOT / "molecule" / "inventory")]
    done = subprocess.run(
        [*argv, "playbooks/browse.yml", "-l", f"{host},localhost", "-e", given, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=str(ROOT),
        env=ansible_environment(ANSIBLE_STDOUT_CALLBACK="postmaster.mta.brief"),
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode()
    return done.stdout.decode()


def fetched(entrance: str) -> str:
    """Return what the page says to who comes through the door; the name is looked up at the far end."""
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(60)
        link.connect(entrance)
        link.sendall(b"\x05\x01\x00")
        assert link.recv(2) == b"\x05\x00"
        link.sendall(b"\x05\x01\x00\x03" + bytes([len(PAGE)]) + PAGE.encode() + struct.pack("!H", PORT))
        assert link.recv(10)[:2] == b"\x05\x00"
        link.sendall(b"GET / HTTP/1.0\r\n\r\n")
        said = b"".join(iter(lambda: link.recv(4096), b""))
    return said.rpartition(b"\r\n\r\n")[2].decode()


def until(what: t.Callable[[], bool]) -> bool:
    """Wait until something is true, for as long as a slow machine may take."""
    end = time.monotonic() + 60
    while not what() and time.monotonic() < end:
        time.sleep(0.2)
    return what()


def is_closed(entrance: str) -> bool:
    """Return whether the ssh that led to the door has ended."""
    with socket.socket(socket.AF_UNIX) as link, contextlib.suppress(ConnectionRefusedError, FileNotFoundError):
        link.connect(entrance)
        return False
    return True


@pytest.mark.parametrize("host", RELAYS, ids=str)
@pytest.mark.usefixtures("echo")
def test_a_page_sees_the_second_address_and_nobody_else_gets_through(host: Host) -> None:
    with tempfile.TemporaryDirectory() as directory:
        entrance = str(pathlib.Path(directory) / "s")
        wanted = {"addresses": SECOND[host.name], "duration": "30m", "socket": entrance, "connect": True}
        said = browse(host, **wanted)
        assert f"open until {time.strftime('%Y', time.gmtime())}" in said and f"file://{entrance}" in said
        assert os.stat(entrance).st_mode & 0o777 == 0o600
        assert fetched(entrance) == SECOND[host.name]
        assert "open already until" in browse(host, **wanted)
        assert "closed now" in browse(host, state="closed")
        assert until(lambda: is_closed(entrance))
    assert host.run(TRACES, check=False) == ""


@pytest.mark.parametrize("host", RELAYS, ids=str)
def test_the_door_of_a_user_is_his_and_closes_by_itself(host: Host) -> None:
    uid = int(host.run("id -u anna"))
    wanted = {"uid": uid, "addresses": [SECOND[host.name]]}
    assert host.done("browse", True, **wanted)["changed"] and host.run(TRACES, check=False) == ""
    door = host.done("browse", duration="30m", **wanted)["socket"]
    for user, ending in (("bert", "PermissionError"), ("anna", "")):
        tried = host.run(f"runuser -u {user} -- {host.python} -c '{TRY}' {door} 2>&1", check=False)
        assert (ending in tried) if ending else tried == "", f"{user}: {tried}"
    assert host.done("browse", True, state="closed", **wanted)["changed"]
    assert not host.done("browse", **wanted)["changed"], "check mode has closed it"
    assert host.done("browse", state="closed", **wanted)["changed"] and host.run(TRACES, check=False) == ""
    host.done("browse", duration="1s", **wanted)
    assert until(lambda: host.run(TRACES, check=False) == "")
    assert not host.done("browse", state="closed", **wanted)["changed"]
