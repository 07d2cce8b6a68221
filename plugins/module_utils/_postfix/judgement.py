# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Is this configuration open for strangers, or dead for everybody? Judged from the files alone (twin of C(_sendmail.judgement)).

Private to the collection: it can change at any time.

Each listener is judged with its own C(-o) options: who is trusted there, which recipients are taken from a stranger, and whether
legitimate mail can pass. What mail needs on its way must be there: services, endpoints, addresses, a route.
"""

import os
import re
import typing as t

from .. import _files, _proc
from .._model import trust
from .._model.finding import ERROR, WARNING, Finding, about_setting
from .._model.host import Host
from . import clients, content_checks, main_cf, master_cf, obstacles, ports, restrictions, unstartable
from .admission import DEFER, DISCARD, LISTS, PERMIT, REFUSE, Admission, Decision, Session, is_address
from .discover import listens
from .master_cf import Service
from .parameters import defaults, split_list
from .static_tables import Tables

_DOMAIN_LISTS = ("mydestination", "virtual_alias_domains", "virtual_mailbox_domains", "relay_domains")
#: The lists whose permission lets a foreign recipient pass.
_ENDS = ("reject", "reject_unauth_destination", "defer_unauth_destination", "permit_auth_destination")
_CONTROLS = ("smtpd_relay_restrictions", "smtpd_recipient_restrictions")
_ORDINARY = Session("203.0.113.9", "mail.stranger.example", "mail.stranger.example", "a@stranger.example", "")
_TRANSPORTS = ("default_transport", "local_transport", "relay_transport", "virtual_transport", "content_filter")
#: Transports whose mail is that of some domains only.
_LOCAL = ("local_transport", "virtual_transport", "mailbox_transport", "fallback_transport")
_MOST = 12
#: A word of a list that can be a name, and is neither a network nor a table.
_NAME = re.compile(r"[A-Za-z0-9.-]*[A-Za-z][A-Za-z0-9.-]*\Z")
#: Results of access(5) that permit nothing.
_REFUSING = re.compile(r"(?:REJECT|DEFER\w*|DISCARD|DUNNO|HOLD|WARN|INFO|[45]\d\d)\b", re.IGNORECASE)
#: smtpd(8) has mynetworks and nothing else.
RELAYS_FOR_OWN = False


class Facts(t.NamedTuple):
    """A configuration and what there is on its host.

    :param values: the parameters of main.cf over the built-in ones.
    :param given: the parameters that main.cf itself has.
    :param own: the addresses of the host.
    :param listening: the ports on which anybody listens here.
    :param exists: whether there is a file.
    :param is_suffix: whether a domain is a public suffix or a name of one label.
    :param capacity: the bytes of the file system of the queue; 0 where that is not known.
    """

    values: t.Mapping[str, str]
    given: t.AbstractSet[str]
    services: t.Mapping[str, Service]
    tables: Tables
    own: t.Tuple[str, ...]
    listening: t.AbstractSet[int]
    exists: t.Callable[[str], bool]
    is_suffix: t.Callable[[str], bool]
    capacity: int = 0


class Listener(t.NamedTuple):
    """A service on which SMTP clients are received."""

    key: str
    port: t.Optional[int]
    addresses: t.Sequence[str]
    admission: Admission


def judge(host: Host, directory: str, is_suffix: t.Callable[[str], bool]) -> t.Tuple[Finding, ...]:
    """Return what makes a configuration open or dead; an instance that does not listen is not judged.

    :param directory: the live configuration, or a stage of it.
    """
    if not listens(host):
        return ()
    return judged(gather(host, directory, is_suffix))


def may_send(host: Host, questions: t.Sequence[t.Tuple[str, str]]) -> t.List[bool]:
    """Return nothing: a Postfix that runs answers only the client itself. The trial has asked as others (C(shadow))."""
    return []


def gather(host: Host, directory: str, is_suffix: t.Callable[[str], bool]) -> Facts:
    """Read what the judgement needs."""
    live = host.instance.config_directory
    main = main_cf.parse(_files.read(os.path.join(directory, "main.cf")) or b"")
    master = master_cf.parse(_files.read(os.path.join(directory, "master.cf")) or b"")
    values = dict(defaults(host.runner), **main.values)
    values["config_directory"] = live

    def read(path: str) -> t.Optional[bytes]:
        inside = path.startswith(live.rstrip("/") + "/")
        try:
            return _files.read(os.path.join(directory, path[len(live.rstrip("/")) + 1 :]) if inside else path)
        except OSError:
            return None

    return Facts(
        values,
        frozenset(main.values),
        master.services,
        Tables(read),
        _proc.own_addresses(),
        frozenset(entry.local[1] for entry in _proc.listeners()),
        os.path.exists,
        is_suffix,
        _files.capacity(host.instance.queue_directories[0]),
    )


def judged(facts: Facts) -> t.Tuple[Finding, ...]:
    """Return the findings about a configuration, each once."""
    findings: t.List[Finding] = []
    listeners = _listeners(facts)
    for listener in listeners:
        if not _is_confined(listener):
            findings += _open(facts, listener)
    for part in _DEAD:
        findings += part(facts, listeners)
    unique = {(finding.code, finding.about): finding for finding in reversed(findings)}
    return tuple(sorted(unique.values(), key=lambda finding: finding.rank))


def _listeners(facts: Facts) -> t.List[Listener]:
    listeners = []
    for key, service in sorted(facts.services.items()):
        if service.type != "inet" or service.command not in ("smtpd", "postscreen"):
            continue
        behind = facts.services.get("smtpd/pass", service) if service.command == "postscreen" else service
        values = dict(facts.values, **behind.option_values)
        port = ports.port_number(service.name.rpartition(":")[2])
        addresses = ports.addresses_of(service, facts.values)
        listeners.append(Listener(key, port, addresses, Admission(values, facts.tables)))
    return listeners


# --- open -----------------------------------------------------------------------------------------------------------


def _open(facts: Facts, listener: Listener) -> t.Iterator[Finding]:
    """Yield how a stranger's mail to a stranger gets through one listener."""
    admission = listener.admission
    for session in _attempts(facts, admission):
        decision = admission.decide(session)
        if decision.verdict == PERMIT and not clients.is_forgeable(decision.element):
            yield _opening(facts, listener, session)
    yield from _backup(listener)
    yield from _believing(listener)
    command = facts.services[listener.key].command
    yield from _obstacles_at(listener, obstacles.proxied(admission, listener.port, command))
    if admission.text("allow_untrusted_routing") == "yes":
        consequence = "who writes user%elsewhere@ours is relayed to elsewhere"
        yield about_setting("routes_for_everybody", _place(listener, "allow_untrusted_routing"), "yes", consequence)


def _backup(listener: Listener) -> t.Iterator[Finding]:
    """Yield that everybody who names this relay as a mail exchanger is relayed to."""
    admission = listener.admission
    for name in _CONTROLS if not admission.words("permit_mx_backup_networks") else ():
        elements = list(restrictions.elements(admission.text(name)))
        ends = [elements.index(word) for word in _ENDS if word in elements]
        if "permit_mx_backup" in elements[: min(ends, default=len(elements))]:
            consequence = (
                "who names this relay as a mail exchanger of his domain may have mail relayed there by everybody"
            )
            yield about_setting("serves_everybody", _place(listener, name), "permit_mx_backup", consequence)


def _believing(listener: Listener) -> t.Iterator[Finding]:
    """Yield that strangers may say with XCLIENT that they are clients of mynetworks."""
    name = "smtpd_authorized_xclient_hosts"
    strangers = trust.strangers(trust.networks_in(listener.admission.words(name)))
    believed = next((client for client in strangers if listener.admission.believes(client)), "")
    if believed:
        who = f"a stranger ({believed}) may say with XCLIENT that he is a client of mynetworks, and relay"
        yield about_setting("trusts_everybody", _place(listener, name), listener.admission.text(name), who)


def _attempts(facts: Facts, admission: Admission) -> t.Iterator[Session]:
    """Yield what strangers try: other clients, senders, names, recipients and certificates, one at a time."""
    networks = trust.networks_in(_trusted_words(admission))
    networks += tuple(_permitted_networks(admission))
    strangers = trust.strangers(networks)
    clients = [*strangers, *[trust.member(network) for network in trust.wide(networks)[:3]]]
    if not clients:
        return
    foreign = [f"postmaster@{domain}" for domain in trust.FOREIGN]
    plain = _ORDINARY._replace(client=clients[0], name="unknown", recipient=foreign[0])
    yield from (plain._replace(client=client, recipient=recipient) for client in clients for recipient in foreign[:2])
    yield plain._replace(recipient=foreign[2])
    if strangers:
        yield from _claims(facts, admission, plain)


def _claims(facts: Facts, admission: Admission, plain: Session) -> t.Iterator[Session]:
    """Yield attempts with what anybody can claim: a certificate, a name, a sender; and recipients below a public suffix."""
    yield plain._replace(certificate=True)
    yield plain._replace(helo="203.0.113.9")
    for word in _trusted_suffixes(facts, admission):
        yield plain._replace(name=f"postmaster-probe.{word}")
    for word in _suffixes(facts, admission):
        yield plain._replace(recipient=f"postmaster@postmaster-probe.{word}")
    for subject, key in _permitted_keys(admission):
        yield _claiming(plain, subject, key, facts)
    own = [word for name in _DOMAIN_LISTS for word in _names(admission, name)]
    for domain in own[:3]:
        yield plain._replace(sender=f"postmaster@{domain}")


def _trusted_words(admission: Admission) -> t.Iterator[str]:
    """Yield the words of mynetworks, those in files and in tables of networks included."""
    for word in admission.words("mynetworks"):
        if word.startswith("/"):
            yield from admission.tables.words(word)
        yield from (network for network, dummy in admission.tables.networks(word))
        yield word


def _trusted_suffixes(facts: Facts, admission: Admission) -> t.List[str]:
    """Return the public suffixes below which every client is trusted by its name: DNS verifies what its owner says."""
    words = [word for listed in _trusted_words(admission) for word in (listed, *admission.tables.entries(listed))]
    names = [word.lstrip(".") for word in words if _NAME.match(word) and not is_address(word)]
    return [name for name in dict.fromkeys(names) if facts.is_suffix(name)][:_MOST]


def _permitted_networks(admission: Admission) -> t.Iterator[t.Any]:
    """Yield the networks that a client table permits before the relay control."""
    for table in _tables_in(admission, "client"):
        pairs = admission.tables.networks(table) or [
            (_as_network(key), value) for key, value in admission.tables.entries(table).items()
        ]
        permitted = [key for key, value in pairs if key and value.split(None, 1)[:1] in (["OK"], ["ok"], ["RELAY"])]
        yield from trust.networks_in(permitted)


def _as_network(key: str) -> str:
    """Return the octets of a network as access(5) writes them in CIDR form; empty where a key has none."""
    parts = key.split(".")
    if not all(part.isdigit() for part in parts) or len(parts) > 4:
        return ""
    return ".".join(parts + ["0"] * (4 - len(parts))) + f"/{8 * len(parts)}"


def _tables_in(admission: Admission, subject: str) -> t.List[str]:
    """Return the tables about one subject in the lists of the relay control, and in all restriction classes."""
    restriction = f"check_{subject}_access"
    names = (*_CONTROLS, *admission.words("smtpd_restriction_classes"))
    parts = [part.partition(" ") for name in names for part in restrictions.elements(admission.text(name))]
    return [table.strip() for word, dummy, table in parts if word == restriction]


def _permitted_keys(admission: Admission) -> t.Iterator[t.Tuple[str, str]]:
    """Yield the keys of tables of senders, of HELO names or of clients that may permit before the relay control."""
    for subject in ("sender", "helo", "client"):
        for table in _tables_in(admission, subject):
            pairs = [*admission.tables.entries(table).items(), *admission.tables.examples(table)]
            permitted = [key for key, value in pairs if not _REFUSING.match(value)]
            yield from ((subject, key) for key in permitted[:_MOST])


def _claiming(plain: Session, subject: str, key: str, facts: Facts) -> Session:
    """Return what a stranger says to be the one that a key permits."""
    name = key.lstrip(".")
    if key == "<>":
        return plain._replace(sender="")
    if subject == "helo":
        return plain._replace(helo=name)
    if subject == "sender":
        return plain._replace(sender=_address_for(name))
    # A name of a client is verified by DNS: whoever is below a suffix can have one.
    return plain._replace(name=f"postmaster-probe.{name}") if facts.is_suffix(name) else plain


def _address_for(key: str) -> str:
    """Return an address that a key of a table of senders stands for: a whole one, a domain, or what is before the C(@)."""
    if key.startswith("@"):
        return f"postmaster{key}"
    if key.endswith("@"):
        return f"{key}stranger.example"
    return key if "@" in key else f"postmaster@{key}"


def _suffixes(facts: Facts, admission: Admission) -> t.List[str]:
    """Return the public suffixes among the domains that are served."""
    words = [word.lstrip(".") for name in _DOMAIN_LISTS for word in _names(admission, name)]
    short = admission.text("myhostname").partition(".")[0]
    return [word for word in dict.fromkeys(words) if word != short and facts.is_suffix(word)][:_MOST]


def _names(admission: Admission, name: str) -> t.List[str]:
    """Return the domains that a list names, in its tables as well."""
    names: t.List[str] = []
    for word in admission.words(name):
        if word.startswith("/"):
            names += admission.tables.words(word)
        elif ":" in word:
            names += list(admission.tables.entries(word))
        else:
            names.append(word)
    return [word for word in names if not word.startswith("!")]


def _opening(facts: Facts, listener: Listener, session: Session) -> Finding:
    """Return why a stranger's attempt passed."""
    admission = listener.admission
    domain = session.recipient.rpartition("@")[2]
    served = admission.serves(domain)
    decisions = [admission.in_list(name, session) for name in _CONTROLS]
    decision = next((known for known in decisions if known.verdict == PERMIT), None)
    if served and (decision is None or decision.element in ("permit", "permit_auth_destination")):
        consequence = f"mail to {domain} is taken from everybody, and so is mail to every domain like it"
        return about_setting("serves_everybody", served, admission.text(served), consequence)
    if decision is None:
        return about_setting(
            "permits_everybody",
            _place(listener, _CONTROLS[0]),
            admission.text(_CONTROLS[0]),
            "nothing refuses a foreign recipient",
        )
    who = f"a stranger ({session.client}, from <{session.sender}>, HELO {session.helo}) may send to {session.recipient}"
    word = decision.element.partition(" ")[0]
    if word in ("permit_mynetworks", "permit_inet_interfaces"):
        return about_setting("trusts_everybody", _place(listener, "mynetworks"), admission.text("mynetworks"), who)
    code = {
        "check_client_access": "trusts_everybody",
        "check_sender_access": "believes_claims",
        "check_helo_access": "believes_claims",
        "permit_tls_all_clientcerts": "trusts_certificates",
        "permit_tls_clientcerts": "trusts_certificates",
    }.get(word, "permits_everybody")
    return about_setting(code, _place(listener, decision.list_name), decision.element, who)


def _place(listener: Listener, name: str) -> str:
    """Return a parameter with the service whose own it is."""
    return name if listener.key in ("smtp/inet", "25/inet") else f"{listener.key}: {name}"


# --- dead: refused, thrown away, held ---------------------------------------------------------------------------------


def _unstartable(facts: Facts, listeners: t.Sequence[Listener]) -> t.Iterator[Finding]:
    """Yield what keeps the service of a listener from starting."""
    whole = Admission(facts.values, facts.tables)
    for listener in listeners:
        lists = unstartable.uncontrolled(listener.admission)
        if lists:
            consequence = "nothing in these lists refuses anybody, and smtpd does not start so: no client is served"
            yield about_setting("refuses_everybody", _place(listener, _CONTROLS[0]), lists, consequence)
        for name, table in unstartable.unserved(listener.admission, whole):
            consequence = "proxy_read_maps does not name the table, and smtpd does not start so: no client is served"
            yield about_setting("undefined_service", _place(listener, name), table, consequence)


def _refusing(facts: Facts, listeners: t.Sequence[Listener]) -> t.Iterator[Finding]:
    """Yield what refuses, discards or holds legitimate mail from outside and from inside alike."""
    for listener in listeners:
        if listener.port != 25:
            continue
        admission = listener.admission
        outside = _ORDINARY._replace(recipient=_served_address(admission))
        inside = Session("127.0.0.1", "localhost", "client.stranger.example", "b@other.example", "c@foreign.example")
        first, second = [_fate(admission, session) for session in (outside, inside)]
        place = _place(listener, first.list_name)
        if {first.verdict, second.verdict} <= {REFUSE, DEFER}:
            consequence = "clients from outside and from inside are refused alike"
            yield about_setting("refuses_everybody", place, first.element, consequence)
        if first.verdict == second.verdict == DISCARD:
            yield about_setting("discards_everything", place, first.element, "mail is taken and thrown away")
        yield from _holding(facts, listener, (outside, inside))


def _obstacles(facts: Facts, listeners: t.Sequence[Listener]) -> t.Iterator[Finding]:
    """Yield settings that are right by themselves, and that ordinary mail does not pass."""
    whole = Admission(facts.values, facts.tables)
    for obstacle in obstacles.tight(whole, facts.values, facts.capacity):
        yield about_setting(*obstacle)
    for listener in listeners:
        admission = listener.admission
        own = {name for name, value in admission.values.items() if facts.values.get(name) != value}
        outside = _ORDINARY._replace(recipient=_served_address(admission))
        yield from _obstacles_at(listener, obstacles.tight(admission, own, facts.capacity))
        yield from _obstacles_at(listener, obstacles.waiting(admission, outside))
        if not _is_confined(listener):
            yield from _obstacles_at(listener, obstacles.demanded(admission, listener.port, outside))
    for key, admission in _senders(facts):
        place = "" if admission.values == facts.values else f"{key}: "
        yield from (about_setting(*each._replace(name=place + each.name)) for each in obstacles.demanding(admission))
    if not all(map(_is_confined, listeners)):
        yield from (about_setting(*obstacle) for obstacle in obstacles.rewriting(whole))


def _obstacles_at(listener: Listener, found: t.Iterable[obstacles.Obstacle]) -> t.Iterator[Finding]:
    """Yield obstacles of one listener, each with its place."""
    for obstacle in found:
        yield about_setting(*obstacle._replace(name=_place(listener, obstacle.name)))


def _is_confined(listener: Listener) -> bool:
    """Return whether a listener is there for the host itself only."""
    return bool(listener.addresses) and all(map(trust.is_loopback, listener.addresses))


def _senders(facts: Facts) -> t.Iterator[t.Tuple[str, Admission]]:
    """Yield the SMTP client for mail to everywhere, with the parameters that are effective there."""
    key = f"{Admission(facts.values, facts.tables).text('default_transport').partition(':')[0]}/unix"
    service = facts.services.get(key)
    if service and service.command == "smtp":
        yield key, Admission(dict(facts.values, **service.option_values), facts.tables)


def _fate(admission: Admission, session: Session) -> Decision:
    """Return what becomes of a message: the decision before DATA, else that of the lists behind it."""
    decision = admission.decide(session)
    if decision.verdict == PERMIT:
        later = [
            admission.in_list(name, session) for name in ("smtpd_data_restrictions", "smtpd_end_of_data_restrictions")
        ]
        return next((known for known in later if known.verdict in (REFUSE, DEFER, DISCARD)), decision)
    return decision


def _served_address(admission: Admission) -> str:
    """Return an address in a domain that is served here; empty where there is none."""
    words = (word for name in _DOMAIN_LISTS for word in _names(admission, name))
    domain = next((word.lstrip(".") for word in words if "." in word.strip(".")), "")
    return f"postmaster@{domain}" if domain else ""


def _holding(facts: Facts, listener: Listener, sessions: t.Sequence[Session]) -> t.Iterator[Finding]:
    """Yield access tables that hold all mail, or send it elsewhere."""
    for name in LISTS:
        for element in restrictions.elements(listener.admission.text(name)):
            actions = {listener.admission.action_of(name, element, session) for session in sessions}
            action = actions.pop()
            word, dummy, argument = action.partition(" ")
            if actions or word.upper() not in content_checks.OF_ACCESS:
                continue
            fate = content_checks.fate_of(f"{word.upper()} {argument}", facts.services)
            if fate:
                yield about_setting(fate[0], _place(listener, name), element, fate[1])


def _discarding(facts: Facts, listeners: t.Sequence[Listener]) -> t.Iterator[Finding]:
    """Yield what throws away, refuses or holds mail that was taken."""
    whole = Admission(facts.values, facts.tables)
    for name, value in _routes_of_all(facts, whole):
        fate = content_checks.FATE_OF_COMMANDS.get(_command(facts, value.partition(":")[0]))
        if fate:
            yield about_setting(fate[0], name, value, fate[1])
    for service in ("smtp", "relay"):
        fate = content_checks.FATE_OF_COMMANDS.get(_command(facts, service))
        if fate:
            yield about_setting(fate[0], f"{service}/unix", _command(facts, service), fate[1])
    deferred = set(whole.words("defer_transports")) & {"smtp", "relay"}
    if deferred:
        value = whole.text("defer_transports")
        yield about_setting("holds_everything", "defer_transports", value, "mail is kept and not sent")
    yield from _checks(facts)


def _routes_of_all(facts: Facts, whole: Admission) -> t.Iterator[t.Tuple[str, str]]:
    """Yield the transports of mail to any domain, each with the parameter that says so."""
    names = ["content_filter"]
    # Where other mail has routes of its own, these are what the policy says about the rest.
    if not any(facts.tables.entries(table) for table in whole.words("transport_maps")):
        names += ["default_transport", "relay_transport"]
    for name in names:
        yield name, whole.text(name)
    for table in whole.words("sender_dependent_default_transport_maps"):
        everybodys = facts.tables.find(table, ["@stranger.example"], "a@stranger.example")
        if everybodys:
            yield "sender_dependent_default_transport_maps", everybodys
    for table in whole.words("transport_maps"):
        value = facts.tables.find(table, ["anybody@foreign.example", "foreign.example", "*"], "anybody@foreign.example")
        if value:
            yield "transport_maps", value


def _command(facts: Facts, transport: str) -> str:
    """Return the program behind a transport."""
    service = facts.services.get(f"{transport}/unix")
    return service.command if service else ""


def _checks(facts: Facts) -> t.Iterator[Finding]:
    """Yield what the checks of header or body do with every message."""
    service = facts.services.get("cleanup/unix")
    own = service.option_values if service else {}
    cleanup = Admission(dict(facts.values, **own), facts.tables)
    for name, table, code, consequence in content_checks.judged(cleanup, facts.services, own.keys() | facts.given):
        yield about_setting(code, f"cleanup/unix: {name}" if name in own else name, table, consequence)


# --- dead: what is not there ------------------------------------------------------------------------------------------


def _services(facts: Facts, listeners: t.Sequence[Listener]) -> t.Iterator[Finding]:
    """Yield services that are named or needed, and not defined, or switched off."""
    defined = {key.partition("/")[0] for key, service in facts.services.items() if service.type != "inet"}
    whole = Admission(facts.values, facts.tables)
    for need in obstacles.needs(whole, [listener.admission for listener in listeners]):
        if need.name not in defined:
            consequence = f"the service {need.name} is not there: {need.consequence}"
            yield about_setting("undefined_service", "master.cf", need.name, consequence, need.severity)
        for word in _disabling(whole, need.name):
            yield about_setting("undefined_service", "master_service_disable", word, need.consequence, need.severity)
    yield from _disabled(whole)
    for listener in listeners:
        if facts.services[listener.key].command == "postscreen" and "smtpd/pass" not in facts.services:
            consequence = "postscreen hands its clients to smtpd/pass, which is not there"
            yield about_setting("undefined_service", listener.key, "postscreen", consequence)
    for name, value in _named_transports(facts, listeners):
        transport = value.partition(":")[0].strip()
        if transport and f"{transport}/unix" not in facts.services:
            consequence = f"there is no service {transport} in master.cf; its mail is deferred"
            yield about_setting("undefined_service", name, value, consequence)


def _disabling(whole: Admission, service: str) -> t.List[str]:
    """Return the words of master_service_disable that switch a service off."""
    return [word for word in whole.words("master_service_disable") if word.rpartition(".")[0] == service]


def _disabled(whole: Admission) -> t.Iterator[Finding]:
    """Yield listeners, SMTP clients and whole kinds of services that master_service_disable switches off."""
    for word in whole.words("master_service_disable"):
        if word in ("inet", "unix") or word.rpartition(".")[0] in ("smtp", "25"):
            consequence = "no mail passes without what it switches off"
            yield about_setting("undefined_service", "master_service_disable", word, consequence)


def _named_transports(facts: Facts, listeners: t.Sequence[Listener]) -> t.Iterator[t.Tuple[str, str]]:
    """Yield the values that name a transport, each with the parameter or table that has it."""
    whole = Admission(facts.values, facts.tables)
    for name in (*_TRANSPORTS, "mailbox_transport", "fallback_transport"):
        yield name, whole.text(name)
    for listener in listeners:
        yield _place(listener, "content_filter"), listener.admission.text("content_filter")
    for table in whole.words("transport_maps"):
        for value in facts.tables.entries(table).values():
            yield "transport_maps", value


def _endpoints(facts: Facts, listeners: t.Sequence[Listener]) -> t.Iterator[Finding]:
    """Yield endpoints on this host where nobody listens."""
    whole = Admission(facts.values, facts.tables)
    for word, severity, outcome in _dead_milters(facts, whole, "non_smtpd_milters"):
        consequence = f"nobody listens there; mail of the host itself is {outcome}"
        yield about_setting("nobody_listens", "non_smtpd_milters", word, consequence, severity)
    for listener in listeners:
        yield from _milters(facts, listener)
        yield from _policy_services(facts, listener)
        for name in ("content_filter", "smtpd_proxy_filter"):
            value = listener.admission.text(name)
            hop = value[5:] if value.startswith("inet:") else value
            hop = hop if name == "smtpd_proxy_filter" else value.partition(":")[2]
            if value and not _hop_answers(facts, hop):
                yield about_setting(
                    "nobody_listens", _place(listener, name), value, "nobody listens there; all mail waits"
                )


def _milters(facts: Facts, listener: Listener) -> t.Iterator[Finding]:
    """Yield milters that do not answer; that is no error where mail is let pass without them."""
    for word, severity, outcome in _dead_milters(facts, listener.admission, "smtpd_milters"):
        told = "told 451" if severity == ERROR else outcome
        consequence = f"nobody listens there; clients are {told}"
        yield about_setting("nobody_listens", _place(listener, "smtpd_milters"), word, consequence, severity)


def _dead_milters(facts: Facts, admission: Admission, name: str) -> t.Iterator[t.Tuple[str, str, str]]:
    """Yield milters that do not answer, each with how bad that is, and what becomes of mail."""
    harmless = admission.text("milter_default_action") == "accept"
    for word in admission.words(name):
        endpoint, *options = word.strip("{} ").split(",")
        if _answers(facts, endpoint.strip()):
            continue
        if harmless or any("default_action" in option and "accept" in option for option in options):
            yield word, WARNING, "let pass without it"
        else:
            yield word, ERROR, "kept and not taken"


def _policy_services(facts: Facts, listener: Listener) -> t.Iterator[Finding]:
    """Yield policy services that do not answer."""
    for name in restrictions.LISTS:
        for element in restrictions.elements(listener.admission.text(name)):
            word, dummy, endpoint = element.partition(" ")
            if word == "check_policy_service" and not _answers(facts, endpoint.strip("{} ").split(",")[0].strip()):
                consequence = "nobody listens there; clients are told 451"
                yield about_setting("nobody_listens", _place(listener, name), element, consequence)


def _answers(facts: Facts, endpoint: str) -> bool:
    """Return whether somebody can be expected to listen at C(inet:host:port) or C(unix:path)."""
    kind, dummy, where = endpoint.partition(":")
    if kind == "inet":
        return _hop_answers(facts, where)
    if kind not in ("unix", "local"):
        return True
    base = os.path.basename(where)
    if os.path.dirname(where) in ("private", "public") and any(key.startswith(f"{base}/") for key in facts.services):
        return True
    queue = Admission(facts.values, facts.tables).text("queue_directory")
    return facts.exists(os.path.join("/", where)) or facts.exists(os.path.join(queue, where.lstrip("/")))


def _hop_answers(facts: Facts, where: str) -> bool:
    """Return whether a port of this host has a listener, or will have one; of other hosts nothing is known."""
    name, port = _hop(where)
    number = ports.port_number(port)
    if number is None or not (name in ("", "localhost") or name.startswith("127.") or name in facts.own):
        return True
    served = {
        ports.port_number(service.name.rpartition(":")[2])
        for service in facts.services.values()
        if service.type == "inet"
    }
    return number in facts.listening or number in served


def _hop(where: str) -> t.Tuple[str, str]:
    """Return host and port of C([host]:port), C(host:port) or C(host); the port is that of SMTP where none is named."""
    text = where.strip()
    if text.startswith("["):
        name, dummy, rest = text[1:].partition("]")
        return name.lower(), rest.lstrip(":") or "25"
    if text.isdigit():
        return "", text
    if "@" in text:
        port, dummy, name = text.partition("@")
        return name.strip("[]").lower(), port
    name, dummy, port = text.rpartition(":") if ":" in text else (text, "", "25")
    return name.lower(), port


def _next_hops(facts: Facts, listeners: t.Sequence[Listener]) -> t.Iterator[Finding]:
    """Yield a next hop that is this instance itself, and a relay that cannot find any."""
    whole = Admission(facts.values, facts.tables)
    hops = _hops_of_all(facts, whole)
    for name, value in [*hops, *_hops_of_some(facts, whole)]:
        for hop in split_list(value):
            if _is_own(whole, facts, listeners, hop):
                yield about_setting("sends_to_itself", name, value, "the next hop is this relay itself; its mail loops")
    yield from _filters_to_itself(facts, listeners)
    yield from _unfound(facts, whole, [value.strip() for dummy, value in hops if value.strip()])


def _unfound(facts: Facts, whole: Admission, hops: t.Sequence[str]) -> t.Iterator[Finding]:
    """Yield that no address of another host can be found.

    :param hops: the smart hosts of all mail.
    """
    for name, value in (("disable_dns_lookups", "yes"), ("smtp_dns_support_level", "disabled")):
        if whole.text(name) == value and not hops:
            yield about_setting(
                "finds_no_route", name, value, "without DNS and without a smart host no domain is found"
            )
    value = whole.text("smtp_host_lookup")
    if "dns" in value or _switch_has_dns(facts) or any(is_address(_hop(hop)[0]) for hop in hops):
        return
    yield about_setting("finds_no_route", "smtp_host_lookup", value, "the hosts of this system are looked up in no DNS")


def _switch_has_dns(facts: Facts) -> bool:
    """Return whether the resolver of the system asks the DNS for hosts (nsswitch.conf); it does so where nothing is said."""
    for line in facts.tables.lines("/etc/nsswitch.conf"):
        name, colon, sources = line.partition("#")[0].partition(":")
        if name.strip() == "hosts" and colon:
            return bool({"dns", "resolve"} & set(sources.split()))
    return True


def _hops_of_all(facts: Facts, whole: Admission) -> t.List[t.Tuple[str, str]]:
    """Return the next hops to which mail for every domain goes, each with the parameter that says so."""
    hops = [("relayhost", whole.text("relayhost"))]
    hops += [(name, whole.text(name).partition(":")[2]) for name in ("default_transport", "relay_transport")]
    for table in whole.words("sender_dependent_relayhost_maps"):
        everybodys = facts.tables.find(table, ["@stranger.example"], "a@stranger.example") or ""
        hops.append(("sender_dependent_relayhost_maps", everybodys))
    for table in whole.words("transport_maps"):
        value = facts.tables.find(table, ["*"], "anybody@foreign.example") or ""
        hops.append(("transport_maps", value.partition(":")[2]))
    return hops


def _hops_of_some(facts: Facts, whole: Admission) -> t.Iterator[t.Tuple[str, str]]:
    """Yield the next hops of what is left over, and of single domains, each with what says so."""
    yield "smtp_fallback_relay", whole.text("smtp_fallback_relay")
    for name in _LOCAL:
        yield name, _hop_of(facts, whole.text(name))
    for table in whole.words("transport_maps"):
        for key, value in facts.tables.entries(table).items():
            yield f"transport_maps: {key}", _hop_of(facts, value)


def _hop_of(facts: Facts, value: str) -> str:
    """Return the next hop of C(transport:nexthop) where its mail goes by SMTP; empty otherwise."""
    transport, dummy, hop = value.partition(":")
    return hop if not transport or _command(facts, transport) == "smtp" else ""


def _filters_to_itself(facts: Facts, listeners: t.Sequence[Listener]) -> t.Iterator[Finding]:
    """Yield listeners whose filter is a listener with the same filter."""
    whole = Admission(facts.values, facts.tables)
    for name in ("content_filter", "smtpd_proxy_filter"):
        same = [listener for listener in listeners if listener.admission.text(name)]
        for listener in same:
            value = listener.admission.text(name)
            hop = _hop_of(facts, value) if name == "content_filter" else value.replace("inet:", "", 1)
            if hop and _is_own(whole, facts, same, hop):
                consequence = "the filter is this relay itself, which gives its mail to the filter again"
                yield about_setting("sends_to_itself", _place(listener, name), value, consequence)


def _is_own(whole: Admission, facts: Facts, listeners: t.Sequence[Listener], hop: str) -> bool:
    name, port = _hop(hop)
    number = ports.port_number(port)
    own_name = name in ("localhost", whole.text("myhostname").lower(), *_names_of(facts))
    for listener in listeners:
        addresses = listener.addresses or facts.own
        if number == listener.port and (
            own_name or name in addresses or (name.startswith("127.") and not listener.addresses)
        ):
            return True
    return False


def _names_of(facts: Facts) -> t.Iterator[str]:
    """Yield the names that the hosts file has for addresses of this host."""
    for line in facts.tables.lines("/etc/hosts"):
        address, *names = line.partition("#")[0].split() or [""]
        if address in facts.own or address.startswith("127."):
            yield from (name.lower() for name in names)


def _addresses(facts: Facts, listeners: t.Sequence[Listener]) -> t.Iterator[Finding]:
    """Yield source addresses that this host does not have, and networks that nobody has named."""
    for name, value in _sources(facts):
        if value and value.strip("[]") not in facts.own and not value.startswith("127."):
            yield about_setting("foreign_address", name, value, "no interface of this host has the address")
    if "mynetworks" not in facts.given and facts.values.get("mynetworks_style") == "class":
        consequence = "the whole class A, B or C network of every interface is trusted, strangers included"
        yield about_setting("trusts_everybody", "mynetworks_style", "class", consequence)


def _sources(facts: Facts) -> t.Iterator[t.Tuple[str, str]]:
    """Yield the source addresses of main.cf and of the services, each with where it stands."""
    places = [("", facts.values)]
    places += [(f"{key}: ", service.option_values) for key, service in facts.services.items() if service.type == "unix"]
    for place, values in places:
        for name in ("smtp_bind_address", "smtp_bind_address6"):
            if name in values:
                yield f"{place}{name}", Admission(dict(facts.values, **values), facts.tables).text(name)


#: What makes a configuration dead, in the order in which it is looked for.
_DEAD = (_unstartable, _refusing, _obstacles, _discarding, _services, _endpoints, _next_hops, _addresses)
