# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where Postfix sends an address: asked of the running daemons, with the tables that they asked.

Private to the collection: it can change at any time.

The service C(rewrite) of a running instance says where it would send an address (trivial-rewrite(8)); it does not say why. The tables
are asked with postmap -q, in the order of the daemons, for the entry that decided.
"""

import os
import socket
import typing as t

from .._errors import PostmasterError
from .._model import route as _route
from .._model.host import Host
from .._model.route import Hop, Rewriting, Route, RouteQuestion, TableEntry
from . import discover as instance
from . import helpers as _helpers
from . import master_cf
from . import rcpt_answer as answers

# Not by way of parameters.expand, which reads it when it is first used: here threads use it, see host_info.read_ahead.
from .expansion import expand
from .parameters import MalformedValue, defaults, split_list

#: The classes of resolve_clnt.h: what kind of destination the daemon found.
_LOCAL, _ALIAS, _VIRTUAL, _RELAY, _DEFAULT = 256, 512, 1024, 2048, 4096
_CLASSES = {
    _LOCAL: "mydestination",
    _ALIAS: "virtual_alias_domains",
    _VIRTUAL: "virtual_mailbox_domains",
    _RELAY: "relay_domains",
    _DEFAULT: "the default class",
}
#: Tables that make another address of it, which is then routed like any other.
_REWRITING = ("canonical_maps", "recipient_canonical_maps", "virtual_alias_maps")
_PATIENCE = 10.0
_ROUNDS = 10
#: Tables of expressions are asked for the whole address only.
_WHOLE_ONLY = ("regexp", "pcre")
_MAXIMUM = 64 * 1024


class Resolved(t.NamedTuple):
    """The answer of the service C(rewrite)."""

    transport: str
    nexthop: str
    recipient: str
    flags: int


def trace(host: Host, asked: RouteQuestion) -> Route:
    """Ask the instance where an address goes; where it does not run, the tables alone are asked."""
    values = expanded(host)
    recipient, steps, entries = _rewritten(host, values, asked)
    resolved = resolved_by(values["queue_directory"], asked.sender, recipient)
    transports = _find(host, "transport_maps", values, _transport_keys(values, recipient))
    entries += transports
    by_sender = _by_sender(host, values, asked.sender) if resolved and resolved.flags & _DEFAULT else []
    entries += by_sender
    answer, rules = answers.answer(values, asked, _is_served(resolved), _asker(host))
    if resolved is None:
        because = "Postfix does not run, so nobody can be asked; the tables alone are told"
        decided = transports[0] if transports else None
        return Route(
            asked.address, recipient, _route.UNKNOWN, "", "", (), decided, because, steps, tuple(entries), answer, rules
        )
    steps += (Rewriting("resolve", recipient, f"{resolved.transport}:{resolved.nexthop} {resolved.recipient}".strip()),)
    verdict = verdict_of(resolved.transport, resolved.flags)
    if resolved.transport == "local":
        user = resolved.recipient.rpartition("@")[0]
        entries += _find(host, "alias_maps", values, [user, _without_extension(values, user)])[:1]
    decided = next(iter(transports + by_sender), None) or next(iter(entries[::-1]), None)
    return Route(
        asked.address,
        resolved.recipient or recipient,
        verdict,
        resolved.transport,
        resolved.nexthop,
        hops(resolved.nexthop) if verdict == _route.REMOTE else (),
        decided,
        _because(decided, resolved, values),
        steps,
        tuple(entries),
        answer,
        rules,
    )


def ask_service(path: str, request: str, attributes: t.Sequence[t.Tuple[str, str]]) -> t.Dict[str, str]:
    """Send a request to a daemon's socket: names and values that end in null bytes, an empty one last (attr_print0).

    :raises OSError: nobody listens, or nobody answers within ten seconds.
    """
    pairs = (("request", request), *attributes)
    message = b"".join(
        name.encode() + b"\0" + value.encode("utf-8", "surrogateescape") + b"\0" for name, value in pairs
    )
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_PATIENCE)
        connection.connect(path)
        rest = _receive(connection, b"")[1]  # the daemon names its protocol first
        connection.sendall(message + b"\0")
        return _receive(connection, rest)[0]


def _receive(connection: socket.socket, buffer: bytes) -> t.Tuple[t.Dict[str, str], bytes]:
    # A value may be empty, so the end is where a name would be and is not.
    while True:
        attributes = take_attributes(buffer)
        if attributes is not None:
            return attributes
        chunk = connection.recv(4096)
        if not chunk or len(buffer) > _MAXIMUM:
            raise ConnectionResetError("the daemon hung up")
        buffer += chunk


def take_attributes(buffer: bytes) -> t.Optional[t.Tuple[t.Dict[str, str], bytes]]:
    """Return the first complete list of attributes, and what is behind it; None while it is incomplete."""
    attributes: t.Dict[str, str] = {}
    rest = buffer
    while True:
        name, ended, rest = rest.partition(b"\0")
        if not ended:
            return None
        if not name:
            return attributes, rest
        value, ended, rest = rest.partition(b"\0")
        if not ended:
            return None
        attributes[name.decode("utf-8", "surrogateescape")] = value.decode("utf-8", "surrogateescape")


def resolved_by(queue: str, sender: str, address: str) -> t.Optional[Resolved]:
    """Return what the service C(rewrite) of a queue says; None where nobody answers."""
    try:
        answer = ask_service(
            os.path.join(queue, "private", "rewrite"), "resolve", (("sender", sender), ("address", address))
        )
        return Resolved(answer["transport"], answer["nexthop"], answer["recipient"], int(answer["flags"]))
    except (OSError, KeyError, ValueError):
        return None


def expanded(host: Host) -> t.Dict[str, str]:
    """Return the parameters of an instance, expanded."""
    effective = instance.settings(defaults(host.runner), host.instance.config_directory)
    values = {}
    for name, value in effective.items():
        try:
            values[name] = expand(value, effective)
        except MalformedValue:
            values[name] = value
    return values


def _is_served(resolved: t.Optional[Resolved]) -> bool:
    return resolved is not None and not resolved.flags & _DEFAULT


# --- tables -------------------------------------------------------------------------------------------------------


def _asker(host: Host) -> t.Callable[[str, str, t.Sequence[str]], t.List[TableEntry]]:
    return lambda role, table, keys: look_up(host, role, table, keys)


def look_up(host: Host, role: str, table: str, keys: t.Sequence[str]) -> t.List[TableEntry]:
    """Ask one table for several keys; the entries in the order of the keys."""
    kind, path = _type_and_path(table)
    asked = list(dict.fromkeys(keys[:1] if kind in _WHOLE_ONLY else keys))
    asked = [key for key in asked if key]
    if not asked or not kind:
        return []
    values = values_in(host, role, table, asked)
    return [TableEntry(role, table, key, values[key], _source(path, key)) for key in asked if key in values]


def values_in(host: Host, role: str, table: str, keys: t.Sequence[str]) -> t.Dict[str, str]:
    """Return what postmap finds in a table, by key."""
    argv = ["postmap", "-c", host.instance.config_directory, "-q", "-", table]
    answer = host.runner.run(argv, stdin="".join(f"{key}\n" for key in keys), check=False, timeout=30)
    if answer.rc not in (0, 1):
        raise PostmasterError(f"{role}: {table}: {answer.err.strip() or answer.rc}")
    return dict(line.split("\t", 1) for line in answer.out.splitlines() if "\t" in line)


def _type_and_path(table: str) -> t.Tuple[str, str]:
    """Return the type of a table, behind C(proxy:) too, and what stands behind the last colon."""
    kind, dummy, name = table.partition(":")
    if kind == "proxy":
        kind = name.partition(":")[0]
    return kind, name.rpartition(":")[2]


def _find(host: Host, role: str, values: t.Mapping[str, str], keys: t.Sequence[str]) -> t.List[TableEntry]:
    """Return the entries of a list of tables: the first key that any table has decides (maps_find)."""
    entries: t.List[TableEntry] = []
    for table in split_list(values.get(role, "")):
        if ":" in table:
            entries += look_up(host, role, table, keys)
    order = {key: number for number, key in enumerate(keys)}
    return sorted(entries, key=lambda entry: order[entry.key])


def _source(path: str, key: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            line = _route.find_line(file.read(), key)
    except OSError:
        return ""
    return f"{path}:{line}" if line else ""


def address_keys(values: t.Mapping[str, str], address: str) -> t.List[str]:
    """Return the keys for an address (canonical(5), virtual(5)): whole, without extension, @domain."""
    user, dummy, domain = address.rpartition("@")
    plain = _without_extension(values, user)
    keys = [address, f"{plain}@{domain}"]
    if domain in split_list(values.get("mydestination", "")) or domain == values.get("myorigin"):
        keys += [user, plain]
    return list(dict.fromkeys(keys + [f"@{domain}"]))


def _transport_keys(values: t.Mapping[str, str], address: str) -> t.List[str]:
    """Return the keys for a transport (transport(5)): address, domain, the domains above, C(*)."""
    user, dummy, domain = address.rpartition("@")
    bare = "transport_maps" in split_list(values.get("parent_domain_matches_subdomains", ""))
    above = [parent if bare else "." + parent for parent in _route.parents(domain)]
    return list(dict.fromkeys([address, f"{_without_extension(values, user)}@{domain}", domain, *above, "*"]))


def _without_extension(values: t.Mapping[str, str], user: str) -> str:
    for delimiter in values.get("recipient_delimiter", ""):
        head, sign, dummy = user.partition(delimiter)
        if sign and head:
            return head
    return user


def _rewritten(
    host: Host, values: t.Mapping[str, str], asked: RouteQuestion
) -> t.Tuple[str, t.Tuple[Rewriting, ...], t.List[TableEntry]]:
    """Return what cleanup(8) makes of a recipient: canonical tables once, then virtual aliases until nothing changes."""
    address = asked.address
    steps: t.List[Rewriting] = []
    entries: t.List[TableEntry] = []
    for role in ("recipient_canonical_maps", "canonical_maps"):
        matches = _find(host, role, values, address_keys(values, address))[:1]
        entries += matches
        address = _note(steps, role, address, matches)
    for dummy in range(_ROUNDS):
        matches = _find(host, "virtual_alias_maps", values, address_keys(values, address))[:1]
        before, address = address, _note(steps, "virtual_alias_maps", address, matches)
        entries += matches
        if address == before:
            break
    return address, tuple(steps), entries


def _note(steps: t.List[Rewriting], role: str, address: str, matches: t.Sequence[TableEntry]) -> str:
    if not matches:
        return address
    # Of several new recipients the first is followed; all of them stand in the step.
    first = matches[0].value.split(",")[0].strip()
    result = first
    if first.startswith("@") and "@" not in first[1:]:
        result = address.rpartition("@")[0] + first
    steps.append(Rewriting(role, address, matches[0].value))
    return result


def _by_sender(host: Host, values: t.Mapping[str, str], sender: str) -> t.List[TableEntry]:
    keys = (
        [sender, "@" + sender.rpartition("@")[2]]
        if sender
        else [values.get("empty_address_relayhost_maps_lookup_key", "<>")]
    )
    roles = ("sender_dependent_relayhost_maps", "sender_dependent_default_transport_maps")
    return [entry for role in roles for entry in _find(host, role, values, keys)[:1]]


# --- pure: what it means ------------------------------------------------------------------------------------------


def hops(nexthop: str) -> t.Tuple[Hop, ...]:
    """Return the hosts of a next hop: C([a]:587) without MX, C(b) by MX, several with commas (transport(5))."""
    hops = []
    for text in (part.strip() for part in nexthop.replace(",", " ").split()):
        by_mx = not text.startswith("[")
        if by_mx:
            name, dummy, port = text.partition(":") if text.count(":") == 1 else (text, "", "")
        else:
            name, dummy, port = text[1:].partition("]")
            port = port.lstrip(":")
        hops.append(Hop(name.replace("ipv6:", ""), _port(port), by_mx))
    return tuple(hops)


def _port(text: str) -> int:
    if text.isdigit():
        return int(text)
    try:
        return socket.getservbyname(text, "tcp") if text else _route.SMTP_PORT
    except OSError:
        return _route.SMTP_PORT


def verdict_of(transport: str, flags: int) -> str:
    """Return what a transport does with a message."""
    if transport in ("error", "retry"):
        return _route.ERROR
    if transport == "discard":
        return _route.DISCARD
    if transport in ("local", "virtual", "pipe", "maildrop") or flags & (_LOCAL | _VIRTUAL):
        return _route.LOCAL
    return _route.REMOTE


def _because(decided: t.Optional[TableEntry], resolved: Resolved, values: t.Mapping[str, str]) -> str:
    kind = next((text for flag, text in _CLASSES.items() if resolved.flags & flag), "no class")
    if decided is not None and decided.role not in _REWRITING:
        return str(decided)
    before = f"{decided}; then " if decided is not None else ""
    relayhost = values.get("relayhost", "")
    if relayhost and resolved.nexthop == relayhost:
        return f"{before}relayhost = {relayhost}"
    if resolved.flags & (_RELAY | _DEFAULT):
        return f"{before}no table has an entry ({kind}): by the MX records of the domain"
    return f"{before}the domain is in {kind}"


def settings(host: Host) -> _route.Settings:
    """Return what the live configuration says about the things that the checks of a host look at."""
    values = expanded(host)
    minimum, largest = values.get("queue_minfree", "0"), values.get("message_size_limit", "0")
    # Without a minimum smtpd(8) wants one and a half messages of the largest size.
    needed = int(minimum) if minimum.isdigit() and minimum != "0" else 0
    if not needed and largest.isdigit():
        needed = int(largest) * 3 // 2
    chains = split_list(values.get("smtpd_tls_chain_files", ""))
    certificate = (chains or [values.get("smtpd_tls_cert_file", "")])[0]
    services = master_cf.parse(_content(host.instance.config_directory, "master.cf")).services
    return _route.Settings(
        needed_bytes=needed,
        certificate="" if certificate == "none" else certificate,
        helpers=_helpers.helpers(values, services),
    )


def _content(directory: str, name: str) -> bytes:
    try:
        with open(os.path.join(directory, name), "rb") as file:
            return file.read()
    except OSError:
        return b""
