# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The routes of the policy as tables, parameters and services of Postfix. Twin of C(_sendmail.routes).

A route by recipient is a line of transport_maps. One by sender is a line of sender_dependent_relayhost_maps, and of
sender_dependent_default_transport_maps where the connections differ too. Connections that differ have a service of their own in
master.cf: smtp(8) with other parameters.

Private to the collection: it can change at any time.
"""

import ipaddress
import typing as t

from .._addresses import is_address
from .._errors import OptionError
from .._model import policy_routes as _routes
from .._model.policy_record import Policy
from .composition import in_order
from .draft import Draft
from .master_cf import Service
from .parameters import split_list

SERVICE = "postmaster-route-"
#: A client of a server that is not there, whose name tells why: a recipient is accepted, and every attempt to deliver to it is put off.
#: smtpd(8) would refuse recipients of the services "error" and "retry", and error(8) takes no other name.
HOLD = SERVICE + "hold"
HOLD_TEXT = "unix:held-back-by-a-route-of-the-policy"
TABLE_LISTS = ("transport_maps", "sender_dependent_relayhost_maps", "sender_dependent_default_transport_maps")
#: The transports of mail that no table has an entry for, to served domains and to all others.
DEFAULT_TRANSPORTS = ("default_transport", "relay_transport")
_SEVERAL_HOSTS = (3, 5)
_SOURCES = {4: "smtp_bind_address", 6: "smtp_bind_address6"}


class HostRoute(t.NamedTuple):
    """A route that names hosts, with its option and the recipient domain that it is for; no domain where it is for several."""

    path: str
    policy: Policy
    domain: str


def by_host(policy: Policy) -> t.Iterator[HostRoute]:
    """Yield every route of the policy that names hosts."""
    path, routes = "policy.routes", policy.routes
    named = [HostRoute(f"{path}.domains[{n}]", route, route.domain) for n, route in enumerate(routes.domains)]
    named += [
        HostRoute(f"{path}.addresses[{n}]", route, route.address.rpartition("@")[2])
        for n, route in enumerate(routes.addresses)
    ]
    named += [HostRoute(f"{path}.senders[{n}]", route, "") for n, route in enumerate(routes.senders)]
    named.append(HostRoute(f"{path}.default", routes.default, ""))
    return (route for route in named if _routes.hosts(route.policy))


def apply(draft: Draft) -> None:
    """Put the routes into the draft."""
    routes = draft.policy.routes
    _set_default(draft, routes.default)
    lines: t.Dict[str, str] = {}
    for number, route in enumerate(routes.domains):
        _add_domain(draft, f"policy.routes.domains[{number}]", route, lines)
    for number, route in enumerate(routes.addresses):
        _add_address(draft, f"policy.routes.addresses[{number}]", route, lines)
    _set_table(draft, "transport_maps", "transport", lines)
    _set_senders(draft)


def _set_default(draft: Draft, default: Policy) -> None:
    path = "policy.routes.default"
    if not default.as_dict():
        return
    _routes.check(path, default, needs_host=not _routes.has_manner(default))
    if _routes.hosts(default):
        draft.set("relayhost", next_hop(draft, path, default))
    elif default.port or default.mx is not None:
        raise OptionError(f"{path}.host", default.host, "a default route needs a host")
    if default.action or _routes.has_manner(default):
        transport = _action(draft, default) if default.action else _transport(draft, default)
        for name in DEFAULT_TRANSPORTS:
            draft.set(name, transport)


def _add_domain(draft: Draft, path: str, route: Policy, lines: t.Dict[str, str]) -> None:
    policy = draft.policy
    local = set(policy.identity.local_domains or ()) | {policy.identity.hostname, "localhost"}
    if route.domain in local:
        raise OptionError(f"{path}.domain", route.domain, "the domain is delivered here, so it cannot have a route")
    _routes.check(path, route)
    value = _value(draft, path, route)
    for key in (route.domain,) + (("." + route.domain,) if route.subdomains else ()):
        if key in lines:
            raise OptionError(f"{path}.domain", route.domain, "the domain has another route already")
        lines[key] = value


def _add_address(draft: Draft, path: str, route: Policy, lines: t.Dict[str, str]) -> None:
    _routes.check(path, route, needs_host=True)
    if route.address in lines:
        raise OptionError(f"{path}.address", route.address, "the address has another route already")
    lines[route.address] = _value(draft, path, route)


def _value(draft: Draft, path: str, route: Policy) -> str:
    """Return transport:nexthop for a route by recipient."""
    if route.action:
        return _action(draft, route)
    where = next_hop(draft, path, route) if _routes.hosts(route) else _own_hop(path, route)
    return f"{_transport(draft, route)}:{where}"


def _action(draft: Draft, route: Policy) -> str:
    if route.action == _routes.REJECT:
        return f"error:{_routes.REFUSAL_STATUS} {_routes.refusal(route)}"
    if route.action == _routes.DISCARD:
        return "discard:by a route of the policy"
    draft.services[f"{HOLD}/unix"] = Service(HOLD, "unix", "-", "-", "n", "-", "-", "lmtp")
    return f"{HOLD}:{HOLD_TEXT}"


def _transport(draft: Draft, route: Policy) -> str:
    """Return the transport of a route, and add its service where the connections differ from those of all other mail."""
    if not _routes.has_manner(route):
        return "smtp"
    name = SERVICE + "-".join(_name_parts(route))
    draft.services[f"{name}/unix"] = Service(
        name,
        "unix",
        "-",
        "-",
        _chroot(draft),
        "-",
        "-",
        "smtp",
        (),
        _options(route, draft.policy.identity.send_protocols),
    )
    return name


def _name_parts(route: Policy) -> t.Iterator[str]:
    """Yield what the name of a service says; a colon would end the name of a transport."""
    if route.esmtp is False:
        yield "helo"
    if route.protocols:
        yield "".join(sorted(route.protocols))
    for address in sorted(route.send_from or ()):
        yield address.replace(":", ".")


def senders(services: t.Mapping[str, Service]) -> t.Dict[str, Service]:
    """Return the services that send mail by SMTP, without those of the routes."""
    return {
        key: service
        for key, service in services.items()
        if service.command == "smtp" and service.type == "unix" and not key.startswith(SERVICE)
    }


def connecting_by(service: Service, versions: t.Sequence[str]) -> Service:
    """Return an SMTP client that connects by these IP versions."""
    options = dict(service.options, inet_protocols=protocols_word(versions))
    return service._replace(options=tuple(options.items()))


def sent_by(services: t.Mapping[str, Service]) -> t.Optional[t.List[str]]:
    """Return the IP versions of outgoing connections, where every SMTP client has the same ones of its own."""
    words = {service.option_values.get("inet_protocols", "") for service in senders(services).values()}
    word = words.pop() if len(words) == 1 else ""
    return protocols_of(word) if word in ("all", "ipv4", "ipv6") else None


def protocols_of(word: str) -> t.List[str]:
    """Return the IP versions that inet_protocols has, the way back from protocols_word()."""
    return ["ipv4", "ipv6"] if word == "all" else [word]


def protocols_word(protocols: t.Sequence[str]) -> str:
    """Return IP versions as inet_protocols has them."""
    return "all" if len(protocols) > 1 else protocols[0]


def _options(route: Policy, usual: t.Optional[t.Sequence[str]]) -> t.Tuple[t.Tuple[str, str], ...]:
    """Return the parameters of a service.

    :param usual: the IP versions of all outgoing connections, where the policy names them.
    """
    options: t.List[t.Tuple[str, str]] = []
    if route.esmtp is False:
        options += [("smtp_never_send_ehlo", "yes"), ("smtp_always_send_ehlo", "no")]
    protocols = route.protocols or usual
    if protocols:
        options.append(("inet_protocols", protocols_word(protocols)))
    for address in sorted(route.send_from or ()):
        options.append((_SOURCES[ipaddress.ip_address(address).version], address))
    return tuple(options)


def _chroot(draft: Draft) -> str:
    """Return whether the service smtp runs in a chroot here: ours finds the same files."""
    service = draft.present_services.get("smtp/unix")
    return service.chroot if service is not None else "n"


def next_hop(draft: Draft, path: str, route: Policy) -> str:
    """Return the next hops of a route as Postfix writes them: C([a]:25,[b]:25), without brackets where their MX records count."""
    names = _routes.hosts(route)
    if len(names) > 1 and draft.capabilities.version < _SEVERAL_HOSTS:
        draft.cannot(f"{path}.hosts", list(names), "one host; several next hops came with Postfix 3.5")
    return ",".join(hop_words(path, route))


def hop_words(path: str, route: Policy) -> t.List[str]:
    """Return each next hop of a route by itself: so the tables of TLS demands know it."""
    port = f":{route.port}" if route.port else ""
    names = _routes.hosts(route)
    if not route.mx:
        return [f"[{name}]{port}" for name in names]
    for name in names:
        if is_address(name):
            raise OptionError(f"{path}.mx", route.mx, "an IP address has no MX records")
    return [f"{name}{port}" for name in names]


def _own_hop(path: str, route: Policy) -> str:
    """Return the next hop of a route without a host: the recipient domain itself."""
    if route.mx is not False and not route.port:
        return ""
    if route.subdomains:
        raise OptionError(f"{path}.subdomains", True, "a route of subdomains that has a port or no MX needs a host")
    port = f":{route.port}" if route.port else ""
    return f"[{route.domain}]{port}" if route.mx is False else f"{route.domain}{port}"


# --- routes by sender -----------------------------------------------------------------------------------------------


def _set_senders(draft: Draft) -> None:
    hops: t.Dict[str, str] = {}
    transports: t.Dict[str, str] = {}
    default = draft.policy.routes.default
    is_usual = not default.action and not _routes.has_manner(default)
    for number, route in enumerate(draft.policy.routes.senders):
        path = f"policy.routes.senders[{number}]"
        _routes.check(path, route, needs_host=True)
        key = route.sender if "@" in route.sender else f"@{route.sender}"
        if key in hops or key in transports:
            raise OptionError(f"{path}.sender", route.sender, "the sender has another route already")
        if _routes.hosts(route):
            hops[key] = next_hop(draft, path, route)
        transport = _sender_transport(draft, path, route)
        if transport or not is_usual:
            transports[key] = transport or "smtp"
    _set_table(draft, "sender_dependent_relayhost_maps", "sender_hops", hops)
    _set_table(draft, "sender_dependent_default_transport_maps", "sender_transports", transports)


def _sender_transport(draft: Draft, path: str, route: Policy) -> str:
    """Return the transport of a sender's mail; empty where it goes out like all other mail."""
    if not route.action and not _routes.has_manner(route):
        return ""
    _refuse_served_without_route(draft, path, route)
    return _action(draft, route) if route.action else _transport(draft, route)


def _refuse_served_without_route(draft: Draft, path: str, route: Policy) -> None:
    """Refuse another transport by sender where a served domain has no route: Postfix would not use it for such a domain.

    :raises Unsupported: naming the option.
    """
    routed = {domain.domain: bool(domain.subdomains) for domain in draft.policy.routes.domains}
    below = bool(draft.policy.relay.subdomains)
    bare = [
        name for name in draft.policy.relay.domains or () if routed.get(name) is None or (below and not routed[name])
    ]
    name = next(name for name in ("action", *_routes.MANNER) if getattr(route, name) not in (None, True, ()))
    if bare:
        nearest = (
            f"host or hosts alone by sender, or a route of {bare[0]}, to which Postfix sends in one way for all senders"
        )
        draft.cannot(f"{path}.{name}", getattr(route, name), nearest)


def _set_table(draft: Draft, parameter: str, name: str, lines: t.Mapping[str, str]) -> None:
    """Put a table of ours in front of those in a parameter, or remove it from there where it has no lines."""
    foreign = draft.foreign(parameter)
    if lines:
        ours = draft.table(name, [f"{key} {value}" for key, value in sorted(lines.items())])
        draft.set(parameter, in_order(parameter, [ours, *foreign]))
    elif len(foreign) != len(split_list(draft.live.get(parameter, ""))):
        draft.set(parameter, foreign)
