# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deliveries to look at: as records, as the administrator's line, which of them, and in which direction they went.

Private to the collection: it can change at any time.
"""

import calendar
import re
import time
import typing as t

from .._addresses import Address, Network, address, network
from .._errors import OptionError
from .._model import selection as _select
from .._model.kinds import duration
from .._model.log import (
    CLIENT,
    DELAY,
    DELAYS,
    HEAD,
    MESSAGE,
    MESSAGE_ID,
    ORIGINAL,
    OTHER_STATUSES,
    PLACE,
    QUEUE_ID,
    RECIPIENT,
    RELAY,
    SENDER,
    SIZE,
    STARTED,
    STATUS,
    STATUS_CODE,
    STATUSES,
    SUBJECT,
    TLS,
    TLS_IN,
    Place,
    Raw,
    reason_of,
    value_of,
)
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
    """A delivery to look at.

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
        delays=[found for found in map(_seconds, value_of(raw[DELAYS]).split(b"/")) if found is not None],
        tls_in=_optional(message[TLS_IN]),
        tls_out=_optional(raw[TLS]),
        status=readable(raw[STATUS]),
        status_code=readable(value_of(raw[STATUS_CODE])),
        reason=readable(reason_of(raw)),
        subject=readable(message[SUBJECT]),
    )


def post_line(shown: Delivery) -> str:
    """C(Date|Time|Size|Direction|Sender|Recipient|Relay), the relay being the MTA that sent the message here."""
    moment = shown.received or shown.time
    date = "%d.%d.%s" % (int(moment[8:10]), int(moment[5:7]), moment[:4])
    size = "" if shown.size is None else str(shown.size)
    direction = (shown.direction or "").upper()
    relay = (shown.client or "").partition("[")[0] or shown.client_address or shown.client or ""
    parts = (date, moment[11:19], size, direction, shown.sender or "", shown.recipient, relay)
    return "|".join(part.replace("|", "%7C") for part in parts)


def readable(raw: bytes) -> str:
    """Log bytes as text: what is not UTF-8 and what is not printable is shown as C(\\xNN)."""
    text = raw.decode("utf-8", "backslashreplace")
    return text if text.isprintable() else "".join(one if one.isprintable() else "\\x%02x" % ord(one) for one in text)


def shown_sender(sender: t.Optional[bytes]) -> t.Optional[str]:
    """A sender as records and selections write it."""
    return None if sender is None else readable(sender) or _select.NULL_SENDER


def peer(raw: t.Optional[bytes]) -> t.Tuple[t.Optional[str], t.Optional[str]]:
    """Name with address and port as Postfix writes them, and the address: C(mx.example[192.0.2.1]:25), C(192.0.2.1).

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
    """What the administrator declares as his own: from there, to there. Nothing is guessed from names.

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
        """C(in), C(out), C(internal), or None where the log or the declaration does not tell."""
        if not self:
            return None
        from_inside = self._is_client(raw[MESSAGE][CLIENT])
        to_inside = self._is_recipient(raw[RECIPIENT]) or bool(raw[RELAY] and self._is_client(value_of(raw[RELAY])))
        if not to_inside:
            return OUT
        return None if from_inside is None else INTERNAL if from_inside else IN

    def _is_client(self, client: t.Optional[bytes]) -> t.Optional[bool]:
        if client is None:
            return None
        known = self._clients.get(client)
        if known is None:
            if len(self._clients) > 50000:
                self._clients.clear()
            known = self._clients[client] = self._is_inside(client)
        return known

    def _is_inside(self, client: bytes) -> bool:
        if b"[" not in client:  # submitted or delivered on this host
            return client not in (b"none", b"")
        found = _address(client.partition(b"[")[2].partition(b"]")[0].decode("latin-1"))
        return found is not None and any(found in one for one in self._networks if one.version == found.version)

    def _is_recipient(self, recipient: bytes) -> bool:
        domain = recipient.rpartition(b"@")[2]
        known = self._recipients.get(domain)
        if known is None:
            if len(self._recipients) > 50000:
                self._recipients.clear()
            known = self._recipients[domain] = self._is_own_domain(domain.decode("latin-1").lower())
        return known

    def _is_own_domain(self, domain: str) -> bool:
        return any(domain == own or domain.endswith("." + own) for own in self._domains)


def _network(text: str) -> Network:
    try:
        return network(text)
    except ValueError as problem:
        raise OptionError("internal.networks", text, str(problem))


def _address(text: str) -> t.Optional[Address]:
    try:
        return address(text)
    except ValueError:
        return None


# --- which ones ---------------------------------------------------------------------------------------------------


#: Every word that O(select.status) takes.
STATUS_WORDS = {status.decode(): status.decode() for status in STATUSES + OTHER_STATUSES}
#: What is meant without O(select.status): what became of a recipient, and not the steps in between.
_OUTCOMES = frozenset(STATUSES)


class Selection(t.NamedTuple):
    """Which deliveries.

    :param common: the criteria that all modules share (_select.py).
    :param client: names, addresses or networks of the hosts that sent the message here.
    :param since: seconds since the epoch, as I(until); of the outcome, not of the arrival.
    :param message_id: Message-IDs without their angle brackets.
    """

    common: _select.Selection = _select.EVERYTHING
    client: t.Tuple[str, ...] = ()
    since: float = 0
    until: float = 0
    mta: str = ""
    instance: str = ""
    message_id: t.FrozenSet[bytes] = frozenset()


def selection(given: t.Optional[t.Mapping[str, t.Any]]) -> Selection:
    """The selection that the option O(select) describes.

    :raises OptionError: for a value that cannot be meant.
    """
    shared = dict(given or {})
    client, since, until = (shared.pop(name, None) for name in ("client", "since", "until"))
    message_id = shared.pop("message_id", None)
    for name, values in (("client", client), ("message_id", message_id)):
        if values is not None and not (values and all(value.strip("<> ") for value in values)):
            raise OptionError(f"select.{name}", values, "an empty value")
    return Selection(
        common=_select.parse(shared, STATUS_WORDS),
        client=tuple(value.strip() for value in client or ()),
        since=moment_of("select.since", since) if since is not None else 0,
        until=moment_of("select.until", until) if until is not None else 0,
        message_id=frozenset(value.strip("<> ").encode("utf-8", "surrogateescape") for value in message_id or ()),
    )


Test = t.Callable[[Raw, Clock], bool]


class _View:
    """A delivery as _select.py looks at records; only what a criterion asks for is worked out."""

    __slots__ = ("_clock", "_raw")

    def __init__(self, raw: Raw, clock: Clock) -> None:
        self._raw = raw
        self._clock = clock

    @property
    def id(self) -> str:
        return readable(self._raw[QUEUE_ID])

    @property
    def sender(self) -> str:
        return shown_sender(self._raw[MESSAGE][SENDER]) or ""

    @property
    def arrival(self) -> float:
        return self._clock.epoch(self._raw[MESSAGE][STARTED] or self._raw[HEAD])

    @property
    def size(self) -> int:
        return self._raw[MESSAGE][SIZE] or 0

    @property
    def status(self) -> str:
        return t.cast(bytes, self._raw[STATUS]).decode("ascii")

    @property
    def reason(self) -> str:
        return readable(reason_of(self._raw))

    @property
    def recipients(self) -> t.Sequence[_select.DeliveryRecipient]:
        return (_select.DeliveryRecipient(readable(self._raw[RECIPIENT])),)


def tests(wanted: Selection, now: float) -> t.List[Test]:
    """The conditions of a selection, the cheap ones first.

    :param now: what ages are counted back from, seconds since the epoch.
    """
    words = (
        _OUTCOMES if wanted.common.status is None else frozenset(one.encode("ascii") for one in wanted.common.status)
    )
    found: t.List[Test] = []
    if wanted != Selection():
        found.append(lambda raw, clock: raw[STATUS] in words)
    if wanted.mta or wanted.instance:
        found.append(lambda raw, clock: is_at(raw[PLACE], wanted))
    common = wanted.common._replace(status=None)
    if common.sender is not None:
        found.append(_by_text(_sender_of, _seen(_select.predicate(_select.Selection(sender=common.sender), now))))
    of_recipient = _select.recipient_predicate(common._replace(reason=None))
    if of_recipient:
        found.append(_by_text(_recipient_of, _recipient_test(of_recipient)))
    common = common._replace(sender=None, recipient=None, domain=None)
    if wanted.client:
        found.append(_by_text(_client_of, _client_test(wanted.client)))
    if wanted.message_id:
        found.append(_message_id_test(wanted.message_id))
    if common != _select.EVERYTHING:
        found.append(_seen(_select.predicate(common, now)))
    if wanted.since or wanted.until:
        found.append(lambda raw, clock: _in_window(clock.epoch(raw[HEAD]), wanted))
    return found


def select(raws: t.Iterable[Raw], clock: Clock, conditions: t.Sequence[Test]) -> t.List[Raw]:
    """The deliveries for which all conditions hold; one without a time stamp is none."""
    if not conditions:
        return [raw for raw in raws if raw[STATUS] in _OUTCOMES]
    return [raw for raw in raws if _fits(raw, clock, conditions)]


def _fits(raw: Raw, clock: Clock, conditions: t.Sequence[Test]) -> bool:
    try:
        for condition in conditions:
            if not condition(raw, clock):
                return False
    except (ValueError, IndexError, OverflowError):
        return False
    return True


def _seen(fits: _select.Predicate) -> Test:
    return lambda raw, clock: fits(_View(raw, clock))


def _sender_of(raw: Raw) -> t.Optional[bytes]:
    return t.cast(t.Optional[bytes], raw[MESSAGE][SENDER])


def _recipient_of(raw: Raw) -> t.Optional[bytes]:
    return t.cast(t.Optional[bytes], raw[RECIPIENT])


def _client_of(raw: Raw) -> t.Optional[bytes]:
    return t.cast(t.Optional[bytes], raw[MESSAGE][CLIENT])


def _by_text(text_of: t.Callable[[Raw], t.Optional[bytes]], test: Test) -> Test:
    """A test that looks at nothing but one text of a delivery: most texts come again, and are judged once."""
    known: t.Dict[t.Optional[bytes], bool] = {}

    def remembering(raw: Raw, clock: Clock) -> bool:
        text = text_of(raw)
        found = known.get(text)
        if found is None:
            if len(known) > 50000:
                known.clear()
            found = known[text] = test(raw, clock)
        return found

    return remembering


def is_at(place: Place, wanted: Selection) -> bool:
    """Whether a place is of the MTA and the instance that are wanted."""
    return wanted.mta in ("", place.mta) and wanted.instance in ("", readable(place.instance))


def _in_window(moment: float, wanted: Selection) -> bool:
    return moment >= wanted.since and (not wanted.until or moment < wanted.until)


def _recipient_test(fits: t.Callable[[t.Any, str], bool]) -> Test:
    return lambda raw, clock: fits(_select.DeliveryRecipient(readable(raw[RECIPIENT])), "")


def _message_id_test(values: t.FrozenSet[bytes]) -> Test:
    return lambda raw, clock: bytes(raw[MESSAGE][MESSAGE_ID] or b"").strip(b"<> ") in values


def _client_test(values: t.Sequence[str]) -> Test:
    names, networks = set(), []
    for value in values:
        try:
            networks.append(network(value))
        except ValueError:
            names.add(value.lower())

    def test(raw: Raw, _clock: Clock) -> bool:
        name, place = peer(raw[MESSAGE][CLIENT])
        if (name or "").partition("[")[0].lower() in names:
            return True
        found = _address(place or "")
        return found is not None and any(found in one for one in networks if one.version == found.version)

    return test


def moment_of(option: str, text: str, now: t.Optional[float] = None) -> float:
    """Return the seconds since the epoch of a time that people type.

    C(2026-11-22), C(2026-11-22 07:30), with seconds, with C(Z) or an offset, else local time; C(today), C(yesterday) and C(now); C(07:30)
    of today; C(1h), so long ago.

    :param now: seconds since the epoch; the time of the host when None.
    :raises OptionError: for anything else.
    """
    moment = time.time() if now is None else now
    word = text.strip().lower()
    if word == "now":
        return moment
    if _AGO.match(word):
        return moment - duration(word)
    word = _in_full(word, moment)
    match = _MOMENT.match(word.upper())
    if not match:
        raise OptionError(
            option,
            text,
            "must be a time, like 2026-11-22T07:30, 2026-11-22 07:30:00+01:00, today, yesterday, 07:30 or 1h",
        )
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    zone = match.group(7)
    try:
        time.strptime("%d-%d-%d %d:%d:%d" % (year, month, day, hour, minute, second), "%Y-%m-%d %H:%M:%S")
    except ValueError as problem:
        raise OptionError(option, text, str(problem))
    if zone is None:
        return time.mktime((year, month, day, hour, minute, second, 0, 0, -1))
    minutes = 0 if zone == "Z" else (int(zone[1:3]) * 60 + int(zone[-2:])) * (-1 if zone[0] == "-" else 1)
    return float(calendar.timegm((year, month, day, hour, minute, second)) - minutes * 60)


def _in_full(word: str, now: float) -> str:
    """Return C(today), C(yesterday) and a time of today with their date."""
    today = time.localtime(now)
    if word == "yesterday":
        # Noon, so that a day of 23 or 25 hours is no other day.
        today = time.localtime(time.mktime(today[:3] + (12, 0, 0, 0, 0, -1)) - 86400)
    day = time.strftime("%Y-%m-%d", today)
    if word in ("today", "yesterday"):
        return day
    return f"{day} {word}" if re.match(r"\d\d:\d\d", word) else word


#: A number without a unit could be anything.
_AGO = re.compile(r"[0-9]+[smhdw]\Z")
_MOMENT = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?)?\s*(Z|[+-]\d\d:?\d\d)?\Z")
