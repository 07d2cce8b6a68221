# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The door: what it hands on, from where it leaves, what it refuses, and that it closes."""

import asyncio
import os
import socket
import stat
import struct
import subprocess
import sys

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._kit import door

#: Every address of 127.0.0.0/8 is this machine's, so that a test can tell from which one a connection comes.
SOURCE = "127.0.0.9"
ROOT = __file__.split("/ansible_collections/")[0]


@pytest.fixture(name="play")
def _play():
    """Return a function that plays a scene with a door and a server behind it; the scene gets the socket and the server's port."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)

    def play(scene, path, refuse=lambda address: False, sources=None):
        server = door.Server({socket.AF_INET: SOURCE} if sources is None else sources, refuse)

        async def whole():
            behind = await asyncio.start_server(echo, "127.0.0.1", 0)
            entrance = await asyncio.start_unix_server(server.serve, path=str(path))
            try:
                port = behind.sockets[0].getsockname()[1]
                return await asyncio.wait_for(scene(await asyncio.open_unix_connection(str(path)), port), 20)
            finally:
                entrance.close()
                behind.close()

        return loop.run_until_complete(whole())

    yield play
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


async def echo(reader, writer):
    """Say who has come, hand back what comes, and end when that ends."""
    writer.write(writer.get_extra_info("peername")[0].encode() + b"\n" + await reader.read())
    await writer.drain()
    writer.close()


def request(kind, address, port, command=1):
    return b"\x05\x01\x00" + bytes([5, command, 0, kind]) + address + struct.pack("!H", port)


async def answered(link, asked):
    """Return the code of the reply to a request."""
    link[1].write(asked)
    assert await link[0].readexactly(2) == b"\x05\x00"
    return (await link[0].readexactly(10))[1]


@pytest.mark.parametrize(("kind", "address"), [(1, bytes([127, 0, 0, 1])), (3, b"\x09localhost")])
def test_it_leaves_from_its_address_and_hands_on_all_of_both_sides(play, tmp_path, kind, address):
    content = os.urandom(300000)

    async def scene(link, port):
        assert await answered(link, request(kind, address, port)) == door.DONE
        link[1].write(content)
        link[1].write_eof()
        return await link[0].read()

    assert play(scene, tmp_path / "s") == SOURCE.encode() + b"\n" + content


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (lambda port: request(1, bytes([127, 0, 0, 1]), 1), door.REFUSED),
        (lambda port: request(1, bytes([127, 0, 0, 1]), port, command=2), door.NO_SUCH_COMMAND),
        (lambda port: request(2, b"", port), door.NO_SUCH_ADDRESS),
        (lambda port: request(3, b"\x03a b", port), door.UNREACHABLE),
        (lambda port: request(3, bytes([70]) + b"x" * 70, port), door.UNREACHABLE),
        # Only an IPv4 address is to leave from.
        (lambda port: request(4, bytes(15) + b"\x01", port), door.UNREACHABLE),
    ],
    ids=["nobody there", "BIND", "type", "no name", "long label", "IPv6"],
)
def test_what_is_not_offered_is_answered(play, tmp_path, asked, code):
    async def scene(link, port):
        return await answered(link, asked(port)), await link[0].read()

    assert play(scene, tmp_path / "s") == (code, b"")


@pytest.mark.parametrize("address", [bytes([127, 0, 0, 1]), bytes([169, 254, 169, 254]), bytes(4)], ids=str)
def test_the_host_s_own_loopback_and_link_are_not_reached(play, tmp_path, address):
    async def scene(link, port):
        return await answered(link, request(1, address, port))

    assert play(scene, tmp_path / "s", refuse=door.is_inward) == door.FORBIDDEN


def test_inward_is_told_from_outward_in_every_form():
    inward = [
        "127.9.9.9",
        "::1",
        "::ffff:127.0.0.1",
        "fe80::1%eth0",
        "169.254.1.1",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "ff02::1",
    ]
    assert [address for address in inward if not door.is_inward(address)] == []
    assert [address for address in ("192.0.2.1", "10.0.0.1", "2001:db8::1", "fd00::1") if door.is_inward(address)] == []


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\n\r\n", b"\x04\x01\x00", b"\x05\x01\x02", b"\x05", b""], ids=repr)
def test_who_speaks_no_socks_is_not_served(play, tmp_path, said):
    async def scene(link, port):
        link[1].write(said)
        link[1].write_eof()
        return await link[0].read()

    assert play(scene, tmp_path / "s") in (b"", b"\x05\xff")


def test_the_program_takes_one_user_and_ends_at_its_time(tmp_path):
    command = [sys.executable, "-c", f"import sys; from {door.__name__} import main; main(sys.argv[1:])"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.settimeout(60)
        # The program is nobody by then, where root runs the tests: it cannot go through the directories of pytest.
        name = f"postmaster-door-{os.getpid()}"
        systemd.bind("\0" + name)
        directory = tmp_path / "door"
        directory.mkdir(0o700)
        process = subprocess.Popen(
            [*command, str(directory), str(os.getuid()), "1", "127.0.0.1"],
            env=dict(os.environ, NOTIFY_SOCKET="@" + name, PYTHONPATH=os.pathsep.join(sys.path)),
            stderr=subprocess.PIPE,
        )
        try:
            assert systemd.recv(100) == b"READY=1"
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}
            assert modes == {door.SOCKET: 0o600, door.OPEN: 0o600}
            # A reader comes to the end when the door is closed.
            assert (directory / door.OPEN).read_bytes() == b""
        finally:
            said = process.communicate(timeout=60)[1]
    assert (process.returncode, said) == (0, b"")
