# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Postfix answers to many envelopes, asked of a shadow of it (C(shadow)). Twin of C(_sendmail.replay).

The shadow has the live configuration, a queue and ports of its own, and no milters. smtpd is told by XCLIENT who the client is, and
says at RCPT what it would say to that client; the service C(rewrite) says where the recipient would go. No message is ever sent.

Private to the collection: it can change at any time.
"""

import concurrent.futures
import contextlib
import itertools
import os
import re
import typing as t

from .._errors import PostmasterError
from .._model import replay as _replay
from .._model import route as _route
from .._model.host import Host
from .._model.replay import Answer, Envelope
from .._model.route import RouteQuestion
from .._smtp.dialogue import Dialogue, Step
from . import access, discover, lookup, shadow
from . import route as tracing
from .parameters import defaults, split_list

#: The shadow ends by itself after so many seconds, also when nobody is left to stop it.
_LIFETIME = 24 * 3600
_PATIENCE = 60.0
#: Envelopes that are asked about in one session, and in one write.
_SESSION, _LOT = 500, 20
#: Sessions at once: an answer can wait for the DNS, and the others need not wait with it.
_AT_ONCE = 8
_HELLO = "client.example"
_TIMES = ("connection_count", "connection_rate", "message_rate", "recipient_rate", "new_tls_session_rate", "auth_rate")
#: Nobody is too much for the shadow, and it delays nobody.
_EXTRA: t.Dict[str, str] = {
    # It listens on loopback as ever, but XCLIENT takes addresses of these protocols only.
    "inet_protocols": "all",
    "default_process_limit": "100",
    "smtpd_soft_error_limit": "100000",
    "smtpd_hard_error_limit": "100000",
    "smtpd_junk_command_limit": "100000",
    "smtpd_recipient_limit": "100000",
    **{f"smtpd_client_{name}_limit": "0" for name in _TIMES},
}
_ROUNDS = 10


@contextlib.contextmanager
def asking(host: Host) -> t.Iterator["_Asked"]:
    """Run one shadow for all questions of the block.

    :raises Refused: the shadow does not start.
    """
    values = discover.settings(defaults(host.runner), host.instance.config_directory)
    with shadow.running(host, values, _EXTRA, _LIFETIME) as running:
        yield _Asked(host, running)


class _Asked:
    """A shadow that runs."""

    def __init__(self, host: Host, running: shadow.Shadow) -> None:
        self._live = host.instance.config_directory
        self._running = running
        self._copy = _of_shadow(host, running)

    def answers(self, envelopes: t.Sequence[Envelope]) -> t.List[Answer]:
        """Return the answer to each envelope, in their order.

        :raises PostmasterError: the shadow does not believe who a client is.
        """
        seen = _log_size(self._running)
        replies = _replies(self._running.claims, envelopes)
        discarded = _discarded(self._running, seen)
        taken = [mail for mail in envelopes if replies[mail].family == 2 and _key(mail) not in discarded]
        targets = _Targets(self._copy, taken)
        return [
            Answer(_replay.DISCARDED) if _key(mail) in discarded else _answer(mail, replies[mail], targets)
            for mail in envelopes
        ]

    def rules(self, asked: t.Sequence[t.Tuple[Envelope, bool]]) -> t.List[str]:
        """Return the rule about each envelope: the line of an access table that decides, or what decides about the route."""
        known = access.facts(self._copy)
        said = [_rule(self._copy, known, mail, is_route) for mail, is_route in asked]
        return [text.replace(self._running.config, self._live) for text in said]


# --- what is thrown away --------------------------------------------------------------------------------------------

#: smtpd answers 250 to what it throws away, and says so in its log alone.
_DISCARD = re.compile(r": discard: RCPT from \S+?\[([^\]]+)\]: .* triggers DISCARD action.*; from=<(.*?)> to=<(.*?)> ")
_Key = t.Tuple[str, str, str]


def _key(mail: Envelope) -> _Key:
    return mail.client, mail.sender, mail.recipient


def _log(running: shadow.Shadow) -> str:
    return os.path.join(os.path.dirname(running.config), "log")


def _log_size(running: shadow.Shadow) -> int:
    try:
        return os.stat(_log(running)).st_size
    except OSError:
        return 0


def _discarded(running: shadow.Shadow, start: int) -> t.Set[_Key]:
    """Return the envelopes that the log from one place on says were thrown away."""
    try:
        with open(_log(running), encoding="utf-8", errors="surrogateescape") as stream:
            stream.seek(start)
            matches = [match for match in map(_DISCARD.search, stream) if match]
            return {(match.group(1), match.group(2), match.group(3)) for match in matches}
    except OSError:
        return set()


def _of_shadow(host: Host, running: shadow.Shadow) -> Host:
    place = host.instance._replace(config_directory=running.config, queue_directories=(running.queue,))
    return host._replace(instance=place)


def _rule(host: Host, known: access.Facts, mail: Envelope, is_route: bool) -> str:
    for where, subject in () if is_route else mail.subjects:
        line = lookup.explain(host, known, where, subject)
        # Who is made to wait is judged by what comes after it.
        if line is not None and not line.value.lower().startswith("sleep"):
            return f"{line.table}: {line.key} {line.value}"
    return tracing.trace(host, RouteQuestion(mail.recipient, mail.sender, mail.client)).because


# --- sessions -------------------------------------------------------------------------------------------------------


def _replies(port: int, envelopes: t.Sequence[Envelope]) -> t.Dict[Envelope, Step]:
    """Return what smtpd says to each envelope: at RCPT, or before it where it refuses earlier."""
    replies: t.Dict[Envelope, Step] = {}
    with concurrent.futures.ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        for answers_of_session in pool.map(lambda mails: _session(port, mails), _sessions(envelopes)):
            replies.update(answers_of_session)
    return replies


def _sessions(envelopes: t.Sequence[Envelope]) -> t.Iterator[t.Sequence[Envelope]]:
    """Yield the envelopes of each session: all have one client, who is told once."""
    for _client, mails in itertools.groupby(sorted(set(envelopes)), lambda mail: (mail.client, mail.name)):
        group = list(mails)
        for start in range(0, len(group), _SESSION):
            yield group[start : start + _SESSION]


def _session(port: int, mails: t.Sequence[Envelope]) -> t.Dict[Envelope, Step]:
    client, name = mails[0].client, mails[0].name
    with Dialogue("127.0.0.1", port, timeout=_PATIENCE) as talk:
        talk.connect()
        talk.ehlo(_HELLO)
        if "XCLIENT" not in talk.keywords:
            raise PostmasterError(f"the shadow does not take XCLIENT: {talk.steps[-1]}")
        address = f"IPv6:{client}" if ":" in client else client
        greeting = talk.command(f"XCLIENT ADDR={address} NAME={name or '[UNAVAILABLE]'}", "xclient")
        hello = talk.ehlo(_HELLO) if greeting.family == 2 else greeting
        if hello.family != 2:
            return dict.fromkeys(mails, hello)
        replies = {}
        for start in range(0, len(mails), _LOT):
            lot = mails[start : start + _LOT]
            steps = talk.pipeline([line for mail in lot for line in _lines(mail)])
            for number, mail in enumerate(lot):
                sender, recipient = steps[3 * number : 3 * number + 2]
                replies[mail] = recipient if sender.family == 2 else sender
        talk.quit()
    return replies


def _lines(mail: Envelope) -> t.Tuple[str, str, str]:
    return f"MAIL FROM:<{mail.sender}>", f"RCPT TO:<{mail.recipient}>", "RSET"


def _answer(mail: Envelope, reply: Step, targets: "_Targets") -> Answer:
    decision = _replay.decision_of(reply.code)
    if decision != _replay.ACCEPTED:
        return Answer(decision, " ".join(str(reply).split()))
    recipient = targets.recipients[mail.recipient]
    resolved = targets.routes[mail.sender, recipient]
    if resolved is None:
        return Answer(_replay.UNKNOWN, "the shadow does not say where it goes")
    verdict = tracing.verdict_of(resolved.transport, resolved.flags)
    if verdict == _route.DISCARD:
        return Answer(_replay.DISCARDED)
    hops = tracing.hops(resolved.nexthop) if verdict == _route.REMOTE else ()
    return Answer(decision, "", verdict, hops, recipient, targets.senders.get(mail.sender, mail.sender))


# --- routes ---------------------------------------------------------------------------------------------------------


class _Targets:
    """Where recipients go, and what becomes of addresses; each table is asked for all of them at once."""

    def __init__(self, host: Host, envelopes: t.Sequence[Envelope]) -> None:
        self._host = host
        self._values = tracing.expanded(host)
        recipients = list(dict.fromkeys(mail.recipient for mail in envelopes))
        senders = list(dict.fromkeys(mail.sender for mail in envelopes if mail.sender))
        self.recipients = self._rewritten(recipients, ("recipient_canonical_maps", "canonical_maps"))
        for dummy in range(_ROUNDS):
            before = dict(self.recipients)
            ends = self._rewritten(list(before.values()), ("virtual_alias_maps",))
            self.recipients = {address: ends[end] for address, end in before.items()}
            if self.recipients == before:
                break
        self.senders = self._rewritten(senders, ("sender_canonical_maps", "canonical_maps", "smtp_generic_maps"))
        queue = host.instance.queue_directories[0]
        pairs = dict.fromkeys((mail.sender, self.recipients[mail.recipient]) for mail in envelopes)
        self.routes = {pair: tracing.resolved_by(queue, *pair) for pair in pairs}

    def _rewritten(self, addresses: t.Sequence[str], roles: t.Sequence[str]) -> t.Dict[str, str]:
        """Return what each address becomes after these tables, one role after the other."""
        current = {address: address for address in addresses}
        for role in roles:
            if role == "sender_canonical_maps" and "envelope_sender" not in self._values.get(
                "sender_canonical_classes", ""
            ):
                continue
            matched = self._matched(role, sorted(set(current.values())))
            current = {address: matched.get(end, end) for address, end in current.items()}
        return current

    def _matched(self, role: str, addresses: t.Sequence[str]) -> t.Dict[str, str]:
        keys = {address: tracing.address_keys(self._values, address) for address in addresses}
        entries: t.Dict[str, str] = {}
        for table in split_list(self._values.get(role, "")):
            if ":" in table:
                asked = list(dict.fromkeys(key for address in addresses for key in keys[address]))
                kind = table.partition(":")[0]
                asked = list(addresses) if kind in ("regexp", "pcre") else asked
                for key, value in tracing.values_in(self._host, role, table, asked).items() if asked else ():
                    entries.setdefault(key, value)
        matches = {address: [entries[key] for key in keys[address] if key in entries] for address in addresses}
        return {address: _result(address, values[0]) for address, values in matches.items() if values}


def _result(address: str, value: str) -> str:
    """Return what an address becomes by a value; of several new addresses the first is followed."""
    first = value.split(",")[0].strip()
    if first.startswith("@") and "@" not in first[1:]:
        return address.rpartition("@")[0] + first
    return first if "@" in first else f"{first}@{address.rpartition('@')[2]}"
