# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Spam campaigns in the mail log: senders that follow a known pattern, and bursts of domains that nobody has seen before.

Private to the collection: it can change at any time.

A burst is judged by what is ordinary here. Whatever the log shows before the window is ordinary: its sender domains, and
also the shapes of addresses, the subjects and the networks that came with them. A burst is mail from several new domains
that share something which is new as well; one new customer or one busy provider is none.
"""

import collections
import json
import re
import time
import typing as t

from .. import _files, _mta
from .._clock import utc
from .._driver.refusals import refusals_of
from .._errors import OptionError, PostmasterError
from .._log import suffixes as _suffixes
from .._log.collected import Collected
from .._log.conditions import Selection, is_at
from .._log.deliveries import delivery, peer, post_line, readable
from .._log.stamps import Clock
from .._log.state import state_path
from .._log.suffixes import Owned, Suffixes
from .._model.kinds import duration
from .._model.log import (
    CLIENT,
    DISCARDED,
    HEAD,
    MESSAGE,
    PLACE,
    RECIPIENT,
    REJECTED,
    SENDER,
    SENT,
    STARTED,
    STATUS,
    SUBJECT,
    UNFINISHED,
    Message,
    Raw,
)
from .._report.words import block_command
from .._runner import Runner
from . import log_info

#: The two labels that the campaigns of 2013 put before the brand they pretended to be.
PATTERNS = ("(emalsrv|complains).{brand}",)
#: So much of one log must be known before something in it can be called new.
ENOUGH_HISTORY = 1000
_MOST_SIGHTINGS = 50000
_MOST_KNOWN = 500000
_SHOWN_RECIPIENTS = 100
_SHOWN_DOMAINS = 50


class Sighting:
    """One message, or one attempt at one."""

    __slots__ = (
        "client",
        "delivered",
        "line",
        "message",
        "moment",
        "owned",
        "recipients",
        "refused",
        "sender",
        "subject",
    )

    def __init__(self, moment: float, message: Message, sender: str, owned: Owned) -> None:
        self.moment = moment
        self.message = message
        self.sender = sender
        self.owned = owned
        self.client = peer(message[CLIENT])[1] or ""
        self.subject = readable(message[SUBJECT]).strip().lower()
        self.recipients: t.List[str] = []
        self.delivered = 0
        self.refused = 0
        self.line = ""


class Rules(t.NamedTuple):
    """What is taken for a campaign.

    :param patterns: expressions for sender domains in which C({brand}) stands for any registered domain.
    :param window: seconds, counted back from the end of the log.
    :param messages: a burst has at least so many, from at least I(domains) new domains.
    :param ignore: registered domains that are never a campaign.
    """

    patterns: t.Tuple[t.Any, ...]
    window: float = 3600
    messages: int = 10
    domains: int = 5
    bursts: bool = True
    ignore: t.FrozenSet[str] = frozenset()


class Campaign(t.NamedTuple):
    """What was found. I(kind) is C(pattern), C(shape), C(subject) or C(client), I(key) what its mail has in common."""

    kind: str
    key: str
    domains: t.Tuple[str, ...]
    sightings: t.Tuple[Sighting, ...]


class Watch:
    """Goes through a log with it, and keeps the window that ends now."""

    def __init__(self, rules: Rules, suffixes: Suffixes) -> None:
        self._rules = rules
        self._suffixes = suffixes
        self._window: t.Deque[Sighting] = collections.deque()
        self._by_message: t.Dict[int, Sighting] = {}
        self._owned: t.Dict[str, t.Optional[Owned]] = {}
        #: Ordinary here: registered domains, and C((kind, key)).
        self._known: t.Set[t.Any] = set()
        self.history = 0

    def add(self, raws: t.Iterable[Raw], accepted: t.Iterable[Message], clock: Clock) -> None:
        """Take what one block of lines has brought."""
        for message in accepted:
            self._see(message, message[STARTED], clock)
        by_message = self._by_message
        for raw in raws:
            sighting = by_message.get(id(raw[MESSAGE]))
            if sighting is None and raw[STATUS] in (REJECTED, DISCARDED, UNFINISHED):
                sighting = self._see(raw[MESSAGE], raw[HEAD], clock)
            if sighting is not None:
                self._follow(sighting, raw, clock)
        self._forget()

    def _see(self, message: Message, head: bytes, clock: Clock) -> t.Optional[Sighting]:
        if not message[SENDER]:
            return None
        sender = readable(message[SENDER]).lower()
        owned = self._owner(sender.rpartition("@")[2])
        if owned is None:
            return None
        try:
            sighting = Sighting(clock.epoch(head), message, sender, owned)
        except (ValueError, IndexError, OverflowError):
            return None
        self._window.append(sighting)
        self._by_message[id(message)] = sighting
        return sighting

    def _owner(self, domain: str) -> t.Optional[Owned]:
        if domain not in self._owned:
            if len(self._owned) > _MOST_KNOWN:
                self._owned.clear()
            self._owned[domain] = self._suffixes.split(domain)
        return self._owned[domain]

    def _follow(self, sighting: Sighting, raw: Raw, clock: Clock) -> None:
        status = raw[STATUS]
        if raw[RECIPIENT] and len(sighting.recipients) < 1000:
            sighting.recipients.append(readable(raw[RECIPIENT]))
        sighting.delivered += status is SENT
        sighting.refused += status in (REJECTED, DISCARDED)
        if not sighting.line:
            try:
                sighting.line = post_line(delivery(raw, clock, None))
            except (ValueError, OverflowError):
                return

    def _forget(self) -> None:
        """Let what has left the window be ordinary from now on."""
        window = self._window
        if not window:
            return
        start = window[-1].moment - self._rules.window
        while window and (window[0].moment < start or len(window) > _MOST_SIGHTINGS):
            old = window.popleft()
            self._by_message.pop(id(old.message), None)
            self.history += 1
            if len(self._known) < _MOST_KNOWN:
                self._known.add(old.owned.domain)
                self._known.update(keys(old))

    def campaigns(self) -> t.List[Campaign]:
        """Return the campaigns of the window, those of a pattern first, then the largest. No message is in two of them."""
        wanted = [sighting for sighting in self._window if sighting.owned.domain not in self._rules.ignore]
        campaigns = by_pattern(wanted, self._rules.patterns)
        if self._rules.bursts and self.history >= ENOUGH_HISTORY:
            explained = {id(sighting) for campaign in campaigns for sighting in campaign.sightings}
            rest = [sighting for sighting in wanted if id(sighting) not in explained]
            campaigns += bursts(rest, self._known, self._rules)
        return campaigns


def compiled(patterns: t.Iterable[str]) -> t.Tuple[t.Any, ...]:
    """Compile patterns like C((emalsrv|complains).{brand}) to expressions for sender domains.

    :raises OptionError: for one without C({brand}), or that is no expression.
    """
    expressions = []
    for pattern in patterns:
        if "{brand}" not in pattern:
            raise OptionError("patterns", pattern, "has no {brand}, which stands for the registered domain")
        expression = re.sub(r"(?<!\\)\.(?![*+?{])", r"\\.", pattern).replace("{brand}", "<brand>")
        try:
            expressions.append(re.compile(r"(?:^|\.)(?:" + expression + r")\Z"))
        except re.error as problem:
            raise OptionError("patterns", pattern, str(problem))
    return tuple(expressions)


def by_pattern(sightings: t.Iterable[Sighting], patterns: t.Sequence[t.Any]) -> t.List[Campaign]:
    """Return the mail whose sender domain follows a pattern, one campaign for each such domain."""
    groups: t.Dict[str, t.List[Sighting]] = collections.OrderedDict()
    for sighting in sightings:
        shape = f"{sighting.owned.subdomain}.<brand>" if sighting.owned.subdomain else "<brand>"
        if any(pattern.search(shape) for pattern in patterns):
            groups.setdefault(sighting.sender.rpartition("@")[2], []).append(sighting)
    campaigns = [Campaign("pattern", domain, (domain,), tuple(group)) for domain, group in groups.items()]
    return sorted(campaigns, key=lambda campaign: (-len(campaign.sightings), campaign.key))


def keys(sighting: Sighting) -> t.Iterator[t.Tuple[str, str]]:
    """Yield what the mail of one campaign has in common: C((kind, key))."""
    local, _at, _domain = sighting.sender.rpartition("@")
    subdomain, suffix = _shape(sighting.owned.subdomain), sighting.owned.suffix
    prefix = subdomain + "." if subdomain else ""
    yield "shape", f"{_shape(local)}@{prefix}{{brand}}.{suffix}"
    if subdomain:
        yield "shape", f"*@{prefix}{{brand}}.{suffix}"
    if sighting.subject:
        yield "subject", sighting.subject
    if sighting.client:
        yield "client", network_of(sighting.client)


def _shape(text: str) -> str:
    return re.sub(r"[0-9]+", "9", text)


def network_of(address: str) -> str:
    """Return the network that one spammer has: a /24 of IPv4, a /64 of IPv6."""
    if ":" not in address:
        return ".".join(address.split(".")[:3]) + ".0/24"
    groups = address.split("::")[0].split(":")
    return ":".join((groups + ["0"] * 4)[:4]) + "::/64"


def bursts(sightings: t.Sequence[Sighting], ordinary: t.AbstractSet[t.Any], rules: Rules) -> t.List[Campaign]:
    """Return groups of messages from new domains that share something new, the largest first."""
    groups = _groups(sightings, ordinary)
    campaigns: t.List[Campaign] = []
    explained: t.Set[int] = set()
    for key in sorted(groups, key=lambda key: (-len(groups[key]), key)):
        group = [sighting for sighting in groups[key] if id(sighting) not in explained]
        domains = sorted({sighting.owned.domain for sighting in group})
        if len(group) >= rules.messages and len(domains) >= rules.domains:
            explained.update(id(sighting) for sighting in group)
            campaigns.append(Campaign(key[0], key[1], tuple(domains), tuple(group)))
    return campaigns


def _groups(
    sightings: t.Sequence[Sighting], ordinary: t.AbstractSet[t.Any]
) -> t.Dict[t.Tuple[str, str], t.List[Sighting]]:
    """Return the messages from new domains by what is new about them."""
    groups: t.Dict[t.Tuple[str, str], t.List[Sighting]] = {}
    for sighting in sightings:
        if sighting.owned.domain in ordinary:
            continue
        for key in keys(sighting):
            if key not in ordinary:
                groups.setdefault(key, []).append(sighting)
    return groups


# --- the module ---------------------------------------------------------------------------------------------------

ARGUMENT_SPEC: t.Dict[str, t.Any] = {
    "mta": log_info.ARGUMENT_SPEC["mta"],
    "instance": {"type": "str"},
    "path": {"type": "list", "elements": "str"},
    "lines": {"type": "int", "default": 0},
    "window": {"type": "str", "default": "1h"},
    "patterns": {"type": "list", "elements": "str", "default": list(PATTERNS)},
    "bursts": {"type": "bool", "default": True},
    "messages": {"type": "int", "default": 10},
    "domains": {"type": "int", "default": 5},
    "ignore": {"type": "list", "elements": "str", "default": []},
    "covered": {"type": "bool", "default": False},
    "only_new": {"type": "bool", "default": False},
    "reader": {"type": "str", "default": "campaign_info"},
}


def rules_of(params: t.Mapping[str, t.Any]) -> Rules:
    """Return the rules that the options describe."""
    for name in ("messages", "domains"):
        if params[name] < 2:
            raise OptionError(name, params[name], "2 or more: one is no burst")
    try:
        window = float(duration(params["window"]))
    except ValueError as problem:
        raise OptionError("window", params["window"], str(problem))
    return Rules(
        patterns=compiled(params["patterns"]),
        window=window,
        messages=params["messages"],
        domains=params["domains"],
        bursts=params["bursts"],
        ignore=frozenset(domain.lower() for domain in params["ignore"]),
    )


def run(
    params: t.Mapping[str, t.Any],
    check_mode: bool,
    runner: t.Optional[Runner] = None,
    now: t.Optional[float] = None,
) -> t.Dict[str, t.Any]:
    """Return what M(postmaster.mta.campaign_info) returns.

    :param check_mode: nothing is remembered as reported.
    :param now: seconds since the epoch; by the clock of this host where None.
    """
    runner, now = runner or Runner(), time.time() if now is None else now
    suffixes, rules = _suffixes.load(), rules_of(params)
    order = log_info.order_of(
        runner, dict(_READ_ALL, **{name: params[name] for name in ("mta", "instance", "path")}), now
    )
    watch, log = Watch(rules, suffixes), log_info.Log(runner, order, lines=params["lines"])
    with log_info.no_cycles():
        for clock, raws in log.blocks():
            meant, accepted = _meant(raws, log.join.outbox.accepted, order.selection)
            watch.add(meant, accepted, clock=clock)
    campaigns = watch.campaigns()
    notes = list(log.reading.notes)
    if rules.bursts and watch.history < ENOUGH_HISTORY:
        notes.append(
            f"bursts are not judged: only {watch.history} messages before the window, {ENOUGH_HISTORY} are needed"
        )
    refused = _refused(runner, params, campaigns, notes)
    shown = [dict(facts(campaign), covered=is_covered(campaign, refused)) for campaign in campaigns]
    shown = [record for record in shown if params["covered"] or not record["covered"]]
    place = state_path(log_info.STATE_DIRECTORY, params["reader"])
    marked = _reported(place, shown, now, keep=not check_mode)
    shown = [record for record in marked if record["new"] or not params["only_new"]]
    extent = Collected()
    extent.note_read(log.join, log.reading)
    return {
        "campaigns": shown,
        "known": sum(not record["new"] for record in marked),
        "suffix_list": suffixes.source,
        "notes": notes,
        "read": extent.read(),
    }


_READ_ALL = {"select": None, "internal": None, "attempts": "all", "full": False, "limit": 0, "top": 0}


def _meant(
    raws: t.Sequence[Raw], accepted: t.Sequence[Message], wanted: Selection
) -> t.Tuple[t.Sequence[Raw], t.Sequence[Message]]:
    """Return those of one MTA or instance. A message does not say where it is, its deliveries do."""
    if not wanted.mta and not wanted.instance:
        return raws, accepted
    chosen = [raw for raw in raws if is_at(raw[PLACE], wanted)]
    ids = {id(raw[MESSAGE]) for raw in chosen}
    return chosen, [message for message in accepted if id(message) in ids]


def _refused(
    runner: Runner, params: t.Mapping[str, t.Any], campaigns: t.Sequence[Campaign], notes: t.List[str]
) -> t.FrozenSet[str]:
    """Return the senders that every instance here refuses already."""
    senders = sorted({sighting.sender for campaign in campaigns for sighting in campaign.sightings})
    if not senders:
        return frozenset()
    refused: t.Optional[t.FrozenSet[str]] = None
    try:
        for instance in _mta.find_all(runner, params["mta"]):
            if instance.enabled:
                names = refusals_of(instance.mta).refused_senders(runner, instance.config_directory, senders)
                refused = names if refused is None else refused & names
    except PostmasterError as problem:
        notes.append(f"access rules could not be asked: {problem}")
    if refused is None:
        notes.append("no MTA here whose access rules could be asked")
    return refused or frozenset()


def is_covered(campaign: Campaign, refused: t.AbstractSet[str]) -> bool:
    """Return whether every sender of a campaign is refused already."""
    return all(sighting.sender in refused for sighting in campaign.sightings)


def facts(campaign: Campaign) -> t.Dict[str, t.Any]:
    """Return a campaign as the module does."""
    sightings = campaign.sightings
    recipients = sorted({recipient for sighting in sightings for recipient in sighting.recipients})
    senders = {sighting.sender for sighting in sightings}
    clients = {sighting.client for sighting in sightings} - {""}
    rules = proposed(campaign)
    return {
        "kind": campaign.kind,
        "key": campaign.key,
        "domains": list(campaign.domains[:_SHOWN_DOMAINS]),
        "domain_count": len(campaign.domains),
        "brand": sightings[0].owned.domain if campaign.kind == "pattern" else None,
        "first_seen": utc(sightings[0].moment),
        "last_seen": utc(sightings[-1].moment),
        "count": len(sightings),
        "senders": sorted(senders)[:_SHOWN_DOMAINS],
        "clients": sorted(clients)[:_SHOWN_DOMAINS],
        "recipients": recipients[:_SHOWN_RECIPIENTS],
        "recipient_count": len(recipients),
        "delivered": sum(sighting.delivered for sighting in sightings),
        "refused": sum(sighting.refused for sighting in sightings),
        "sample": next((sighting.line for sighting in sightings if sighting.line), ""),
        "rules": rules,
        "command": command(rules),
        "text": text(campaign, rules),
    }


def text(campaign: Campaign, rules: t.Sequence[t.Mapping[str, str]]) -> str:
    """Describe the campaign in words, for a mail to the postmaster."""
    sightings = campaign.sightings
    recipients = {recipient for sighting in sightings for recipient in sighting.recipients}
    delivered, refused = (
        sum(sighting.delivered for sighting in sightings),
        sum(sighting.refused for sighting in sightings),
    )
    example = next((sighting.line for sighting in sightings if sighting.line), "")
    lines = [
        f"{campaign.kind} {campaign.key}: {len(sightings)} messages from {len(campaign.domains)} domains to {len(recipients)} recipients",
        f"  first {utc(sightings[0].moment)}, last {utc(sightings[-1].moment)}",
        f"  delivered {delivered}, refused {refused}",
        f"  domains: {', '.join(campaign.domains[:_SHOWN_DOMAINS])}",
        f"  for example: {example}",
        f"  to block: {command(rules)}",
    ]
    return "\n".join(lines)


def proposed(campaign: Campaign) -> t.List[t.Dict[str, str]]:
    """Return access rules against a campaign.

    One that pretends to be a brand is refused by the host name it invented: the brand's own domain also sends real mail.
    """
    comment = f"campaign: {campaign.kind} {campaign.key}"
    return [{"from": domain, "action": "reject", "comment": comment} for domain in campaign.domains]


def command(rules: t.Sequence[t.Mapping[str, str]]) -> str:
    """Return the command that blocks them on the whole fleet."""
    return block_command(rule["from"] for rule in rules)


def _reported(path: str, shown: t.Sequence[t.Dict[str, t.Any]], now: float, keep: bool) -> t.List[t.Dict[str, t.Any]]:
    """Mark what has not been reported before, and remember it for a month."""
    before = {name: when for name, when in _remembered(path).items() if now - when < 30 * 86400}
    marked = [dict(record, new=_named(record) not in before) for record in shown]
    new = [record for record in marked if record["new"]]
    if keep and new:
        _files.keep_json(path, {**dict.fromkeys(map(_named, marked), now), **before})
    return marked


def _named(record: t.Mapping[str, t.Any]) -> str:
    return f"{record['kind']} {record['key']}"


def _remembered(path: str) -> t.Dict[str, float]:
    """Return the campaigns that were reported, with the time; nothing where the file cannot be read."""
    try:
        with open(path, encoding="utf-8") as stream:
            return {str(name): float(when) for name, when in json.load(stream).items()}
    except (OSError, ValueError, AttributeError):
        return {}
