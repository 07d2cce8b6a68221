# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each option of the policy, section by section, as parameters and tables of Postfix.

Private to the collection: it can change at any time.
"""

import ipaddress
import os
import typing as t

from .._errors import OptionError
from .._model.host import compiled_names
from .._model.policy_record import Policy
from .._model.policy_routes import hosts
from .._model.rewriting import LOCAL, RELAYED, implied_domains, rules_of
from . import clients, load, recipients, rewriting, routes
from . import reply_tables as commands
from .composition import in_order
from .draft import Draft, duration_text, is_ours
from .parameters import in_brackets, split_list
from .restrictions import elements, join, merge

LOOPBACK = ("127.0.0.0/8", "[::1]/128")
_LARGEST_MAILBOX = 51200000  # the default of mailbox_size_limit, below which message_size_limit has to stay
_BACKOFF = 4000  # seconds: the default of maximal_backoff_time

#: Parameters of which each names a certificate of the server.
_CERTIFICATES = ("smtpd_tls_cert_file", "smtpd_tls_chain_files", "smtpd_tls_eccert_file")
#: main.cf name of each timeout that is one parameter.
TIMEOUTS = {
    "connect": "smtp_connect_timeout",
    "mail": "smtp_mail_timeout",
    "rcpt": "smtp_rcpt_timeout",
    "data_init": "smtp_data_init_timeout",
    "data_block": "smtp_data_xfer_timeout",
    "data_final": "smtp_data_done_timeout",
    "rset": "smtp_rset_timeout",
    "misc": "smtp_xforward_timeout",
    "quit": "smtp_quit_timeout",
    "starttls": "smtp_starttls_timeout",
}
#: main.cf name of each limit that is one number.
LIMITS = {
    "message_size": "message_size_limit",
    "recipients_per_message": "smtpd_recipient_limit",
    "header_size": "header_size_limit",
    "hops": "hopcount_limit",
    "connections_per_client": "smtpd_client_connection_count_limit",
    "connection_rate": "smtpd_client_connection_rate_limit",
    "message_rate": "smtpd_client_message_rate_limit",
    "recipient_rate": "smtpd_client_recipient_rate_limit",
    "free_space": "queue_minfree",
}
#: main.cf name of each time of the queue.
QUEUE = {
    "lifetime": "maximal_queue_lifetime",
    "bounce_lifetime": "bounce_queue_lifetime",
    "warning_time": "delay_warning_time",
    "retry_minimum": "minimal_backoff_time",
    "retry_maximum": "maximal_backoff_time",
    "run_interval": "queue_run_delay",
}
CONCURRENCY = "default_destination_concurrency_limit"
_INITIAL_CONCURRENCY = 5  # the default of initial_destination_concurrency
#: Class of notices to the option that switches it on, and the parameter with the address.
NOTICES = {
    "2bounce": ("double_bounces", "2bounce_notice_recipient"),
    "bounce": ("copies_to", "bounce_notice_recipient"),
    "delay": ("delays_to", "delay_notice_recipient"),
}
HELO_CHECKS = ("reject_invalid_helo_hostname", "reject_non_fqdn_helo_hostname")
PTR_CHECK = "reject_unknown_reverse_client_hostname"
#: Recipients with routing in them, for which only clients of the house are heard.
_SPECIAL = ("/!/ permit_mynetworks, reject", "/%.*@/ permit_mynetworks, reject")
#: Between these two stand only the tables of access rules with the action relay.
RELAY = ("permit_mynetworks", "reject_unauth_destination")
SUBDOMAINS = "parent_domain_matches_subdomains"


def apply(draft: Draft) -> None:
    """Put the whole policy into the draft."""
    for section in (
        _set_identity,
        _set_relay,
        routes.apply,
        recipients.apply,
        rewriting.apply,
        _set_session,
        _set_greeting_delays,
        _set_limits,
        _set_timeouts,
        load.apply,
        _set_tls,
        _set_aliases,
        _set_queue,
        _set_notices,
        _set_log,
    ):
        section(draft)


def _set_identity(draft: Draft) -> None:
    identity = draft.policy.identity
    draft.set("myhostname", identity.hostname)
    if identity.banner is not None:
        draft.set("smtpd_banner", f"$myhostname ESMTP {identity.banner}".rstrip())
    if identity.listen:
        draft.set("inet_interfaces", _interfaces(identity))
        if draft.policy.wants("policy.identity.listen"):
            # An instance that postmulti(1) created has its TCP services switched off until it is told where to listen.
            draft.remove("master_service_disable")
    if identity.protocols:
        draft.set("inet_protocols", "all" if len(identity.protocols) > 1 else identity.protocols[0])
    elif "ipv6" not in draft.capabilities.features:
        # Every Postfix program warns of it otherwise.
        draft.set("inet_protocols", "ipv4")
    _set_send_from(draft)
    _set_send_protocols(draft)
    if identity.local_domains is not None:
        _set_local_domains(draft, identity.local_domains)


def _set_local_domains(draft: Draft, domains: t.Sequence[str]) -> None:
    names = ["$myhostname", "localhost"]
    others = [name for name in domains if name not in (draft.policy.identity.hostname, "localhost")]
    others += implied_domains(draft.policy, rules_of(draft.policy), LOCAL)
    if others:
        names.append(draft.table("local_domains", [f"{name} local" for name in sorted(others)]))
    draft.set("mydestination", names)


def _interfaces(identity: Policy) -> t.Sequence[str]:
    if "all" in identity.listen:
        return ("all",)
    if identity.listen == ("loopback",):
        return ("loopback-only",)
    loopback = "::1" if identity.protocols == ("ipv6",) else "127.0.0.1"
    return tuple(dict.fromkeys(loopback if place == "loopback" else place for place in identity.listen))


def _set_send_from(draft: Draft) -> None:
    names = {4: "smtp_bind_address", 6: "smtp_bind_address6"}
    for address in draft.policy.identity.send_from or ():
        name = names.pop(ipaddress.ip_address(address).version, None)
        if name is None:
            raise OptionError(
                "policy.identity.send_from", address, "there must be at most one address for each IP version"
            )
        draft.set(name, address)


def _set_send_protocols(draft: Draft) -> None:
    """Set the IP versions of each SMTP client in master.cf: main.cf has one parameter for clients and servers."""
    wanted = draft.policy.identity.send_protocols
    if not wanted:
        return
    for key, service in routes.senders(draft.present_services).items():
        draft.services[key] = routes.connecting_by(service, wanted)


def _set_relay(draft: Draft) -> None:
    relay = draft.policy.relay
    if relay.networks is not None:
        others = [in_brackets(network) for network in relay.networks]
        draft.set("mynetworks", LOOPBACK + tuple(name for name in others if name not in LOOPBACK))
    if relay.domains is not None:
        _set_relay_domains(draft)
    if relay.subdomains is not None:
        draft.set(SUBDOMAINS, _parent_matches(draft, relay.subdomains))
    if relay.networks is not None or relay.domains is not None or relay.clients:
        _set_relay_restrictions(draft)


def _set_relay_domains(draft: Draft) -> None:
    _refuse_two_classes(draft.policy)
    domains = [*draft.policy.relay.domains, *implied_domains(draft.policy, rules_of(draft.policy), RELAYED)]
    if domains:
        draft.set("relay_domains", draft.table("relay_domains", [f"{name} relay" for name in sorted(domains)]))
    else:
        draft.set("relay_domains", "")


def _refuse_two_classes(policy: Policy) -> None:
    local = set(policy.identity.local_domains or ()) | {policy.identity.hostname, "localhost"}
    for name in policy.relay.domains:
        if name in local:
            raise OptionError(
                "policy.relay.domains", name, "the domain is delivered here, so it cannot be relayed as well"
            )


def _set_relay_restrictions(draft: Draft) -> None:
    name = "smtpd_relay_restrictions"
    first, last = RELAY
    current = elements(draft.live.get(name, ""))
    rules = tuple(element for element in current if _is_access_rule(element))
    wanted = (first,) + rules + clients.elements(draft) + (last,)
    if sorted(current) == sorted(wanted) and current[-1] == last:
        wanted = current
    gone = set(current) - set(wanted) - {"permit_sasl_authenticated", "defer_unauth_destination"}
    gone = {element for element in gone if not is_ours(element)}
    draft.notes += [f"{name}: {element!r} is gone: the policy alone decides who may relay" for element in sorted(gone)]
    draft.set(name, join(wanted))
    draft.set("smtpd_relay_before_recipient_restrictions", True)
    _set_recipient_restrictions(draft)


def _set_recipient_restrictions(draft: Draft) -> None:
    """Remove the relay control of the time before Postfix 2.10: it would refuse whom an access rule lets relay."""
    name = "smtpd_recipient_restrictions"
    current = elements(draft.live.get(name, ""))
    kept = [element for element in current if element not in ("reject_unauth_destination", "defer_unauth_destination")]
    if len(kept) < len(current):
        draft.notes.append(f"{name}: the relay control in it is gone, smtpd_relay_restrictions has it")
        draft.set(name, join(kept))


def _is_access_rule(element: str) -> bool:
    """Return whether an element is a table of the module access: its action relay is part of who may relay."""
    return element.startswith("check_client_access ") and ":$config_directory/access_relay" in element


def _parent_matches(draft: Draft, subdomains: bool) -> t.List[str]:
    """Return the built-in list with or without relay_domains, in the order of the built-in list."""
    others = [word for word in split_list(draft.builtin.get(SUBDOMAINS, "")) if word != "relay_domains"]
    return sorted(others + ["relay_domains"]) if subdomains else others


def _set_session(draft: Draft) -> None:
    session = draft.policy.session
    draft.set("smtpd_helo_required", session.helo_required)
    _set_helo_checks(draft)
    if session.vrfy is not None:
        draft.set("disable_vrfy_command", not session.vrfy)
    if session.expn:
        draft.cannot("policy.session.expn", True, "false: Postfix has no EXPN at all")
    if session.etrn is not None:
        draft.set("smtpd_etrn_restrictions", "" if session.etrn else "permit_mynetworks, reject")
    if session.pipelining_checks is not None:
        draft.set("smtpd_forbid_unauth_pipelining", session.pipelining_checks)
    _set_data_checks(draft)
    _set_bare_newline(draft)
    if session.missing_headers is not None:
        draft.set("always_add_missing_headers", session.missing_headers == "add")
    if session.operator_characters is not None:
        draft.cannot("policy.session.operator_characters", session.operator_characters, "main.recipient_delimiter")
    if session.nul is not None:
        draft.set("message_reject_characters", "\\0" if session.nul == "reject" else "")
    _set_sender_checks(draft)
    _set_client_checks(draft)
    _set_special_addresses(draft)
    draft.set("smtputf8_enable", session.smtputf8)


def _set_helo_checks(draft: Draft) -> None:
    """Set the HELO checks. The table refuses with sendmail's codes; smtpd's own two behind it see what a table cannot."""
    wanted = draft.policy.session.helo_checks
    name = "smtpd_helo_restrictions"
    ours: t.Tuple[str, ...] = ("permit_mynetworks",)
    if wanted:
        if "regexp" in draft.capabilities.table_types:
            names = commands.helo_names(draft.policy.identity.hostname)
            ours += (f"check_helo_access {draft.table('helo', names, 'regexp')}",)
        draft.set(name, join(merge(_elements_there(draft, name, ours), ours + HELO_CHECKS, ())))
    elif wanted is not None:
        draft.set(name, join(merge(_elements_there(draft, name), (), HELO_CHECKS)))


def _elements_there(draft: Draft, name: str, ours: t.Container[str] = ()) -> t.List[str]:
    """Return the elements of a live list, without tables of ours that the policy no longer has."""
    return [element for element in elements(draft.live.get(name, "")) if element in ours or not is_ours(element)]


def _set_data_checks(draft: Draft) -> None:
    """Set what is checked at DATA: no pipelining before it, and one recipient for a bounce."""
    checks = draft.policy.session.pipelining_checks
    name = "smtpd_data_restrictions"
    ours: t.Tuple[str, ...] = ("reject_unauth_pipelining",) if checks else ()
    ours += ("reject_multi_recipient_bounce",) if draft.policy.hardened else ()
    if checks is not None or draft.policy.hardened:
        unwanted = ("reject_unauth_pipelining",) if checks is False else ()
        draft.set(name, join(merge(_elements_there(draft, name), ours, unwanted)))


def _set_bare_newline(draft: Draft) -> None:
    """Set what happens to a bare newline. From 3.5.24, 3.6.14, 3.7.10 and 3.8.5 on Postfix knows all words, just before yes and no."""
    wanted = draft.policy.session.bare_newline
    if wanted is None:
        return
    words = {"reject": "reject", "normalize": "normalize", "accept": "no"}
    if not draft.knows("smtpd_forbid_bare_newline"):
        if wanted != "accept":
            draft.cannot("policy.session.bare_newline", wanted, "pipelining_checks")
        return
    if not draft.knows("smtpd_forbid_bare_newline_reject_code"):
        if wanted == "normalize":
            draft.cannot("policy.session.bare_newline", wanted, "reject")
        words = {"reject": "yes", "normalize": "yes", "accept": "no"}
    draft.set("smtpd_forbid_bare_newline", words[wanted])
    exceptions = [in_brackets(network) for network in draft.policy.session.bare_newline_exceptions or ()]
    if wanted != "accept" or exceptions:
        draft.set("smtpd_forbid_bare_newline_exclusions", exceptions)


def _set_sender_checks(draft: Draft) -> None:
    exists = draft.policy.session.sender_domain_exists
    name = "smtpd_sender_restrictions"
    ours: t.Tuple[str, ...] = ("reject_non_fqdn_sender",) if draft.policy.hardened else ()
    ours += ("reject_unknown_sender_domain",) if exists else ()
    if exists is not None or ours:
        unwanted = ("reject_unknown_sender_domain",) if exists is False else ()
        trusted = ("permit_mynetworks",) if ours else ()
        draft.set(name, join(merge(_elements_there(draft, name), trusted + ours, unwanted)))
    if exists:
        draft.set("unknown_address_reject_code", 550)


def _set_client_checks(draft: Draft) -> None:
    """Set what is asked about the names of clients."""
    wanted = draft.policy.session.require_ptr
    if wanted is None:
        return
    name = "smtpd_client_restrictions"
    ours = ("permit_mynetworks", PTR_CHECK) if wanted else ()
    draft.set(name, join(merge(elements(draft.live.get(name, "")), ours, () if wanted else (PTR_CHECK,))))
    if wanted:
        draft.set("unknown_client_reject_code", 550)


def _set_special_addresses(draft: Draft) -> None:
    """Set the table that refuses routing inside of recipients; it comes behind the rules of access and before all others."""
    name = "smtpd_recipient_restrictions"
    current = elements(draft.main[name] or "" if name in draft.main else draft.live.get(name, ""))
    others = tuple(element for element in current if not is_ours(element))
    if draft.policy.session.special_addresses is False and "regexp" in draft.capabilities.table_types:
        ours = f"check_recipient_access {draft.table('special', _SPECIAL, 'regexp')}"
        draft.set("swap_bangpath", False)
        draft.set(name, join(in_order(name, (ours, *others))))
    elif others != current:
        draft.set(name, join(others))


def _set_greeting_delays(draft: Draft) -> None:
    """Set the delays of the greeting: smtpd sleeps before it, and refuses who talked meanwhile."""
    session = draft.policy.session
    name = "smtpd_client_restrictions"
    current = elements(draft.main.get(name) or draft.live.get(name, ""))
    foreign = tuple(element for element in current if not is_ours(element))
    if session.greeting_delay is None and not session.greeting_delays:
        return
    delays = _delays(session)
    if any(delays.values()):
        ours = f"check_client_access {draft.table('greeting', _delay_lines(delays), 'cidr')}"
        draft.set(name, join(in_order(name, (ours, *foreign))))
        draft.set("smtpd_delay_reject", False)
        return
    draft.set("smtpd_delay_reject", True)
    if foreign != current:
        draft.set(name, join(foreign))


def _delays(session: Policy) -> t.Dict[str, int]:
    delays: t.Dict[str, int] = {}
    for number, client in enumerate(session.greeting_delays):
        if client.network in delays:
            path = f"policy.session.greeting_delays[{number}].network"
            raise OptionError(path, client.network, "the network has another delay already")
        delays[client.network] = client.delay
    for everybody in ("0.0.0.0/0", "::/0"):
        delays.setdefault(everybody, session.greeting_delay or 0)
    for own in ("127.0.0.0/8", "::1/128"):
        delays.setdefault(own, 0)
    return delays


def _delay_lines(delays: t.Mapping[str, int]) -> t.List[str]:
    """Return the lines of the delay table, the longest prefixes first: the first network that matches counts."""
    ordered = sorted(delays, key=lambda name: (-ipaddress.ip_network(name).prefixlen, name))
    return [f"{name} {_wait(delays[name])}" for name in ordered]


def _wait(seconds: int) -> str:
    return f"sleep {seconds}, reject_unauth_pipelining" if seconds else "DUNNO"


def _set_limits(draft: Draft) -> None:
    limits = draft.policy.limits
    for option, name in sorted(LIMITS.items()):
        draft.set(name, getattr(limits, option))
    if limits.message_size is not None:
        draft.set("mailbox_size_limit", 0)
        if limits.message_size == 0 or limits.message_size > _LARGEST_MAILBOX or "virtual_mailbox_limit" in draft.live:
            draft.set("virtual_mailbox_limit", 0)
    if limits.destination_concurrency is not None:
        draft.set(CONCURRENCY, limits.destination_concurrency)
        # What qmgr(8) begins with; more than the limit it would open before it knows the destination.
        draft.set("initial_destination_concurrency", min(limits.destination_concurrency, _INITIAL_CONCURRENCY))
    rates = (limits.connection_rate, limits.message_rate, limits.recipient_rate)
    if any(rate is not None for rate in rates):
        draft.set_time("anvil_rate_time_unit", 60)


def _set_timeouts(draft: Draft) -> None:
    timeouts = draft.policy.timeouts
    for option, name in sorted(TIMEOUTS.items()):
        draft.set_time(name, getattr(timeouts, option))
    _set_hello_timeout(draft)
    if draft.policy.wants("policy.timeouts.quit"):
        # Without this Postfix does not wait for the answer to QUIT at all.
        draft.set("smtp_skip_quit_response", False)
    if timeouts.command is not None:
        stressed = "${stress?{10}:{%d}}s" % timeouts.command
        draft.set("smtpd_timeout", stressed if timeouts.command > 10 else duration_text(timeouts.command))
    if timeouts.ident:
        draft.cannot("policy.timeouts.ident", timeouts.ident, "0s: Postfix never asks the ident service")


def _set_hello_timeout(draft: Draft) -> None:
    """Set the timeouts of greeting and HELO: Postfix waits for both with one timer."""
    timeouts, policy = draft.policy.timeouts, draft.policy
    greeting, helo = timeouts.greeting, timeouts.helo
    wants_greeting = policy.wants("policy.timeouts.greeting")
    wants_helo = policy.wants("policy.timeouts.helo")
    if wants_greeting and wants_helo and greeting != helo:
        draft.cannot("policy.timeouts.greeting", greeting, f"one timer for greeting and helo, {helo} seconds")
    chosen = greeting if wants_greeting else helo
    if chosen is None:
        chosen = greeting
    draft.set_time("smtp_helo_timeout", chosen)


def _set_tls(draft: Draft) -> None:
    server, client = draft.policy.tls.server, draft.policy.tls.client
    _set_tls_server(draft, server)
    _set_tls_client(draft, client)
    for prefix, side in (("smtpd", server), ("smtp", client)):
        if side.minimum:
            draft.set(f"{prefix}_tls_protocols", _protocols(draft, side.minimum))
            draft.set(f"{prefix}_tls_mandatory_protocols", _protocols(draft, side.minimum))
    _set_ciphers(draft, server.ciphers, client.ciphers)
    _set_tls_domains(draft)


def _set_tls_server(draft: Draft, server: Policy) -> None:
    level = server.level or ("may" if server.certificate else None)
    _check_certificate(draft, server, level)
    if level is not None:
        draft.set("smtpd_tls_security_level", level)
        draft.remove("smtpd_use_tls")
        draft.remove("smtpd_enforce_tls")
    if server.certificate:
        draft.set("smtpd_tls_cert_file", server.certificate)
        draft.set("smtpd_tls_key_file", server.key or "$smtpd_tls_cert_file")
        for other in ("chain_files", "dcert_file", "dkey_file", "eccert_file", "eckey_file"):
            draft.remove(f"smtpd_tls_{other}")


def _check_certificate(draft: Draft, server: Policy, level: t.Optional[str]) -> None:
    if server.certificate:
        return
    if server.key:
        raise OptionError("policy.tls.server.certificate", None, "a key needs its certificate")
    if level in ("may", "encrypt") and not any(draft.live.get(name) for name in _CERTIFICATES):
        raise OptionError("policy.tls.server.certificate", None, f"level {level} needs a certificate")


def _set_tls_client(draft: Draft, client: Policy) -> None:
    if client.key and not client.certificate:
        raise OptionError("policy.tls.client.certificate", None, "a key needs its certificate")
    if client.level is not None:
        draft.set("smtp_tls_security_level", client.level)
        draft.remove("smtp_use_tls")
        draft.remove("smtp_enforce_tls")
    if client.level == "dane":
        draft.set("smtp_dns_support_level", "dnssec")
        draft.set("smtp_host_lookup", "dns")
    if client.certificate:
        draft.set("smtp_tls_cert_file", client.certificate)
        draft.set("smtp_tls_key_file", client.key or "$smtp_tls_cert_file")
    draft.set("smtp_tls_CAfile", client.ca_file)


def _protocols(draft: Draft, minimum: str) -> str:
    """Return the accepted protocols: from Postfix 3.6 on a lower bound, before that every older protocol by name."""
    if draft.builtin.get("smtpd_tls_protocols", "").startswith(">="):
        return f">={minimum}"
    older = ["SSLv2", "SSLv3", "TLSv1", "TLSv1.1"] + (["TLSv1.2"] if minimum == "TLSv1.3" else [])
    return ", ".join("!" + name for name in older)


def _set_ciphers(draft: Draft, server: t.Optional[str], client: t.Optional[str]) -> None:
    """Set the cipher lists: one for each grade. A client whose list differs from the server's gets the grade high."""
    for prefix, ciphers in (("smtpd", server), ("smtp", client)):
        if ciphers is None:
            continue
        grade = "medium" if ciphers == server else "high"
        draft.set(f"{prefix}_tls_ciphers", grade)
        draft.set(f"{prefix}_tls_mandatory_ciphers", grade)
        draft.set(f"tls_{grade}_cipherlist", ciphers)


def _set_tls_domains(draft: Draft) -> None:
    lines = _demands(draft)
    foreign = draft.foreign("smtp_tls_policy_maps")
    if lines:
        ours = draft.table("tls", [f"{key} {value}" for key, value in sorted(lines.items())])
        draft.set("smtp_tls_policy_maps", [ours] + foreign)
    elif len(foreign) != len(split_list(draft.live.get("smtp_tls_policy_maps", ""))):
        draft.set("smtp_tls_policy_maps", foreign)
    if any(demand.level == "verify" for demand in draft.policy.tls.domains):
        _set_trust(draft)


def _demands(draft: Draft) -> t.Dict[str, str]:
    """Return the lines of the policy table."""
    lines: t.Dict[str, str] = {}
    for number, demand in enumerate(draft.policy.tls.domains):
        path = f"policy.tls.domains[{number}]"
        if demand.level == "none" and demand.minimum:
            raise OptionError(f"{path}.minimum", demand.minimum, "level none has no protocol")
        value = demand.level
        if demand.minimum:
            value += f" protocols={_table_protocols(draft, demand.minimum)}"
        for key in _demand_keys(draft.policy, demand.domain):
            if lines.setdefault(key, value) != value:
                raise OptionError(f"{path}.domain", demand.domain, f"another demand holds for {key} already")
    return lines


def _set_trust(draft: Draft) -> None:
    authorities = ("smtp_tls_CAfile", "smtp_tls_CApath")
    if not draft.policy.tls.client.ca_file and not any(draft.live.get(name) for name in authorities):
        draft.set("tls_append_default_CA", True)


def _table_protocols(draft: Draft, minimum: str) -> str:
    """Return protocols for the policy table, where colons separate them (postconf(5), smtp_tls_policy_maps)."""
    return _protocols(draft, minimum).replace(", ", ":")


def _demand_keys(policy: Policy, domain: str) -> t.List[str]:
    """Return the keys of a demand: Postfix looks the next hop up as it stands in the route, brackets and port included."""
    hops = [domain]
    for route in routes.by_host(policy):
        if domain in (route.domain, *hosts(route.policy)):
            hops += routes.hop_words(route.path, route.policy)
    return list(dict.fromkeys(hops))


def _set_aliases(draft: Draft) -> None:
    aliases = draft.policy.aliases
    if aliases is None:
        return
    others = draft.foreign("alias_maps", _usable_aliases(draft))
    if aliases:
        ours = [draft.table("aliases", [f"{name}: {', '.join(targets)}" for name, targets in aliases])]
        draft.set("alias_maps", ours + others)
    elif len(others) != len(split_list(draft.live.get("alias_maps", ""))):
        draft.set("alias_maps", others)


def _usable_aliases(draft: Draft) -> str:
    """Return those of the built-in alias_maps that exist here: the built-in list also names NIS."""
    usable = []
    for word in split_list(draft.builtin.get("alias_maps", "")):
        kind, dummy, path = word.partition(":")
        compiled = compiled_names(kind, path)
        if kind in draft.capabilities.table_types and compiled and all(os.path.exists(name) for name in compiled):
            usable.append(word)
    return ", ".join(usable)


def _set_queue(draft: Draft) -> None:
    queue = draft.policy.queue
    for option, name in sorted(QUEUE.items()):
        draft.set_time(name, getattr(queue, option))
    if queue.retry_minimum is not None:
        _set_retries(draft, queue.retry_minimum)


def _set_retries(draft: Draft, shortest: int) -> None:
    """Refuse times that contradict the shortest time between two attempts; those that nobody chose follow it."""
    queue = draft.policy.queue
    longest, interval = queue.retry_maximum, queue.run_interval
    if longest is not None and shortest > longest:
        raise OptionError("policy.queue.retry_minimum", shortest, f"longer than retry_maximum, {longest} seconds")
    if interval is not None and interval > shortest:
        if draft.policy.wants("policy.queue.run_interval"):
            raise OptionError("policy.queue.run_interval", interval, f"longer than retry_minimum, {shortest} seconds")
        draft.set_time("queue_run_delay", shortest)
    if longest is None and shortest > _BACKOFF:
        draft.set_time("maximal_backoff_time", shortest)


def _set_notices(draft: Draft) -> None:
    """Set who gets which notices; the postmaster of a hardened relay also hears of what only he can repair."""
    notices = draft.policy.notices
    addressed = []
    for name, (option, parameter) in NOTICES.items():
        address = getattr(notices, option)
        draft.set(parameter, address)
        if address:
            addressed.append(name)
    if draft.policy.hardened or addressed:
        draft.set("notify_classes", _other_classes(draft) + addressed)
    if notices.mime is False:
        draft.cannot("policy.notices.mime", False, "true: Postfix writes every bounce in MIME format")


def _other_classes(draft: Draft) -> t.List[str]:
    """Return the classes of notices that have no option of their own."""
    classes = [word for word in split_list(draft.live.get("notify_classes", "")) if word not in NOTICES]
    if draft.policy.hardened or not classes:
        return ["resource", "software"]
    return classes


def _set_log(draft: Draft) -> None:
    log = draft.policy.log
    if log.tls is not None:
        draft.set("smtpd_tls_loglevel", 1 if log.tls else 0)
        draft.set("smtp_tls_loglevel", 1 if log.tls else 0)
    if log.level == "verbose":
        draft.cannot("policy.log.level", log.level, "normal, or debug_peer_list in main for single peers")


def answers(draft: Draft) -> None:
    """Set the table by which a hardened relay answers commands that Postfix does not have with the status of RFC 3463."""
    name = "smtpd_command_filter"
    wanted = draft.policy.hardened and not draft.policy.session.vrfy and not draft.foreign(name)
    wanted = wanted and "regexp" in draft.capabilities.table_types
    if wanted:
        draft.set(name, draft.table("commands", commands.command_filter(), "regexp"))
    elif draft.foreign(name) != list(split_list(draft.live.get(name, ""))):
        draft.set(name, "")
