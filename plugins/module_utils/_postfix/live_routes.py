# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The routes of a live Postfix as routes of the policy. Twin of C(_sendmail.live_routes).

Private to the collection: it can change at any time.
"""

import re
import typing as t

from .. import _addresses
from .._model import kinds as _kinds
from .._model import policy_routes as _routes
from . import load, routes
from .parameters import split_list
from .routes import DEFAULT_TRANSPORTS, HOLD, TABLE_LISTS

if t.TYPE_CHECKING:
    from .read import Live

#: How the tables of other modules begin: they are theirs, and not routes of the policy.
_HOOKED = ("access_", "capture_")
Options = t.Dict[str, t.Any]
_HOP = re.compile(r"(?:\[([^\]]+)\]|([^:\[\]]+))(?::([0-9]+))?\Z")
#: What the transports of DEFAULT_TRANSPORTS are when nobody sets them.
_USUAL = ("smtp", "relay", "")


def read(live: "Live") -> Options:
    """Return the routes; what no option can say is noted in I(live)."""
    default = _default(live)
    routes: Options = {"default": default} if default else {}
    table = table_entries(live, TABLE_LISTS[0])
    by_recipient = [route for route in (_route(live, key, table) for key in sorted(table)) if route]
    routes["domains"] = [route for route in by_recipient if "domain" in route]
    routes["addresses"] = [route for route in by_recipient if "address" in route]
    routes["senders"] = _senders(live)
    return routes


def table_entries(live: "Live", parameter: str) -> t.Dict[str, str]:
    """Return the entries of all tables of a parameter; of a key that stands in two the first one counts."""
    values: t.Dict[str, str] = {}
    for word in live.words(parameter):
        if word == load.MAP or word.partition(":")[2].startswith(tuple(f"{live.directory}/{name}" for name in _HOOKED)):
            continue
        entries = live.table(word)
        if entries is None:
            live.leave(parameter)
        for key, value in (entries or {}).items():
            values.setdefault(key, value)
    return values


def hop_lists(live: "Live") -> t.Iterator[t.Tuple[str, str]]:
    """Yield the next hops of each route as they are written, with its recipient domain; empty where it is for several."""
    yield "", live.value("relayhost")
    transports, relayhosts = TABLE_LISTS[0], TABLE_LISTS[1]
    for key, value in table_entries(live, transports).items():
        yield key.rpartition("@")[2].lstrip("."), value.partition(":")[2]
    for value in table_entries(live, relayhosts).values():
        yield "", value


def names_in(hops: str) -> t.List[str]:
    """Return the hosts that a list of next hops names."""
    return [hop.name for hop in map(_hop, split_list(hops)) if hop is not None]


def _default(live: "Live") -> Options:
    relayhost = live.value("relayhost")
    hops = _hops(relayhost) if relayhost else {}
    if hops is None:
        live.leave("relayhost")
        hops = {}
    manner = _default_manner(live)
    if manner is None or ("action" in manner and hops):
        for name in DEFAULT_TRANSPORTS:
            live.leave(name)
        return hops
    return {**hops, **manner}


def _default_manner(live: "Live") -> t.Optional[Options]:
    """Return what the default transports stand for; None where they differ, or no option says it."""
    transports = [live.value(name) for name in DEFAULT_TRANSPORTS]
    if all(transport in _USUAL for transport in transports):
        return {}
    if len(set(transports)) > 1:
        return None
    return _manner(live, transports[0])


class _Hop(t.NamedTuple):
    """A next hop as main.cf and the tables write it.

    :param literal: whether it stands in brackets, so that its MX records are not looked up.
    """

    name: str
    literal: bool
    port: t.Optional[str]


def _hop(word: str) -> t.Optional[_Hop]:
    match = _HOP.match(word)
    if match is None:
        return None
    literal, name, port = match.groups()
    return _Hop(literal or name, bool(literal), port)


def _hops(text: str) -> t.Optional[Options]:
    """Return next hops as options of a route; None for what the policy cannot say."""
    words = split_list(text)
    hops = [hop for hop in map(_hop, words) if hop is not None]
    if not hops or len(hops) < len(words):
        return None
    first = hops[0]
    if any((hop.literal, hop.port) != (first.literal, first.port) for hop in hops):
        return None
    options = _routes.hosts_of([hop.name for hop in hops])
    options["mx"] = not first.literal
    if first.port:
        options["port"] = int(first.port)
    return options


def _manner(live: "Live", value: str) -> t.Optional[Options]:
    """Return the options that a transport without next hop, or one that is no delivery, stands for."""
    transport, dummy, where = value.partition(":")
    if transport == "error":
        status, dummy, text = where.partition(" ")
        return _routes.refusal_of(status, text)
    if transport in ("discard", HOLD):
        return {"action": _routes.DISCARD if transport == "discard" else _routes.HOLD}
    if where:
        return None
    return {} if transport in _USUAL else _of_service(live, transport)


def _of_service(live: "Live", transport: str) -> t.Optional[Options]:
    """Return how a service like smtp(8) makes its connections; None where it differs in more than a route can say."""
    service = live.services.get(f"{transport}/unix")
    if service is None or service.command != "smtp" or service.arguments:
        return None
    options: Options = {}
    for name, value in service.options:
        if (name, value) == ("smtp_never_send_ehlo", "yes"):
            options["esmtp"] = False
        elif name == "inet_protocols":
            if routes.protocols_of(value) != routes.sent_by(live.services):
                options["protocols"] = routes.protocols_of(value)
        elif name in ("smtp_bind_address", "smtp_bind_address6"):
            options.setdefault("send_from", []).append(value)
        elif (name, value) != ("smtp_always_send_ehlo", "no"):
            return None
    return options


def _route(live: "Live", key: str, others: t.Mapping[str, str]) -> t.Optional[Options]:
    """Return a line of transport_maps as a route by domain or by address."""
    value = others[key]
    if key.startswith(".") and others.get(key[1:]) == value:
        return None
    try:
        route: Options = {"address": _kinds.route_address(key)} if "@" in key else {"domain": _addresses.domain(key)}
        options = _where(live, value)
        if options is None:
            raise ValueError(value)
    except ValueError:
        live.leave(TABLE_LISTS[0])
        return None
    route.update(options)
    if "domain" in route and route.get("host") == route["domain"]:
        del route["host"]
    if others.get("." + key) == value:
        route["subdomains"] = True
    return route


def _where(live: "Live", value: str) -> t.Optional[Options]:
    transport, dummy, where = value.partition(":")
    if transport in ("error", "discard", HOLD):
        return _manner(live, value)
    manner = _manner(live, transport)
    hops = _hops(where) if where else {}
    return None if manner is None or hops is None else {**hops, **manner}


def _senders(live: "Live") -> t.List[Options]:
    hops, transports = (table_entries(live, parameter) for parameter in TABLE_LISTS[1:])
    routes = []
    for key in sorted(set(hops) | set(transports), key=lambda key: key.lstrip("@")):
        route = _sender(live, key, hops.get(key), transports.get(key))
        if route is not None:
            routes.append(route)
        else:
            for parameter in TABLE_LISTS[1:]:
                live.leave(parameter)
    return routes


def _sender(live: "Live", key: str, hop: t.Optional[str], transport: t.Optional[str]) -> t.Optional[Options]:
    """Return the route of a sender; None where the policy cannot say it."""
    hops = {} if hop is None else _hops(hop)
    manner = {} if transport is None else _manner(live, transport)
    if hops is None or manner is None or not (hops or "action" in manner):
        return None
    if "@" not in key:
        return None
    try:
        sender = _kinds.address_or_domain(key[1:] if key.startswith("@") else key)
    except ValueError:
        return None
    return {"sender": sender, **hops, **manner}
