# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Is this configuration open for strangers, or dead for everybody? Judged without the daemon (twin of C(_postfix.judgement)).

Private to the collection: it can change at any time.

Who may relay is decided by rulesets that anybody can write, so sendmail's own test mode is asked as strangers from many places, with the
senders, names and recipients that the configuration itself gives a reason for. What mail needs on its way is read from the cf.
"""

import itertools
import os
import re
import socket
import typing as t

from .. import _files, _proc, _scratch
from .._model import trust
from .._model.finding import ERROR, WARNING, Finding, about_setting
from .._model.host import Host
from . import cf, claims, clients, discover, networks, obstacles, rulesets, tables, units
from .compile import map_entries
from .mailers import DISCARD
from .routes import DEFAULT
from .rulesets import Question

_DISCARDING = ("discard", DISCARD)
_CLASSES = ("w", "R", "m")
_MOST = 12
#: So many senders and names that rules name are asked about, in one call.
_CLAIMS = 60
#: The addresses of the interfaces are in class w.
RELAYS_FOR_OWN = True
_STRANGER = "203.0.113.9"
_REMOTE = "a@stranger.example"
_DEFAULT = f"{tables.ROUTES}: {DEFAULT}"


class Facts(t.NamedTuple):
    """A configuration and what there is on its host.

    :param path: a cf that sendmail can be asked with.
    :param classes: the words of the classes w, R and m, those in files included.
    :param access: the entries of the access maps.
    :param routed: whether single domains have routes of their own.
    :param default: where our own table of routes sends all mail, where there is no other route.
    :param interval: how often the queue is run; empty for never, None where that is not known.
    :param switch: the lines of the file that says where hosts are looked up.
    :param capacity: the bytes of the file system of the queue; 0 where that is not known.
    """

    host: Host
    path: str
    text: str
    known: cf.Cf
    classes: t.Mapping[str, t.Tuple[str, ...]]
    access: t.Tuple[t.Tuple[str, str], ...]
    mailertable: t.Tuple[t.Tuple[str, str], ...]
    own: t.Tuple[str, ...]
    listening: t.AbstractSet[int]
    is_suffix: t.Callable[[str], bool]
    default: str = ""
    routed: bool = False
    interval: t.Optional[str] = None
    switch: t.Tuple[str, ...] = ()
    capacity: int = 0
    block: int = 4096


def judge(host: Host, directory: str, is_suffix: t.Callable[[str], bool]) -> t.Tuple[Finding, ...]:
    """Return what makes a configuration open or dead; one that does not listen for others is not judged.

    :param directory: the live configuration, or a stage of it.
    """
    live = host.instance.config_directory
    text = _text(os.path.join(directory, "sendmail.cf"))
    if not text:
        return ()
    with _scratch.directory("postmaster-judgement-", _scratch.private_parent()) as scratch:
        path = os.path.join(scratch, "sendmail.cf")
        staged = text.replace(f"{live}/", f"{directory}/")
        _files.write_new(path, rulesets.with_delimiter(staged).encode("utf-8", "surrogateescape"), 0o600)
        return judged(_gather(host, directory, path, staged, is_suffix))


def may_send(host: Host, questions: t.Sequence[t.Tuple[str, str]]) -> t.List[bool]:
    """Ask the live configuration in test mode."""
    path = os.path.join(host.instance.config_directory, "sendmail.cf")
    text = _text(path)
    asked = [Question(client, f"[{client}]", _REMOTE, f"postmaster@{domain}") for client, domain in questions]
    verdicts = rulesets.ask_all(host, path, rulesets.about_recipients(cf.parse(text)), asked)
    return [not rulesets.refused(verdict) for verdict in verdicts]


def _gather(host: Host, directory: str, path: str, text: str, is_suffix: t.Callable[[str], bool]) -> Facts:
    known = cf.parse(text)
    return Facts(
        host,
        path,
        text,
        known,
        rulesets.members(host, path, _CLASSES),
        _entries(directory, "access") + _entries(directory, "access.postmaster"),
        _entries(directory, "mailertable"),
        _proc.own_addresses(),
        frozenset(entry.local[1] for entry in _proc.listeners()),
        is_suffix,
        _only_route(directory),
        bool(_routes_in(directory)),
        _interval(host, directory),
        tuple(_text(known.value("ServiceSwitchFile") or "/etc/mail/service.switch").splitlines()),
        _files.capacity(host.instance.queue_directories[0]),
        discover.block_size(host.instance.queue_directories[0]),
    )


def _only_route(directory: str) -> str:
    """Return the route of all mail in our own table; empty where other mail has another one, as the policy may well say."""
    return "" if _routes_in(directory) else dict(_entries(directory, tables.ROUTES)).get(DEFAULT, "")


def _routes_in(directory: str) -> t.List[str]:
    """Return the routes that some mail has, and not all."""
    ours = [value for key, value in _entries(directory, tables.ROUTES) if key != DEFAULT]
    return ours + [value for key, value in _entries(directory, "mailertable") if key != "."]


def _interval(host: Host, directory: str) -> t.Optional[str]:
    """Return how often the queue is run, where a file that we know says so."""
    if not host.instance.primary:
        return units.interval_in(_text(os.path.join(directory, units.ENVIRONMENT)))
    match = re.search(r'^QUEUE_INTERVAL="?(\w*)', _text(os.path.join(directory, "sendmail.conf")), re.MULTILINE)
    return match.group(1) if match else None


def _text(path: str) -> str:
    return (_files.read(path) or b"").decode("utf-8", "surrogateescape")


def _entries(directory: str, name: str) -> t.Tuple[t.Tuple[str, str], ...]:
    return tuple((entry.key, entry.value) for entry in map_entries(_text(os.path.join(directory, name))))


def judged(facts: Facts) -> t.Tuple[Finding, ...]:
    """Return the findings about a configuration, each once."""
    findings: t.List[Finding] = []
    listeners = [cf.listener(text).address for text in facts.known.values("DaemonPortOptions")]
    if not listeners or not all(map(trust.is_loopback, listeners)):
        findings += _open(facts)
    for part in (_refusing, _obstacles, _filters, _next_hops, _addresses):
        findings += part(facts)
    unique = {(finding.code, finding.about): finding for finding in reversed(findings)}
    return tuple(sorted(unique.values(), key=lambda finding: finding.rank))


# --- open -----------------------------------------------------------------------------------------------------------


class _Attempt(t.NamedTuple):
    """What a stranger tries, and what it means where it succeeds."""

    question: Question
    code: str
    about: str
    value: str


def _open(facts: Facts) -> t.Iterator[Finding]:
    """Yield how a stranger's mail to a stranger gets through."""
    attempts = list(_attempts(facts))
    verdicts = rulesets.ask_all(
        facts.host, facts.path, rulesets.about_recipients(facts.known), [attempt.question for attempt in attempts]
    )
    declared = [word for client in clients.entries_of(facts.known) if client.forgeable for word in client.senders]
    for attempt, verdict in zip(attempts, verdicts):
        if attempt.code == "believes_claims" and _is_declared(attempt.question.sender, declared):
            continue
        if not rulesets.refused(verdict):
            asked = attempt.question
            who = f"a stranger ({asked.client} {asked.name}, from <{asked.sender}>) may send to {asked.recipient}"
            yield about_setting(attempt.code, attempt.about, attempt.value, who)
    yield from _trusted_names(facts)


def _is_declared(sender: str, declared: t.Sequence[str]) -> bool:
    """Return whether the policy says of a sender that it lets strangers relay."""
    return sender in declared or sender.rpartition("@")[2] in declared


def _attempts(facts: Facts) -> t.Iterator[_Attempt]:
    """Yield what strangers try: other clients, senders, names and recipients, one at a time."""
    trusted = _networks(facts)
    strangers = trust.strangers(trusted)
    foreign = [f"postmaster@{domain}" for domain in trust.FOREIGN]
    for network in trust.wide(trusted)[:3]:
        client = trust.member(network)
        yield _Attempt(Question(client, f"[{client}]", "", foreign[0]), "trusts_everybody", "networks", str(network))
    if not strangers:
        return
    plain = Question(strangers[0], f"[{strangers[0]}]", _REMOTE, foreign[0])
    for client in strangers[1:]:
        question = plain._replace(client=client, name=f"[{client}]")
        yield _Attempt(question, "trusts_everybody", "class R", "a wide network")
    for recipient in foreign:
        yield _Attempt(plain._replace(recipient=recipient), "permits_everybody", "check_rcpt", "every recipient")
    yield _Attempt(plain._replace(sender=""), "permits_everybody", "check_rcpt", "the null sender")
    yield from _claims(facts, plain)


def _claims(facts: Facts, plain: Question) -> t.Iterator[_Attempt]:
    """Yield attempts with what anybody can claim: a sender, a name; and recipients with a route, or below a public suffix."""
    own = [word for word in facts.classes.get("w", ()) if "." in word and not word.startswith("[")][:2]
    for domain in own:
        sender = f"postmaster@{domain}"
        yield _Attempt(plain._replace(sender=sender), "believes_claims", "check_rcpt", f"senders of {domain}")
    for domain in own + _relayed(facts)[:2]:
        routed = f"postmaster%{trust.FOREIGN[0]}@{domain}"
        yield _Attempt(plain._replace(recipient=routed), "routes_for_everybody", "check_rcpt", "routing characters")
    for word in _relaying_senders(facts)[:_CLAIMS]:
        asked = plain._replace(sender=_address_for(word))
        yield _Attempt(asked, "believes_claims", "access", f"From:{word} RELAY")
    for word in _claimed(facts):
        sender = word if "@" in word else f"a@{word}"
        yield _Attempt(plain._replace(sender=sender), "believes_claims", "Local_check_rcpt", f"the sender {sender}")
        hello = plain._replace(helo=word.rpartition("@")[2])
        yield _Attempt(hello, "believes_claims", "Local_check_rcpt", f"HELO {hello.helo}")
    for name, word in _suffixes(facts):
        below = f"postmaster-probe.{word}"
        yield _Attempt(plain._replace(recipient=f"postmaster@{below}"), "serves_everybody", name, word)
        yield _Attempt(plain._replace(name=below, resolved=True), "trusts_everybody", name, word)


def _relaying_senders(facts: Facts) -> t.List[str]:
    """Return the senders whose mail the access map relays, where FEATURE(relay_mail_from) asks it about them."""
    keys = [key for key, value in facts.access if value.split(None, 1)[:1] == ["RELAY"]]
    words = [key[5:] if key.lower().startswith("from:") else key for key in keys]
    return [word for word in dict.fromkeys(words) if ":" not in word and not word[:1].isdigit()]


def _address_for(word: str) -> str:
    """Return a sender that a key of the access map stands for: a whole one, a domain, or what is before the C(@)."""
    if word.endswith("@"):
        return f"{word}stranger.example"
    return word if "@" in word else f"a@{word}"


def _networks(facts: Facts) -> t.Tuple[trust.Network, ...]:
    """Return the networks that may relay, by class R or by the access map."""
    keys = list(facts.classes.get("R", ()))
    for key, value in facts.access:
        tag, colon, rest = key.partition(":")
        plain = rest if colon and tag.lower() == "connect" else key
        if value.split(None, 1)[:1] == ["RELAY"]:
            keys.append(plain)
    for name, words in facts.known.classes.items():
        keys += words if name.startswith("{" + clients.CLASSES["networks"]) else ()
    known = (networks.network_of(key) for key in keys)
    return tuple(network for network in known if network)


def _relayed(facts: Facts) -> t.List[str]:
    """Return the domains to which everybody's mail is relayed."""
    words = [word for word in facts.classes.get("R", ()) if not word[:1].isdigit()]
    words += [
        key.partition(":")[2]
        for key, value in facts.access
        if key.lower().startswith("to:") and value.split()[:1] == ["RELAY"]
    ]
    return [word for word in words if "." in word and ":" not in word and "@" not in word]


def _suffixes(facts: Facts) -> t.List[t.Tuple[str, str]]:
    """Return the public suffixes among the domains of the classes and of the access map, with where they stand."""
    words = [(f"class {name}", word) for name in _CLASSES for word in facts.classes.get(name, ())]
    for key, value in facts.access:
        if value.split(None, 1)[:1] == ["RELAY"]:
            words.append(("access", key.rpartition(":")[2]))
    short = facts.known.macros.get("j", socket.gethostname()).partition(".")[0]
    suffixes = []
    for name, word in words:
        domain = word.strip(".")
        is_address = word[:1].isdigit() or word.startswith(("[", "IPv6"))
        if not is_address and domain != short and facts.is_suffix(domain):
            suffixes.append((name, domain))
    return list(dict.fromkeys(suffixes))[:_MOST]


def _claimed(facts: Facts) -> t.List[str]:
    """Return the domains and addresses that rules of an administrator's own name: one of them may let a client pass."""
    return claims.words(claims.Source(facts.text, facts.known, _keys))[:_CLAIMS]


def _keys(definition: str) -> t.List[str]:
    """Return the keys of a table that has a source beside it."""
    paths = [word for word in definition.split() if word.startswith("/")]
    content = _text(paths[-1]) if paths else ""
    return [entry.key for entry in map_entries(content)][:_MOST]


def _trusted_names(facts: Facts) -> t.Iterator[Finding]:
    """Yield certificates of every authority that may relay."""
    for key, value in facts.access:
        if (
            key.lower().startswith("certissuer:")
            and not key.partition(":")[2].strip()
            and value.split()[:1] == ["RELAY"]
        ):
            yield about_setting("trusts_certificates", "access", key, "a certificate of any issuer may relay")


# --- dead -----------------------------------------------------------------------------------------------------------


def _refusing(facts: Facts) -> t.Iterator[Finding]:
    """Yield rules that refuse, or throw away, mail from outside and from inside alike."""
    for name in sorted({"Local_check_relay", "Local_check_mail", "Local_check_rcpt"} & facts.known.rulesets):
        names = f"{rulesets.DELIMITED},{name}" if name == "Local_check_relay" else name
        verdicts = rulesets.ask_all(facts.host, facts.path, names, _legitimate(facts, name))
        if len(verdicts) != 2:
            continue
        fates = {obstacles.fate_of(verdict) for verdict in verdicts}
        fate = fates.pop()
        if fate and not fates:
            yield about_setting(fate[0], name, verdicts[0], f"{fate[1]}, from outside and from inside alike")


def _legitimate(facts: Facts, name: str) -> t.List[Question]:
    """Return what a ruleset is asked about mail from outside, and from inside."""
    outside = Question(_STRANGER, "mail.stranger.example", _REMOTE, "", True)
    inside = Question("127.0.0.1", "localhost", "b@other.example", "", True)
    if name == "Local_check_relay":
        return [asked._replace(text=f"{asked.name} $| {asked.client}") for asked in (outside, inside)]
    if name == "Local_check_mail":
        return [asked._replace(text=f"<{asked.sender}>") for asked in (outside, inside)]
    served = [*facts.classes.get("w", ()), trust.FOREIGN[0]][0]
    foreign = trust.FOREIGN[0]
    return [outside._replace(text=f"<postmaster@{served}>"), inside._replace(text=f"<postmaster@{foreign}>")]


def _obstacles(facts: Facts) -> t.Iterator[Finding]:
    """Yield settings that are right by themselves, and that ordinary mail does not pass."""
    answers = rulesets.ask_each(facts.host, facts.path, obstacles.questions(facts.text, facts.known))
    parts = [
        obstacles.tight(facts.known, facts.capacity, facts.block),
        obstacles.queueing(facts.known, facts.interval),
        obstacles.listeners(facts.known),
        obstacles.deciding(facts.text, facts.known, answers),
        obstacles.demanding(facts.known, answers),
        obstacles.demanded(facts.known, answers),
    ]
    for obstacle in itertools.chain.from_iterable(parts):
        yield about_setting(*obstacle)
    if not _routes_of_all(facts):
        places = obstacles.destinations(answers)
        for obstacle in obstacles.routes(facts.known, places, facts.routed):
            yield about_setting(*obstacle)
        for place in places[:1]:
            if _is_own(facts, place.mailer, place.host):
                value = f"{place.mailer}:{place.host}"
                yield about_setting(
                    "sends_to_itself", "parse", value, "the next hop is this relay itself; its mail loops"
                )


def _filters(facts: Facts) -> t.Iterator[Finding]:
    """Yield milters on this host at which nobody listens."""
    used = [name.strip() for text in facts.known.values("InputMailFilters") for name in re.split("[,;]", text)]
    for name in used:
        definition = facts.known.filters.get(name, "")
        fields = dict(part.strip().partition("=")[::2] for part in definition.split(",") if "=" in part)
        where = fields.get("S", "")
        if where and not _answers(facts, where):
            refuses = fields.get("F", "").strip()[:1] in ("R", "T", "4")
            consequence = "nobody listens there; clients are " + ("refused" if refuses else "let pass without it")
            yield about_setting(
                "nobody_listens", f"INPUT_MAIL_FILTER({name})", where, consequence, ERROR if refuses else WARNING
            )


def _answers(facts: Facts, where: str) -> bool:
    """Return whether somebody can be expected to listen at C(inet:port@host) or C(local:path)."""
    kind, dummy, rest = where.strip().partition(":")
    if kind in ("local", "unix"):
        return os.path.exists(rest)
    port, dummy, name = rest.partition("@")
    if not port.isdigit() or not (
        name in ("", "localhost") or name.startswith("127.") or name.strip("[]") in facts.own
    ):
        return True
    return int(port) in facts.listening


def _routes_of_all(facts: Facts) -> t.List[t.Tuple[str, str]]:
    """Return the routes of mail to everywhere, each with what says so."""
    routes = [("SMART_HOST", facts.known.macros.get("S", ""))]
    routes += [("mailertable: .", value) for key, value in facts.mailertable if key == "."]
    routes += [(_DEFAULT, facts.default)]
    return [(name, value) for name, value in routes if value.strip()]


def _routes_of_some(facts: Facts) -> t.Iterator[t.Tuple[str, str]]:
    """Yield the routes of single domains, of local names and of what is left over, each with what says so."""
    yield from ((f"mailertable: {key}", value) for key, value in facts.mailertable if key != ".")
    for name, letter in (("MAIL_HUB", "H"), ("LOCAL_RELAY", "R"), ("LUSER_RELAY", "L")):
        yield name, facts.known.macros.get(letter, "")
    for name in ("FallbackMXhost", "FallbackSmartHost", "ConnectOnlyTo"):
        yield name, facts.known.value(name) or ""


def _next_hops(facts: Facts) -> t.Iterator[Finding]:
    """Yield next hops that are this relay itself, routes by a mailer that is not there, and that none can be found."""
    for name, value in _routes_of_all(facts):
        mailer, hop = _mailer_and_hop(value)
        if mailer in _DISCARDING:
            yield about_setting("discards_everything", name, value, "mail is taken and thrown away")
        elif mailer == "error":
            yield about_setting("refuses_everybody", name, value, "mail to everywhere is returned")
    for name, value in [*_routes_of_all(facts), *_routes_of_some(facts)]:
        mailer, hop = _mailer_and_hop(value)
        if mailer and mailer not in facts.known.mailers and mailer not in ("error", "local"):
            yield about_setting("undefined_service", name, value, f"there is no mailer {mailer}; its mail is deferred")
        elif mailer not in ("error", "local", *_DISCARDING) and hop and _is_own(facts, mailer or "relay", hop):
            yield about_setting("sends_to_itself", name, value, "the next hop is this relay itself; its mail loops")
    hops = [_mailer_and_hop(value)[1] for dummy, value in _routes_of_all(facts)]
    if not _switch_has_dns(facts) and not any(_is_literal(hop) for hop in hops):
        consequence = "the hosts of other domains are looked up in no DNS"
        yield about_setting("finds_no_route", "ServiceSwitchFile", "hosts", consequence)


def _mailer_and_hop(value: str) -> t.Tuple[str, str]:
    """Return the two parts of C(mailer:host); the first is empty where only a host is named."""
    mailer, colon, hop = (word.strip() for word in value.partition(":"))
    return (mailer, hop) if colon else ("", mailer)


def _is_literal(hop: str) -> bool:
    return hop.strip("[]").replace(".", "").isdigit() or hop.strip("[]").startswith("IPv6:")


def _switch_has_dns(facts: Facts) -> bool:
    """Return whether DNS is asked for hosts; it is where the file says nothing."""
    for line in facts.switch:
        words = line.partition("#")[0].split()
        if words[:1] == ["hosts"]:
            return "dns" in words
    return True


def _is_own(facts: Facts, mailer: str, hop: str) -> bool:
    port = cf.mailer_port(facts.known.mailers.get(mailer, ""))
    listeners = [cf.listener(text) for text in facts.known.values("DaemonPortOptions")]
    addresses = {listener.address for listener in listeners if listener.port == port}
    names = [part.strip().strip("[]").lower() for part in hop.split(":")]
    return any(_is_this_host(facts, name) and addresses & {"", name, "0.0.0.0", "::"} for name in names)


def _is_this_host(facts: Facts, name: str) -> bool:
    own_names = ("localhost", facts.known.macros.get("j", "").lower(), socket.gethostname().lower())
    return name in own_names or name.startswith("127.") or name in facts.own


def _addresses(facts: Facts) -> t.Iterator[Finding]:
    """Yield source addresses that this host does not have, but for those that keep one IP version from being used."""
    for text in facts.known.values("ClientPortOptions"):
        address = cf.listener(text).address
        if address and address not in facts.own and not address.startswith(("127.", "::ffff:127.")):
            yield about_setting(
                "foreign_address", "ClientPortOptions", text, "no interface of this host has the address"
            )
