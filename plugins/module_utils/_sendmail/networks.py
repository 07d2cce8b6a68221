# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks as keys of class R and the access map, which know whole octets (IPv4) or groups of 16 bits (IPv6) only.

Private to the collection: it can change at any time.
"""

import ipaddress
import typing as t

from .. import _addresses
from .._addresses import Network

#: An IPv6 network that is not on a 16-bit boundary becomes one entry for each group that it covers, up to this many.
MOST_PREFIXES = 256


def prefixes(network: Network) -> t.Tuple[str, ...]:
    """Return the keys that stand for a network.

    :raises ValueError: the whole address space, or an IPv6 network that would need more than MOST_PREFIXES keys.
    """
    width = _width(network)
    groups = -(-network.prefixlen // width)
    if groups == 0:
        raise ValueError("the whole address space is an open relay, not a network")
    count = 1 << (groups * width - network.prefixlen)
    if count > MOST_PREFIXES:
        raise ValueError(
            f"sendmail would need {count} entries for it; a network with a prefix of {_boundary(network)} needs one"
        )
    step = 1 << (network.max_prefixlen - groups * width)
    first = int(network.network_address)
    return tuple(_prefix(first + number * step, network.version, groups) for number in range(count))


def keys_of(option: str, network: str) -> t.Tuple[str, ...]:
    """Return the keys that stand for a network of an option.

    :raises Unsupported: naming the option.
    """
    from .discover import unsupported

    try:
        return prefixes(_addresses.network(network))
    except ValueError as problem:
        raise unsupported(option, network, str(problem))


def _width(network: Network) -> int:
    """Return how many bits one part of a key stands for."""
    return 8 if network.version == 4 else 16


def _boundary(network: Network) -> str:
    width = _width(network)
    below = network.prefixlen // width * width or width
    above = -(-network.prefixlen // width) * width
    return f"/{below} or /{above}"


def _prefix(address: int, version: int, groups: int) -> str:
    if version == 4:
        return ".".join(str(ipaddress.IPv4Address(address)).split(".")[:groups])
    parts = ipaddress.IPv6Address(address).exploded.split(":")[:groups]
    return "IPv6:" + ":".join(format(int(part, 16), "x") for part in parts)


def networks(keys: t.Iterable[str]) -> t.Tuple[Network, ...]:
    """Return the networks that keys stand for, neighbours joined, in the order of the keys: the way back from prefixes()."""
    named = [network for network in map(network_of, keys) if network]
    joined: t.List[Network] = []
    joined += ipaddress.collapse_addresses(network for network in named if isinstance(network, ipaddress.IPv4Network))
    joined += ipaddress.collapse_addresses(network for network in named if isinstance(network, ipaddress.IPv6Network))
    return tuple(sorted(joined, key=lambda network: _first_inside(network, named)))


def _first_inside(network: Network, named: t.Sequence[Network]) -> int:
    """Return the place of the first of the known networks that lies in a network."""
    inside = (number for number, inner in enumerate(named) if _contains(network, inner))
    return next(inside, len(named))


def _contains(network: Network, inner: Network) -> bool:
    if network.version != inner.version or network.prefixlen > inner.prefixlen:
        return False
    return inner.supernet(new_prefix=network.prefixlen) == network


def network_of(key: str) -> t.Optional[Network]:
    """Return the network that one key stands for; None where it stands for none."""
    is_ipv6 = key.lower().startswith("ipv6:")
    text = key[5:] if is_ipv6 else key
    separator, groups_in_all, width = (":", 8, 16) if is_ipv6 else (".", 4, 8)
    groups = text.split(separator)
    prefix = width * len(groups)
    if "::" in text:
        prefix = 128
    else:
        text = separator.join(groups + ["0"] * (groups_in_all - len(groups)))
    try:
        return ipaddress.ip_network(f"{text}/{prefix}")
    except ValueError:
        return None
