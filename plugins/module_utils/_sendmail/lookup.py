# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access as the rulesets see it: which line decides about a sender, a recipient or a client, and what a line says. Twin of C(_postfix.asking).

Private to the collection: it can change at any time.
"""

import ipaddress
import os
import re
import typing as t

from .._model import access as _access
from .._model.access import CONNECT, DEFER, DISCARD, FROM, HOLD, OK, REJECT, RELAY, SKIP
from .._model.host import Host
from . import access, tables
from .access import Facts

_WORDS = {"ok": OK, "relay": RELAY, "skip": SKIP, "reject": REJECT, "discard": DISCARD}
#: The two words with a reply of their own (cf/README, "ACCESS DATABASE"; proto.m4).
_REPLIES = {FROM: (550, "5.7.1", "Access denied"), CONNECT: (550, "5.7.1", "Access denied")}
_TO_REPLY = (550, "5.2.1", "Mailbox disabled for this recipient")
_ERROR = re.compile(r'ERROR:(?:([45])\.([0-9]{1,3})\.([0-9]{1,3}):)?"?([45][0-9]{2})[ -](.*?)"?\Z', re.IGNORECASE)


class Asked(t.NamedTuple):
    """The line that decides: table, key and value as they are there."""

    table: str
    key: str
    value: str


def explain(host: Host, known: Facts, where: str, subject: str) -> t.Optional[Asked]:
    """The first line that matches, in all files behind the access map.

    :param subject: an address for from and to; an IP address or a host name for connect.
    """
    keys = list(lookups(where, subject))
    found = {}
    for name, kind in known.maps:
        if os.path.exists(os.path.join(host.instance.config_directory, access.compiled(known, name)[0])):
            for key, value in access.ask(host, host.instance.config_directory, name, kind, keys).items():
                found.setdefault(key, Asked(name, key, value))
    decided = next((found[key] for key in keys if key in found), None)
    return None if decided is None or decided.value.upper() == "SKIP" else decided


def lookups(where: str, subject: str) -> t.Iterator[str]:
    """The keys that the rulesets try, in their order, each with its tag and then without (proto.m4)."""
    for key in _plain_lookups(where, subject):
        yield f"{access._TAGS[where]}:{key}"
        yield key


def _plain_lookups(where: str, subject: str) -> t.Iterator[str]:
    if where == CONNECT:
        if ":" in subject:
            groups = tables.prefixes(ipaddress.ip_network(subject))[0][5:].split(":")
            for number in range(len(groups), 0, -1):
                yield "IPv6:" + ":".join(groups[:number])
        elif subject.replace(".", "").isdigit():
            parts = subject.split(".")
            for number in range(len(parts), 0, -1):
                yield ".".join(parts[:number])
        else:
            yield from _access.parents(subject)
        return
    local, dummy, domain = subject.rpartition("@")
    base = local.split("+")[0] if "+" in local[1:] else ""
    yield subject
    if base:
        yield f"{base}+*@{domain}"
        yield f"{base}@{domain}"
    if where == FROM:
        yield f"{local}@"
        if base:
            yield f"{base}+*@"
            yield f"{base}@"
    yield from _access.parents(domain)


def meaning(value: str, where: str = FROM) -> t.Tuple[str, int, str, str]:
    """Action, code, status and text of a right side, ours or by hand (cf/README); the action is empty where it is none of ours."""
    match = _ERROR.match(value if value.upper().startswith("ERROR:") else "ERROR:" + value)
    if match:
        code = int(match.group(4))
        status = ".".join(match.group(1, 2, 3)) if match.group(1) else f"{match.group(4)[0]}.0.0"
        return REJECT if code >= 500 else DEFER, code, status, match.group(5)
    if value.upper().startswith("QUARANTINE:"):
        return HOLD, 0, "", value.partition(":")[2]
    action = _WORDS.get(value.lower(), "")
    return (action,) + _REPLIES.get(where, _TO_REPLY) if action == REJECT else (action, 0, "", "")
