# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each option of the policy, section by section, as options, features and tables of sendmail.

Private to the collection: it can change at any time.
"""

import typing as t

from .. import _addresses
from .._errors import OptionError
from .._model.host import File
from .._model.policy_record import Policy, server_level
from . import clients, discover, mc, recipients, rewriting, routes, ruleset_texts, tables, trusted_limits, units
from .cf import Listener
from .compile import map_entries
from .discover import unsupported
from .draft import Draft, duration_text, text_of
from .frame import word_list
from .networks import keys_of
from .ownership import HELP_FILE

#: m4 names of each timeout.
TIMEOUTS = {
    "connect": ("confTO_CONNECT", "confTO_ICONNECT"),
    "greeting": ("confTO_INITIAL",),
    "helo": ("confTO_HELO",),
    "mail": ("confTO_MAIL",),
    "rcpt": ("confTO_RCPT",),
    "data_init": ("confTO_DATAINIT",),
    "data_block": ("confTO_DATABLOCK",),
    "data_final": ("confTO_DATAFINAL",),
    "rset": ("confTO_RSET",),
    "quit": ("confTO_QUIT",),
    "misc": ("confTO_MISC",),
    "starttls": ("confTO_STARTTLS",),
    "command": ("confTO_COMMAND",),
    "ident": ("confTO_IDENT",),
}
#: m4 name of each limit that is one number.
LIMITS = {
    "message_size": "confMAX_MESSAGE_SIZE",
    "recipients_per_message": "confMAX_RCPTS_PER_MESSAGE",
    "header_size": "confMAX_HEADERS_LENGTH",
    "hops": "confMAX_HOP",
    "processes": "confMAX_DAEMON_CHILDREN",
}
#: m4 name of each time of the queue.
QUEUE = {
    "lifetime": "confTO_QUEUERETURN",
    "bounce_lifetime": "confTO_QUEUERETURN_DSN",
    "warning_time": "confTO_QUEUEWARN",
    "retry_minimum": "confMIN_QUEUE_AGE",
    "retry_maximum": "confMAX_QUEUE_AGE",
}
#: A QueueLA that no machine reaches: 0 would mean "queue always".
NO_QUEUE_LA = 1000000
LOG_LEVELS = {"normal": 9, "verbose": 14}
FAMILIES = {"ipv4": "inet", "ipv6": "inet6"}
_LOOPBACK = {"ipv4": "127.0.0.1", "ipv6": "::1"}
#: Addresses that reach no other host: a connection of this family fails at once, and sendmail tries the other one. From ::1 it would
#: time out.
NO_SOURCE = {"inet": "127.0.0.2", "inet6": "::ffff:127.0.0.1"}
_PROTOCOL_OPTIONS = {
    "TLSv1.2": "+SSL_OP_NO_SSLv2 +SSL_OP_NO_SSLv3 +SSL_OP_NO_TLSv1 +SSL_OP_NO_TLSv1_1",
    "TLSv1.3": "+SSL_OP_NO_SSLv2 +SSL_OP_NO_SSLv3 +SSL_OP_NO_TLSv1 +SSL_OP_NO_TLSv1_1 +SSL_OP_NO_TLSv1_2",
}
_SERVER_OPTIONS = " +SSL_OP_CIPHER_SERVER_PREFERENCE +SSL_OP_NO_RENEGOTIATION"
_ENCRYPTED = "ENCR:112"
_VERIFIED = "VERIFY:112+CN"
_OWN_ADDRESSES = ("127.0.0.1", "IPv6:0:0:0:0:0:0:0:1")
#: Keys of the access map that let the host itself relay.
_LOCAL_CLIENTS = (
    "connect:127",
    "connect:127.0.0.1",
    "connect:ipv6:::1",
    "connect:ipv6:0:0:0:0:0:0:0:1",
    "connect:localhost",
)
#: Letters of Srv_Features for each treatment of a bare LF or CR; to refuse it is what sendmail does anyway (op.me, 5.1.4.15).
_BARE_NEWLINE: t.Dict[t.Optional[str], t.Tuple[str, ...]] = {
    None: (),
    "reject": (),
    "normalize": ("g2", "u2"),
    "accept": ("G", "U", "O"),
}


def apply(draft: Draft) -> None:
    """Put the whole policy into the draft."""
    for section in (
        _identity,
        _relay,
        routes.apply,
        recipients.apply,
        rewriting.apply,
        _session,
        _limits,
        _timeouts,
        _load,
        _tls,
        clients.apply,
        _aliases,
        _queue,
        _notices,
        _log,
    ):
        section(draft)


# --- identity -------------------------------------------------------------------------------------------------------


def _identity(draft: Draft) -> None:
    identity = draft.policy.identity
    draft.define("confDOMAIN_NAME", identity.hostname)
    if identity.banner is not None:
        # sendmail itself puts the word ESMTP behind the first one.
        draft.define("confSMTP_LOGIN_MSG", f"$j {identity.banner}".strip())
        draft.define("HELP_FILE", draft.path(HELP_FILE))
        draft.files[HELP_FILE] = File(b"#vers\t2\nsmtp\tSee RFC 5321.\n")
    for text in daemon_options(draft):
        draft.statement("daemon_options", "DAEMON_OPTIONS", text)
    _send_from(draft)
    if identity.local_domains is not None:
        own = [identity.hostname] if identity.hostname else []
        draft.files["local-host-names"] = word_list(*own, *identity.local_domains)


def daemon_options(draft: Draft) -> t.List[str]:
    """Return the arguments of the DAEMON_OPTIONS statements; none where sendmail's own default is meant."""
    identity, primary = draft.policy.identity, draft.host.instance.primary
    if identity.listen is None and identity.port is None and identity.protocols is None:
        return [] if primary else _present_listeners(draft)
    listeners = _listeners(draft)
    if not listeners:
        raise OptionError("policy.identity.listen", list(identity.listen), "no address of a protocol that is used here")
    if primary and not any(_takes_submissions(listener) for listener in listeners):
        listeners.append(Listener("inet", "127.0.0.1", 25))
    return [_listener_text(number, listener) for number, listener in enumerate(dict.fromkeys(listeners), 1)]


def _listeners(draft: Draft) -> t.List[Listener]:
    identity = draft.policy.identity
    listeners: t.List[Listener] = []
    for word in identity.listen or ("all",):
        listeners += [Listener(family, address, identity.port or 25) for family, address in _addresses_of(draft, word)]
    return listeners


def _takes_submissions(listener: Listener) -> bool:
    """Return whether the host's submission program reaches a listener: it hands its mail to 127.0.0.1:25 and nowhere else."""
    return listener.port == 25 and listener.address in ("", "127.0.0.1")


def _present_listeners(draft: Draft) -> t.List[str]:
    """Return the listeners that an additional instance has: without any it would take the primary instance's addresses."""
    return [mc.safe("DaemonPortOptions", value) for value in draft.live_cf().values("DaemonPortOptions")]


def _addresses_of(draft: Draft, word: str) -> t.List[t.Tuple[str, str]]:
    """Return family and address of each listener that a word of I(listen) stands for."""
    if word == "all":
        return _everywhere(draft)
    if word == "loopback":
        return [(FAMILIES[protocol], _LOOPBACK[protocol]) for protocol in _protocols(draft)]
    address = _addresses.address(word)
    return [("inet" if address.version == 4 else "inet6", str(address))]


def _everywhere(draft: Draft) -> t.List[t.Tuple[str, str]]:
    """Return family and address of the listeners for every address.

    On Linux an IPv6 socket for all addresses takes IPv4 too, and a second one for IPv4 could not be opened (ipv6(7)).
    """
    protocols = _protocols(draft)
    if "bindv6only" in draft.host.capabilities.features:
        return [(FAMILIES[protocol], "") for protocol in protocols]
    if protocols == ("ipv6",):
        nearest = "the IPv6 addresses one by one in policy.identity.listen, or net.ipv6.bindv6only = 1"
        raise unsupported("policy.identity.protocols", list(protocols), nearest)
    return [("inet6" if "ipv6" in protocols else "inet", "")]


def _protocols(draft: Draft) -> t.Tuple[str, ...]:
    """Return the IP versions of the policy; without a word there, those that the host has."""
    protocols = draft.policy.identity.protocols
    if protocols:
        return tuple(protocols)
    return ("ipv4", "ipv6") if "ipv6" in draft.host.capabilities.features else ("ipv4",)


def _listener_text(number: int, listener: Listener) -> str:
    # A: no AUTH, which Debian would offer in clear text. The default backlog of 10 loses SYNs under load.
    address = f", Addr={listener.address}" if listener.address else ""
    return f"Name=MTA-{number}, Family={listener.family}{address}, Port={listener.port}, Listen=256, M=A"


def _send_from(draft: Draft) -> None:
    addresses: t.Dict[str, str] = {}
    for text in draft.policy.identity.send_from or ():
        family = "inet" if _addresses.address(text).version == 4 else "inet6"
        if family in addresses:
            why = f"expected one address for each IP version; {addresses[family]} is the other one"
            raise OptionError("policy.identity.send_from", text, why)
        addresses[family] = text
    addresses.update(_unreachable_sources(draft, addresses))
    for family, address in sorted(addresses.items()):
        draft.statement("client_options", "CLIENT_OPTIONS", f"Family={family}, Addr={address}")


def _unreachable_sources(draft: Draft, addresses: t.Mapping[str, str]) -> t.Dict[str, str]:
    """Return a source that reaches nobody for each IP version that the policy leaves out.

    sendmail has no other way to say it: it looks up and tries IPv6 addresses first, wherever the host has IPv6.
    """
    identity = draft.policy.identity
    protocols = identity.send_protocols or identity.protocols
    if not protocols or "ipv6" not in draft.host.capabilities.features:
        return {}
    left_out = [family for protocol, family in FAMILIES.items() if protocol not in protocols]
    for family in left_out:
        if family in addresses:
            why = f"policy.identity.{'send_' if identity.send_protocols else ''}protocols leaves its IP version out"
            draft.notes.append(f"policy.identity.send_from: {addresses[family]} is not used: {why}")
    return {family: NO_SOURCE[family] for family in left_out}


# --- relay --------------------------------------------------------------------------------------------------------


def _relay(draft: Draft) -> None:
    """Put networks that may relay into class R, served domains into the access map.

    Class R counts for the names of clients too: a served domain in it would let every host relay whose name is below it.
    A C(To:) entry of the access map speaks of recipients only.
    """
    relay = draft.policy.relay
    if relay.subdomains is False:
        draft.feature("relay_hosts_only")
    if relay.networks is None and relay.domains is None:
        return
    draft.files["relay-domains"] = word_list(*_trusted_keys(draft))
    draft.access.extend((f"To:{domain}", "RELAY") for domain in relay.domains or ())
    _note_unmanaged_relaying(draft)


def _trusted_keys(draft: Draft) -> t.Tuple[str, ...]:
    """Return the keys that stand for the networks that may relay, each once."""
    networks = draft.policy.relay.networks or ()
    return tuple(dict.fromkeys(key for network in networks for key in keys_of("policy.relay.networks", network)))


def _note_unmanaged_relaying(draft: Draft) -> None:
    for dummy, key, value in map_entries(text_of(draft.current("access"))):
        if value.upper() == "RELAY" and key.lower() not in _LOCAL_CLIENTS:
            draft.notes.append(f"access: the unmanaged line {key} RELAY lets mail through besides the policy")


# --- session --------------------------------------------------------------------------------------------------------


def _session(draft: Draft) -> None:
    session = draft.policy.session
    _privacy(draft)
    if session.vrfy is False:
        draft.ruleset(ruleset_texts.VRFY_OFF)
    if session.helo_checks:
        draft.feature("block_bad_helo")
    _sender_checks(draft)
    if session.special_addresses is False:
        draft.ruleset(ruleset_texts.TRUSTED)
        draft.rcpt_check(ruleset_texts.SPECIAL)
    if session.require_ptr:
        draft.ruleset(ruleset_texts.TRUSTED)
        draft.rcpt_check(ruleset_texts.PTR_REQUIRED)
    if session.smtputf8 and "eai" not in draft.host.capabilities.features:
        draft.cannot("policy.session.smtputf8", True, "nothing, this build has no SMTPUTF8")
    draft.define("confOPERATORS", session.operator_characters)
    if session.missing_headers == "leave":
        draft.cannot("policy.session.missing_headers", "leave", "add: sendmail always adds them")
    _line_discipline(draft)
    _nul(draft)
    _greeting_delay(draft)


def _sender_checks(draft: Draft) -> None:
    """Ask of strangers alone what sendmail itself asks of the clients that may relay too, whose internal names DNS does not know."""
    exists = draft.policy.session.sender_domain_exists
    if exists is not None:
        draft.feature("accept_unresolvable_domains")
    if exists:
        draft.ruleset(ruleset_texts.TRUSTED)
        draft.ruleset(ruleset_texts.SENDER_CHECKED)
        draft.statements.append(mc.Raw("maps", ruleset_texts.SENDER_MAPS))
        # With a wildcard in the host's own domain, the resolver's search list would find every domain that does not exist.
        draft.define("confBIND_OPTS", "+WorkAroundBrokenAAAA -DNSRCH -DEFNAMES")
    elif exists is False:
        draft.ruleset(ruleset_texts.TRUSTED)
        draft.ruleset(ruleset_texts.SENDER_QUALIFIED)
        draft.statements.append(mc.Raw("maps", ruleset_texts.QUALIFIED_MAPS))


def _privacy(draft: Draft) -> None:
    session = draft.policy.session
    if session.helo_required is None and session.expn is None and session.etrn is None:
        return
    flags = ["authwarnings", "noverb", "noreceipts", "nobodyreturn", "restrictmailq", "restrictqrun", "restrictexpand"]
    if session.helo_required:
        flags.append("needmailhelo")
    if session.expn is False:
        flags.append("noexpn")
    if session.etrn is False:
        flags.append("noetrn")
    draft.define("confPRIVACY_FLAGS", ",".join(flags))


def _line_discipline(draft: Draft) -> None:
    """Set the service features of sendmail 8.18, which Debian's 8.17 has too."""
    session = draft.policy.session
    if "line_discipline" not in draft.host.capabilities.features:
        if session.bare_newline == "reject":
            nearest = "sendmail 8.18 or a distribution's update for CVE-2023-51765"
            draft.cannot("policy.session.bare_newline", "reject", nearest)
        return
    for network in session.bare_newline_exceptions or ():
        keys = keys_of("policy.session.bare_newline_exceptions", network)
        draft.access.extend((f"Srv_Features:{key}", " ".join(_BARE_NEWLINE["accept"])) for key in keys)
    letters = list(_BARE_NEWLINE[session.bare_newline])
    if session.pipelining_checks is False:
        letters.append("F")
    if letters:
        draft.access.append(("Srv_Features:", " ".join(letters)))
    if "g2" in letters:
        draft.notes.append("policy.session.bare_newline: sendmail puts a blank where a bare LF or CR was")


def _nul(draft: Draft) -> None:
    nul = draft.policy.session.nul
    if nul is None:
        return
    if "reject_nul" in draft.host.capabilities.features:
        draft.define("confREJECT_NUL", nul == "reject")
    elif nul == "reject":
        draft.cannot("policy.session.nul", "reject", "accept")


def _greeting_delay(draft: Draft) -> None:
    session = draft.policy.session
    if session.greeting_delay is None and not session.greeting_delays:
        return
    draft.feature("greet_pause", str((session.greeting_delay or 0) * 1000))
    delays: t.Dict[str, int] = {}
    if session.greeting_delay:
        # The host's own submissions come through loopback and need no patience.
        delays.update((key, 0) for key in _OWN_ADDRESSES)
    for network in _by_size(session.greeting_delays):
        # A network becomes several keys. Where two share one, the smaller network counts, as the longest prefix does on Postfix.
        delays.update((key, network.delay) for key in network.keys)
    draft.access.extend((f"GreetPause:{key}", str(delay * 1000)) for key, delay in delays.items())


class _DelayedNetwork(t.NamedTuple):
    """Clients that wait for the greeting, as keys of the access map."""

    prefix_length: int
    keys: t.Tuple[str, ...]
    delay: int


def _by_size(clients: t.Iterable[Policy]) -> t.List[_DelayedNetwork]:
    """Return the networks of greeting_delays, the largest first.

    :raises OptionError: a network stands there twice.
    """
    delayed: t.Dict[str, _DelayedNetwork] = {}
    for number, client in enumerate(clients):
        option = f"policy.session.greeting_delays[{number}].network"
        if client.network in delayed:
            raise OptionError(option, client.network, "the network has another delay already")
        prefix_length = _addresses.network(client.network).prefixlen
        delayed[client.network] = _DelayedNetwork(prefix_length, keys_of(option, client.network), client.delay)
    return sorted(delayed.values(), key=lambda network: network.prefix_length)


# --- limits, timeouts, load, queue, log -----------------------------------------------------------------------------


def _limits(draft: Draft) -> None:
    limits = draft.policy.limits
    for option, name in LIMITS.items():
        draft.define(name, getattr(limits, option))
    if limits.free_space is not None:
        size = discover.block_size((draft.host.instance.queue_directories or ("/",))[0])
        # Rounded up to whole blocks.
        draft.define("confMIN_FREE_BLOCKS", -(-limits.free_space // size))
    for option in ("message_rate", "recipient_rate"):
        value = getattr(limits, option)
        if value:
            draft.cannot(f"policy.limits.{option}", value, "policy.limits.connection_rate")
    if limits.destination_concurrency is not None:
        nearest = "policy.queue.run_interval: each run delivers in a few processes, each to one destination at a time"
        draft.cannot("policy.limits.destination_concurrency", limits.destination_concurrency, nearest)
    trusted_limits.apply(draft, _trusted_keys(draft))


def _timeouts(draft: Draft) -> None:
    for option, names in TIMEOUTS.items():
        for name in names:
            draft.define_time(name, getattr(draft.policy.timeouts, option))


def _load(draft: Draft) -> None:
    load = draft.policy.load
    draft.define("confDELAY_LA", load.delay)
    draft.define("confREFUSE_LA", load.refuse)
    if load.queue is not None:
        draft.define("confQUEUE_LA", load.queue or NO_QUEUE_LA)
        # QueueLA alone spares all but huge messages; with this factor it queues at the load that it names.
        draft.define("confQUEUE_FACTOR", 1)


def _queue(draft: Draft) -> None:
    queue = draft.policy.queue
    for option, name in QUEUE.items():
        draft.define_time(name, getattr(queue, option))
    if queue.run_interval is None:
        return
    interval = duration_text(queue.run_interval)
    if not draft.host.instance.primary:
        draft.files[units.ENVIRONMENT] = File(units.environment(interval))
    elif draft.current("sendmail.conf") is None:
        nearest = "the option -q of the daemon, which the distribution's service file sets"
        draft.cannot("policy.queue.run_interval", interval, nearest)


def _notices(draft: Draft) -> None:
    notices = draft.policy.notices
    draft.define("confDOUBLE_BOUNCE_ADDRESS", notices.double_bounces)
    draft.define("confCOPY_ERRORS_TO", notices.copies_to)
    if notices.mime is not None:
        draft.define("confMIME_FORMAT_ERRORS", "True" if notices.mime else "False")
    if notices.delays_to is not None:
        draft.cannot("policy.notices.delays_to", notices.delays_to, "policy.notices.copies_to, for what is returned")


def _log(draft: Draft) -> None:
    log = draft.policy.log
    if log.level is not None:
        draft.define("confLOG_LEVEL", LOG_LEVELS[log.level])
    if log.tls is False:
        draft.cannot("policy.log.tls", False, "policy.log.level; a line for each TLS session is always written")


def _aliases(draft: Draft) -> None:
    aliases = draft.policy.aliases
    if aliases:
        draft.files[tables.ALIASES] = File(tables.aliases_text(aliases))
        draft.define("ALIAS_FILE", f"{draft.path(tables.ALIASES)},{draft.aliases}")


# --- TLS ------------------------------------------------------------------------------------------------------------


def _tls(draft: Draft) -> None:
    server, client = draft.policy.tls.server, draft.policy.tls.client
    level = server_level(draft.policy)
    _check_certificate(server, level)
    offered = level != "none" or client.level not in (None, "none")
    if offered and "tls" not in draft.host.capabilities.features:
        draft.cannot("policy.tls", level, "nothing, this build has no STARTTLS")
        return
    if level != "none":
        _tls_server(draft)
    if level == "encrypt":
        draft.mail_check(ruleset_texts.STARTTLS_DEMANDED)
    _tls_client(draft)
    _tls_common(draft)
    for number, demand in enumerate(draft.policy.tls.domains or ()):
        _tls_domain(draft, f"policy.tls.domains[{number}]", demand)


def _check_certificate(server: Policy, level: str) -> None:
    if level != "none" and not (server.certificate and server.key):
        why = "policy.tls.server.certificate and policy.tls.server.key are needed"
        raise OptionError("policy.tls.server.level", level, why)


def _tls_server(draft: Draft) -> None:
    server = draft.policy.tls.server
    draft.define("confSERVER_CERT", server.certificate)
    draft.define("confSERVER_KEY", server.key)
    # V: ask for no client certificate; some clients answer that by hanging up.
    draft.define("confTLS_SRV_OPTIONS", "V")


def _tls_client(draft: Draft) -> None:
    client = draft.policy.tls.client
    draft.define("confCLIENT_CERT", client.certificate)
    draft.define("confCLIENT_KEY", client.key)
    if client.minimum:
        draft.define("confCLIENT_SSL_OPTIONS", _PROTOCOL_OPTIONS[client.minimum])
    if client.level == "none":
        draft.access.append(("Try_TLS:", "NO"))
    elif client.level == "encrypt":
        draft.access.append(("TLS_Srv:", _ENCRYPTED))
    elif client.level == "dane":
        if "dane" not in draft.host.capabilities.features:
            draft.cannot("policy.tls.client.level", "dane", "encrypt, this build has no DANE")
        draft.define("confDANE", True)
    if client.level in ("may", "dane") and draft.host.capabilities.version >= (8, 16):
        draft.define("confTLS_FALLBACK_TO_CLEAR", "true")


def _tls_common(draft: Draft) -> None:
    """Set what sendmail has once for both directions; without all of it STARTTLS silently disappears."""
    server, client = draft.policy.tls.server, draft.policy.tls.client
    if server.minimum:
        draft.define("confSERVER_SSL_OPTIONS", _PROTOCOL_OPTIONS[server.minimum] + _SERVER_OPTIONS)
    if server_level(draft.policy) == "none" and client.level in (None, "none"):
        return
    _authorities(draft)
    if server.ciphers and client.ciphers and server.ciphers != client.ciphers:
        draft.cannot("policy.tls.client.ciphers", client.ciphers, "the same list as policy.tls.server.ciphers")
    draft.define("confCIPHER_LIST", server.ciphers or client.ciphers)


def _authorities(draft: Draft) -> None:
    """Set the certificate authorities: the policy's, the system's, or for want of both our own certificate."""
    own, configured = draft.policy.tls.server.certificate, draft.policy.tls.client.ca_file
    store = discover.trust_store()
    if store:
        file, directory = store
        draft.define("confCACERT", configured or file)
        draft.define("confCACERT_PATH", directory)
    elif configured or own:
        draft.define("confCACERT", configured or own)
        draft.define("confCACERT_PATH", (configured or own).rpartition("/")[0] or "/")


def _tls_domain(draft: Draft, option: str, demand: Policy) -> None:
    """Add the lines of a domain: TLS_Rcpt is looked up by the recipient's domain, TLS_Srv and Try_TLS by the server's name."""
    if demand.minimum:
        raise unsupported(f"{option}.minimum", demand.minimum, "policy.tls.client.minimum, for all domains")
    if demand.level == "none":
        draft.access.append((f"Try_TLS:{demand.domain}", "NO"))
        draft.notes.append(
            f"{option}: sendmail decides by the name of the server, not by the recipient's domain, where it tries no TLS"
        )
    elif demand.level == "may":
        draft.access.append((f"Try_TLS:{demand.domain}", "YES"))
        draft.access.append((f"TLS_Srv:{demand.domain}", "OK"))
    else:
        value = _VERIFIED if demand.level == "verify" else _ENCRYPTED
        draft.access.append((f"TLS_Rcpt:{demand.domain}", value))
        draft.access.append((f"TLS_Srv:{demand.domain}", value))
