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
from . import cf, tables, units
from . import discover as instance
from .check import listener
from .compile import alias_entries, map_entries
from .networks import network_of, networks
from .settings import LOG_LEVELS, NO_QUEUE_LA

Found = t.Dict[str, t.Any]


class Live(t.NamedTuple):
    """What is on the host.

    :param cf: the parsed C(sendmail.cf); I(text) is the same unparsed.
    :param access: key in lower case to value; our file is asked before the hand-written one.
    """

    host: Host
    cf: cf.Cf
    text: str
    access: t.Mapping[str, str]
    content: t.Callable[[str], str]

    def seconds(self, option: str) -> t.Optional[int]:
        """A time of the cf in seconds, None where it is not set."""
        value = self.cf.value(option)
        return None if value is None else cf.seconds(value)

    def number(self, option: str) -> t.Optional[int]:
        """A number of the cf, None where it is not set."""
        value = self.cf.value(option)
        return int(value) if value is not None and value.isdigit() else None


def read(host: Host) -> t.Mapping[str, t.Any]:
    """C(policy): the options of the policy with their live values; C(unexpressed): what no option says."""
    live = _observe(host)
    policy = {name: _without_none(group(live)) for name, group in _GROUPS}
    aliases = _aliases(live)
    if aliases:
        policy["aliases"] = aliases
    return {"policy": {name: value for name, value in policy.items() if value}, "unexpressed": _unexpressed(live)}


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
    entries = map_entries(content("access"))
    if "access_policy" in parsed.maps:
        entries += map_entries(content(tables.ACCESS))
    access = {key.lower(): value for dummy, key, value in entries}
    return Live(host, parsed, text, access, content)


def _without_none(found: Found) -> Found:
    """Sections without what is not set; empty ones go."""
    clean = {name: _without_none(value) if isinstance(value, dict) else value for name, value in found.items()}
    return {name: value for name, value in clean.items() if value is not None and value != {}}


# --- the groups -------------------------------------------------------------------------------------------------------


def _identity(live: Live) -> Found:
    hostname = live.cf.macros.get("j")
    hostname = hostname if hostname and "$" not in hostname else None
    greeting = live.cf.value("SmtpGreetingMessage") or ""
    banner = greeting[2:].strip() if greeting.startswith("$j") and "$" not in greeting[2:] else None
    local = [name for name in live.content("local-host-names").split() if name != hostname and _is_domain(name)]
    found = {"hostname": hostname, "banner": banner, "send_from": _sources(live)}  # type: Found
    found.update(_listeners(live))
    found["local_domains"] = local
    return found


def _is_domain(text: str) -> bool:
    try:
        return bool(_addresses.domain(text))
    except ValueError:
        return False


def _sources(live: Live) -> t.Optional[t.List[str]]:
    found = [listener(text)[1] for text in live.cf.values("ClientPortOptions")]
    return [address for address in found if address] or None


def _listeners(live: Live) -> Found:
    """Addresses and port; the extra listener for the host's own submissions, which render adds, is not a wish of anybody."""
    found = [listener(text) for text in live.cf.values("DaemonPortOptions")]
    if (
        live.host.instance.primary
        and len(found) > 1
        and found[-1] == ("inet", "127.0.0.1", 25)
        and any(one[1] not in ("127.0.0.1", "::1") or one[2] != 25 for one in found[:-1])
    ):
        found = found[:-1]
    if not found:
        return {}
    words = dict.fromkeys(_listen_word(address) for dummy, address, dummy2 in found)
    has = ("ipv4", "ipv6") if "ipv6" in live.host.capabilities.features else ("ipv4",)
    families = {family for family, dummy, dummy2 in found}
    if ("inet6", "") in {one[:2] for one in found} and "bindv6only" not in live.host.capabilities.features:
        families.add("inet")
    protocols = tuple(protocol for protocol, family in (("ipv4", "inet"), ("ipv6", "inet6")) if family in families)
    symbolic = set(words) & {"all", "loopback"}
    return {
        "listen": list(words),
        "port": found[0][2],
        "protocols": list(protocols) if symbolic and protocols != has else None,
    }


def _listen_word(address: str) -> str:
    if address in ("", "0.0.0.0", "::"):
        return "all"
    return "loopback" if address in ("127.0.0.1", "::1") else address


def _relay(live: Live) -> Found:
    """Class R and the RELAY entries of the access map, whoever wrote them."""
    words = [
        line.split()[0]
        for line in live.content("relay-domains").split("\n")
        if line.strip() and not line.startswith("#")
    ]
    keys = [key[8:] for key, value in live.access.items() if key.startswith("connect:") and value.upper() == "RELAY"]
    trusted = networks(word for word in words + keys if network_of(word))
    served = [key[3:] for key, value in live.access.items() if key.startswith("to:") and value.upper() == "RELAY"]
    domains = [word for word in words + served if not network_of(word) and _is_domain(word)]
    return {
        "networks": [str(network) for network in trusted if not network.is_loopback],
        "domains": list(dict.fromkeys(domains)),
        "subdomains": "$* $=R" in live.text,
    }


def _routes(live: Live) -> Found:
    default = live.cf.macros.get("S", "").strip()
    found = {"default": _hop(live, default, None) if default else None, "domains": []}  # type: Found
    entries = [(key, value) for dummy, key, value in map_entries(live.content("mailertable"))]
    keys = {key for key, dummy in entries}
    for key, value in entries:
        hop = _hop(live, value, key)
        if hop is not None and not key.startswith("."):
            subdomains = {"subdomains": True} if f".{key}" in keys else {}
            found["domains"].append(dict({"domain": key}, **dict(hop, **subdomains)))
    return found


_HOP = re.compile(r"(?:esmtp|relay|smtp)(\d*):(\[?)([^\[\]]+)\]?\Z")


def _hop(live: Live, text: str, domain: t.Optional[str]) -> t.Optional[Found]:
    """mailer:host, as a route; None for what the policy has no words for."""
    match = _HOP.match(text)
    if not match:
        return None
    port, bracket, host = match.groups()
    found = {"port": int(port)} if port else {}  # type: Found
    if bracket:
        found["host"] = host[5:] if host.startswith("IPv6:") else host
    elif host != domain:
        found.update(host=host, mx=True)
    return found


def _session(live: Live) -> Found:
    flags = {flag.strip() for flag in (live.cf.value("PrivacyOptions") or "").split(",")}
    public = "goaway" in flags
    letters = live.access.get("srv_features:", "").split()
    return {
        "helo_required": public or "needmailhelo" in flags,
        "helo_checks": "bogus HELO name used" in live.text,
        "vrfy": not (public or "novrfy" in flags or "check_vrfy" in live.cf.rulesets),
        "expn": not (public or "noexpn" in flags),
        "etrn": not (public or "noetrn" in flags),
        "pipelining_checks": "F" not in letters if _disciplined(live) else None,
        "bare_newline": _bare_newline(letters) if _disciplined(live) else "accept",
        "nul": "reject" if (live.cf.value("RejectNUL") or "").lower() == "true" else "accept",
        "sender_domain_exists": "resolve" in live.cf.maps,
        "smtputf8": None if "eai" in live.host.capabilities.features else False,
        "greeting_delay": _pause(live),
        "greeting_delays": _pauses(live),
    }


def _disciplined(live: Live) -> bool:
    return "line_discipline" in live.host.capabilities.features


def _bare_newline(letters: t.Sequence[str]) -> str:
    if "G" in letters:
        return "accept"
    return "normalize" if "g2" in letters else "reject"


def _pause(live: Live) -> t.Optional[int]:
    """FEATURE(greet_pause) leaves its default as the last rule of its ruleset, in milliseconds."""
    match = re.search(r"^R<\?> <\$\*>\s+\$# (\d+)$", live.text, re.MULTILINE)
    return int(match.group(1)) // 1000 if match and "greet_pause" in live.cf.rulesets else None


def _pauses(live: Live) -> t.List[Found]:
    delays = {}  # type: t.Dict[int, t.List[str]]
    for key, value in live.access.items():
        if key.startswith("greetpause:") and value.isdigit() and key[11:] not in _OWN:
            delays.setdefault(int(value) // 1000, []).append(key[11:])
    return [
        {"network": str(network), "delay": delay}
        for delay, keys in delays.items()
        for network in networks(keys)
        if not network.is_loopback
    ]


_OWN = tuple(key.lower() for key in ("127.0.0.1", "IPv6:0:0:0:0:0:0:0:1"))


def _limits(live: Live) -> Found:
    blocks = live.number("MinFreeBlocks")
    size = instance.block_size((live.host.instance.queue_directories or ("/",))[0])
    return {
        "message_size": live.number("MaxMessageSize"),
        "recipients_per_message": live.number("MaxRecipientsPerMessage"),
        "header_size": live.number("MaxHeadersLength"),
        "hops": live.number("MaxHopCount"),
        "processes": live.number("MaxDaemonChildren") or None,
        "free_space": None if blocks is None else blocks * size,
        "connections_per_client": _access_number(live, "clientconn:"),
        "connection_rate": _access_number(live, "clientrate:"),
    }


def _access_number(live: Live, key: str) -> t.Optional[int]:
    value = live.access.get(key, "")
    return int(value) if value.isdigit() else None


def _timeouts(live: Live) -> Found:
    return {name: live.seconds(f"Timeout.{option}") for name, option in _TIMEOUTS}


_TIMEOUTS = (
    ("connect", "connect"),
    ("greeting", "initial"),
    ("helo", "helo"),
    ("mail", "mail"),
    ("rcpt", "rcpt"),
    ("data_init", "datainit"),
    ("data_block", "datablock"),
    ("data_final", "datafinal"),
    ("rset", "rset"),
    ("quit", "quit"),
    ("misc", "misc"),
    ("starttls", "starttls"),
    ("command", "command"),
    ("ident", "ident"),
)


def _load(live: Live) -> Found:
    queue = live.number("QueueLA")
    return {
        "delay": live.number("DelayLA"),
        "queue": 0 if queue == NO_QUEUE_LA else queue,
        "refuse": live.number("RefuseLA"),
    }


def _queue(live: Live) -> Found:
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
    found = re.search(r'^QUEUE_INTERVAL="?([0-9a-z]+)', live.content("sendmail.conf"), re.MULTILINE)
    return found.group(1) if found else ""


def _log(live: Live) -> Found:
    level = live.number("LogLevel")
    verbose = level is not None and level >= LOG_LEVELS["verbose"]
    return {"level": None if level is None else ("verbose" if verbose else "normal"), "tls": True}


def _aliases(live: Live) -> t.Dict[str, t.List[str]]:
    if tables.ALIASES not in (live.cf.value("AliasFile") or ""):
        return {}
    return {name: targets.split(", ") for name, targets in alias_entries(live.content(tables.ALIASES))}


# --- TLS --------------------------------------------------------------------------------------------------------------


def _tls(live: Live) -> Found:
    return {"server": _tls_server(live), "client": _tls_client(live), "domains": _tls_domains(live)}


def _tls_server(live: Live) -> Found:
    certificate = live.cf.value("ServerCertFile")
    level = "may" if certificate and live.cf.value("ServerKeyFile") else "none"
    if level == "may" and "530 Must issue a STARTTLS command first" in live.text:
        level = "encrypt"
    return {
        "level": level,
        "certificate": certificate,
        "key": live.cf.value("ServerKeyFile"),
        "minimum": _minimum(live.cf.value("ServerSSLOptions")),
        "ciphers": live.cf.value("CipherList"),
    }


def _tls_client(live: Live) -> Found:
    authorities = live.cf.value("CACertFile")
    store = instance.trust_store()
    known = (store[0] if store else "", live.cf.value("ServerCertFile") or "")
    return {
        "level": _client_level(live),
        "certificate": live.cf.value("ClientCertFile"),
        "key": live.cf.value("ClientKeyFile"),
        "ca_file": authorities if authorities not in known else None,
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


def _tls_domains(live: Live) -> t.List[Found]:
    found = {}  # type: t.Dict[str, str]
    for key, value in live.access.items():
        tag, dummy, domain = key.partition(":")
        if domain and tag == "try_tls":
            found[domain] = "none" if value.upper() == "NO" else found.get(domain, "may")
        elif domain and tag == "tls_rcpt":
            found[domain] = "verify" if value.upper().startswith("VERIFY") else "encrypt"
    return [{"domain": domain, "level": level} for domain, level in found.items()]


_GROUPS = (
    ("identity", _identity),
    ("relay", _relay),
    ("routes", _routes),
    ("session", _session),
    ("limits", _limits),
    ("timeouts", _timeouts),
    ("load", _load),
    ("tls", _tls),
    ("queue", _queue),
    ("log", _log),
)  # type: t.Tuple[t.Tuple[str, t.Callable[[Live], Found]], ...]

# Options of the cf that the groups above have told, and those that only say where things lie.
_TOLD = frozenset(
    "AliasFile BadRcptThrottle CACertFile CACertPath CipherList ClientCertFile ClientKeyFile ClientPortOptions "
    "ClientSSLOptions ConnectionRateWindowSize DANE DaemonPortOptions DelayLA HelpFile LogLevel MaxDaemonChildren "
    "MaxHeadersLength MaxHopCount MaxMessageSize MaxQueueAge MaxRecipientsPerMessage MinFreeBlocks MinQueueAge "
    "PrivacyOptions QueueFactor QueueLA RefuseLA RejectNUL ResolverOptions ServerCertFile ServerKeyFile "
    "ServerSSLOptions SmtpGreetingMessage TLSFallbacktoClear TLSSrvOptions".split()
)


def _unexpressed(live: Live) -> Found:
    """Options of the cf that no option of the policy stands for, and sources that are in use besides the policy."""
    times = {f"Timeout.{option}" for dummy, option in _TIMEOUTS} | {
        "Timeout.iconnect",
        "Timeout.queuereturn",
        "Timeout.queuereturn.dsn",
        "Timeout.queuewarn",
    }
    options = {name: value for name, value in live.cf.options if name not in _TOLD and name not in times}
    maps = [name for name in ("virtuser", "generics", "domaintable", "smarttable") if name in live.cf.maps]
    return _without_none({"options": options, "maps": maps})
