# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a route of the policy asks for, the same for both MTAs, and whether it contradicts itself.

Private to the collection: it can change at any time.
"""

import ipaddress
import typing as t

from .._errors import OptionError
from . import kinds
from .policy_record import Policy

REJECT, DISCARD, HOLD = "reject", "discard", "hold"
#: The status of a refusal by a route, and its words where the policy has none.
REFUSAL_STATUS = "5.7.1"
REFUSAL_TEXT = "Mail for this destination is refused"
#: The options that say how a connection is made, and not where to.
MANNER = ("esmtp", "protocols", "send_from")
_FAMILIES = {4: "ipv4", 6: "ipv6"}


def hosts(route: Policy) -> t.Tuple[str, ...]:
    """Return the next hops in their order; none where the domain itself is meant."""
    return tuple(route.hosts or ()) or ((route.host,) if route.host else ())


def refusal(route: Policy) -> str:
    """Return the words of the action reject."""
    return str(route.text or REFUSAL_TEXT)


def refusal_of(status: str, text: str) -> t.Optional[t.Dict[str, t.Any]]:
    """Return the options of a live refusal; None where no route of the policy refuses so."""
    if status != REFUSAL_STATUS:
        return None
    if text == REFUSAL_TEXT:
        return {"action": REJECT}
    try:
        return {"action": REJECT, "text": kinds.route_text(text)}
    except ValueError:
        return None


def hosts_of(names: t.Sequence[str]) -> t.Dict[str, t.Any]:
    """Return the option that says these next hops."""
    return {"host": names[0]} if len(names) == 1 else {"hosts": list(names)}


def has_manner(route: Policy) -> bool:
    """Return whether the connections of a route differ from those of all other mail."""
    return route.esmtp is False or bool(route.protocols) or bool(route.send_from)


def check(path: str, route: Policy, needs_host: bool = False) -> None:
    """Refuse a route that contradicts itself.

    :param needs_host: whether it must say where to, or have an action: there is no domain to fall back on.
    :raises OptionError: naming the option.
    """
    if route.action:
        _check_action(path, route)
    elif route.text:
        raise OptionError(f"{path}.text", route.text, "only the action reject has a text")
    if route.host and route.hosts:
        raise OptionError(f"{path}.hosts", list(route.hosts), "host says where to already")
    if needs_host and not hosts(route) and not route.action:
        raise OptionError(f"{path}.host", route.host, "the route needs host, hosts or action")
    _check_sources(path, route)


def _check_action(path: str, route: Policy) -> None:
    for name in ("host", "hosts", "mx", "port", *MANNER):
        value = getattr(route, name)
        if value is not None and value != ():
            raise OptionError(f"{path}.{name}", value, f"a route with the action {route.action} has no next hop")
    if route.text and route.action != REJECT:
        raise OptionError(f"{path}.text", route.text, "only the action reject has a text")


def _check_sources(path: str, route: Policy) -> None:
    families: t.Dict[str, str] = {}
    for address in route.send_from or ():
        family = _FAMILIES[ipaddress.ip_address(address).version]
        if family in families:
            raise OptionError(f"{path}.send_from", address, "there must be at most one address for each IP version")
        if route.protocols and family not in route.protocols:
            raise OptionError(f"{path}.send_from", address, "protocols leaves its IP version out")
        families[family] = address
