# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What sendmail finds in its tables, and what a line of the access map means. Twin of C(_postfix.lookup).

Private to the collection: it can change at any time.
"""

import ipaddress
import os
import re
import typing as t

from .. import _scratch
from .._errors import Refused
from .._model.access import CONNECT, DEFER, DISCARD, DROP, FROM, HOLD, OK, REJECT, RELAY, SKIP, TO, parents
from .._model.host import Host
from .._model.sources import Source
from . import discover
from .compile import compiled_names, dump
from .networks import prefixes

if t.TYPE_CHECKING:
    from .access import Facts

#: The tag of a key, by the place where it is looked up.
TAGS = {FROM: "From", TO: "To", CONNECT: "Connect"}
#: The tag of recipients that are dropped, which a ruleset of ours asks for.
DROP_TAG = "Drop"
#: The tag of domains that are refused though the policy's own table lets everybody send there.
REFUSE_TAG = "Refuse"
_WORDS = {"drop": DROP, "ok": OK, "relay": RELAY, "skip": SKIP, "reject": REJECT, "discard": DISCARD}
#: The two words with a reply of their own (cf/README, "ACCESS DATABASE"; proto.m4).
_REPLIES = {FROM: (550, "5.7.1", "Access denied"), CONNECT: (550, "5.7.1", "Access denied")}
_TO_REPLY = (550, "5.2.1", "Mailbox disabled for this recipient")
_STATUS = r"([45]\.[0-9]{1,3}\.[0-9]{1,3})"
#: The status stands in front of the reply, or behind its code as on the wire (usersmtp.c, isenhsc).
_ERROR = re.compile(rf'ERROR:(?:{_STATUS}:)?"?([45][0-9]{{2}})[ -](?:{_STATUS} )?(.*?)"?\Z', re.IGNORECASE)
_ANSWER = re.compile(r"map_lookup: asked \((.*?)\) (?:returns (.*) \(\d+\)|no match \(\d+\))$", re.MULTILINE)
#: A line that is no comment, with a percent sign.
_HAS_ARGUMENT = re.compile(rb"^[^#\n].*%", re.MULTILINE)


class Line(t.NamedTuple):
    """The line that decides: table, key and value as they stand there."""

    table: str
    key: str
    value: str


# --- any table ------------------------------------------------------------------------------------------------------


def ask(host: Host, directory: str, name: str, kind: str, keys: t.Sequence[str]) -> t.Dict[str, str]:
    """Return what sendmail itself finds in a table for each key; keys without an answer are missing.

    :raises Refused: sendmail does not answer as expected.
    """
    if not keys:
        return {}
    config = f"V10/Berkeley\n{_trust(host)}Kasked {kind} {os.path.join(directory, name)}\n"
    # Not beside the tables: a lookup must not change the directory that a transaction watches.
    with _scratch.directory("postmaster-asked-", _scratch.private_parent()) as scratch:
        path = os.path.join(scratch, "sendmail.cf")
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write(config)
        argv = [discover.the_layout().program, "-C", path, "-bt"]
        result = host.runner.run(argv, stdin="".join(f"/map asked {key}\n" for key in keys), check=False, timeout=120)
    values = [match.group(2) for match in _ANSWER.finditer(result.out)]
    if len(values) != len(keys):
        words = (result.err or result.out)[-300:]
        raise Refused([f"{name}: sendmail answers {len(values)} of {len(keys)} lookups: {words}"])
    answers = {key: value for key, value in zip(keys, values) if value}
    return _with_arguments(host, os.path.join(directory, name), kind, answers) if answers else answers


def _with_arguments(host: Host, source: str, kind: str, answers: t.Dict[str, str]) -> t.Dict[str, str]:
    """Return the answers as they stand in the table: sendmail shows C(%1) replaced by an argument, and here there is none."""
    if not any(b"%" in part.data and _HAS_ARGUMENT.search(part.data) for part in Source.read(source).parts()):
        return answers
    raw = dict(dump(host, kind, source))
    return {key: raw.get(key.lower(), value) for key, value in answers.items()}


def _trust(host: Host) -> str:
    """Return the lines of the live configuration that say which owners and modes of a map are good enough."""
    path = os.path.join(host.instance.config_directory, "sendmail.cf")
    with open(path, encoding="utf-8", errors="surrogateescape") as stream:
        return "".join(line for line in stream if line.startswith(("O DontBlameSendmail", "O TrustedUser")))


# --- the access map -------------------------------------------------------------------------------------------------


def explain(host: Host, known: "Facts", where: str, subject: str) -> t.Optional[Line]:
    """Return the first line that matches, in all files behind the access map; None where no line decides.

    :param subject: an address for from and to; an IP address or a host name for connect.
    """
    keys = list(lookups(where, subject))
    if where == TO:
        keys = _with_routes(keys, subject)
    directory = host.instance.config_directory
    lines: t.Dict[str, Line] = {}
    for name, kind in known.maps:
        if os.path.exists(os.path.join(directory, compiled_names(kind, name)[0])):
            for key, value in ask(host, directory, name, kind, keys).items():
                lines.setdefault(key, Line(name, key, value))
    first = next((lines[key] for key in keys if key in lines), None)
    return None if first is None or first.value.upper() == "SKIP" else first


def _with_routes(keys: t.Sequence[str], subject: str) -> t.List[str]:
    """Return the keys with those of the rules that are routes: behind the rules for the address, before those for its domain."""
    plain = list(_address_keys(TO, subject))
    refused = [f"{REFUSE_TAG}:{key}" for key in plain if "@" not in key]
    addresses = [key for key in keys if "@" in key]
    return [*addresses, *refused, *(key for key in keys if "@" not in key), *(f"{DROP_TAG}:{key}" for key in plain)]


def lookups(where: str, subject: str) -> t.Iterator[str]:
    """Yield the keys that the rulesets try, in their order, each with its tag and then without (proto.m4)."""
    plain = _client_keys(subject) if where == CONNECT else _address_keys(where, subject)
    for key in plain:
        yield f"{TAGS[where]}:{key}"
        yield key


def _client_keys(subject: str) -> t.Iterator[str]:
    if ":" in subject:
        groups = prefixes(ipaddress.ip_network(subject))[0][5:].split(":")
        for number in range(len(groups), 0, -1):
            yield "IPv6:" + ":".join(groups[:number])
    elif subject.replace(".", "").isdigit():
        octets = subject.split(".")
        for number in range(len(octets), 0, -1):
            yield ".".join(octets[:number])
    else:
        yield from parents(subject)


def _address_keys(where: str, subject: str) -> t.Iterator[str]:
    local, dummy, domain = subject.rstrip(".").rpartition("@")
    base = local.split("+")[0] if "+" in local[1:] else ""
    locals_ = [local, f"{base}+*", base] if base else [local]
    for text in locals_:
        yield f"{text}@{domain}"
    if where == FROM:
        for text in locals_:
            yield f"{text}@"
    yield from parents(domain)


def meaning(value: str, where: str = FROM) -> t.Tuple[str, int, str, str]:
    """Return action, reply code, enhanced status code and text of a value, ours or not (cf/README).

    The action is empty where it is none of ours.
    """
    match = _ERROR.match(value if value.upper().startswith("ERROR:") else "ERROR:" + value)
    if match:
        first, number, second, text = match.groups()
        code = int(number)
        return REJECT if code >= 500 else DEFER, code, first or second or f"{number[0]}.0.0", text
    if value.upper().startswith("QUARANTINE:"):
        return HOLD, 0, "", value.partition(":")[2]
    action = _WORDS.get(value.lower(), "")
    if action == REJECT:
        code, status, text = _REPLIES.get(where, _TO_REPLY)
        return action, code, status, text
    return action, 0, "", ""
