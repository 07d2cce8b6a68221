# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts of an X.509 certificate that a postmaster asks for, read from its DER form.

Private to the collection: it can change at any time.

The standard library tells them only about certificates that it has verified; the certificate of a relay is often self-signed.
"""

import hashlib
import ipaddress
import typing as t

from .._errors import PostmasterError

# RFC 5280: the tags and object identifiers (in their DER bytes) that are needed here.
_SEQUENCE = 0x30
_UTC_TIME = 0x17
_VERSION = 0xA0
_EXTENSIONS = 0xA3
_OCTET_STRING = 0x04
_COMMON_NAME = bytes((0x55, 0x04, 0x03))
_SUBJECT_ALTERNATIVE_NAME = bytes((0x55, 0x1D, 0x11))
_DNS_NAME = 0x82
_IP_ADDRESS = 0x87
_BMP_STRING = 0x1E


class MalformedCertificate(PostmasterError):
    """Bytes that are not a certificate in DER form."""


class Certificate(t.NamedTuple):
    """C(not_before) and C(not_after) are UTC, as C(2026-11-23T06:12:01Z); C(names) are the DNS names and addresses it is for."""

    subject: str
    issuer: str
    names: t.Tuple[str, ...]
    not_before: str
    not_after: str
    serial: str
    sha256: str
    self_signed: bool


class _Element(t.NamedTuple):
    tag: int
    value: bytes
    raw: bytes


def read_certificate(der: t.Optional[bytes]) -> t.Optional[Certificate]:
    """Return the facts of a certificate; None where there is none, or none that can be read."""
    if not der:
        return None
    try:
        return parse_certificate(der)
    except MalformedCertificate:
        return None


def parse_certificate(der: bytes) -> Certificate:
    """Read a certificate in DER form (RFC 5280 section 4.1).

    :raises MalformedCertificate: it is none.
    """
    try:
        return _parse(der)
    except (IndexError, ValueError) as error:
        raise MalformedCertificate(f"not a certificate in DER form: {error}") from error


def _parse(der: bytes) -> Certificate:
    body = _elements(_elements(_elements(der)[0].value)[0].value)
    if body[0].tag == _VERSION:
        body = body[1:]
    serial, dummy, issuer, validity, subject = body[:5]
    not_before, not_after = [_time(element) for element in _elements(validity.value)[:2]]
    extensions = [element for element in body[6:] if element.tag == _EXTENSIONS]
    return Certificate(
        subject=_common_name(subject.value),
        issuer=_common_name(issuer.value),
        names=_alternative_names(extensions[0].value) if extensions else (),
        not_before=not_before,
        not_after=not_after,
        serial=serial.value.hex(),
        sha256=hashlib.sha256(der).hexdigest(),
        self_signed=issuer.raw == subject.raw,
    )


def _elements(data: bytes) -> t.List[_Element]:
    """Split DER into its elements (X.690: tag, length, value)."""
    elements = []
    start = 0
    while start < len(data):
        tag, length, value = data[start], data[start + 1], start + 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[value : value + size], "big")
            value += size
        end = value + length
        if end > len(data):
            raise ValueError("an element is longer than what holds it")
        elements.append(_Element(tag, data[value:end], data[start:end]))
        start = end
    return elements


def _common_name(name: bytes) -> str:
    """Return the last common name of a distinguished name; empty where it has none."""
    common = ""
    for relative in _elements(name):
        for pair in _elements(relative.value):
            identifier, value = _elements(pair.value)[:2]
            if identifier.value == _COMMON_NAME:
                common = value.value.decode("utf-16-be" if value.tag == _BMP_STRING else "utf-8", "replace")
    return common


def _time(element: _Element) -> str:
    """Return a time. UTCTime has two digits for the year: 50 and above are 19xx (RFC 5280 section 4.1.2.5.1)."""
    digits = element.value.decode("ascii").rstrip("Z")
    if element.tag == _UTC_TIME:
        digits = ("19" if int(digits[:2]) >= 50 else "20") + digits
    date, clock = digits[:8], digits[8:14]
    return f"{date[:4]}-{date[4:6]}-{date[6:8]}T{clock[:2]}:{clock[2:4]}:{clock[4:6]}Z"


def _alternative_names(extensions: bytes) -> t.Tuple[str, ...]:
    for extension in _elements(_elements(extensions)[0].value):
        parts = _elements(extension.value)
        if parts[0].value == _SUBJECT_ALTERNATIVE_NAME and parts[-1].tag == _OCTET_STRING:
            names = _elements(_elements(parts[-1].value)[0].value)
            return tuple(_alternative_name(name) for name in names if name.tag in (_DNS_NAME, _IP_ADDRESS))
    return ()


def _alternative_name(name: _Element) -> str:
    if name.tag == _IP_ADDRESS:
        return str(ipaddress.ip_address(name.value))
    return name.value.decode("ascii", "replace")
