# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A resolver that lies about one name: asked for anything about it, it answers with an alias. All else it passes on.

false_names.py ADDRESS NAME ALIAS RESOLVER
"""

import socket
import sys
import threading

import dns.message
import dns.query
import dns.rrset

ADDRESS, NAME, ALIAS, RESOLVER = sys.argv[1:]


def answer(wire: bytes) -> bytes:
    """The answer to one question."""
    query = dns.message.from_wire(wire)
    if query.question[0].name.to_text().lower() != NAME + ".":
        return dns.query.udp(query, RESOLVER, timeout=5).to_wire()
    reply = dns.message.make_response(query)
    reply.flags |= 0x80
    reply.answer.append(dns.rrset.from_text(NAME + ".", 60, "IN", "CNAME", ALIAS + "."))
    return reply.to_wire()


def serve(wire: bytes, sender: object) -> None:
    """Answer one question; one that cannot be answered is left."""
    try:
        LISTENER.sendto(answer(wire), sender)
    except Exception as problem:
        print(problem, file=sys.stderr)


LISTENER = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
LISTENER.bind((ADDRESS, 53))
while True:
    threading.Thread(target=serve, args=LISTENER.recvfrom(4096), daemon=True).start()
