# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The live configuration back as a policy: from sendmail.cf, the class files and the tables, never from sendmail.mc.

The cf is what the daemon reads; what stands in the mc may never have been built.

Private to the collection: it can change at any time.
"""

import os
import re
import typing as t

from .. import _addresses
from .._model.host import Host
from .._model.rewriting import without_implied
from . import cf, clients, discover, live_routes, recipients, rewriting, tables, trusted_limits, units
from .cf import Listener, listener
from .compile import Entry, alias_entries, map_entries
from .networks import network_of, networks
from .settings import FAMILIES, LOG_LEVELS, NO_QUEUE_LA, NO_SOURCE, TIMEOUTS

#: Options of a section with their live values; None where an option has none.
Options = t.Dict[str, t.Any]


class Live(t.NamedTuple):
    """What is on the host.

    :param cf: the parsed C(sendmail.cf); I(text) is the same unparsed.
    :param access: key in lower case to value; our file is asked before the unmanaged one.
    :param content: reads a file of the configuration directory; empty where there is none.
    """

    host: Host
    cf: cf.Cf
    text: str
    access: t.Mapping[str, str]
    content: t.Callable[[str], str]

    def seconds(self, option: str) -> t.Optional[int]:
        """Return a time of the cf in seconds; None where it is not set."""
        value = self.cf.value(option)
        return None if value is None else cf.seconds(value)

    def number(self, option: str) -> t.Optional[int]:
        """Return a number of the cf; None where it is not set."""
        value = self.cf.value(option)
        return int(value) if value is not None and value.isdigit() else None

    def keys(self, tag: str, value: t.Optional[str] = None) -> t.List[str]:
        """Return the keys of the access map with a tag, without it.

        :param value: only keys with this value, whatever its case.
        """
        beginning = f"{tag}:"
        return [
            key[len(beginning) :]
            for key, action in self.access.items()
            if key.startswith(beginning) and (value is None or action.upper() == value)
        ]


def read(host: Host) -> t.Mapping[str, t.Any]:
    """Read the live configuration.

    :returns: C(policy): the options of the policy with their live values; C(unexpressed): what no option says.
    """
    live = _observe(host)
    return {"policy": _policy_of(live), "unexpressed": _unexpressed(live)}


def initial(host: Host) -> t.Dict[str, t.Any]:
    """Return the policy of an instance whose configuration says nothing."""
    return _policy_of(Live(host, cf.parse(""), "", {}, lambda name: ""))


def _policy_of(live: Live) -> t.Dict[str, t.Any]:
    policy = {name: _without_none(group(live)) for name, group in _GROUPS}
    without_implied(policy)
    aliases = _aliases(live)
    if aliases:
        policy["aliases"] = aliases
    return {name: options for name, options in policy.items() if options}


def _observe(host: Host) -> Live:
    directory = host.instance.config_directory

    def content(name: str) -> str:
        try:
            with open(os.path.join(directory, name), encoding="utf-8", errors="surrogateescape") as file:
                return file.read()
        except OSError:
            return ""

    text = content("sendmail.cf")
    parsed = cf.parse(text)
    live = Live(host, parsed, text, {}, content)
    entries = _entries(live, "access")
    if "access_policy" in parsed.maps:
        entries += map_entries(content(tables.ACCESS))
    return live._replace(access={key.lower(): value for dummy, key, value in entries})


def _entries(live: Live, name: str) -> t.Tuple[Entry, ...]:
    """Return the entries of a table; none where the cf does not use it."""
    if live.text and name not in live.cf.maps:
        return ()
    return map_entries(live.content(name))


def _without_none(options: Options) -> Options:
    """Return a section without what is not set, and without sections that are empty."""
    clean = {name: _without_none(value) if isinstance(value, dict) else value for name, value in options.items()}
    return {name: value for name, value in clean.items() if value is not None and value != {}}


# --- the groups -----------------------------------------------------------------------------------------------------


def _identity(live: Live) -> Options:
    hostname = live.cf.macros.get("j") or ""
    if "$" in hostname:
        hostname = ""
    options: Options = {"hostname": hostname or None, "banner": _banner(live), "send_from": _send_from(live)}
    options.update(_listening(live))
    names = live.content("local-host-names").split()
    options["local_domains"] = [name for name in names if name != hostname and _is_domain(name)]
    return options


#: As a source address they are none: the system chooses.
_ANY = ("0.0.0.0", "::")


def _banner(live: Live) -> t.Optional[str]:
    greeting = live.cf.value("SmtpGreetingMessage") or ""
    words = greeting[2:].strip()
    return words if greeting.startswith("$j") and "$" not in words else None


def _is_domain(text: str) -> bool:
    try:
        return bool(_addresses.domain(text))
    except ValueError:
        return False


def _send_from(live: Live) -> t.Optional[t.List[str]]:
    addresses = [listener(text).address for text in live.cf.values("ClientPortOptions")]
    unset = (*NO_SOURCE.values(), *_ANY)
    return [address for address in addresses if address and address not in unset] or None


def _listening(live: Live) -> Options:
    """Return addresses, port and IP versions of the listeners."""
    listeners = [listener(text) for text in live.cf.values("DaemonPortOptions")]
    if live.host.instance.primary and _has_own_for_submissions(listeners):
        listeners = listeners[:-1]
    if not listeners:
        return {}
    return {
        "listen": _listen_words(listeners),
        "port": listeners[0].port,
        **_protocols(live, listeners),
    }


def _has_own_for_submissions(listeners: t.Sequence[Listener]) -> bool:
    """Return whether the last listener is the one that render adds for the host's own submissions; no user asked for it."""
    if len(listeners) < 2 or listeners[-1] != Listener("inet", "127.0.0.1", 25):
        return False
    return any(place.address not in _LOOPBACK or place.port != 25 for place in listeners[:-1])


_LOOPBACK = ("127.0.0.1", "::1")
_EVERYWHERE = ("", "0.0.0.0", "::")


def _listen_words(listeners: t.Sequence[Listener]) -> t.List[str]:
    """Return the addresses as the policy says them: all; loopback for both addresses of it; else one by one."""
    addresses = ["all" if place.address in _EVERYWHERE else place.address for place in listeners]
    if set(_LOOPBACK) <= set(addresses):
        addresses = ["loopback" if address in _LOOPBACK else address for address in addresses]
    return list(dict.fromkeys(addresses))


def _protocols(live: Live, listeners: t.Sequence[Listener]) -> Options:
    """Return the IP versions where they are not those that the host has: of all connections, or of the outgoing ones alone."""
    without = {family for family, address in NO_SOURCE.items() if _is_source(live, family, address)}
    sending = set(FAMILIES.values()) - without
    # What listens on loopback says nothing: the host's own submissions need a listener there.
    outside = _families(live, [place for place in listeners if place.address not in _LOOPBACK])
    is_general = bool({"all", "loopback"} & set(_listen_words(listeners)))
    if without and (not outside & without or not (is_general or outside & sending)):
        return {"protocols": _protocols_of(sending)}
    options: Options = {"send_protocols": _protocols_of(sending)} if without else {}
    present = ["ipv4", "ipv6"] if "ipv6" in live.host.capabilities.features else ["ipv4"]
    protocols = _protocols_of(_families(live, listeners))
    if is_general and protocols != present:
        options["protocols"] = protocols
        # What is sent would follow what is listened on.
        options.setdefault("send_protocols", present)
    return options


def _protocols_of(families: t.AbstractSet[str]) -> t.List[str]:
    return [protocol for protocol, family in FAMILIES.items() if family in families]


def _families(live: Live, listeners: t.Sequence[Listener]) -> t.Set[str]:
    """Return the families of the listeners; an IPv6 socket for every address takes IPv4 too (ipv6(7))."""
    families = {place.family for place in listeners}
    both = any(place[:2] == ("inet6", "") for place in listeners)
    if both and "bindv6only" not in live.host.capabilities.features:
        families.add("inet")
    return families


def _is_source(live: Live, family: str, address: str) -> bool:
    return any(listener(text)[:2] == (family, address) for text in live.cf.values("ClientPortOptions"))


# --- who may relay --------------------------------------------------------------------------------------------------


def _relay(live: Live) -> Options:
    """Return class R and the RELAY entries of the access map, whoever wrote them."""
    both = _class_r(live) + _untagged(live)
    trusted = networks(both + live.keys("connect", "RELAY"))
    recipients = dict.fromkeys(both + live.keys("to", "RELAY"))
    return {
        "networks": [str(network) for network in trusted if not network.is_loopback],
        "clients": clients.read(live.cf),
        "domains": [word for word in recipients if not network_of(word) and _is_domain(word)],
        "subdomains": "$* $=R" in live.text,
    }


def _class_r(live: Live) -> t.List[str]:
    lines = live.content("relay-domains").split("\n")
    return [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]


def _untagged(live: Live) -> t.List[str]:
    """Return the keys of RELAY entries without a tag: they count for clients and for recipients (cf/README)."""
    relayed = [key for key, value in live.access.items() if value.upper() == "RELAY"]
    return [key for key in relayed if ":" not in key or key.startswith("ipv6:")]


def _unread_relaying(live: Live) -> t.List[str]:
    """Return the RELAY entries that no option stands for: clients by name, senders, single recipients."""
    unread = [f"connect:{key}" for key in live.keys("connect", "RELAY") if _is_client_name(key)]
    unread += [f"from:{key}" for key in live.keys("from", "RELAY")]
    unread += [f"to:{key}" for key in live.keys("to", "RELAY") if network_of(key) or not _is_domain(key)]
    unread += [key for key in _untagged(live) if _is_client_name(key)]
    return [f"{key} RELAY" for key in unread]


def _is_client_name(key: str) -> bool:
    return not network_of(key) and key not in _OWN_NAMES


_OWN_NAMES = ("localhost",)


def _routes(live: Live) -> Options:
    return live_routes.read(live).options


# --- session, limits, timeouts --------------------------------------------------------------------------------------


def _session(live: Live) -> Options:
    flags = _privacy_flags(live)
    letters = live.access.get("srv_features:", "").split()
    has_discipline = "line_discipline" in live.host.capabilities.features
    return {
        "helo_required": "needmailhelo" in flags,
        "helo_checks": "bogus HELO name used" in live.text,
        "vrfy": "novrfy" not in flags and "check_vrfy" not in live.cf.rulesets,
        "expn": "noexpn" not in flags,
        "etrn": "noetrn" not in flags,
        "pipelining_checks": "F" not in letters if has_discipline else None,
        "bare_newline": _bare_newline(letters) if has_discipline else "accept",
        "bare_newline_exceptions": _exceptions(live),
        "missing_headers": "add",
        "operator_characters": _operators(live),
        "nul": "reject" if (live.cf.value("RejectNUL") or "").lower() == "true" else "accept",
        "require_ptr": True if "PostmasterPtr" in live.cf.rulesets else None,
        "special_addresses": False if "PostmasterSpecial" in live.cf.rulesets else None,
        "sender_domain_exists": bool({"resolve", "postmaster_resolve"} & set(live.cf.maps)),
        "smtputf8": None if "eai" in live.host.capabilities.features else False,
        "greeting_delay": _greeting_delay(live),
        "greeting_delays": _greeting_delays(live),
    }


def _privacy_flags(live: Live) -> t.FrozenSet[str]:
    """Return the flags of PrivacyOptions, with those of the SMTP transaction that goaway stands for (op.me)."""
    flags = frozenset(re.split(r"[,\s]+", (live.cf.value("PrivacyOptions") or "").lower()))
    return flags | {"needmailhelo", "novrfy", "noexpn"} if "goaway" in flags else flags


def _exceptions(live: Live) -> t.Optional[t.List[str]]:
    """Return the clients whose bare newlines are taken."""
    keys = [key for key in live.keys("srv_features") if key and "G" in live.access[f"srv_features:{key}"].split()]
    return [str(network) for network in networks(keys)] or None


def _operators(live: Live) -> t.Optional[str]:
    """Return the characters at which addresses are parted, where they are not sendmail's own."""
    value = live.cf.value("OperatorChars")
    return None if value == _OPERATORS else value


_OPERATORS = ".:%@!^/[]+"


def _notices(live: Live) -> Options:
    mime = live.cf.value("SendMimeErrors")
    return {
        "double_bounces": live.cf.value("DoubleBounceAddress"),
        "copies_to": live.cf.value("PostmasterCopy"),
        "mime": None if mime is None else mime.lower() == "true",
    }


def _bare_newline(letters: t.Sequence[str]) -> str:
    if "G" in letters:
        return "accept"
    return "normalize" if "g2" in letters else "reject"


def _greeting_delay(live: Live) -> t.Optional[int]:
    """Read the default of FEATURE(greet_pause): the last rule of its ruleset, in milliseconds."""
    match = re.search(r"^R<\?> <\$\*>\s+\$# (\d+)$", live.text, re.MULTILINE)
    return int(match.group(1)) // 1000 if match and "greet_pause" in live.cf.rulesets else None


def _greeting_delays(live: Live) -> t.List[Options]:
    keys: t.Dict[int, t.List[str]] = {}
    for key in live.keys("greetpause"):
        milliseconds = live.access[f"greetpause:{key}"]
        if milliseconds.isdigit() and key not in _OWN_ADDRESSES:
            keys.setdefault(int(milliseconds) // 1000, []).append(key)
    return [
        {"network": str(network), "delay": delay}
        for delay, delayed in keys.items()
        for network in networks(delayed)
        if not network.is_loopback
    ]


_OWN_ADDRESSES = ("127.0.0.1", "ipv6:0:0:0:0:0:0:0:1")


def _limits(live: Live) -> Options:
    blocks = live.number("MinFreeBlocks")
    size = discover.block_size((live.host.instance.queue_directories or ("/",))[0])
    return {
        "message_size": live.number("MaxMessageSize"),
        "recipients_per_message": live.number("MaxRecipientsPerMessage"),
        "header_size": live.number("MaxHeadersLength"),
        "hops": live.number("MaxHopCount"),
        "processes": live.number("MaxDaemonChildren") or None,
        "free_space": None if blocks is None else blocks * size,
        "connections_per_client": _access_number(live, "clientconn:"),
        "connection_rate": _access_number(live, "clientrate:"),
        "trusted": trusted_limits.read(live, _class_r(live)),
    }


def _access_number(live: Live, key: str) -> t.Optional[int]:
    value = live.access.get(key, "")
    return int(value) if value.isdigit() else None


#: cf option of each timeout of the policy.
_TIMEOUTS = {option: cf.OPTIONS[names[0]][0] for option, names in TIMEOUTS.items()}


def _timeouts(live: Live) -> Options:
    return {option: live.seconds(name) for option, name in _TIMEOUTS.items()}


def _load(live: Live) -> Options:
    queue = live.number("QueueLA")
    return {
        "delay": live.number("DelayLA"),
        "queue": 0 if queue == NO_QUEUE_LA else queue,
        "refuse": live.number("RefuseLA"),
    }


def _queue(live: Live) -> Options:
    interval = _run_interval(live)
    return {
        "lifetime": live.seconds("Timeout.queuereturn"),
        "bounce_lifetime": live.seconds("Timeout.queuereturn.dsn"),
        "warning_time": live.seconds("Timeout.queuewarn"),
        "retry_minimum": live.seconds("MinQueueAge"),
        "retry_maximum": live.seconds("MaxQueueAge"),
        "run_interval": cf.seconds(interval) if interval else None,
    }


def _run_interval(live: Live) -> str:
    if not live.host.instance.primary:
        return units.interval_in(live.content(units.ENVIRONMENT))
    match = re.search(r'^QUEUE_INTERVAL="?([0-9a-z]+)', live.content("sendmail.conf"), re.MULTILINE)
    return match.group(1) if match else ""


def _log(live: Live) -> Options:
    level = live.number("LogLevel")
    if level is None:
        return {"level": None, "tls": True}
    return {"level": "verbose" if level >= LOG_LEVELS["verbose"] else "normal", "tls": True}


def _aliases(live: Live) -> t.Dict[str, t.List[str]]:
    if tables.ALIASES not in (live.cf.value("AliasFile") or ""):
        return {}
    return {name: targets.split(", ") for name, targets in alias_entries(live.content(tables.ALIASES))}


# --- TLS ------------------------------------------------------------------------------------------------------------


def _tls(live: Live) -> Options:
    return {"server": _tls_server(live), "client": _tls_client(live), "domains": _tls_domains(live)}


def _tls_server(live: Live) -> Options:
    certificate, key = live.cf.value("ServerCertFile"), live.cf.value("ServerKeyFile")
    level = "may" if certificate and key else "none"
    if level == "may" and "530 Must issue a STARTTLS command first" in live.text:
        level = "encrypt"
    return {
        "level": level,
        "certificate": certificate,
        "key": key,
        "minimum": _minimum(live.cf.value("ServerSSLOptions")),
        "ciphers": live.cf.value("CipherList"),
    }


def _tls_client(live: Live) -> Options:
    authorities = live.cf.value("CACertFile")
    store = discover.trust_store()
    own_files = (store[0] if store else "", live.cf.value("ServerCertFile") or "")
    return {
        "level": _client_level(live),
        "certificate": live.cf.value("ClientCertFile"),
        "key": live.cf.value("ClientKeyFile"),
        "ca_file": authorities if authorities not in own_files else None,
        "minimum": _minimum(live.cf.value("ClientSSLOptions")),
        "ciphers": live.cf.value("CipherList"),
    }


def _client_level(live: Live) -> str:
    if live.access.get("try_tls:", "").upper() == "NO":
        return "none"
    if live.access.get("tls_srv:", "").upper().startswith(("ENCR", "VERIFY")):
        return "encrypt"
    return "dane" if (live.cf.value("DANE") or "").lower() == "true" else "may"


def _minimum(options: t.Optional[str]) -> t.Optional[str]:
    words = (options or "").split()
    if "+SSL_OP_NO_TLSv1_2" in words:
        return "TLSv1.3"
    return "TLSv1.2" if "+SSL_OP_NO_TLSv1_1" in words else None


def _tls_domains(live: Live) -> t.List[Options]:
    """Return the demands for whole domains: a line about an address, a single recipient or subdomains alone is no demand of the policy."""
    levels: t.Dict[str, str] = {}
    for key, value in live.access.items():
        tag, dummy, domain = key.partition(":")
        if not _is_domain(domain):
            continue
        if tag == "try_tls":
            levels[domain] = "none" if value.upper() == "NO" else levels.get(domain, "may")
        elif tag == "tls_rcpt":
            levels[domain] = "verify" if value.upper().startswith("VERIFY") else "encrypt"
    return [{"domain": domain, "level": level} for domain, level in levels.items()]


def _unread_demands(live: Live) -> t.List[str]:
    """Return the lines about TLS that are no demand of the policy: for servers by name or address, single recipients, clients."""
    demands = {"try_tls", "tls_rcpt", "tls_srv", "tls_clt"}
    said = {item["domain"] for item in _tls_domains(live)}
    lines = []
    for key, value in live.access.items():
        tag, dummy, rest = key.partition(":")
        if tag in demands and rest and (rest not in said or tag == "tls_clt"):
            lines.append(f"access: {key} {value}")
    return lines


_GROUPS: t.Tuple[t.Tuple[str, t.Callable[[Live], Options]], ...] = (
    ("identity", _identity),
    ("relay", _relay),
    ("routes", _routes),
    ("recipients", recipients.read),
    ("rewrite", rewriting.read),
    ("session", _session),
    ("limits", _limits),
    ("timeouts", _timeouts),
    ("load", _load),
    ("tls", _tls),
    ("queue", _queue),
    ("notices", _notices),
    ("log", _log),
)


# --- what no option says --------------------------------------------------------------------------------------------

# Options of the cf that the groups above have read, and those that only say where things lie.
READ = frozenset(
    "AliasFile BadRcptThrottle CACertFile CACertPath CertFingerprintAlgorithm CipherList ClientCertFile ClientKeyFile ClientPortOptions "
    "ClientSSLOptions ConnectionRateWindowSize DANE DaemonPortOptions DelayLA DoubleBounceAddress HelpFile LogLevel MaxDaemonChildren "
    "MaxHeadersLength MaxHopCount MaxMessageSize MaxQueueAge MaxRecipientsPerMessage MinFreeBlocks MinQueueAge "
    "OperatorChars PostmasterCopy PrivacyOptions SendMimeErrors QueueFactor QueueLA RefuseLA RejectNUL ResolverOptions ServerCertFile ServerKeyFile "
    "ServerSSLOptions SmtpGreetingMessage TLSFallbacktoClear TLSSrvOptions Timeout.iconnect Timeout.queuereturn "
    "Timeout.queuereturn.dsn Timeout.queuewarn".split()
) | frozenset(_TIMEOUTS.values())
_REWRITING = ("virtuser", "generics", "domaintable", "smarttable")


def _unexpressed(live: Live) -> Options:
    """Return what no option can say: options of the cf, maps that are in use besides it, and lines."""
    return {
        name: value
        for name, value in (
            ("options", {option: value for option, value in live.cf.options if option not in READ}),
            ("maps", [name for name in _REWRITING if name in live.cf.maps]),
            ("routes", live_routes.read(live).unread),
            ("relay", _unread_relaying(live)),
            ("tls", _unread_demands(live)),
        )
        if value or name == "maps"
    }
