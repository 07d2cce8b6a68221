# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option I(select): which messages or deliveries are meant, by sender, recipient, age, reason and the like.

Private to the collection: it can change at any time.

Criteria are joined by "and", the values of one criterion by "or". The criteria about a recipient (recipient, domain,
reason) must all hold for the same recipient: "domain yahoo.example, reason timed out" selects what timed out there,
not a message that timed out elsewhere.
"""

import re
import typing as t

from .. import _addresses
from .._errors import OptionError
from .kinds import duration, size

#: The null sender of a bounce, as records and selections write it.
NULL_SENDER = "<>"

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "select": {
        "type": "dict",
        "options": {
            "ids": {"type": "list", "elements": "str"},
            "sender": {"type": "list", "elements": "str"},
            "recipient": {"type": "list", "elements": "str"},
            "domain": {"type": "list", "elements": "str"},
            "older_than": {"type": "str"},
            "newer_than": {"type": "str"},
            "larger_than": {"type": "str"},
            "reason": {"type": "list", "elements": "str"},
            "status": {"type": "list", "elements": "str"},
            "regex": {"type": "str"},
        },
    }
}

#: A message of any kind that predicate() can look at.
Entry = t.TypeVar("Entry")

_ID = re.compile(r"[A-Za-z0-9]{6,32}\Z")


class DeliveryRecipient(t.NamedTuple):
    """A recipient and the MTA's text about the last attempt; empty where there was none."""

    address: str
    reason: str = ""


class SelectableRecord(t.NamedTuple):
    """What a selection looks at. Every record with these attributes can be selected; this one is for other records.

    :param sender: the envelope sender; C(<>) is the null sender.
    :param arrival: seconds since the epoch.
    :param size: bytes.
    :param status: a word of the records' own vocabulary.
    :param reason: why the message as a whole waits. It counts for each recipient without a reason of its own.
    """

    id: str
    sender: str
    arrival: float
    size: int
    status: str
    recipients: t.Sequence[t.Any]
    reason: str = ""


class Selection(t.NamedTuple):
    """The criteria, normalised. None is no criterion; an empty set is one that no record meets."""

    ids: t.Optional[t.FrozenSet[str]] = None
    sender: t.Optional[t.Tuple[str, ...]] = None
    recipient: t.Optional[t.Tuple[str, ...]] = None
    domain: t.Optional[t.Tuple[str, ...]] = None
    older_than: t.Optional[int] = None
    newer_than: t.Optional[int] = None
    larger_than: t.Optional[int] = None
    reason: t.Optional[t.Tuple[str, ...]] = None
    status: t.Optional[t.FrozenSet[str]] = None
    regex: t.Optional[str] = None


EVERYTHING = Selection()

Predicate = t.Callable[[t.Any], bool]


def parse(select: t.Optional[t.Mapping[str, t.Any]], statuses: t.Mapping[str, str]) -> Selection:
    """Return the option I(select), checked and normalised.

    :param statuses: every word that I(select.status) can take, with the status it stands for.
    :raises OptionError: a value that makes no sense, and every empty string: an unset variable must not become a
        selection that is wider than what was typed.
    """
    criteria = {name: value for name, value in (select or {}).items() if value is not None}
    return Selection(**{name: _PARSERS[name](f"select.{name}", value, statuses) for name, value in criteria.items()})


def predicate(selection: Selection, now: float) -> Predicate:
    """Return the selection as a function of one record. Only the criteria that are given take time.

    :param now: seconds since the epoch, from which ages are counted.
    """
    tests = [test for test in (*_message_tests(selection, now), _recipient_test(selection)) if test]
    if not tests:
        return lambda record: True
    if len(tests) == 1:
        return tests[0]
    return lambda record: all(test(record) for test in tests)


def chosen(messages: t.Iterable[Entry], selection: Selection, now: float) -> t.Iterable[Entry]:
    """Return the messages that a selection takes."""
    if selection == EVERYTHING:
        return messages
    return filter(predicate(selection, now), messages)


def recipient_predicate(selection: Selection) -> t.Optional[t.Callable[[t.Any, str], bool]]:
    """Return the criteria about one recipient as a function of it and the message's reason; None where there are none."""
    tests: t.List[t.Callable[[t.Any, str], bool]] = []
    if selection.recipient is not None:
        fits_address = _pattern_test(selection.recipient)
        tests.append(lambda recipient, dummy: fits_address(recipient.address.lower()))
    if selection.domain is not None:
        fits_domain = _domain_test(selection.domain)
        tests.append(lambda recipient, dummy: fits_domain(domain_of(recipient.address)))
    if selection.reason is not None:
        parts = selection.reason
        tests.append(lambda recipient, whole: any(part in (recipient.reason or whole).lower() for part in parts))
    if not tests:
        return None
    return lambda recipient, whole: all(test(recipient, whole) for test in tests)


def domain_of(address: str) -> str:
    """Return the domain of a mail address in lower case; empty for a local name."""
    dummy, at, domain = address.rpartition("@")
    return domain.lower().rstrip(".") if at else ""


# --- tests -------------------------------------------------------------------------------------------------------


def _message_tests(selection: Selection, now: float) -> t.Iterator[Predicate]:
    ids, status = selection.ids, selection.status
    if ids is not None:
        yield lambda record: record.id in ids
    if status is not None:
        yield lambda record: record.status in status
    if selection.older_than is not None:
        latest = now - selection.older_than
        yield lambda record: record.arrival <= latest
    if selection.newer_than is not None:
        earliest = now - selection.newer_than
        yield lambda record: record.arrival >= earliest
    if selection.larger_than is not None:
        limit = selection.larger_than
        yield lambda record: record.size > limit
    if selection.sender is not None:
        fits = _pattern_test(selection.sender)
        yield lambda record: fits(record.sender.lower())
    if selection.regex is not None:
        search = re.compile(selection.regex, re.IGNORECASE).search
        yield lambda record: any(search(text) for text in _texts(record))


def _recipient_test(selection: Selection) -> t.Optional[Predicate]:
    fits = recipient_predicate(selection)
    if fits is None:
        return None
    test = fits
    return lambda record: any(test(recipient, record.reason) for recipient in record.recipients)


def _texts(record: t.Any) -> t.Iterator[str]:
    yield record.sender
    yield record.reason
    for recipient in record.recipients:
        yield recipient.address
        yield recipient.reason


def _pattern_test(patterns: t.Sequence[str]) -> t.Callable[[str], bool]:
    """Return a test of whole addresses, by one lookup, and of patterns. Only * and ? are special: [ is in address literals."""
    plain = frozenset(pattern for pattern in patterns if not set(pattern) & set("*?"))
    masks = [_mask(pattern) for pattern in patterns if pattern not in plain]
    if not masks:
        return lambda text: text in plain
    return lambda text: text in plain or any(mask(text) for mask in masks)


def _mask(pattern: str) -> t.Callable[[str], t.Any]:
    expression = re.escape(pattern).replace(re.escape("*"), ".*").replace(re.escape("?"), ".")
    return re.compile(expression + r"\Z", re.DOTALL).match


def _domain_test(domains: t.Sequence[str]) -> t.Callable[[str], bool]:
    """Return a test of domains: C(a.example) is that domain, C(.a.example) is everything below it."""
    exact = frozenset(domain for domain in domains if not domain.startswith("."))
    below = tuple(domain for domain in domains if domain.startswith("."))
    return lambda domain: domain in exact or domain.endswith(below)


# --- parsers -----------------------------------------------------------------------------------------------------


def _words(option: str, values: t.Sequence[str]) -> t.Tuple[str, ...]:
    for value in values:
        if not value.strip():
            raise OptionError(option, value, "an empty value; the null sender is written <>")
        if not value.isprintable():
            raise OptionError(option, value, "control characters are not allowed")
    return tuple(value.strip().lower() for value in values)


def _parse_words(option: str, values: t.Sequence[str], dummy: t.Any) -> t.Tuple[str, ...]:
    return _words(option, values)


def _parse_addresses(option: str, values: t.Sequence[str], dummy: t.Any) -> t.Tuple[str, ...]:
    """Return addresses and patterns, each as it was typed and as an MTA writes it."""
    forms = [form for word in _words(option, values) for form in (word, _with_a_labels(word))]
    return tuple(dict.fromkeys(forms))


def _with_a_labels(address: str) -> str:
    """Return an address with the letters of its domain as A-labels (RFC 5890)."""
    local, at, domain = address.rpartition("@")
    return local + at + ".".join(map(_a_label, domain.split("."))) if at else address


def _a_label(label: str) -> str:
    if set(label) & set("*?"):
        return label
    try:
        return label.encode("idna").decode("ascii") if any(letter > "\x7f" for letter in label) else label
    except UnicodeError:
        return label


def _parse_ids(option: str, values: t.Sequence[str], dummy: t.Any) -> t.FrozenSet[str]:
    for value in values:
        if not _ID.match(value):
            raise OptionError(option, value, "not a queue ID, which has 6 to 32 letters and digits")
    return frozenset(values)


def _parse_domains(option: str, values: t.Sequence[str], dummy: t.Any) -> t.Tuple[str, ...]:
    domains = []
    for value in _words(option, values):
        dot = "." if value.startswith(".") else ""
        try:
            name = dot + _addresses.domain(value[len(dot) :])
        except ValueError as problem:
            raise OptionError(option, value, str(problem))
        # A message with SMTPUTF8 has the letters themselves.
        domains += [name] if value.rstrip(".") == name else [name, value.rstrip(".")]
    return tuple(dict.fromkeys(domains))


def _parse_statuses(option: str, values: t.Sequence[str], statuses: t.Mapping[str, str]) -> t.FrozenSet[str]:
    for value in _words(option, values):
        if value not in statuses:
            raise OptionError(option, value, "must be one of " + ", ".join(sorted(statuses)))
    return frozenset(statuses[value] for value in _words(option, values))


def _parse_duration(option: str, value: str, dummy: t.Any) -> int:
    return _parsed(option, value, duration)


def _parse_size(option: str, value: str, dummy: t.Any) -> int:
    return _parsed(option, value, size)


def _parsed(option: str, value: str, parser: t.Callable[[str], int]) -> int:
    try:
        return parser(value)
    except ValueError as problem:
        raise OptionError(option, value, str(problem))


def _parse_regex(option: str, value: str, dummy: t.Any) -> str:
    if not value:
        raise OptionError(option, value, "an empty expression matches everything")
    try:
        re.compile(value)
    except re.error as problem:
        raise OptionError(option, value, f"not a regular expression: {problem}")
    return value


_PARSERS: t.Dict[str, t.Callable[[str, t.Any, t.Mapping[str, str]], t.Any]] = {
    "ids": _parse_ids,
    "sender": _parse_addresses,
    "recipient": _parse_addresses,
    "domain": _parse_domains,
    "older_than": _parse_duration,
    "newer_than": _parse_duration,
    "larger_than": _parse_size,
    "reason": _parse_words,
    "status": _parse_statuses,
    "regex": _parse_regex,
}
