# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What sendmail answers to many envelopes, asked in its address test mode (sendmail -bt). Twin of C(_postfix.replay).

Private to the collection: it can change at any time.
"""

import concurrent.futures
import contextlib
import os
import pwd
import re
import typing as t

from .._errors import PostmasterError
from .._model import replay as _replay
from .._model import route as _route
from .._model.host import Host
from .._model.replay import Answer, Envelope
from .._model.route import Route, RouteQuestion
from . import access, discover, lookup, rulesets
from . import route as tracing

#: Questions for one run of sendmail -bt, and runs at once: an answer can wait for the DNS, and the others need not wait with it.
_LOT, _AT_ONCE = 500, 8
_TIMEOUT = 300
#: A lookup in a map that does not exist: its answer parts those of two addresses.
_FENCE = "/map postmaster-fence x"
_FENCED = 'Map named "postmaster-fence"'
_TRIED = re.compile(r"Rcode = \d+, addr = (.*)")
_REPLY = re.compile(r'"?(?P<code>[45]\d\d)[ -](?P<text>[^"]*)"?')


@contextlib.contextmanager
def asking(host: Host) -> t.Iterator["_Driver"]:
    """Ask the live configuration; nothing is started for it."""
    yield _Driver(host)


class _Driver:
    """The live configuration."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def answers(self, envelopes: t.Sequence[Envelope]) -> t.List[Answer]:
        """Return the answer to each envelope, in their order.

        :raises PostmasterError: sendmail has no configuration.
        """
        return _Asked(self._host, envelopes).answers()

    def rules(self, asked: t.Sequence[t.Tuple[Envelope, bool]]) -> t.List[str]:
        """Return the rule about each envelope: the line of the access map that decides, or what decides about the route."""
        known = access.facts(self._host)
        return [_rule(self._host, known, envelope, is_route) for envelope, is_route in asked]


def _rule(host: Host, known: access.Facts, envelope: Envelope, is_route: bool) -> str:
    for where, subject in () if is_route else envelope.subjects:
        line = lookup.explain(host, known, where, subject)
        if line is not None:
            return f"{line.table}: {line.key} {line.value}"
    return tracing.trace(host, RouteQuestion(envelope.recipient, envelope.sender, envelope.client)).because


class _Asked:
    """Asks about each client, each sender, each recipient and each sender at a mailer once."""

    def __init__(self, host: Host, envelopes: t.Sequence[Envelope]) -> None:
        self.host = host
        self.path = os.path.join(host.instance.config_directory, "sendmail.cf")
        self.cf = discover.live_cf(host.instance.config_directory)
        if not self.cf.options:
            raise PostmasterError(f"{self.path}: there is none, or it says nothing")
        self.envelopes = envelopes

    def answers(self) -> t.List[Answer]:
        """Go through the session of each envelope: connection, MAIL, RCPT, then the route."""
        clients = self._verdicts("check_relay", lambda mail: (mail.client, mail.name), _connection)
        senders = self._verdicts("check_mail", lambda mail: (mail.client, mail.name, mail.sender), _from)
        recipients = self._verdicts("check_rcpt", tuple, _to)
        routes = self._routes()
        mailers = self._mailers(routes)
        collected = []
        for mail in self.envelopes:
            verdicts = (
                clients[mail.client, mail.name],
                senders[mail.client, mail.name, mail.sender],
                recipients[tuple(mail)],
            )
            collected.append(_answer(mail, verdicts, routes[mail.sender, mail.client, mail.recipient], mailers))
        return collected

    def _verdicts(
        self,
        ruleset: str,
        key_of: t.Callable[[Envelope], t.Tuple[str, ...]],
        text_of: t.Callable[[Envelope], str],
    ) -> t.Dict[t.Tuple[str, ...], str]:
        """Return what a ruleset says, each different question asked once; empty where there is no such ruleset."""
        questions: t.Dict[t.Tuple[str, ...], rulesets.Question] = {}
        for mail in self.envelopes:
            questions.setdefault(key_of(mail), _question(mail, text_of(mail)))
        if ruleset not in self.cf.rulesets:
            return dict.fromkeys(questions, "")
        keys, asked = list(questions), list(questions.values())
        verdicts = _in_lots(asked, lambda lot: self._lot(ruleset, lot))
        return dict(zip(keys, verdicts))

    def _lot(self, ruleset: str, asked: t.Sequence[rulesets.Question]) -> t.List[str]:
        """Return the verdicts; where sendmail does not answer all, the lot is halved until it is clear which."""
        verdicts = rulesets.ask_all(self.host, self.path, ruleset, asked)
        if len(verdicts) == len(asked):
            return list(verdicts)
        if len(asked) == 1:
            return [_replay.UNKNOWN]
        half = len(asked) // 2
        return self._lot(ruleset, asked[:half]) + self._lot(ruleset, asked[half:])

    def _routes(self) -> t.Dict[t.Tuple[str, str, str], Route]:
        questions = list(dict.fromkeys((mail.sender, mail.client, mail.recipient) for mail in self.envelopes))
        texts = self._fenced([_parse_lines(*question) for question in questions])
        routes = {}
        for key, text in zip(questions, texts):
            transcript = tracing.read_transcript(text)
            asked = RouteQuestion(key[2], key[0], key[1])
            routes[key] = tracing.route_of(asked, transcript, {}, self.cf)
        return self._with_users(routes)

    def _with_users(self, routes: t.Dict[t.Tuple[str, str, str], Route]) -> t.Dict[t.Tuple[str, str, str], Route]:
        """Return the routes, with those to users that do not exist as errors: sendmail says so at RCPT."""
        users = list(dict.fromkeys(_user(route) for route in routes.values() if route.transport == "local"))
        texts = self._fenced([f"/map aliases {user}" for user in users])
        known = {user for user, text in zip(users, texts) if "returns" in text or _exists(user)}
        return {
            key: route if route.transport != "local" or _user(route) in known else _without_user(route)
            for key, route in routes.items()
        }

    def _mailers(self, routes: t.Mapping[t.Tuple[str, str, str], Route]) -> t.Dict[t.Tuple[str, str], str]:
        """Return each sender as a mailer writes it, by mailer and sender."""
        wanted = {
            (route.transport, key[0]) for key, route in routes.items() if route.verdict == _route.REMOTE and key[0]
        }
        pairs = sorted(wanted)
        texts = self._fenced([f"/tryflags ES\n/try {mailer} {sender}" for mailer, sender in pairs])
        collected = {}
        for pair, text in zip(pairs, texts):
            match = _TRIED.search(text)
            collected[pair] = tracing.joined(match.group(1)) if match else pair[1]
        return collected

    def _fenced(self, blocks: t.Sequence[str]) -> t.List[str]:
        """Return what test mode says to each block of lines."""
        return _in_lots(blocks, self._fenced_lot)

    def _fenced_lot(self, blocks: t.Sequence[str]) -> t.List[str]:
        script = "".join(f"{block}\n{_FENCE}\n" for block in blocks)
        argv = [discover.the_layout().program, "-C", self.path, "-bt"]
        said = self.host.runner.run(argv, stdin=script, timeout=_TIMEOUT, check=False).out.split(_FENCED)
        if len(said) != len(blocks) + 1:
            raise PostmasterError(f"sendmail -bt answers {len(said) - 1} of {len(blocks)} questions")
        return [re.sub(r"\A not found\n", "", text) for text in said[:-1]]


_Q = t.TypeVar("_Q")
_A = t.TypeVar("_A")


def _in_lots(asked: t.Sequence[_Q], ask: t.Callable[[t.Sequence[_Q]], t.List[_A]]) -> t.List[_A]:
    """Return the answers to many questions, several lots at a time."""
    lots = [asked[start : start + _LOT] for start in range(0, len(asked), _LOT)]
    with concurrent.futures.ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        return [answer for answers in pool.map(ask, lots) for answer in answers]


def _question(mail: Envelope, text: str) -> rulesets.Question:
    name = mail.name or f"[{mail.client}]"
    return rulesets.Question(mail.client, name, mail.sender, mail.recipient, bool(mail.name), text, "client.example")


def _parse_lines(sender: str, client: str, address: str) -> str:
    """Return the lines that make test mode route an address; rules may route by sender ($f) and by client ($_)."""
    return "\n".join(
        [f".Df{sender or '<>'}", f".D{{mail_from}}{sender or '<>'}", f".D_[{client}]", f"/parse {address}"]
    )


def _connection(mail: Envelope) -> str:
    return f"{mail.name or f'[{mail.client}]'} $| {mail.client}"


def _from(mail: Envelope) -> str:
    return f"<{mail.sender}>"


def _to(mail: Envelope) -> str:
    return f"<{mail.recipient}>"


def _user(route: Route) -> str:
    return route.recipient.partition("@")[0].partition("+")[0].lower()


def _without_user(route: Route) -> Route:
    return route._replace(verdict=_route.ERROR, nexthop="550 5.1.1 User unknown")


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def _answer(
    mail: Envelope, verdicts: t.Sequence[str], route: Route, mailers: t.Mapping[t.Tuple[str, str], str]
) -> Answer:
    if _replay.UNKNOWN in verdicts:
        return Answer(_replay.UNKNOWN)
    for verdict in verdicts:
        if rulesets.refused(verdict):
            return _refusal(verdict)
    if any(verdict.startswith("$# discard") for verdict in verdicts) or route.verdict == _route.DISCARD:
        return Answer(_replay.DISCARDED)
    if route.verdict == _route.ERROR:
        return _refusal(route.nexthop)
    sender = mailers.get((route.transport, mail.sender), mail.sender)
    return Answer(_replay.ACCEPTED, "", route.verdict, route.hops, route.recipient.rstrip("."), sender)


def _refusal(text: str) -> Answer:
    """Return a refusal, out of a verdict of the rulesets or the error of a route."""
    reply = _REPLY.search(text)
    if reply is None:
        temporary = text.startswith("$# TEMP")
        return Answer(_replay.DEFERRED if temporary else _replay.REFUSED, "450 4.0.0" if temporary else "550 5.0.0")
    return Answer(_replay.decision_of(int(reply.group("code"))), f"{reply.group('code')} {reply.group('text').strip()}")
