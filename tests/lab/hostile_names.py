# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A name server with bad intentions: C(hostile_names.py ADDRESS MODE). Runs on a relay of the lab, standard library only.

Modes: circle (every name is an alias of itself), chain (every name is an alias of a longer one), noise (random bytes), huge (64 kB by
TCP), control (names with control characters), malformed (names that point at themselves), silent.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
import threading
import typing as t

HEAD = struct.Struct("!HHHHHH")
ANSWER, TRUNCATED = 0x8580, 0x8780
CNAME, MX = 5, 15
#: The name in the question, by a pointer to it.
ASKED = b"\xc0\x0c"


def record(kind: int, data: bytes) -> bytes:
    """A record about the name that was asked for."""
    return ASKED + struct.pack("!HHIH", kind, 1, 60, len(data)) + data


def reply(query: bytes, *records: bytes, flags: int = ANSWER) -> bytes:
    """A well-formed message around records that are not."""
    end = query.index(b"\0", 12) + 5
    return query[:2] + HEAD.pack(0, flags, 1, len(records), 0, 0)[2:] + query[12:end] + b"".join(records)


def answer(query: bytes, mode: str, by_tcp: bool) -> t.Optional[bytes]:
    """What is sent back; nothing is."""
    if mode == "silent":
        return None
    if mode == "noise":
        return query[:2] + os.urandom(300)
    if mode == "huge":
        many = [record(MX, struct.pack("!H", number) + b"\x04evil" + ASKED) for number in range(3300)]
        return reply(query, *many) if by_tcp else reply(query, flags=TRUNCATED)
    data = {
        "circle": (CNAME, ASKED),
        "chain": (CNAME, b"\x04loop" + ASKED),
        "control": (MX, b"\0\x0a\x0b\x1b[31m\x07\n\r\0x" + ASKED),
        "malformed": (MX, b"\0\x0a\xff\xff\xff"),
    }[mode]
    return reply(query, record(data[0], data[1]))


def by_tcp(listener: socket.socket, mode: str) -> None:
    """One question for each connection."""
    while True:
        connection, dummy = listener.accept()
        with connection:
            size = connection.recv(2)
            said = answer(connection.recv(struct.unpack("!H", size)[0]), mode, True) if len(size) == 2 else None
            if said is not None:
                connection.sendall(struct.pack("!H", len(said)) + said)


def main() -> None:
    """Serve until somebody ends it."""
    address, mode = sys.argv[1:]
    listener = socket.create_server((address, 53), reuse_port=False)
    threading.Thread(target=by_tcp, args=(listener, mode), daemon=True).start()
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind((address, 53))
    while True:
        query, client = datagrams.recvfrom(4096)
        said = answer(query, mode, False)
        if said is not None:
            datagrams.sendto(said, client)


if __name__ == "__main__":
    main()
