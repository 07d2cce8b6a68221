# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kinds of option values: how Ansible takes a value, and how it is checked and normalised.

A kind's I(parse) gets the value that Ansible handed over and returns it normalised, or raises ValueError with a
sentence. No value that passes can hold a control character, so that none can become a second setting.

Private to the collection: it can change at any time.
"""

import re
import typing as t

from .. import _addresses
from .._errors import OptionError

_DURATION = re.compile(r"([0-9]{1,9})([smhdw]?)\Z")
_SIZE = re.compile(r"([0-9]{1,18})([kKmMgG]?)\Z")
#: No file system is larger; what is written with a unit must be readable without one.
_LARGEST = 1 << 59
_LONGEST = 999999999
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_BYTES = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


class Kind(t.NamedTuple):
    """How a value is taken, checked and described.

    :param spec: what goes into Ansible's argument spec.
    :param parse: value to normalised value; raises ValueError.
    :param options: for a dictionary or a list of dictionaries, the options inside.
    """

    spec: t.Mapping[str, t.Any]
    parse: t.Callable[[t.Any], t.Any]
    options: t.Tuple["Option", ...] = ()


class Option(t.NamedTuple):
    """One option of the policy.

    :param baseline: what C(baseline=hardened) sets where nothing is given; None leaves the MTA's own value.
    """

    name: str
    kind: Kind
    help: str
    baseline: t.Any = None


def duration(text: t.Any) -> int:
    """Return the seconds of a number with an optional unit s, m, h, d or w."""
    match = _DURATION.match(str(text))
    if not match:
        raise ValueError("not a time, like 30s, 5m, 4h, 5d")
    seconds = int(match.group(1)) * _SECONDS[match.group(2)]
    if seconds > _LONGEST:
        raise ValueError("more than 31 years")
    return seconds


def size(text: t.Any) -> int:
    """Return the bytes of a number with an optional unit k, M or G (powers of 1024)."""
    match = _SIZE.match(str(text))
    if not match:
        raise ValueError("not a size in bytes, like 26214400, 25M, 1G")
    number = int(match.group(1)) * _BYTES[match.group(2).lower()]
    if number > _LARGEST:
        raise ValueError("more bytes than any file system has")
    return number


def text(value: str) -> str:
    """Return printable ASCII on one line, without the characters that mean something in main.cf or m4."""
    if not value.isprintable() or not all(ord(letter) < 128 for letter in value) or len(value) > 200:
        raise ValueError("expected printable ASCII on one line, at most 200 characters")
    if set(value) & set("$`'\"#{}\\") or value != value.strip():
        raise ValueError("blanks at the ends and the characters $ ` ' \" # { } \\ are not allowed")
    return value


def path(value: str) -> str:
    """Return an absolute path of ordinary characters."""
    if not re.match(r"/[A-Za-z0-9._/@+:-]*\Z", value) or "/../" in value + "/" or len(value) > 1000:
        raise ValueError("expected an absolute path of letters, digits and . _ / @ + : -")
    return value


def ciphers(value: str) -> str:
    """Return an OpenSSL cipher list (openssl-ciphers(1))."""
    if not re.match(r"[A-Za-z0-9@=+!:_-]{1,2000}\Z", value):
        raise ValueError("not an OpenSSL cipher list")
    return value


def count_between(low: int, high: int) -> t.Callable[[t.Any], int]:
    """Return the parser of a whole number within bounds."""

    def parse(value: t.Any) -> int:
        if isinstance(value, bool) or not low <= int(value) <= high:
            raise ValueError(f"expected a whole number from {low} to {high}")
        return int(value)

    return parse


def listener(value: str) -> str:
    """Return an address to listen on, or one of the words all and loopback."""
    return value if value in ("all", "loopback") else str(_addresses.address(value))


def any_address(value: str) -> str:
    """Return an IP address in its canonical form."""
    return str(_addresses.address(value))


def any_network(value: str) -> str:
    """Return a network in its canonical form."""
    return str(_addresses.network(value))


def next_hop(value: str) -> str:
    """Return a host name, or an IP address without brackets."""
    try:
        return str(_addresses.address(value))
    except ValueError:
        return _addresses.hostname(value)


def route_address(value: str) -> str:
    """Return a mail address in lower case, without the characters that mean something in a lookup table or a rule set."""
    address = _addresses.mail_address(value).lower()
    if not re.match(r"[a-z0-9_][a-z0-9._+=~&-]*@", address):
        raise ValueError("expected a mail address of letters, digits and . _ + = ~ & - before the @")
    return address


def address_or_domain(value: str) -> str:
    """Return a mail address, or a domain that stands for all addresses in it."""
    return route_address(value) if "@" in value else _addresses.domain(value)


def fingerprint(value: str) -> str:
    """Return the SHA-256 fingerprint of a certificate as OpenSSL prints it: 32 pairs of digits in upper case, with colons."""
    digits = value.replace(":", "")
    if not re.match(r"[0-9A-Fa-f]{64}\Z", digits) or len(value) not in (64, 95):
        raise ValueError("expected a SHA-256 fingerprint, as openssl x509 -fingerprint -sha256 prints it")
    return ":".join(digits[start : start + 2] for start in range(0, 64, 2)).upper()


def user_name(value: str) -> str:
    """Return the part before the @ of an address, in lower case, as route_address() takes it."""
    return route_address(f"{value}@a.test").rpartition("@")[0]


def table_name(value: str) -> str:
    """Return the name of a lookup table in the configuration directory, as the module table takes it."""
    if not re.match(r"[a-z0-9][a-z0-9_-]{0,63}\Z", value):
        raise ValueError("expected the name of a table: small letters, digits, _ and -")
    return value


def route_text(value: str) -> str:
    """Return words for an answer, without the characters that mean something in a rule set."""
    text(value)
    if not value or set(value) & set("()<>|;@[],%!"):
        raise ValueError("expected words; the characters ( ) < > [ ] | ; , @ % ! are not allowed")
    return value


def operators(value: str) -> str:
    """Return characters at which sendmail parts an address; its own ones must be among them (op.me, 5.6)."""
    if not re.match(r"[.:%@!^/\[\]+=_~|&*-]{1,40}\Z", value) or set(".:%@!^/[]+") - set(value):
        raise ValueError("expected .:%@!^/[]+ and more characters out of =_~|&*-")
    return value


def alias_target(value: str) -> str:
    """Return a mail address or a local name; never a file, a program or an include (aliases(5))."""
    return _addresses.mail_address(value) if "@" in value else alias_name(value)


def alias_name(value: str) -> str:
    """Return the local name on the left side of an alias."""
    if not re.match(r"[A-Za-z0-9._+-]{1,64}\Z", value):
        raise ValueError("expected a local name of letters, digits and . _ + -")
    return value.lower()


def rewritten_address(value: str) -> str:
    """Return a mail address, or a domain that stands for all its addresses.

    The part before the C(@) has no character that means something in a table: # begins a comment, % an argument.
    """
    if "@" not in value:
        return _addresses.domain(value)
    address = _addresses.mail_address(value)
    if not re.match(r"[A-Za-z0-9._+=-]+@", address):
        raise ValueError("expected letters, digits and . _ + = - before the @")
    return address


def _same(value: t.Any) -> t.Any:
    return value


BOOLEAN = Kind({"type": "bool"}, bool)
DURATION = Kind({"type": "str"}, duration)
SIZE = Kind({"type": "str"}, size)
TEXT = Kind({"type": "str"}, text)
PATH = Kind({"type": "path"}, path)
HOSTNAME = Kind({"type": "str"}, _addresses.hostname)
DOMAIN = Kind({"type": "str"}, _addresses.domain)
NEXT_HOP = Kind({"type": "str"}, next_hop)
NOTIFIED = Kind({"type": "str"}, alias_target)
OPERATORS = Kind({"type": "str"}, operators)
ROUTE_ADDRESS = Kind({"type": "str"}, route_address)
ADDRESS_OR_DOMAIN = Kind({"type": "str"}, address_or_domain)
ROUTE_TEXT = Kind({"type": "str"}, route_text)
ADDRESSES = Kind({"type": "str"}, rewritten_address)
CIPHERS = Kind({"type": "str"}, ciphers)


def count(low: int, high: int) -> Kind:
    """Return the kind of a whole number from low to high."""
    return Kind({"type": "int"}, count_between(low, high))


def choice(*words: str) -> Kind:
    """Return the kind of one of a few words."""
    return Kind({"type": "str", "choices": list(words)}, _same)


def each(parse: t.Callable[[str], str], choices: t.Sequence[str] = ()) -> Kind:
    """Return the kind of a list of strings, each parsed: duplicates are removed, the order stays."""
    spec: t.Dict[str, t.Any] = {"type": "list", "elements": "str"}
    if choices:
        spec["choices"] = list(choices)
    return Kind(spec, lambda values: tuple(_unique(_each(values, parse))))


def mapping(key: t.Callable[[str], str], item: t.Callable[[str], str]) -> Kind:
    """Return the kind of a dictionary of names to a string or a list of strings, parsed to a sorted tuple of (name, items)."""

    def parse(entries: t.Mapping[str, t.Any]) -> t.Tuple[t.Tuple[str, t.Tuple[str, ...]], ...]:
        return tuple(sorted((key(name), _items(name, value, item)) for name, value in entries.items()))

    return Kind({"type": "dict"}, parse)


def section(options: t.Sequence[Option]) -> Kind:
    """Return the kind of a dictionary of options."""
    return Kind({"type": "dict", "options": argument_spec(options)}, _same, tuple(options))


def records(options: t.Sequence[Option], required: t.Sequence[str]) -> Kind:
    """Return the kind of a list of dictionaries with the same options."""
    inner = argument_spec(options)
    for name in required:
        inner[name]["required"] = True
    return Kind({"type": "list", "elements": "dict", "options": inner}, _same, tuple(options))


def argument_spec(options: t.Sequence[Option]) -> t.Dict[str, t.Dict[str, t.Any]]:
    """Return the options as an Ansible argument spec, without defaults: the baseline fills in later."""
    return {option.name: dict(option.kind.spec) for option in options}


def parse_option(path_: str, option: Option, value: t.Any) -> t.Any:
    """Return one value normalised.

    :raises OptionError: naming the option by its dotted path, and the value.
    """
    try:
        return option.kind.parse(value)
    except (ValueError, TypeError, OverflowError) as problem:
        if isinstance(problem, OptionError):
            raise
        raise OptionError(path_, value, str(problem))


def _each(values: t.Sequence[str], parse: t.Callable[[str], str]) -> t.Iterator[str]:
    for value in values:
        try:
            yield parse(str(value))
        except ValueError as problem:
            raise ValueError(f"{value!r}: {problem}")


def _items(name: str, value: t.Any, item: t.Callable[[str], str]) -> t.Tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, (list, tuple)) or not values:
        raise ValueError(f"{name!r} needs a string or a list of strings")
    return tuple(_each(values, item))


def _unique(values: t.Iterable[str]) -> t.List[str]:
    return list(dict.fromkeys(values))
