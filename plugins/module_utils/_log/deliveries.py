# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deliveries to look at: as records, as the administrator's line, and in which direction they went.

Private to the collection: it can change at any time.
"""

import typing as t

from .._addresses import Address, Network, address, network
from .._errors import OptionError
from .._model.log import (
    CLIENT,
    DELAY,
    DELAYS,
    HEAD,
    MESSAGE,
    MESSAGE_ID,
    ORIGINAL,
    PLACE,
    QUEUE_ID,
    RECIPIENT,
    RELAY,
    SENDER,
    SIZE,
    STARTED,
    STATUS,
    STATUS_CODE,
    SUBJECT,
    TLS,
    TLS_IN,
    Raw,
    reason_of,
    value_of,
)
from .._model.selection import NULL_SENDER
from .stamps import Clock, seconds_of

IN, OUT, INTERNAL = "in", "out", "internal"


class Delivery(t.NamedTuple):
    """One recipient's delivery, readable. None is "the log does not say".

    :param received: when the message came in; I(time) is when the outcome was logged.
    :param delay: seconds from arrival to outcome; I(delays) are its parts (Postfix: before the queue manager, in the
        active queue, connecting, transmitting; sendmail: transmitting).
    :param tls_in: protocol of the incoming connection, empty without TLS; I(tls_out) of the outgoing one.
    """

    time: str
    received: t.Optional[str]
    mta: str
    host: str
    instance: str
    queue_id: str
    message_id: t.Optional[str]
    client: t.Optional[str]
    client_address: t.Optional[str]
    sender: t.Optional[str]
    recipient: str
    original_recipient: str
    size: t.Optional[int]
    direction: t.Optional[str]
    relay: str
    relay_address: t.Optional[str]
    delay: t.Optional[float]
    delays: t.List[float]
    tls_in: t.Optional[str]
    tls_out: t.Optional[str]
    status: str
    status_code: str
    reason: str
    subject: str


def delivery(raw: Raw, clock: Clock, direction: t.Optional[str]) -> Delivery:
    """Return a delivery to look at.

    :raises ValueError: when its line has no time stamp.
    """
    message, place = raw[MESSAGE], raw[PLACE]
    client, client_address = peer(message[CLIENT])
    relay, relay_address = peer(value_of(raw[RELAY]) or None)
    return Delivery(
        time=clock.text(raw[HEAD]),
        received=clock.text(message[STARTED]) if message[STARTED] else None,
        mta=place.mta,
        host=readable(place.host),
        instance=readable(place.instance),
        queue_id=readable(raw[QUEUE_ID]),
        message_id=readable(message[MESSAGE_ID]) or None,
        client=client,
        client_address=client_address,
        sender=shown_sender(message[SENDER]),
        recipient=readable(raw[RECIPIENT]),
        original_recipient=readable(raw[ORIGINAL]),
        size=message[SIZE],
        direction=direction,
        relay=relay or "",
        relay_address=relay_address,
        delay=_seconds(value_of(raw[DELAY])),
        delays=[seconds for seconds in map(_seconds, value_of(raw[DELAYS]).split(b"/")) if seconds is not None],
        tls_in=_optional(message[TLS_IN]),
        tls_out=_optional(raw[TLS]),
        status=readable(raw[STATUS]),
        status_code=readable(value_of(raw[STATUS_CODE])),
        reason=readable(reason_of(raw)),
        subject=readable(message[SUBJECT]),
    )


def post_line(shown: Delivery) -> str:
    """Return C(Date|Time|Size|Direction|Sender|Recipient|Relay), the relay being the MTA that sent the message here."""
    moment = shown.received or shown.time
    date = "%d.%d.%s" % (int(moment[8:10]), int(moment[5:7]), moment[:4])
    size = "" if shown.size is None else str(shown.size)
    direction = (shown.direction or "").upper()
    relay = (shown.client or "").partition("[")[0] or shown.client_address or shown.client or ""
    parts = (date, moment[11:19], size, direction, shown.sender or "", shown.recipient, relay)
    return "|".join(part.replace("|", "%7C") for part in parts)


def readable(raw: bytes) -> str:
    """Return log bytes as text: what is not UTF-8 and what is not printable is shown as C(\\xNN)."""
    text = raw.decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "\\x%02x" % ord(character) for character in text)


def shown_sender(sender: t.Optional[bytes]) -> t.Optional[str]:
    """Return a sender as records and selections write it."""
    return None if sender is None else readable(sender) or NULL_SENDER


def peer(raw: t.Optional[bytes]) -> t.Tuple[t.Optional[str], t.Optional[str]]:
    """Return a name with address and port as Postfix writes them, and the address: C(mx.example[192.0.2.1]:25), C(192.0.2.1).

    sendmail's C(mx.example. [192.0.2.1]) becomes the same, and C((may be forged)) goes.
    """
    if raw is None:
        return None, None
    text = readable(raw.partition(b", ")[0])
    name, bracket, rest = text.partition("[")
    if not bracket:
        return text.rstrip("."), None
    address, _close, after = rest.partition("]")
    port = after if after[:1] == ":" else ""
    return f"{name.strip().rstrip('.')}[{address}]{port}", address.replace("IPv6:", "")


def _seconds(raw: bytes) -> t.Optional[float]:
    try:
        return seconds_of(raw.decode("ascii")) if raw else None
    except ValueError:
        return None


def _optional(raw: t.Optional[bytes]) -> t.Optional[str]:
    return None if raw is None else readable(raw)


# --- direction ----------------------------------------------------------------------------------------------------


class Internal:
    """The networks and domains that the administrator declares as internal. Nothing is guessed from names.

    :param networks: of clients and next hops. A message that was submitted on the host itself is from inside.
    :param domains: recipient domains, with their subdomains.
    """

    def __init__(self, networks: t.Sequence[str] = (), domains: t.Sequence[str] = ()) -> None:
        self._networks = [_network(text) for text in networks]
        self._domains = tuple(domain.lower().lstrip(".") for domain in domains)
        self._clients: t.Dict[t.Optional[bytes], t.Optional[bool]] = {}
        self._recipients: t.Dict[bytes, bool] = {}

    def __bool__(self) -> bool:
        return bool(self._networks or self._domains)

    def direction(self, raw: Raw) -> t.Optional[str]:
        """Return C(in), C(out), C(internal), or None where the log or the declaration does not tell."""
        if not self:
            return None
        from_inside = self._is_client(raw[MESSAGE][CLIENT])
        to_inside = self._is_recipient(raw[RECIPIENT]) or bool(raw[RELAY] and self._is_client(value_of(raw[RELAY])))
        if not to_inside:
            return OUT
        if from_inside is None:
            return None
        return INTERNAL if from_inside else IN

    def _is_client(self, client: t.Optional[bytes]) -> t.Optional[bool]:
        if client is None:
            return None
        inside = self._clients.get(client)
        if inside is None:
            if len(self._clients) > 50000:
                self._clients.clear()
            inside = self._clients[client] = self._is_inside(client)
        return inside

    def _is_inside(self, client: bytes) -> bool:
        if b"[" not in client:  # submitted or delivered on this host
            return client not in (b"none", b"")
        place = address_or_none(client.partition(b"[")[2].partition(b"]")[0].decode("latin-1"))
        networks = (network for network in self._networks if place is not None and network.version == place.version)
        return any(place in network for network in networks)

    def _is_recipient(self, recipient: bytes) -> bool:
        domain = recipient.rpartition(b"@")[2]
        own = self._recipients.get(domain)
        if own is None:
            if len(self._recipients) > 50000:
                self._recipients.clear()
            own = self._recipients[domain] = self._is_own_domain(domain.decode("latin-1").lower())
        return own

    def _is_own_domain(self, domain: str) -> bool:
        return any(domain == own or domain.endswith("." + own) for own in self._domains)


def _network(text: str) -> Network:
    try:
        return network(text)
    except ValueError as problem:
        raise OptionError("internal.networks", text, str(problem))


def address_or_none(text: str) -> t.Optional[Address]:
    """Return an address, None for a text that is none."""
    try:
        return address(text)
    except ValueError:
        return None
