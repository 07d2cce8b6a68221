# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How one gets through a door: the command of ssh, and the words for the browser."""

import shlex
import socket
import stat
import threading

import pytest

from ansible_collections.postmaster.mta.plugins.plugin_utils import _browse

ANSWER = {
    "changed": True,
    "open": True,
    "addresses": ["192.0.2.11"],
    "until": "2026-03-01T12:30:00Z",
    "socket": "/run/d/door.sock",
    "ended_by": "/run/d/open",
}
PORT = _browse.Entrance(1080)


def words(variables, entrance=PORT, **defaults):
    known = {"inventory_hostname": "mx1", **variables}
    return " ".join(_browse.command(known, ANSWER, entrance, defaults))


def test_ssh_goes_where_ansible_goes_and_ends_with_the_door():
    assert words({}) == (
        "ssh -S none -o ExitOnForwardFailure=yes -L 127.0.0.1:1080:/run/d/door.sock mx1 cat /run/d/open"
    )
    variables = {
        "ansible_host": "192.0.2.7",
        "ansible_port": 2222,
        "ansible_user": "anna",
        "ansible_ssh_private_key_file": "/keys/mine",
        "ansible_ssh_common_args": "-o 'ProxyJump=jump host'",
    }
    given = _browse.command({"inventory_hostname": "mx1", **variables}, ANSWER, PORT, {"user": "root"})
    assert given[5:14] == ["-o", "ProxyJump=jump host", "-i", "/keys/mine", "-p", "2222", "-l", "anna", "-L"]
    assert given[-3:] == ["192.0.2.7", "cat", "/run/d/open"]
    assert " -l root " in words({}, user="root")


def test_a_socket_of_the_file_system_is_its_owner_s_alone():
    said = words({}, _browse.Entrance(1080, "/home/anna/door"))
    assert "StreamLocalBindMask=0177" in said and "-L /home/anna/door:/run/d/door.sock" in said


@pytest.mark.parametrize(
    ("changed", "checked", "beginning"),
    [(True, False, "mx1: open until"), (True, True, "mx1: would be open until"), (False, False, "mx1: open already")],
)
def test_until_when_is_said(changed, checked, beginning):
    lines = _browse.lines("mx1", {**ANSWER, "changed": changed}, ["ssh", "a b"], PORT, checked)
    assert lines[0].startswith(beginning)
    assert lines[0].endswith("until 2026-03-01 12:30:00 UTC, leaves from 192.0.2.11")
    assert shlex.split(lines[1]) == ["ssh", "a b"]
    assert "port 1080" in lines[2] and "socks5h://127.0.0.1:1080" in lines[3]


@pytest.mark.parametrize(
    ("changed", "checked", "line"),
    [(True, False, "mx1: closed now"), (True, True, "mx1: would be closed"), (False, False, "mx1: is closed")],
)
def test_that_it_is_closed_is_said(changed, checked, line):
    assert _browse.lines("mx1", {"open": False, "changed": changed}, [], PORT, checked) == [line]


def test_firefox_and_curl_are_told_about_a_socket():
    assert "file:///home/anna/door" in " ".join(_browse.browser(_browse.Entrance(1080, "/home/anna/door")))


@pytest.fixture(name="entrance")
def _entrance(tmp_path):
    """An entrance behind which somebody welcomes clients once a file is there: the ssh of these tests makes it."""
    path = tmp_path / "s"
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(tmp_path / "waiting"))
    server.listen(5)

    def welcome():
        while True:
            try:
                link = server.accept()[0]
            except OSError:
                return
            with link:
                if not link.recv(3):
                    return
                link.sendall(b"\x05\x00")

    thread = threading.Thread(target=welcome)
    thread.start()
    yield _browse.Entrance(0, str(path))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as last:
        last.connect(str(tmp_path / "waiting"))
        last.shutdown(socket.SHUT_WR)
        thread.join()
    server.close()


def ssh(tmp_path, text):
    program = tmp_path / "ssh"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return [str(program), "mx1"]


def test_ssh_is_started_once(tmp_path, entrance):
    started = ssh(
        tmp_path, f"echo $* >> {tmp_path}/log; mv {tmp_path}/waiting {tmp_path}/s; ln -s s {tmp_path}/waiting"
    )
    assert _browse.connect(started, entrance) == ""
    assert _browse.connect(started, entrance) == ""
    assert (tmp_path / "log").read_text() == "-f -o BatchMode=yes mx1\n"


def test_why_ssh_does_not_lead_there_is_said(tmp_path):
    failed = ssh(tmp_path, "exit 255")
    assert "exit status 255" in _browse.connect(failed, _browse.Entrance(0, str(tmp_path / "s")))
