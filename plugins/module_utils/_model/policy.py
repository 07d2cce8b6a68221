# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The relay policy: its options, its baseline, and how what the user wrote becomes a record.

The table SECTIONS is the one place where an option stands: Ansible's argument spec, the parsing, the baseline and
the documentation of the modules all come from it. What an option becomes in main.cf or sendmail.mc stands in the
drivers' C(render.py).

Private to the collection: it can change at any time.
"""

import typing as t

from .._addresses import domain, hostname
from .._errors import OptionError
from .kinds import (
    ADDRESS_OR_DOMAIN,
    ADDRESSES,
    BOOLEAN,
    CIPHERS,
    DOMAIN,
    DURATION,
    HOSTNAME,
    NEXT_HOP,
    NOTIFIED,
    OPERATORS,
    PATH,
    ROUTE_ADDRESS,
    ROUTE_TEXT,
    SIZE,
    TEXT,
    Kind,
    Option,
    address_or_domain,
    alias_name,
    alias_target,
    any_address,
    any_network,
    argument_spec,
    choice,
    count,
    each,
    fingerprint,
    listener,
    mapping,
    next_hop,
    parse_option,
    records,
    section,
    table_name,
    user_name,
)
from .policy_record import Policy, server_level

#: ECDHE and DHE with AEAD only: the "intermediate" profile (RFC 9325 section 4.2).
INTERMEDIATE_CIPHERS = ":".join(
    (
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-RSA-CHACHA20-POLY1305",
        "DHE-RSA-AES128-GCM-SHA256",
        "DHE-RSA-AES256-GCM-SHA384",
    )
)

#: RFC 2142: mail to these names must reach a person.
ROLE_ALIASES = {"postmaster": "root", "abuse": "postmaster", "mailer-daemon": "postmaster"}

_WHERE = (
    Option("mx", BOOLEAN, "Look the MX records of the next hop up; without it the host itself is connected to."),
    Option("host", NEXT_HOP, "The next hop, a name or an address; without one, the domain's own MX."),
    Option(
        "hosts",
        each(next_hop),
        "Several next hops in the place of one: each is tried when those before it do not answer.",
    ),
    Option("port", count(1, 65535), "The port of the next hop."),
    Option("esmtp", BOOLEAN, "With V(false) say HELO and no extension of SMTP: no TLS, no SIZE, no 8BITMIME."),
    Option("protocols", each(str, ("ipv4", "ipv6")), "IP versions of these connections; Postfix only."),
    Option(
        "send_from", each(any_address), "Source addresses of these connections, one for each IP version; Postfix only."
    ),
    Option(
        "action",
        choice("reject", "discard", "hold"),
        "In the place of a next hop: refuse such recipients, take their mail and drop it, or keep it in the queue untried. "
        "The other recipients of a message are not concerned.",
    ),
    Option("text", ROUTE_TEXT, "The words of the refusal, for the action V(reject)."),
)
_DOMAIN_ROUTE = (
    Option("domain", DOMAIN, "The recipient domain."),
    Option("subdomains", BOOLEAN, "Take the domain's subdomains as well."),
) + _WHERE
_ADDRESS_ROUTE = (Option("address", ROUTE_ADDRESS, "The recipient's address."),) + _WHERE
_SENDER_ROUTE = (
    Option("sender", ADDRESS_OR_DOMAIN, "The envelope sender: an address, or a domain for all addresses in it."),
) + _WHERE
_RELAY_CLIENT = (
    Option("networks", each(any_network), "Clients by their address."),
    Option(
        "names",
        each(hostname),
        "Clients by their name: DNS must give the name for the address, and the address for the name.",
    ),
    Option(
        "certificates",
        each(fingerprint),
        "Clients by the SHA-256 fingerprint of the certificate that they show in the TLS session.",
    ),
    Option(
        "senders",
        each(address_or_domain),
        "Envelope senders, addresses or whole domains. These clients may then send anywhere with one of these only.",
    ),
    Option(
        "forgeable",
        BOOLEAN,
        "With V(true) the senders may stand alone. Anybody can write any sender, so this lets strangers relay.",
    ),
)
_TRUSTED = (
    Option("connections", count(1, 1000000), "New connections of one such client per minute."),
    Option("messages", count(1, 1000000), "Messages of one such client per minute; Postfix only."),
    Option("recipients", count(1, 1000000), "Recipients of one such client per minute; Postfix only."),
    Option("exempt", each(any_network), "Clients that no limit holds for, wherever they are."),
)
_RECIPIENT_DOMAIN = (
    Option("domain", DOMAIN, "A domain of O(policy.relay.domains). One without a row here takes every recipient."),
    Option(
        "users",
        each(user_name),
        "What stands before the @ in each address that exists; without it the addresses in the tables.",
    ),
)
_TLS_DOMAIN = (
    Option("domain", DOMAIN, "The recipient domain, or the next hop where one is set."),
    Option("level", choice("none", "may", "encrypt", "verify"), "What is demanded of the connection to it."),
    Option("minimum", choice("TLSv1.2", "TLSv1.3"), "The oldest protocol for it."),
)
_GREETING_CLIENT = (
    Option("network", Kind({"type": "str"}, any_network), "The clients."),
    Option("delay", DURATION, "How long they wait for the greeting; 0s exempts them."),
)
_REWRITTEN = (
    Option("match", ADDRESSES, "An address, or a domain for all its addresses."),
    Option("to", ADDRESSES, "The address that takes its place, or the domain; the part before the C(@) then stays."),
)
_DOMAIN_ALIAS = (
    Option("domain", DOMAIN, "The domain as it comes."),
    Option("to", DOMAIN, "The domain that takes its place."),
)

SECTIONS: t.Tuple[Option, ...] = (
    Option("identity", section((
        Option("hostname", HOSTNAME, "The relay's own name, in the greeting, in EHLO and in Received headers."),
        Option("banner", TEXT, "Words after C(hostname ESMTP) in the greeting; say no product and no version.", ""),
        Option("listen", each(listener), "Addresses to listen on, or V(all), or V(loopback).", ["all"]),
        Option("port", count(1, 65535), "The port to listen on.", 25),
        Option("protocols", each(str, ("ipv4", "ipv6")), "IP versions; without it those that the host has."),
        Option("send_from", each(any_address), "Source addresses of outgoing connections, one for each IP version."),
        Option("send_protocols", each(str, ("ipv4", "ipv6")), "IP versions of outgoing connections; without it those of O(policy.identity.protocols)."),
        Option("local_domains", each(domain), "Domains whose mail is delivered here, besides the host name.", []),
    )), "Who this relay is."),
    Option("relay", section((
        Option("networks", each(any_network), "Clients that may send anywhere, besides the host itself.", []),
        Option("clients", records(_RELAY_CLIENT, ()), "Other clients that may send anywhere. In all else they stay strangers: no limit or check is lifted."),
        Option("domains", each(domain), "Domains that everybody may send to through this relay.", []),
        Option("subdomains", BOOLEAN, "Let O(policy.relay.domains) stand for their subdomains as well.", False),
    )), "Who may relay; everything else is refused."),
    Option("routes", section((
        Option("default", section(_WHERE), "Where mail goes that no other route takes; without it, where DNS says."),
        Option("domains", records(_DOMAIN_ROUTE, ("domain",)), "Routes by recipient domain."),
        Option("addresses", records(_ADDRESS_ROUTE, ("address",)), "Routes of single recipients; they come before those of domains."),
        Option("senders", records(_SENDER_ROUTE, ("sender",)), "Routes by envelope sender, for recipients that no route by recipient takes."),
    )), "Where mail goes."),
    Option("recipients", section((
        Option("domains", records(_RECIPIENT_DOMAIN, ("domain",)), "Domains whose recipients are known; others get 550 5.1.1. The postmaster always exists."),
        Option("tables", each(table_name), "Lookup tables with more such addresses as keys, of the module M(postmaster.mta.table)."),
    )), "Which recipients exist in the domains that are relayed."),
    Option("rewrite", section((
        Option("senders", records(_REWRITTEN, ("match", "to")), "Senders that get another address; recipients stay."),
        Option("recipients", records(_REWRITTEN, ("match", "to")), "Recipients that get another address; senders stay."),
        Option("domains", records(_DOMAIN_ALIAS, ("domain", "to")), "Domains that get another name, and are served where that is."),
        Option("masquerade", section((
            Option("domains", each(domain), "Senders below one of these domains get the domain itself."),
            Option("except", each(alias_name), "The parts before the C(@) of senders that stay as they are."),
        )), "Senders that hide the name of their host."),
        Option("headers", BOOLEAN, "Rewrite the headers of the message as well; without it yes. Else the envelope alone."),
    )), "Other addresses for senders and recipients, in all mail that passes, whoever sends it."),
    Option("session", section((
        Option("helo_required", BOOLEAN, "Refuse MAIL before HELO or EHLO.", True),
        Option("helo_checks", BOOLEAN, "Refuse strangers whose HELO name is no name or is the relay's own.", True),
        Option("vrfy", BOOLEAN, "Answer VRFY.", False),
        Option("expn", BOOLEAN, "Answer EXPN.", False),
        Option("etrn", BOOLEAN, "Let strangers start queue runs with ETRN.", False),
        Option("pipelining_checks", BOOLEAN, "Refuse clients that talk before it is their turn.", True),
        Option("bare_newline", choice("reject", "normalize", "accept"), "Lines that end in a bare LF or CR, the door of SMTP smuggling.", "reject"),
        Option("bare_newline_exceptions", each(any_network), "Clients whose bare newlines are taken, for printers and scripts of the house."),
        Option("missing_headers", choice("add", "leave"), "What happens to a message without Date, Message-Id or From.", "add"),
        Option("operator_characters", OPERATORS, "Characters at which an address is parted; sendmail only."),
        Option("nul", choice("reject", "accept"), "Messages with NUL bytes.", "reject"),
        Option("sender_domain_exists", BOOLEAN, "Refuse envelope senders whose domain has neither MX nor address record.", True),
        Option("require_ptr", BOOLEAN, "Refuse strangers whose address has no name in DNS."),
        Option("special_addresses", BOOLEAN, "With V(false) refuse recipients with routing in them from strangers: bang paths and the percent hack."),
        Option("smtputf8", BOOLEAN, "Offer SMTPUTF8 (RFC 6531). Blocks written in A-labels do not see U-labels.", False),
        Option("greeting_delay", DURATION, "How long every client waits for the greeting; who talks earlier is refused.", "0s"),
        Option("greeting_delays", records(_GREETING_CLIENT, ("network", "delay")), "Other delays for some clients."),
    )), "Discipline in the SMTP session."),
    Option("limits", section((
        Option("message_size", SIZE, "The largest message; V(0) is no limit.", "25M"),
        Option("recipients_per_message", count(100, 100000), "Recipients per message; RFC 5321 4.5.3.1.8 demands 100.", 100),
        Option("header_size", SIZE, "The largest message header.", "100k"),
        Option("hops", count(5, 1000), "Received headers after which a message is a loop.", 30),
        Option("connections_per_client", count(0, 100000), "Simultaneous connections of one client; V(0) is no limit.", 20),
        Option("connection_rate", count(0, 1000000), "New connections of one client per minute; V(0) is no limit.", 120),
        Option("message_rate", count(0, 1000000), "Messages of one client per minute; V(0) is no limit."),
        Option("recipient_rate", count(0, 1000000), "Recipients of one client per minute; V(0) is no limit."),
        Option("processes", count(1, 100000), "Simultaneous SMTP server processes.", 100),
        Option("destination_concurrency", count(1, 1000), "Simultaneous connections to one destination; Postfix only."),
        Option("trusted", section(_TRUSTED), "Limits of clients of O(policy.relay.networks). Postfix counts them and strangers alike."),
        Option("free_space", SIZE, "Free space of the queue's file system below which mail is deferred.", "100M"),
    )), "Limits. Clients of O(policy.relay.networks) are exempt from the per-client ones, except for O(policy.limits.trusted)."),
    Option("timeouts", section((
        Option("connect", DURATION, "TCP connection to the next hop.", "30s"),
        Option("greeting", DURATION, "The next hop's greeting.", "60s"),
        Option("helo", DURATION, "The answer to EHLO or HELO.", "60s"),
        Option("mail", DURATION, "The answer to MAIL.", "60s"),
        Option("rcpt", DURATION, "The answer to RCPT.", "60s"),
        Option("data_init", DURATION, "The answer to DATA.", "120s"),
        Option("data_block", DURATION, "Sending one piece of the message.", "180s"),
        Option("data_final", DURATION, "The answer to the final dot; below 10m it makes duplicates (RFC 5321 4.5.3.2.6).", "600s"),
        Option("rset", DURATION, "The answer to RSET.", "20s"),
        Option("quit", DURATION, "The answer to QUIT.", "60s"),
        Option("misc", DURATION, "The answer to other commands. Postfix sends one, XFORWARD, where its natives say so."),
        Option("starttls", DURATION, "The TLS handshake.", "60s"),
        Option("command", DURATION, "How long the server waits for a client's next command.", "300s"),
        Option("ident", DURATION, "How long to ask the client's ident service; V(0s) is never.", "0s"),
    )), "Timeouts of the SMTP client, and of the server where it says so (RFC 5321 4.5.3.2)."),
    Option("load", section((
        Option("delay", count(0, 10000), "Load average from which a client waits a second: at each command of sendmail, at the greeting of Postfix."),
        Option("queue", count(0, 10000), "Load average from which mail is only queued."),
        Option("refuse", count(0, 10000), "Load average from which connections are refused; Postfix says so with 421, and not to loopback."),
    )), "Load thresholds; V(0) is off."),
    Option("tls", section((
        Option("server", section((
            Option("level", choice("none", "may", "encrypt"), "Whether STARTTLS is offered or demanded."),
            Option("certificate", PATH, "The certificate chain, PEM."),
            Option("key", PATH, "Its private key, PEM, readable by root only."),
            Option("minimum", choice("TLSv1.2", "TLSv1.3"), "The oldest protocol.", "TLSv1.2"),
            Option("ciphers", CIPHERS, "Ciphers for TLS 1.2, as OpenSSL lists them.", INTERMEDIATE_CIPHERS),
        )), "TLS as a server; O(policy.tls.server.level) is V(may) where a certificate is given, else V(none)."),
        Option("client", section((
            Option("level", choice("none", "may", "encrypt", "dane"), "What is demanded of other servers.", "may"),
            Option("certificate", PATH, "A client certificate, PEM."),
            Option("key", PATH, "Its private key, PEM."),
            Option("ca_file", PATH, "Trusted certificate authorities, PEM. Without it the system's."),
            Option("minimum", choice("TLSv1.2", "TLSv1.3"), "The oldest protocol.", "TLSv1.2"),
            Option("ciphers", CIPHERS, "Ciphers for TLS 1.2, as OpenSSL lists them.", INTERMEDIATE_CIPHERS),
        )), "TLS as a client."),
        Option("domains", records(_TLS_DOMAIN, ("domain", "level")), "Other demands for some domains."),
    )), "TLS."),
    Option("aliases", mapping(alias_name, alias_target), "Local names to where their mail goes; they come before the system's aliases.", ROLE_ALIASES),
    Option("queue", section((
        Option("lifetime", DURATION, "After this a message is returned to its sender.", "5d"),
        Option("bounce_lifetime", DURATION, "After this a bounce that nobody takes is thrown away.", "1d"),
        Option("warning_time", DURATION, "After this the sender is told that the message is late; V(0s) is never.", "4h"),
        Option("retry_minimum", DURATION, "The shortest time between two attempts.", "5m"),
        Option("retry_maximum", DURATION, "The longest time between two attempts."),
        Option("run_interval", DURATION, "How often the queue is scanned.", "5m"),
    )), "How long mail is kept and how often it is tried."),
    Option("notices", section((
        Option("double_bounces", NOTIFIED, "Who gets a bounce that its recipient does not take.", "postmaster"),
        Option("copies_to", NOTIFIED, "Who gets a copy of the header of each message that is returned."),
        Option("delays_to", NOTIFIED, "Who gets a copy of the header of each message whose sender is told that it is late; Postfix only."),
        Option("mime", BOOLEAN, "Write bounces in MIME format, with a part for programs.", True),
    )), "Who hears of mail that could not be delivered, besides its sender."),
    Option("log", section((
        Option("tls", BOOLEAN, "A summary line for each TLS session.", True),
        Option("level", choice("normal", "verbose"), "How much is logged for each message.", "normal"),
    )), "Logging."),
)  # fmt: skip

ARGUMENT_SPEC: t.Dict[str, t.Any] = argument_spec(SECTIONS)


def parse(params: t.Optional[t.Mapping[str, t.Any]], baseline: str = "hardened") -> Policy:
    """Return what the user wrote, filled up from the baseline.

    :param params: the module's I(policy) option as Ansible hands it over.
    :param baseline: C(hardened) fills what is not given; C(none) leaves that to the MTA.
    :raises OptionError: naming the option by its dotted path.
    """
    given: t.List[str] = []
    policy = _parse_section("policy", SECTIONS, params or {}, baseline == "hardened", given)
    return Policy(policy._values, frozenset(given), baseline == "hardened")


def _parse_section(
    path: str, options: t.Sequence[Option], params: t.Mapping[str, t.Any], fill: bool, given: t.List[str]
) -> Policy:
    unknown = sorted(set(params) - {option.name for option in options})
    if unknown:
        raise OptionError(f"{path}.{unknown[0]}", params[unknown[0]], "there is no such option")
    return Policy({option.name: _parse_option(path, option, params, fill, given) for option in options})


def _parse_option(path: str, option: Option, params: t.Mapping[str, t.Any], fill: bool, given: t.List[str]) -> t.Any:
    here, inner = f"{path}.{option.name}", option.kind.options
    value = params.get(option.name)
    if inner and option.kind.spec["type"] == "dict":
        if not isinstance(value or {}, dict):
            raise OptionError(here, value, "expected a dictionary")
        return _parse_section(here, inner, value or {}, fill, given)
    if value is None:
        has_baseline = fill and option.baseline is not None
        return parse_option(here, option, option.baseline) if has_baseline else _unset(option)
    given.append(here)
    if not inner:
        return parse_option(here, option, value)
    return tuple(_parse_section(f"{here}[{number}]", inner, item, False, given) for number, item in enumerate(value))


def _unset(option: Option) -> t.Any:
    return () if option.kind.spec["type"] == "list" and option.kind.options else None


__all__ = ("ARGUMENT_SPEC", "SECTIONS", "Policy", "parse", "server_level")
