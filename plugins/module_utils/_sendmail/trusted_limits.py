# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The limits of clients as lines of our part of the access map. Twin of C(_postfix.trusted_limits).

Private to the collection: it can change at any time.
"""

import typing as t

from .. import _addresses
from .draft import Draft
from .networks import keys_of, networks

if t.TYPE_CHECKING:
    from .read import Live

_PATH = "policy.limits.trusted"
_OWN_ADDRESSES = ("127.0.0.1", "IPv6:0:0:0:0:0:0:0:1")


def apply(draft: Draft, trusted_keys: t.Sequence[str]) -> None:
    """Put the limits of clients into the draft.

    :param trusted_keys: the keys of the networks that may relay.
    """
    limits = draft.policy.limits
    trusted = limits.trusted
    exempt = _exempt_keys(trusted.exempt or ())
    for option in ("messages", "recipients"):
        if getattr(trusted, option):
            draft.cannot(f"{_PATH}.{option}", getattr(trusted, option), f"{_PATH}.connections")
    unlimited = dict.fromkeys((*_OWN_ADDRESSES, *trusted_keys, *exempt), 0)
    if limits.connections_per_client is not None:
        _limit(draft, "conncontrol", "ClientConn", limits.connections_per_client, unlimited)
    rate = limits.connection_rate
    if trusted.connections:
        rate = rate or 0
        unlimited.update(_counted(draft, exempt))
    if rate is not None:
        _limit(draft, "ratecontrol", "ClientRate", rate, unlimited)
        draft.define("confCONNECTION_RATE_WINDOW_SIZE", "60s")


def _limit(draft: Draft, feature: str, tag: str, limit: int, others: t.Mapping[str, int]) -> None:
    """Set one limit for every client, and those of some; 0 is no limit."""
    draft.feature(feature, "nodelay", "terminate")
    draft.access.append((f"{tag}:", str(limit)))
    draft.access.extend((f"{tag}:{key}", str(number)) for key, number in others.items())


def _exempt_keys(exempt: t.Iterable[str]) -> t.Tuple[str, ...]:
    return tuple(dict.fromkeys(key for network in exempt for key in keys_of(f"{_PATH}.exempt", network)))


def _counted(draft: Draft, exempt: t.Sequence[str]) -> t.Dict[str, int]:
    """Return the keys of the networks that may relay with their limit; none that lies in an exempt network."""
    trusted = draft.policy.limits.trusted
    counted = [
        network for network in draft.policy.relay.networks or () if not _is_inside(network, trusted.exempt or ())
    ]
    keys = dict.fromkeys(key for network in counted for key in keys_of("policy.relay.networks", network))
    return {key: trusted.connections for key in keys if key not in exempt}


def _is_inside(network: str, others: t.Iterable[str]) -> bool:
    inner = _addresses.network(network)
    outer = [_addresses.network(other) for other in others]
    return any(
        other.version == inner.version and other.prefixlen <= inner.prefixlen and inner.network_address in other
        for other in outer
    )


def read(live: "Live", trusted_keys: t.Iterable[str]) -> t.Optional[t.Dict[str, t.Any]]:
    """Return the limit of clients that may relay, and who is exempt from all; None where there is none of both.

    :param trusted_keys: the keys of class R.
    """
    relaying = {key.lower() for key in trusted_keys}
    rates = _numbers(live, "clientrate")
    limits = {rates[key] for key in relaying if rates.get(key)}
    if len(limits) > 1:
        return None
    own = {key.lower() for key in _OWN_ADDRESSES}
    if not limits:
        rates.update(_numbers(live, "clientconn"))
        own |= relaying
    unlimited = networks(key for key, rate in rates.items() if not rate and key not in own)
    exempt = [str(network) for network in unlimited if not network.is_loopback]
    options: t.Dict[str, t.Any] = {"connections": limits.pop()} if limits else {}
    return dict(options, exempt=exempt) if exempt else options or None


def _numbers(live: "Live", tag: str) -> t.Dict[str, int]:
    """Return the limits of single clients under a tag of the access map."""
    values = {key: live.access[f"{tag}:{key}"] for key in live.keys(tag) if key}
    return {key: int(value) for key, value in values.items() if value.isdigit()}
