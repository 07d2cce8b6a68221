# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings that are right by themselves, and that ordinary mail does not pass (twin of C(_postfix.obstacles)).

Private to the collection: it can change at any time.

What rulesets decide is asked of sendmail's own test mode, with what ordinary clients, servers and messages say.
"""

import re
import typing as t

from .._model import trust
from .._model.finding import ERROR, NOTICE, WARNING
from . import cf, rulesets
from .rulesets import DELIMITED, Query

#: What sendmail said to each query.
Answers = t.Mapping[Query, str]
#: Hosts that mail passes on its way to a relay, bytes of a short message and of its header.
_HOPS, _MESSAGE, _HEADER = 5, 10000, 1000
#: Seconds that the other side may take for an answer, and that it waits for ours (RFC 5321, 4.5.3.2).
_SOONEST, _LATEST = 5, 300
_DAY = 86400
_LOWEST_LOAD = 2
_TIMEOUTS = ("command", "initial", "helo", "mail", "rcpt", "datainit", "datablock", "datafinal")
_CLIENT = {"{client_addr}": "203.0.113.9", "{client_name}": "mail.stranger.example", "{client_resolve}": "OK"}
_SERVER = {"{server_addr}": "203.0.113.9", "{server_name}": "mx.foreign.example"}
_REMOTE, _OTHER = "anybody@foreign.example", "somebody.else@foreign.example.com"
_HEADER_RULE = re.compile(r"^H(?:\?[^?]*\?)?([\w*-]+):\s*\$>\+?\s*([\w-]+)", re.MULTILINE)
#: What nearly every message says in its header; other fields are not asked about.
_FIELDS = {
    "subject": "anything at all",
    "from": "<a@stranger.example>",
    "to": "<b@served.example>",
    "date": "Tue, 1 Dec 2026 05:00:00 +0000",
    "message-id": "<1@stranger.example>",
    "received": "from a.example by b.example",
    "*": "anything at all",
}
#: Rulesets about whole messages, each with what it is given.
_MESSAGES = {
    "check_data": "1",
    "check_eoh": "12 $| 800",
    "check_eom": "5000",
    "check_compat": f"{_REMOTE} $| {_OTHER}",
}


class Obstacle(t.NamedTuple):
    """A setting that stops mail: the code of a finding, and what the finding says."""

    code: str
    name: str
    value: str
    consequence: str
    severity: str = ERROR


# --- limits and modes ---------------------------------------------------------------------------------------------------


def tight(known: cf.Cf, capacity: int, block: int) -> t.Iterator[Obstacle]:
    """Yield limits that ordinary mail does not keep.

    :param capacity: the bytes of the file system of the queue; 0 where that is not known.
    :param block: the bytes of one block of MinFreeBlocks.
    """
    for name, least, consequence in (
        ("MaxHopCount", _HOPS, "mail that has passed a few hosts is returned"),
        ("MaxMessageSize", _MESSAGE, "nearly every message is larger, and is refused"),
        ("MaxHeadersLength", _HEADER, "the header of nearly every message is larger, and it is refused"),
    ):
        if 0 < _number(known, name) < least:
            yield Obstacle("too_tight", name, str(_number(known, name)), consequence)
    free = _number(known, "MinFreeBlocks")
    if capacity and free * block > capacity:
        consequence = "the file system of the queue is smaller, so all mail is refused"
        yield Obstacle("too_tight", "MinFreeBlocks", str(free), consequence)
    yield from _times(known)
    if 0 < _number(known, "RefuseLA") <= _LOWEST_LOAD:
        consequence = "an ordinary load is higher, and every client is refused then"
        yield Obstacle("too_tight", "RefuseLA", str(_number(known, "RefuseLA")), consequence, WARNING)
    if 0 < _number(known, "MaxDaemonChildren") <= _LOWEST_LOAD:
        consequence = "while one client talks, the others are refused"
        yield Obstacle("too_tight", "MaxDaemonChildren", str(_number(known, "MaxDaemonChildren")), consequence, WARNING)


def _number(known: cf.Cf, name: str) -> int:
    text = (known.value(name) or "").strip()
    return int(text) if text.isdigit() else 0


def _times(known: cf.Cf) -> t.Iterator[Obstacle]:
    for name in (f"Timeout.{part}" for part in _TIMEOUTS):
        text = known.value(name) or ""
        # A number without a unit counts in minutes here.
        if text.endswith("s") and 0 < (cf.seconds(text) or 0) < _SOONEST:
            yield Obstacle("too_tight", name, text, "who thinks for a moment is cut off")
    age = known.value("MinQueueAge") or ""
    if (cf.seconds(age) or 0) > _DAY:
        yield Obstacle("too_tight", "MinQueueAge", age, "what could not be delivered at once is hardly tried again")
    lifetime = known.value("Timeout.queuereturn") or ""
    if lifetime == "now" or (lifetime and cf.seconds(lifetime) == 0):
        consequence = "mail is returned when the first attempt fails, as it does at greylisting"
        yield Obstacle("too_tight", "Timeout.queuereturn", lifetime, consequence, WARNING)


def queueing(known: cf.Cf, interval: t.Optional[str]) -> t.Iterator[Obstacle]:
    """Yield modes in which mail is kept, and not sent when it comes.

    :param interval: how often the queue is run; empty for never, None where that is not known.
    """
    severity = ERROR if interval == "" else WARNING
    consequence = "mail stays in the queue" + ("" if interval == "" else " until the queue is run")
    mode = (known.value("DeliveryMode") or "background").lower()
    if mode[:1] in ("q", "d"):
        yield Obstacle("holds_everything", "DeliveryMode", mode, consequence, severity)
    load = known.value("QueueLA")
    if load is not None and load.strip().isdigit() and int(load) <= _LOWEST_LOAD:
        yield Obstacle("holds_everything", "QueueLA", load, f"at an ordinary load {consequence}", WARNING)
    expensive = [name for name in ("smtp", "esmtp", "relay") if cf.has_flag(known.mailers.get(name, ""), "e")]
    if expensive and (known.value("HoldExpensive") or "").lower() == "true":
        yield Obstacle("holds_everything", "HoldExpensive", ", ".join(expensive), consequence, severity)


def listeners(known: cf.Cf) -> t.Iterator[Obstacle]:
    """Yield listeners of port 25 at which ordinary clients are not served."""
    for text in known.values("DaemonPortOptions"):
        place = cf.listener(text)
        if place.port != 25 or (place.address and trust.is_loopback(place.address)):
            continue
        modifiers = _modifiers(text)
        if "a" in modifiers:
            yield Obstacle("refuses_everybody", "DaemonPortOptions", text, "every client must log in")
        if "s" in modifiers:
            consequence = "clients of port 25 begin in clear text, and get no greeting"
            yield Obstacle("refuses_everybody", "DaemonPortOptions", text, consequence)


def is_public(known: cf.Cf) -> bool:
    """Return whether clients of other hosts come to port 25."""
    places = [cf.listener(text) for text in known.values("DaemonPortOptions")]
    return not places or any(place.port == 25 and not trust.is_loopback(place.address) for place in places)


def _modifiers(text: str) -> str:
    fields = [part.strip().partition("=") for part in text.split(",")]
    return "".join(value.strip() for name, dummy, value in fields if name[:1].upper() == "M")


# --- what rulesets say ----------------------------------------------------------------------------------------------------


def questions(text: str, known: cf.Cf) -> t.List[Query]:
    """Return everything that sendmail must be asked, for one run of its test mode.

    :param text: the text of the cf: its header lines name rulesets.
    """
    asked = [query for dummy, query in _decisions(text, known)]
    for name in ("greet_pause", "tls_server", "tls_rcpt", "tls_client"):
        asked += _ABOUT[name] if name in known.rulesets else ()
    return [*asked, *_ABOUT["canonify,parse"]]


def _queries(names: str, texts: t.Sequence[str], *macros: t.Mapping[str, str]) -> t.Tuple[Query, ...]:
    return tuple(Query(names, text, tuple(values.items())) for text, values in zip(texts, macros))


def _verified(macros: t.Mapping[str, str], verify: str) -> t.Dict[str, str]:
    return {**macros, "{verify}": verify, "{cipher_bits}": "0" if verify == "NO" else "256"}


_CLIENTS = [_verified(_CLIENT, verify) for verify in ("NO", "NOT")]
_SERVERS = [_verified(_SERVER, verify) for verify in ("NO", "FAIL", "OK")]
#: What rulesets are asked: without TLS, with TLS and a certificate of nobody, and with a certificate of a trusted authority.
_ABOUT = {
    "greet_pause": _queries(f"{DELIMITED},greet_pause", ["mail.stranger.example $| 203.0.113.9"], _CLIENT),
    "tls_server": _queries("tls_server", ["NO", "FAIL", "OK"], *_SERVERS),
    "tls_rcpt": _queries("tls_rcpt", [_REMOTE] * 3, *_SERVERS),
    "tls_client": _queries(f"{DELIMITED},tls_client", ["NO $| MAIL", "NOT $| MAIL"], *_CLIENTS),
    "canonify,parse": _queries("canonify,parse", [_REMOTE, _OTHER], {}, {}),
}


def _decisions(text: str, known: cf.Cf) -> t.Iterator[t.Tuple[str, Query]]:
    """Yield what rulesets about messages and their headers are asked, each with where it stands."""
    asked = [(name, given, name) for name, given in _MESSAGES.items()]
    for field, name in _HEADER_RULE.findall(text):
        if field.lower() in _FIELDS:
            asked.append((name, _FIELDS[field.lower()], f"H{field}"))
    for name, given, place in asked:
        if name in known.rulesets:
            names = f"{DELIMITED},{name}" if " $| " in given else name
            yield place, Query(names, given, tuple(_CLIENT.items()))


def deciding(text: str, known: cf.Cf, answers: Answers) -> t.Iterator[Obstacle]:
    """Yield rulesets about messages and their headers that refuse, keep or throw away every one."""
    for place, query in _decisions(text, known):
        verdict = answers.get(query, "")
        fate = fate_of(verdict)
        if fate:
            yield Obstacle(fate[0], place, verdict, fate[1])
    pauses = [re.match(r"\$# ?(\d+)", answers.get(query, "")) for query in _ABOUT["greet_pause"]]
    for pause in pauses:
        if pause and int(pause.group(1)) >= _LATEST * 1000:
            consequence = "no client waits that many milliseconds for a greeting"
            yield Obstacle("refuses_everybody", "greet_pause", pause.group(1), consequence)


def fate_of(verdict: str) -> t.Optional[t.Tuple[str, str]]:
    """Return the code and the words for what a verdict does with ordinary mail; None where it passes."""
    if re.match(r"\$# ?error \$@ ?quarantine", verdict):
        return "holds_everything", "all mail is kept in quarantine"
    if verdict.startswith(("$# discard", "$#discard")):
        return "discards_everything", "mail is taken and thrown away"
    if rulesets.refused(verdict):
        return "refuses_everybody", "ordinary mail is refused"
    return None


def _refusals(name: str, answers: Answers) -> t.List[bool]:
    return [rulesets.refused(answers.get(query, "")) for query in _ABOUT[name]]


def demanding(known: cf.Cf, answers: Answers) -> t.Iterator[Obstacle]:
    """Yield demands of encryption that hold for every host on the Internet."""
    if known.macros.get("S"):
        return
    for name in ("tls_server", "tls_rcpt"):
        plain, unverified, verified = _refusals(name, answers)
        if plain and verified:
            yield Obstacle("refuses_everybody", name, "error", "mail to every host is deferred")
        elif plain:
            consequence = "mail to every host that does not meet it is deferred"
            severity, level = (WARNING, "verify") if unverified else (NOTICE, "encrypt")
            yield Obstacle("demands_encryption", name, level, consequence, severity)


def demanded(known: cf.Cf, answers: Answers) -> t.Iterator[Obstacle]:
    """Yield what clients are demanded to have of TLS, and everybody's do not have."""
    plain, unverified = _refusals("tls_client", answers)
    if not plain or not is_public(known):
        return
    if not known.value("ServerCertFile"):
        consequence = "TLS is demanded, and cannot be had without a certificate"
        yield Obstacle("refuses_everybody", "tls_client", "encrypt", consequence)
    elif unverified:
        consequence = "who has no certificate of an authority that is trusted here is refused"
        yield Obstacle("refuses_everybody", "tls_client", "verify", consequence)
    else:
        consequence = "clients without TLS are refused, which a server for everybody must not do (RFC 3207)"
        yield Obstacle("demands_encryption", "tls_client", "encrypt", consequence, NOTICE)


# --- routes -----------------------------------------------------------------------------------------------------------------


class Destination(t.NamedTuple):
    """Where sendmail sends an address."""

    mailer: str
    host: str
    user: str


def destinations(answers: Answers) -> t.List[Destination]:
    """Return where sendmail sends mail to two addresses elsewhere; nothing where it does not say."""
    verdicts = [answers.get(query, "") for query in _ABOUT["canonify,parse"]]
    return [_destination(verdict) for verdict in verdicts if verdict]


def _destination(verdict: str) -> Destination:
    """Return the triple of C($# mailer $@ host $: user), whose parts sendmail writes with blanks between."""
    mailer, dummy, rest = verdict.partition("$# ")[2].partition(" $@ ") if " $@ " in verdict else ("", "", "")
    if not mailer:
        mailer, dummy, user = verdict.partition("$# ")[2].partition(" $: ")
        return Destination(mailer.replace(" ", ""), "", user.replace(" ", ""))
    host, dummy, user = rest.partition(" $: ")
    return Destination(mailer.replace(" ", ""), host.replace(" ", "").rstrip("."), user.replace(" ", ""))


def routes(known: cf.Cf, places: t.Sequence[Destination], routed: bool) -> t.Iterator[Obstacle]:
    """Yield what becomes of mail to everywhere, where that is nothing good.

    :param routed: whether single domains have routes of their own; then nothing else need be delivered.
    """
    mailers = {place.mailer for place in places}
    if len(places) < 2 or len(mailers) != 1:
        return
    (mailer,), users = mailers, {place.user for place in places}
    shown = f"{mailer} {places[0].host} {places[0].user}".strip()
    if mailer in ("error", "discard") and routed:
        return
    if mailer == "error":
        yield Obstacle("refuses_everybody", "parse", shown, "mail to everywhere is returned")
    elif mailer == "discard":
        yield Obstacle("discards_everything", "parse", shown, "mail is taken and thrown away")
    elif mailer and mailer not in known.mailers:
        yield Obstacle("undefined_service", "parse", shown, f"there is no mailer {mailer}; its mail is deferred")
    elif len(users) == 1 and mailer:
        yield Obstacle("rewrites_everything", "parse", shown, "all mail goes to one recipient")
