# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small DNS server on loopback that obeys a function: honest, slow, silent, or hostile."""

import socket
import struct
import threading
import typing as t

import dns.flags
import dns.message
import dns.rrset

#: Takes the question and whether it came by TCP; returns bytes, or nothing to stay silent.
Answering = t.Callable[[t.Any, bool], t.Optional[bytes]]


def _on_one_port(host: str) -> t.Tuple[socket.socket, socket.socket]:
    """A UDP and a TCP socket. A port that is free for one may be taken for the other: tests run side by side."""
    while True:
        udp, tcp = (socket.socket(socket.AF_INET, kind) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM))
        udp.bind((host, 0))
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tcp.bind(udp.getsockname())
        except OSError:
            udp.close()
            tcp.close()
        else:
            return udp, tcp


class Peer:
    """Listens on one port, by UDP and (unless told not to) by TCP."""

    def __init__(self, answering: Answering, tcp: bool = True, host: str = "127.0.0.1") -> None:
        self.answering = answering
        self.asked: t.List[t.Tuple[str, str, bool]] = []
        self._udp, self._tcp = _on_one_port(host)
        self.address, self.port = self._udp.getsockname()
        if tcp:
            self._tcp.listen(20)
            threading.Thread(target=self._serve_tcp, daemon=True).start()
        threading.Thread(target=self._serve_udp, daemon=True).start()

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *dummy: t.Any) -> None:
        self._udp.close()
        self._tcp.close()

    def _answer(self, wire: bytes, by_tcp: bool) -> t.Optional[bytes]:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        self.asked.append((question.name.to_text(), dns.rdatatype.to_text(question.rdtype), by_tcp))
        return self.answering(query, by_tcp)

    def _serve_udp(self) -> None:
        while True:
            try:
                wire, sender = self._udp.recvfrom(65535)
                reply = self._answer(wire, False)
                if reply is not None:
                    self._udp.sendto(reply, sender)
            except OSError:
                return

    def _serve_tcp(self) -> None:
        while True:
            try:
                connection, dummy = self._tcp.accept()
            except OSError:
                return
            with connection:
                size = struct.unpack("!H", connection.recv(2))[0]
                reply = self._answer(connection.recv(size), True)
                if reply is not None:
                    connection.sendall(struct.pack("!H", len(reply)) + reply)


def response(query: t.Any, *records: str, **sections: t.Any) -> t.Any:
    """A reply with records written as C(name ttl type data); sections: authority, additional, flags, rcode."""
    reply = dns.message.make_response(query)
    reply.flags |= sections.get("flags", dns.flags.AA)
    reply.set_rcode(sections.get("rcode", 0))
    for section, lines in (
        (reply.answer, records),
        (reply.authority, sections.get("authority", ())),
        (reply.additional, sections.get("additional", ())),
    ):
        for line in lines:
            name, ttl, kind, data = line.split(None, 3)
            section.append(dns.rrset.from_text(name, int(ttl), "IN", kind, data))
    return reply


def zone(*records: str) -> Answering:
    """An honest server for records of the form C(name ttl type data)."""

    def answering(query: t.Any, dummy_tcp: bool) -> bytes:
        question = query.question[0]
        name, kind = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
        mine = [line.split(None, 3) for line in records]
        found = [" ".join(one) for one in mine if one[0] == name and one[2] in (kind, "CNAME")]
        exists = any(one[0] == name for one in mine)
        wire: bytes = response(query, *found, rcode=0 if exists else 3).to_wire()
        return wire

    return answering
