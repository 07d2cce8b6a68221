# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The door of the playbook browse: whoever may open a socket of this host leaves from addresses of its own, for a time.

It speaks SOCKS 5 (RFC 1928): CONNECT to IPv4, IPv6 and names, no authentication, since the owner and the mode of the socket say who may
use it. It gives up root before the first connection, and whatever is open ends with it.

Private to the collection: it can change at any time.
"""

import asyncio
import contextlib
import ipaddress
import os
import pwd
import socket
import struct
import typing as t

#: Files below the directory of a door: where ssh leads to, and what can be read to its end when the door is closed.
SOCKET, OPEN = "door.sock", "open"
_VERSION, _NO_AUTHENTICATION, _NONE_OF_THESE = 5, 0, 0xFF
_CONNECT = 1
_IPV4, _NAME, _IPV6 = 1, 3, 4
#: What the reply says, in the numbers of RFC 1928.
DONE, FAILED, FORBIDDEN, UNREACHABLE, REFUSED, NO_SUCH_COMMAND, NO_SUCH_ADDRESS = 0, 1, 2, 4, 5, 7, 8
#: Seconds for what a client asks for, and for one address to answer.
_ASKING, _CONNECTING = 30, 20
_PIECE = 1 << 16
#: Connections at one time; those that come then are closed.
_MOST = 500
Stream = t.Tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Turned(Exception):
    """A connection that is not made.

    :param code: what the reply says.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"reply {code}")
        self.code = code


class Server:
    """Serve the connections of one door.

    :param sources: the addresses to leave from, by address family. What only another family leads to is not reached.
    :param refuse: whether an address may not be reached; the host's own loopback must not be opened to web pages.
    """

    def __init__(self, sources: t.Mapping[int, str], refuse: t.Callable[[str], bool]) -> None:
        self._sources = sources
        self._refuse = refuse
        self._count = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client to its end."""
        self._count += 1
        try:
            if self._count <= _MOST:
                await self._converse(reader, writer)
        except (OSError, EOFError, asyncio.TimeoutError):
            pass  # Either end has gone.
        finally:
            self._count -= 1
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            host, port = await asyncio.wait_for(asked_for(reader, writer), _ASKING)
            far = await self._connect(host, port)
        except Turned as turned:
            writer.write(reply(turned.code))
            await writer.drain()
            return
        try:
            writer.write(reply(DONE))
            await asyncio.gather(_pump(reader, far[1]), _pump(far[0], writer))
        finally:
            far[1].close()

    async def _connect(self, host: str, port: int) -> Stream:
        """Return a connection to the first address that answers.

        :raises Turned: there is none.
        """
        code = UNREACHABLE
        for family, target in await _addresses_of(host, port):
            if self._refuse(target[0]):
                code = FORBIDDEN
            elif family in self._sources:
                try:
                    return await asyncio.wait_for(_leave(family, self._sources[family], target), _CONNECTING)
                except ConnectionRefusedError:
                    code = REFUSED
                except (OSError, asyncio.TimeoutError):
                    code = UNREACHABLE
        raise Turned(code)


async def asked_for(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> t.Tuple[str, int]:
    """Greet a client; return the host and the port that it asks for.

    :raises Turned: what it asks for is not offered.
    :raises EOFError: it speaks no SOCKS 5, or has gone.
    """
    version, count = await reader.readexactly(2)
    methods = await reader.readexactly(count)
    if version != _VERSION:
        raise EOFError
    offered = _NO_AUTHENTICATION if _NO_AUTHENTICATION in methods else _NONE_OF_THESE
    writer.write(bytes([_VERSION, offered]))
    await writer.drain()
    if offered != _NO_AUTHENTICATION:
        raise EOFError
    version, command, dummy, kind = await reader.readexactly(4)
    host = await _host(reader, kind)
    (port,) = struct.unpack("!H", await reader.readexactly(2))
    if version != _VERSION:
        raise Turned(FAILED)
    if command != _CONNECT:
        raise Turned(NO_SUCH_COMMAND)
    return host, port


async def _host(reader: asyncio.StreamReader, kind: int) -> str:
    if kind == _IPV4:
        return socket.inet_ntop(socket.AF_INET, await reader.readexactly(4))
    if kind == _IPV6:
        return socket.inet_ntop(socket.AF_INET6, await reader.readexactly(16))
    if kind == _NAME:
        (length,) = await reader.readexactly(1)
        return (await reader.readexactly(length)).decode("ascii", "replace")
    raise Turned(NO_SUCH_ADDRESS)


def reply(code: int) -> bytes:
    """Return a reply. Which address the connection leaves from is nobody's business here, so it names none."""
    return bytes([_VERSION, code, 0, _IPV4]) + bytes(6)


async def _addresses_of(host: str, port: int) -> t.List[t.Tuple[int, t.Any]]:
    """Return the addresses of a host, each with its family.

    :raises Turned: it has none.
    """
    loop = asyncio.get_event_loop()
    try:
        answers = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Turned(UNREACHABLE)
    return [(answer[0], answer[4]) for answer in answers]


async def _leave(family: int, source: str, target: t.Any) -> Stream:
    """Return a connection to an address that leaves from one of this host."""
    link = socket.socket(family, socket.SOCK_STREAM)
    try:
        link.setblocking(False)
        link.bind((source, 0))
        await asyncio.get_event_loop().sock_connect(link, target)
        return await asyncio.open_connection(sock=link)
    except BaseException:
        link.close()
        raise


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hand on what comes, and the end of it."""
    while True:
        piece = await reader.read(_PIECE)
        if not piece:
            break
        writer.write(piece)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


def is_inward(text: str) -> bool:
    """Return whether an address is the host itself or its link: what listens there trusts who comes from there."""
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_link_local or mapped.is_unspecified or mapped.is_multicast)


def by_family(addresses: t.Iterable[str]) -> t.Dict[int, str]:
    """Return addresses by their family."""
    return {socket.AF_INET6 if ":" in address else socket.AF_INET: address for address in addresses}


# --- the program ----------------------------------------------------------------------------------------------------


def main(arguments: t.Sequence[str]) -> int:
    """Keep a door open.

    :param arguments: its directory, the number of the user who may use it, for how many seconds, and the addresses to leave from.
    """
    directory, uid, seconds, sources = arguments[0], int(arguments[1]), float(arguments[2]), arguments[3:]
    entrance = _entrance(directory, uid)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(_serve(entrance, Server(by_family(sources), is_inward), seconds))
    # What is open ends with the process, a lookup that still waits included.
    os._exit(0)


async def _serve(entrance: socket.socket, server: Server, seconds: float) -> None:
    await asyncio.start_unix_server(server.serve, sock=entrance)
    # No client is served before this function waits.
    _give_up_root()
    _tell_systemd()
    await asyncio.sleep(seconds)


def _entrance(directory: str, uid: int) -> socket.socket:
    """Return the socket, which only one user can reach; who reads the file beside it is told when the door is closed."""
    entrance = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    path, told = os.path.join(directory, SOCKET), os.path.join(directory, OPEN)
    old = os.umask(0o177)
    entrance.bind(path)
    os.mkfifo(told, 0o600)
    os.umask(old)
    # Held until the process ends: then its readers come to the end.
    os.open(told, os.O_RDWR)
    for name in (path, told, directory):
        os.chown(name, uid, -1)
    return entrance


def _give_up_root() -> None:
    """Become nobody: what comes from the outside is handled without a right to anything."""
    if os.geteuid():
        return
    try:
        nobody = pwd.getpwnam("nobody")
        uid, gid = nobody.pw_uid, nobody.pw_gid
    except KeyError:
        uid, gid = 65534, 65534
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def _tell_systemd() -> None:
    """Tell systemd that clients can come now; C(systemd-run) waits for it."""
    path = os.environ.get("NOTIFY_SOCKET")
    if path:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            told.sendto(b"READY=1", "\0" + path[1:] if path.startswith("@") else path)


__all__ = ("DONE", "OPEN", "SOCKET", "Server", "by_family", "is_inward", "main")
