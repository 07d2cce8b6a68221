# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names, mail addresses and networks: parse strictly, normalise, refuse the rest.

Neither main.cf nor m4 nor a table source has an escape character that holds everywhere, so nothing is ever
escaped: what is not in the grammar is refused. All functions raise ValueError with a sentence that says why.
Python's ipaddress is imported where there is an address: to read it takes a millisecond, and most of what is asked for is a domain.

Private to the collection: it can change at any time.
"""

import re
import typing as t

if t.TYPE_CHECKING:
    import ipaddress

_LABEL = "abcdefghijklmnopqrstuvwxyz0123456789_-"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+\Z"

Address = t.Union["ipaddress.IPv4Address", "ipaddress.IPv6Address"]
Network = t.Union["ipaddress.IPv4Network", "ipaddress.IPv6Network"]


def domain(text: str) -> str:
    """Return a domain in lower case as A-labels (RFC 5890), without a trailing dot.

    :raises ValueError: empty, a leading dot, a label over 63 or a name over 253 characters (RFC 1035 2.3.4).
    """
    name = _ascii(text)
    if len(name) > 253:
        raise ValueError("a domain has at most 253 characters (RFC 1035)")
    labels = name.split(".")
    if not all(_is_label(label) for label in labels):
        raise ValueError("not a domain: labels have 1 to 63 letters, digits and hyphens (RFC 1035)")
    if labels[-1].isdigit():
        raise ValueError("an IP address where a domain is expected")
    return name


def _is_label(text: str) -> bool:
    # Not a pattern: to compile one takes longer than all that is asked of it in a usual run.
    return 0 < len(text) <= 63 and not text.strip(_LABEL) and text[0] != "-" != text[-1]


def hostname(text: str) -> str:
    """Return a fully qualified host name, which has at least one dot (RFC 5321 2.3.5)."""
    name = domain(text)
    if "." not in name:
        raise ValueError("it must be a fully qualified name, with at least one dot")
    return name


def address(text: str) -> Address:
    """Return an IP address, with or without the brackets that SMTP puts around it."""
    import ipaddress

    try:
        return ipaddress.ip_address(_plain(text).strip("[]").replace("IPv6:", ""))
    except ValueError:
        raise ValueError("not an IPv4 or IPv6 address")


def is_address(text: str) -> bool:
    """Return whether a text is an IP address as it stands, without brackets or a zone."""
    import ipaddress

    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    # From version 3.9 on Python takes the zone of fe80::1%eth0.
    return "%" not in text


def network(text: str) -> Network:
    """Return a network in CIDR form; a single address is a network of one.

    :raises ValueError: for host bits that are set, which Postfix skips with a warning and so fails open.
    """
    import ipaddress

    plain = _plain(text).replace("[", "").replace("]", "")
    try:
        return ipaddress.ip_network(plain, strict=True)
    except ValueError:
        pass
    try:
        meant = ipaddress.ip_network(plain, strict=False)
    except ValueError:
        raise ValueError("not a network in CIDR form, like 192.0.2.0/24 or 2001:db8::/32")
    raise ValueError(f"host bits are set; the network is {meant}")


def mail_address(text: str) -> str:
    """Return a mail address as local-part@domain, the domain normalised (RFC 5321 4.1.2; quoted local parts are refused)."""
    local, at, host = _plain(text).rpartition("@")
    if not at:
        raise ValueError("a mail address needs an @")
    return f"{local_part(local)}@{domain(host)}"


def local_part(text: str) -> str:
    """Return the unquoted part before the @, at most 64 characters (RFC 5321 4.5.3.1.1)."""
    if len(text) > 64 or not text or not all(re.match(_ATOM, atom) for atom in text.split(".")):
        raise ValueError("not an unquoted local part of at most 64 characters (RFC 5321)")
    return text


def _plain(text: str) -> str:
    if not text.isprintable() or text != text.strip() or " " in text:
        raise ValueError("blanks and control characters are not allowed")
    return text


def _ascii(text: str) -> str:
    name = _plain(text).lower()
    if name.endswith(".") and name != ".":
        name = name[:-1]
    try:
        name.encode("ascii")
        return name
    except UnicodeEncodeError:
        pass
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        raise ValueError("not a name that can be written in A-labels (RFC 5890)")
