# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Capture for Postfix: the routes on the production instance, and what makes an instance a capture instance. Twin of C(_sendmail.capture).

Private to the collection: it can change at any time.

C(from) and C(connect) are access tables, asked first thing in their restriction lists, whose action is FILTER: it is not final,
so that every other check still speaks, and it is stronger than transport_maps, relay_domains and local delivery, so that no
copy of the message slips by. sender_dependent_relayhost_maps would lose against each of these. C(to) is asked first in
transport_maps: only that recipient's copy is caught.

The mail goes through a service of our own, C(postmaster-capture) in master.cf, which no TLS policy, no address rewriting and
no conversion of the production instance touches.
"""

import os
import typing as t

from .._errors import OptionError, Refused
from .._model import access as _access
from .._model.capture import (
    NETWORK,
    NULL,
    TO,
    CaptureRoute,
    Endpoint,
    Envelope,
    Lines,
    hop_in,
    pairs_in,
    table,
    titles_in,
)
from .._model.host import File, Host, compiled_names
from . import access, lookup, master_cf
from . import access_wiring as wiring
from .master_cf import Service
from .parameters import expand, split_list

SERVICE = "postmaster-capture"
_TRANSPORT = "transport_maps"
_TO_TABLES = (("capture_to_patterns", "regexp"), ("capture_to", ""))
#: Name, place and type of each table, in the order of the lookups.
TABLES = tuple((table.name, table.where, table.type) for table in access.CAPTURE) + tuple(
    (name, TO, kind) for name, kind in _TO_TABLES
)
#: Seconds of a time limit that is never reached.
_NEVER = "100d"


#: Who may say whether a message came from outside, whose headers are left alone (smtpd(8), XFORWARD): asked while mail is released.
_FORWARDERS, _RELEASE = "smtpd_authorized_xforward_hosts", "capture_release"


def refuse_hop(hop: Endpoint, release: Endpoint) -> None:
    """Refuse a place from which nothing could be released: what Postfix sends to an address of its own is a loop to it.

    :raises OptionError: with another place.
    """
    if hop.address == release.address:
        nearest = "::1, or" if release.address == "127.0.0.1" else ""
        why = f"the production instance takes released mail at this address; use {nearest} another one of this host"
        raise OptionError("address", hop.address, " ".join(why.split()))


def wire(
    host: Host,
    routes: t.Sequence[CaptureRoute],
    hop: t.Optional[Endpoint],
    service: bool,
    release: t.Optional[Endpoint] = None,
) -> t.Dict[str, File]:
    """Return all files of the configuration directory that capture changes, as they must be.

    :param hop: where the capture instance listens; None only without routes.
    :param service: whether the service of ours stays, if it is there, for the mail that is still bound for it.
    :param release: from where released mail comes now, with its headers as they were when it was caught.
    :raises Refused: a setting would keep the routes from meaning what they say.
    """
    known = access.facts(host)
    files = _sources(known, routes, hop)
    filled = {name: file.content is not None for name, file in files.items()}
    _refuse(host, known, routes)
    main = access.wire(host, known, {table.name: filled[table.name] for table in access.CAPTURE}, set()).get("main.cf")
    content = _wire_transport(main.content or b"" if main else known.content, known, filled)
    files.update(_compiled_of_empty(known, filled))
    files[_RELEASE] = File(f"{release.address}\tOK\n".encode() if release else None)
    files["main.cf"] = File(_wire_release(content, known, release is not None))
    if routes or not service:
        files["master.cf"] = File(_with_service(host, bool(routes)))
    return files


def _compiled_of_empty(known: access.Facts, filled: t.Mapping[str, bool]) -> t.Dict[str, File]:
    """Return the compiled files of the tables without lines: they go with their sources."""
    files = {}
    for name, dummy, kind in TABLES:
        if not filled[name]:
            files.update({compiled: File(None) for compiled in compiled_names(kind or known.kind, name)})
    return files


def _sources(known: access.Facts, routes: t.Sequence[CaptureRoute], hop: t.Optional[Endpoint]) -> t.Dict[str, File]:
    placed = [(route, _place(known, route, hop)) for route in routes if hop]
    files = {}
    for name, dummy, dummy in TABLES:
        wanted = [(route, tables[name]) for route, tables in placed if name in tables]
        files[name] = File(table(wanted, hop) if hop else None)
    return files


def _place(known: access.Facts, route: CaptureRoute, hop: t.Optional[Endpoint]) -> t.Dict[str, Lines]:
    """Return the lines of a route by table."""
    target = f"{SERVICE}:{hop.text if hop else ''}"
    value = target if route.where == TO else f"FILTER {target}"
    plain, patterns = f"capture_{route.where}", f"capture_{route.where}_patterns"
    if route.kind == NETWORK:
        return _place_network(route, value)
    if route.kind == NULL:
        return {plain: {known.values.get("smtpd_null_access_lookup_key", "<>"): value}}
    if route.kind == _access.ADDRESS:
        detail = {} if access.has_detail(known) else {patterns: {_any_detail(route.pattern): value}}
        return {plain: {route.pattern: value}, **detail}
    if not route.subdomains:
        return {patterns: {f"/@{access.escaped(route.pattern)}$/": value}}
    # transport(5) takes subdomains with the dot only, unless parent_domain_matches_subdomains says otherwise.
    keys = (route.pattern, "." + route.pattern) if route.where == TO else (route.pattern,)
    return {plain: {key: value for key in keys}}


def _any_detail(address: str) -> str:
    """Return the expression for user+anything@: to sendmail it is the same mailbox, always."""
    local, dummy, domain = address.rpartition("@")
    return rf"/^{access.escaped(local)}\+[^@]*@{access.escaped(domain)}$/"


def _place_network(route: CaptureRoute, value: str) -> t.Dict[str, Lines]:
    """Return the lines of a network, by octets where possible: the indexed table is read live, a CIDR table is not."""
    network = route.network
    if network.version == 6 and network.prefixlen < 128:
        return {"capture_connect_networks": {str(network): value}}
    keys = (str(network.network_address),) if network.version == 6 else _access.octets(network)
    return {"capture_connect": {key: value for key in keys}}


def _wire_transport(content: bytes, known: access.Facts, filled: t.Mapping[str, bool]) -> bytes:
    elements = [(name, f"{kind or known.kind}:$config_directory/{name}") for name, kind in _TO_TABLES]
    ours = [element for dummy, element in elements]
    wanted = [element for name, element in elements if filled[name]]
    current = [word for word in split_list(known.values.get(_TRANSPORT, "")) if word in ours]
    return content if current == wanted else wiring.rewired(content, _TRANSPORT, ours, wanted, known)


def _wire_release(content: bytes, known: access.Facts, wanted: bool) -> bytes:
    ours = [f"cidr:$config_directory/{_RELEASE}"]
    there = ours[0] in split_list(known.values.get(_FORWARDERS, ""))
    return content if there == wanted else wiring.rewired(content, _FORWARDERS, ours, ours if wanted else [], known)


def _with_service(host: Host, wanted: bool) -> bytes:
    path = os.path.join(host.instance.config_directory, "master.cf")
    with open(path, "rb") as stream:
        master = master_cf.sound(master_cf.parse(stream.read(), path))
    options = (
        ("smtp_tls_security_level", "none"),
        ("smtp_tls_policy_maps", ""),
        ("smtp_generic_maps", ""),
        ("smtp_header_checks", ""),
        ("smtp_mime_header_checks", ""),
        ("smtp_body_checks", ""),
        ("smtp_fallback_relay", ""),
        ("smtp_bind_address", ""),
        ("smtp_bind_address6", ""),
        ("smtp_sasl_auth_enable", "no"),
        ("smtp_line_length_limit", "0"),
        ("disable_mime_output_conversion", "yes"),
    )
    service = Service(SERVICE, "unix", "-", "-", "n", "-", "-", "smtp", (), options)
    return master_cf.edit(master, {service.key: service if wanted else None})


def _refuse(host: Host, known: access.Facts, routes: t.Sequence[CaptureRoute]) -> None:
    path = os.path.join(host.instance.config_directory, "master.cf")
    if not [route for route in routes if route.where != TO]:
        return
    with open(path, "rb") as stream:
        services = master_cf.parse(stream.read(), path).services
    main = [service for key, service in services.items() if key in ("smtp/inet", "25/inet", "smtpd/pass")]
    proxied = [service.name for service in main if dict(service.options).get("smtpd_proxy_filter")]
    if proxied or expand(known.values.get("smtpd_proxy_filter", ""), known.values):
        raise Refused(
            ["smtpd_proxy_filter: with it Postfix ignores FILTER, and routes by sender or client would catch nothing"]
        )


# --- lookups --------------------------------------------------------------------------------------------------------


def hop_there(host: Host) -> t.Optional[Endpoint]:
    """Return where the live routes go; None without any."""
    return next((hop for hop in (hop_in(_content(host, name)) for name, dummy, dummy in TABLES) if hop), None)


def routes_there(host: Host) -> t.Tuple[str, ...]:
    """Return the live routes in words."""
    return tuple(dict.fromkeys(title for name, dummy, dummy in TABLES for title in titles_in(_content(host, name))))


def verify(host: Host, routes: t.Sequence[CaptureRoute], hop: t.Optional[Endpoint]) -> t.List[str]:
    """Ask Postfix for each key of the indexed tables: findings."""
    known = access.facts(host)
    findings = []
    for name, dummy, kind in TABLES:
        wanted = {} if kind else pairs_in(_content(host, name))
        answers = lookup.ask(host, host.instance.config_directory, name, known.kind, list(wanted))
        findings += [
            f"{name}: {key}: Postfix finds {answers.get(key)!r} there"
            for key in wanted
            if answers.get(key) != wanted[key]
        ]
    return findings


def _content(host: Host, name: str) -> t.Optional[bytes]:
    try:
        with open(os.path.join(host.instance.config_directory, name), "rb") as stream:
            return stream.read()
    except OSError:
        return None


# --- the capture instance -------------------------------------------------------------------------------------------


#: What would change a message, keep it here or send it elsewhere: nothing of it in a capture instance.
_OFF = (
    "smtpd_helo_restrictions smtpd_sender_restrictions smtpd_data_restrictions smtpd_end_of_data_restrictions "
    "mydestination relay_domains virtual_alias_domains virtual_alias_maps virtual_mailbox_domains transport_maps "
    "canonical_maps sender_canonical_maps recipient_canonical_maps local_recipient_maps alias_maps "
    "sender_dependent_relayhost_maps sender_dependent_default_transport_maps header_checks mime_header_checks "
    "nested_header_checks body_checks smtpd_milters non_smtpd_milters content_filter always_bcc sender_bcc_maps "
    "recipient_bcc_maps masquerade_domains local_header_rewrite_clients remote_header_rewrite_domain "
    "recipient_delimiter smtp_generic_maps smtp_header_checks message_reject_characters message_strip_characters"
).split()
#: Everything is accepted as it is, and held.
_AS_IT_IS = {
    "smtpd_client_restrictions": "permit_mynetworks, reject",
    "smtpd_relay_restrictions": "permit_mynetworks, reject",
    "smtpd_recipient_restrictions": "check_recipient_access static:{HOLD captured}, permit_mynetworks, reject",
    "smtpd_delay_reject": "yes",
    "smtpd_helo_required": "no",
    "smtpd_reject_unlisted_recipient": "no",
    "smtpd_reject_unlisted_sender": "no",
    "smtpd_tls_security_level": "none",
    "smtp_tls_security_level": "may",
    "smtputf8_enable": "yes",
    "smtp_send_xforward_command": "yes",
    "append_dot_mydomain": "no",
    "append_at_myorigin": "yes",
    "allow_percent_hack": "no",
    "swap_bangpath": "no",
    "default_transport": "smtp",
    "header_size_limit": "100000000",
    "body_checks_size_limit": "0",
    "disable_mime_input_processing": "yes",
    "disable_mime_output_conversion": "yes",
    "smtp_line_length_limit": "0",
    "enable_long_queue_ids": "yes",
    "default_destination_concurrency_limit": "20",
    "delay_warning_time": "0",
    "compatibility_level": "2",
    # postmulti(1) creates instances whose TCP services are switched off.
    "master_service_disable": "",
}  # fmt: skip


def settings(about: Envelope) -> t.Dict[str, t.Any]:
    """Return the options of the module relay that make an instance a capture instance.

    Everything from this host is accepted as it is and goes to the hold queue, which C(postqueue -f) leaves alone. What is released
    goes to the production instance, whose routes and aliases then apply; so nothing is local here.
    """
    policy = {
        "identity": {"hostname": about.hostname, "listen": [about.hop.address], "port": about.hop.port},
        "relay": {"networks": list(about.own)},
        "limits": {"message_size": "0", "hops": 1000, "recipients_per_message": 100000},
        "queue": {"lifetime": _NEVER, "bounce_lifetime": _NEVER, "warning_time": "0s"},
    }
    family = "6" if ":" in about.release.address else ""
    main = dict({name: "" for name in _OFF}, **_AS_IT_IS)
    main.update({
        # With inet_interfaces at one address Postfix would send from it, and the production instance need not trust it.
        f"smtp_bind_address{family}": about.release.address,
        "local_transport": f"smtp:{about.release.text}",
        "relayhost": about.release.text,
    })  # fmt: skip
    # What the production instance refuses when it is released stays here; a bounce could hit anybody, or be lost.
    master = {"smtp/unix": {"options": {"soft_bounce": "yes"}}}
    return {"policy": policy, "baseline": "none", "main": main, "master": master}
