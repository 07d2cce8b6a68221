# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which deliveries are meant: what the option select of log_info describes, as tests of deliveries.

Private to the collection: it can change at any time.
"""

import calendar
import fnmatch
import re
import time
import typing as t

from .._addresses import network
from .._errors import OptionError
from .._model import selection as selections
from .._model.kinds import duration
from .._model.log import (
    CLIENT,
    HEAD,
    MESSAGE,
    MESSAGE_ID,
    OTHER_STATUSES,
    PLACE,
    QUEUE_ID,
    RECIPIENT,
    SENDER,
    SIZE,
    STARTED,
    STATUS,
    STATUSES,
    Place,
    Raw,
    reason_of,
)
from .deliveries import address_or_none, peer, readable, shown_sender
from .stamps import Clock

#: Every word that O(select.status) takes.
STATUS_WORDS = {status.decode(): status.decode() for status in STATUSES + OTHER_STATUSES}
#: What is meant without O(select.status): what became of a recipient, and not the steps in between.
_OUTCOMES = frozenset(STATUSES)


class Selection(t.NamedTuple):
    """Which deliveries are meant.

    :ivar common: the criteria that all modules share (_model/selection.py).
    :ivar client: names, addresses or networks of the hosts that sent the message here.
    :ivar message_id: patterns of message IDs.
    :ivar since: seconds since the epoch, as I(until); of the outcome, not of the arrival.
    """

    common: selections.Selection = selections.EVERYTHING
    client: t.Tuple[str, ...] = ()
    since: float = 0
    until: float = 0
    mta: str = ""
    instance: str = ""
    message_id: t.Tuple[str, ...] = ()

    def earliest(self, now: float) -> float:
        """Return when the first line can have been written that this selects, in seconds since the epoch; 0 is any time."""
        newer_than = now - self.common.newer_than if self.common.newer_than is not None else 0
        return max(self.since, newer_than)


def selection(options: t.Optional[t.Mapping[str, t.Any]]) -> Selection:
    """Return the selection that the option O(select) describes.

    :raises OptionError: for a value that cannot be meant.
    """
    shared = dict(options or {})
    since, until = shared.pop("since", None), shared.pop("until", None)
    client, message_id = (_values(name, shared.pop(name, None)) for name in ("client", "message_id"))
    return Selection(
        common=selections.parse(shared, STATUS_WORDS),
        client=client,
        message_id=message_id,
        since=moment_of("select.since", since) if since is not None else 0,
        until=moment_of("select.until", until) if until is not None else 0,
    )


def _values(name: str, values: t.Optional[t.Sequence[str]]) -> t.Tuple[str, ...]:
    if values is not None and not (values and all(value.strip("<> ") for value in values)):
        raise OptionError(f"select.{name}", values, "an empty value")
    return tuple(value.strip() for value in values or ())


Test = t.Callable[[Raw, Clock], bool]


class _View:
    """A delivery as _model/selection.py looks at records. Only what a criterion asks for is worked out."""

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
    def recipients(self) -> t.Sequence[selections.DeliveryRecipient]:
        return (selections.DeliveryRecipient(readable(self._raw[RECIPIENT])),)


def tests(wanted: Selection, now: float) -> t.List[Test]:
    """Return the conditions of a selection, the cheap ones first.

    :param now: what ages are counted back from, seconds since the epoch.
    """
    conditions: t.List[Test] = []
    if wanted != Selection():
        conditions.append(_status_test(wanted.common.status))
    if wanted.mta or wanted.instance:
        conditions.append(lambda raw, clock: is_at(raw[PLACE], wanted))
    conditions += _text_tests(wanted, now)
    rest = wanted.common._replace(status=None, sender=None, recipient=None, domain=None)
    if rest != selections.EVERYTHING:
        conditions.append(_by_view(selections.predicate(rest, now)))
    if wanted.since or wanted.until:
        conditions.append(lambda raw, clock: _in_window(clock.epoch(raw[HEAD]), wanted))
    return conditions


def _text_tests(wanted: Selection, now: float) -> t.Iterator[Test]:
    """Yield the conditions that look at one text of a delivery each."""
    common = wanted.common._replace(status=None)
    if common.sender is not None:
        sender = selections.predicate(selections.Selection(sender=common.sender), now)
        yield _by_text(lambda raw: t.cast(t.Optional[bytes], raw[MESSAGE][SENDER]), _by_view(sender))
    recipient = selections.recipient_predicate(common._replace(reason=None))
    if recipient:
        yield _by_text(lambda raw: t.cast(t.Optional[bytes], raw[RECIPIENT]), _recipient_test(recipient))
    if wanted.client:
        yield _by_text(lambda raw: t.cast(t.Optional[bytes], raw[MESSAGE][CLIENT]), _client_test(wanted.client))
    if wanted.message_id:
        yield _message_id_test(wanted.message_id)


def select(raws: t.Iterable[Raw], clock: Clock, conditions: t.Sequence[Test]) -> t.List[Raw]:
    """Return the deliveries for which all conditions hold; without a time stamp one is none."""
    if not conditions:
        return [raw for raw in raws if raw[STATUS] in _OUTCOMES]
    return [raw for raw in raws if _fits(raw, clock, conditions)]


def _fits(raw: Raw, clock: Clock, conditions: t.Sequence[Test]) -> bool:
    try:
        return all(condition(raw, clock) for condition in conditions)
    except (ValueError, IndexError, OverflowError):
        return False


def is_at(place: Place, wanted: Selection) -> bool:
    """Return whether a place is of the MTA and the instance that are selected."""
    return wanted.mta in ("", place.mta) and wanted.instance in ("", readable(place.instance))


# --- single conditions ------------------------------------------------------------------------------------------------


def _status_test(statuses: t.Optional[t.FrozenSet[str]]) -> Test:
    words = _OUTCOMES if statuses is None else frozenset(status.encode("ascii") for status in statuses)
    return lambda raw, clock: raw[STATUS] in words


def _by_view(fits: selections.Predicate) -> Test:
    return lambda raw, clock: fits(_View(raw, clock))


def _by_text(text_of: t.Callable[[Raw], t.Optional[bytes]], test: Test) -> Test:
    """Return a test that judges a text once: most texts come again."""
    verdicts: t.Dict[t.Optional[bytes], bool] = {}

    def remembering(raw: Raw, clock: Clock) -> bool:
        text = text_of(raw)
        verdict = verdicts.get(text)
        if verdict is None:
            if len(verdicts) > 50000:
                verdicts.clear()
            verdict = verdicts[text] = test(raw, clock)
        return verdict

    return remembering


def _in_window(moment: float, wanted: Selection) -> bool:
    return moment >= wanted.since and (not wanted.until or moment < wanted.until)


def _recipient_test(fits: t.Callable[[t.Any, str], bool]) -> Test:
    return lambda raw, clock: fits(selections.DeliveryRecipient(readable(raw[RECIPIENT])), "")


def _message_id_test(values: t.Sequence[str]) -> Test:
    """Test message IDs without their angle brackets; C(*) and C(?) stand for what they do elsewhere."""
    masks = [re.compile(fnmatch.translate(value.lower().strip("<>").replace("[", "[[]"))) for value in values]

    def test(raw: Raw, _clock: Clock) -> bool:
        message_id = readable(raw[MESSAGE][MESSAGE_ID]).lower().strip("<>")
        return bool(message_id) and any(mask.match(message_id) for mask in masks)

    return test


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
        client = address_or_none(place or "")
        if client is None:
            return False
        return any(client in network for network in networks if network.version == client.version)

    return test


# --- times ------------------------------------------------------------------------------------------------------------


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
    except ValueError:
        raise OptionError(option, text, "there is no such day, or no such time of a day")
    if zone is None:
        return time.mktime((year, month, day, hour, minute, second, 0, 0, -1))
    return float(calendar.timegm((year, month, day, hour, minute, second)) - _offset_minutes(zone) * 60)


def _offset_minutes(zone: str) -> int:
    """Return the minutes east of Greenwich that a zone such as C(Z) or C(+01:00) stands for."""
    if zone == "Z":
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[-2:])
    return -minutes if zone[0] == "-" else minutes


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
