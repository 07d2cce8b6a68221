# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much of the Internet a list of networks is, and who plays the stranger in questions about trust.

Private to the collection: it can change at any time.
"""

import ipaddress
import typing as t

Network = t.Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

#: Whole public networks of this size or larger belong to nobody's clients.
WIDEST = {4: 8, 6: 19}
#: So many public addresses of IPv4 together are no list of clients either.
MOST_ADDRESSES = 1 << 24
#: Clients that nobody names, far apart. Who trusts a narrow network with one of them is not asked with it.
STRANGERS = ("203.0.113.9", "198.51.100.9", "9.77.213.7", "62.141.5.80", "133.9.201.44", "196.29.77.3", "2a09:77:9::9")
#: Domains that no relay serves (RFC 2606).
FOREIGN = ("foreign.example", "foreign.example.com", "foreign.example.net")
_PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
)
_MAPPED = ipaddress.ip_network("::ffff:0:0/96")


def wide(networks: t.Iterable[Network]) -> t.Tuple[Network, ...]:
    """Return the networks that are too large a part of the Internet to be clients of a relay, alone or together."""
    public = [network for network in networks if not is_private(network)]
    large = [network for network in public if network.prefixlen <= WIDEST[network.version]]
    large += [network for network in public if network == _MAPPED]
    return tuple(large) or _wide_together(public)


def _wide_together(public: t.Iterable[Network]) -> t.Tuple[Network, ...]:
    """Return the IPv4 networks joined, where they are too many addresses together."""
    four = [network for network in public if isinstance(network, ipaddress.IPv4Network)]
    together = tuple(ipaddress.collapse_addresses(four))
    return together if sum(network.num_addresses for network in together) >= MOST_ADDRESSES else ()


def is_private(network: Network) -> bool:
    """Return whether a network is one that the Internet cannot send from."""
    return any(
        network.version == known.version
        and network.prefixlen >= known.prefixlen
        and network.supernet(new_prefix=known.prefixlen) == known
        for known in _PRIVATE
    )


def is_loopback(address: str) -> bool:
    """Return whether only this host itself can reach an address."""
    return address.startswith("127.") or address in ("::1", "localhost")


def strangers(networks: t.Sequence[Network]) -> t.Tuple[str, ...]:
    """Return clients that no narrow network of a list has."""
    narrow = [network for network in networks if network.prefixlen > WIDEST[network.version]]
    addresses = [ipaddress.ip_address(text) for text in STRANGERS]
    return tuple(
        str(address)
        for address in addresses
        if not any(address.version == network.version and address in network for network in narrow)
    )


def networks_in(words: t.Iterable[str]) -> t.Tuple[Network, ...]:
    """Return the networks among the words of a list; what is none is left out."""
    networks: t.List[Network] = []
    for word in words:
        try:
            networks.append(ipaddress.ip_network(word.replace("[", "").replace("]", ""), strict=False))
        except ValueError:
            continue
    return tuple(networks)


def member(network: Network) -> str:
    """Return an address in a network that is neither its first nor its last one, where there is such a one."""
    return str(network[network.num_addresses // 2 + 9] if network.num_addresses > 32 else network[0])
