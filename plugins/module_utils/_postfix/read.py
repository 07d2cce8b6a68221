# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The live configuration back as a relay policy.

Private to the collection: it can change at any time.
"""

import os
import re
import typing as t

from .. import _addresses
from .._model import kinds as _kinds
from .._model import policy as _policy
from .._model.host import COMPILED_SUFFIXES, Host
from .._model.rewriting import without_implied
from . import (
    clients,
    live_routes,
    load,
    main_cf,
    master_cf,
    recipients,
    rewriting,
    routes,
    settings,
    trusted_limits,
)
from . import compile as compiled
from .discover import settings as live_settings
from .draft import duration_text, is_ours
from .logical_lines import read_document
from .master_cf import main_service, port_of
from .parameters import MalformedValue, defaults, expand, split_list
from .restrictions import elements
from .unexpressed import unexpressed

_TIME = re.compile(r"([0-9]+)([smhdw]?)\Z")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
#: The unit of a time without one, where it is not the second.
UNITS = {"maximal_queue_lifetime": "d", "bounce_queue_lifetime": "d", "delay_warning_time": "h"}
_OWN_NETWORKS = settings.LOOPBACK + ("[::ffff:127.0.0.0]/104",)
_BARE_NEWLINE = {"reject": "reject", "normalize": "normalize", "yes": "normalize", "no": "accept"}
#: type:name or type:/path, no IPv6 address in brackets.
_TABLE = re.compile(r"[a-z][a-z0-9_]*:")
_DEEPEST = 5
_MINIMUM = {">=TLSv1.2": "TLSv1.2", ">=TLSv1.3": "TLSv1.3"}


class Live:
    """The effective configuration, expanded.

    Its methods note in I(spoken) which parameters were read for an option. What no option can say collects in I(unexpressed).
    """

    def __init__(self, host: Host) -> None:
        self.host = host
        self.directory = host.instance.config_directory
        self.builtin = defaults(host.runner)
        self.raw = live_settings(self.builtin, self.directory)
        self.own = main_cf.parse(self.file("main.cf"), os.path.join(self.directory, "main.cf")).values
        self.services = master_cf.parse(self.file("master.cf")).services
        self.overridden = self._overridden()
        self.raw = dict(self.raw, **self.overridden)
        self.spoken: t.Set[str] = set()
        self.unexpressed: t.Dict[str, str] = {}

    def _overridden(self) -> t.Dict[str, str]:
        """Return what the options of the main service in master.cf say: on the relay's port they are stronger than main.cf."""
        service = self.services.get(main_service(self.services) or "")
        if service is not None and service.command == "postscreen":
            service = self.services.get("smtpd/pass")
        return service.option_values if service is not None else {}

    def file(self, name: str) -> bytes:
        """Return a file of the configuration directory; empty where there is none."""
        try:
            with open(os.path.join(self.directory, name), "rb") as stream:
                return stream.read()
        except (IOError, OSError):
            return b""

    def written(self, name: str) -> str:
        """Return a parameter as it is written, with its C($name)."""
        self.spoken.add(name)
        return self.raw.get(name, "")

    def value(self, name: str) -> str:
        """Return a parameter, expanded; without what the stress parameter changes."""
        text = self.written(name)
        try:
            return expand(text, self.raw).strip()
        except MalformedValue:
            return text

    def word(self, name: str) -> str:
        """Return a parameter whose words Postfix takes in any case, in lower case."""
        return self.value(name).lower()

    def words(self, name: str) -> t.Tuple[str, ...]:
        """Return the elements of a list parameter, expanded."""
        return split_list(self.value(name))

    def patterns(self, name: str) -> t.Optional[t.List[str]]:
        """Return the elements of a list of domains or networks, with those in its files and tables.

        None where it cannot be read whole: a file that is missing, a table that only Postfix can ask, an exception.
        """
        try:
            return [pattern for word in self.words(name) for pattern in self._patterns_of(word)]
        except ValueError:
            return None

    def _patterns_of(self, word: str, depth: int = 0) -> t.List[str]:
        if word.startswith("!") or depth > _DEEPEST:
            raise ValueError(word)
        if not word.startswith("/"):
            return [word] if not _TABLE.match(word) else self._keys_of(word)
        try:
            with open(word, "rb") as stream:
                lines = read_document(stream.read(), word).logical
        except OSError as problem:
            raise ValueError(word) from problem
        words = [part for line in lines for part in split_list(line.text)]
        return [pattern for word in words for pattern in self._patterns_of(word, depth + 1)]

    def _keys_of(self, word: str) -> t.List[str]:
        entries = self.table(word)
        if entries is None:
            raise ValueError(word)
        return sorted(entries)

    def flag(self, name: str) -> t.Optional[bool]:
        """Return a boolean; None where this Postfix does not know it."""
        return self.word(name) == "yes" if name in self.raw else None

    def number(self, name: str) -> t.Optional[int]:
        """Return a number; None where there is none."""
        text = self.value(name)
        return int(text) if text.isdigit() else None

    def time(self, name: str) -> t.Optional[str]:
        """Return a time as the policy writes it."""
        match = _TIME.match(self.value(name))
        if not match:
            return None
        return duration_text(int(match.group(1)) * _SECONDS[match.group(2) or UNITS.get(name, "s")])

    def table(self, word: str, aliases: bool = False) -> t.Optional[t.Dict[str, str]]:
        """Return the entries in the source of a table C(type:path), with the live directory expanded; None where it cannot be read."""
        kind, colon, path = word.partition(":")
        if not colon or not path.startswith("/") or kind not in (*COMPILED_SUFFIXES, "texthash", "cidr"):
            return None
        try:
            with open(path, "rb") as stream:
                return compiled.entries(stream.read(), aliases)
        except (IOError, OSError):
            return None

    def leave(self, name: str) -> None:
        """Note a parameter that no option can say."""
        self.unexpressed[name] = self.raw.get(name, "")


def read(host: Host) -> t.Mapping[str, t.Any]:
    """Return the live configuration.

    :returns: C(policy): the options of the policy with their live values; C(unexpressed): parameters whose value no option can say.
    """
    live = Live(host)
    policy = _policy_of(live)
    live.unexpressed.update(unexpressed(live.own, live.raw, live.builtin, live.spoken))
    live.unexpressed.update(
        {name: f"{value} (an option of the service in master.cf)" for name, value in live.overridden.items()}
    )
    return {"policy": policy, "unexpressed": dict(sorted(live.unexpressed.items()))}


def initial(host: Host) -> t.Dict[str, t.Any]:
    """Return the policy of an instance whose main.cf sets nothing but the name of the host."""
    policy = _policy_of(_blank(host, ("myhostname", "mydomain", "compatibility_level")))
    # Some defaults of the session follow from the networks of the host.
    networks = _policy_of(_blank(host, ("myhostname", "mydomain", "compatibility_level", "mynetworks")))
    return dict(policy, session=networks["session"])


def _blank(host: Host, kept: t.Sequence[str]) -> Live:
    """Return an instance of which only some parameters are set."""
    live = Live(host)
    live.own = {name: live.own[name] for name in kept if name in live.own}
    live.raw = {**live.builtin, **live.own}
    live.services = {"smtp/inet": master_cf.parse_service("smtp inet n - - - - smtpd")}
    return live


def _policy_of(live: Live) -> t.Dict[str, t.Any]:
    sections = {
        "identity": _identity(live),
        "relay": _relay(live),
        "routes": live_routes.read(live),
        "recipients": _known(recipients.read(live)),
        "rewrite": rewriting.read(live),
        "session": _session(live),
        "limits": _limits(live),
        "timeouts": _timeouts(live),
        "load": load.read(live.raw.get(load.LIST, ""), live.words(load.TRANSPORT), live.services),
        "tls": _tls(live),
        "aliases": _aliases(live),
        "queue": _known({name: live.time(parameter) for name, parameter in settings.QUEUE.items()}),
        "notices": _notices(live),
        "log": {"tls": bool(live.number("smtpd_tls_loglevel")), "level": "normal"},
    }
    without_implied(sections)
    return _sayable(_policy.SECTIONS, _known(sections), "policy", live.unexpressed)


def _sayable(
    options: t.Sequence[_kinds.Option], values: t.Mapping[str, t.Any], path: str, left: t.Dict[str, str]
) -> t.Dict[str, t.Any]:
    """Return the values without those that their option could not take, which go to I(left) under the option's path."""
    sayable: t.Dict[str, t.Any] = {}
    for option in options:
        here, value = f"{path}.{option.name}", values.get(option.name)
        if value is None:
            continue
        if option.kind.options and isinstance(value, dict):
            sayable[option.name] = _sayable(option.kind.options, value, here, left)
        elif option.kind.options:
            items = [_sayable(option.kind.options, item, f"{here}[{n}]", left) for n, item in enumerate(value)]
            sayable[option.name] = [item for item, original in zip(items, value) if len(item) == len(original)]
        else:
            try:
                option.kind.parse(value)
                sayable[option.name] = value
            except (ValueError, TypeError):
                left[here] = str(value)
    return sayable


def _known(values: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    return {name: value for name, value in values.items() if value is not None}


def _identity(live: Live) -> t.Dict[str, t.Any]:
    bound = [live.value(name) for name in ("smtp_bind_address", "smtp_bind_address6")]
    protocols = live.words("inet_protocols")
    service = live.services.get(main_service(live.services) or "")
    port = port_of(service) if service else ""
    return _known(
        {
            "hostname": _checked(live, "myhostname", _addresses.hostname),
            "banner": _banner(live),
            "listen": _listen(live),
            "port": _port_number(port),
            "protocols": ["ipv4", "ipv6"] if "all" in protocols else list(protocols),
            "send_from": [address for address in bound if address] or None,
            "send_protocols": routes.sent_by(live.services),
            "local_domains": _local_domains(live),
        }
    )


def _port_number(port: str) -> t.Optional[int]:
    if port == "smtp":
        return 25
    return int(port) if port.isdigit() else None


def _checked(live: Live, name: str, parse: t.Callable[[str], str]) -> t.Optional[str]:
    try:
        return parse(live.value(name))
    except ValueError:
        live.leave(name)
        return None


def _banner(live: Live) -> t.Optional[str]:
    start = f"{live.value('myhostname')} ESMTP"
    text = live.value("smtpd_banner")
    try:
        if text == start or text.startswith(start + " "):
            return _kinds.text(text[len(start) :].strip())
    except ValueError:
        pass
    live.leave("smtpd_banner")
    return None


def _listen(live: Live) -> t.Optional[t.List[str]]:
    words = live.words("inet_interfaces")
    if "all" in words:
        return ["all"]
    named = {"loopback-only": "loopback", "localhost": "loopback"}
    try:
        return [named[word] if word in named else str(_addresses.address(word)) for word in words]
    except ValueError:
        live.leave("inet_interfaces")
        return None


def _local_domains(live: Live) -> t.Optional[t.List[str]]:
    """Return the domains that are delivered here besides the host's own names.

    None where not even its own name is delivered here: the option always has that.
    """
    domains = _domains(live, "mydestination")
    if domains is None or live.word("myhostname") not in domains:
        live.leave("mydestination")
        return None
    return [name for name in domains if name not in (live.word("myhostname"), "localhost")]


def _domains(live: Live, parameter: str) -> t.Optional[t.List[str]]:
    """Return a list of domains; None where it cannot be read whole: half a list would be another relay."""
    names = live.patterns(parameter)
    try:
        if names is not None:
            return list(dict.fromkeys(_addresses.domain(name) for name in names))
    except ValueError:
        pass
    live.leave(parameter)
    return None


def _relay(live: Live) -> t.Dict[str, t.Any]:
    subdomains = "relay_domains" in live.words(settings.SUBDOMAINS)
    return _known(
        {
            "networks": _networks(live),
            "clients": clients.read(live),
            "domains": _relay_domains(live, subdomains),
            "subdomains": subdomains,
        }
    )


def _networks(live: Live) -> t.Optional[t.List[str]]:
    """Return the networks that may relay; None where they cannot be read whole: an empty list means nobody."""
    words = live.patterns("mynetworks")
    try:
        if words is not None:
            return [str(_addresses.network(word)) for word in words if word not in _OWN_NETWORKS]
    except ValueError:
        pass
    live.leave("mynetworks")
    return None


def _relay_domains(live: Live, subdomains: bool) -> t.Optional[t.List[str]]:
    """Return the domains that are relayed, without those that are delivered here: Postfix looks at mydestination first."""
    domains = _domains(live, "relay_domains")
    local = set(live.patterns("mydestination") or ())
    relayed = [name for name in domains or () if name not in local]
    if subdomains and len(relayed) < len(domains or ()):
        # The subdomains of a local domain are relayed, which the option cannot say.
        live.leave("relay_domains")
    return None if domains is None else relayed


def _session(live: Live) -> t.Dict[str, t.Any]:
    helo = elements(live.written("smtpd_helo_restrictions"))
    sender = elements(live.value("smtpd_sender_restrictions"))
    delays = _greeting(live)
    return _known(
        {
            "helo_required": live.flag("smtpd_helo_required"),
            "helo_checks": any(is_ours(check) for check in helo)
            or all(check in helo for check in settings.HELO_CHECKS),
            "vrfy": not live.flag("disable_vrfy_command"),
            "expn": False,
            "etrn": "reject" not in elements(live.value("smtpd_etrn_restrictions")),
            "pipelining_checks": _pipelining(live),
            "bare_newline": _bare_newline(live),
            "bare_newline_exceptions": _exceptions(live),
            "missing_headers": "add" if live.flag("always_add_missing_headers") else "leave",
            "nul": "reject" if "\\0" in live.value("message_reject_characters") else "accept",
            "require_ptr": settings.PTR_CHECK in elements(live.raw.get("smtpd_client_restrictions", "")) or None,
            "special_addresses": _special_addresses(live),
            "sender_domain_exists": "reject_unknown_sender_domain" in sender,
            "smtputf8": live.flag("smtputf8_enable"),
            "greeting_delay": duration_text(delays.pop("0.0.0.0/0", 0)),
            "greeting_delays": [{"network": name, "delay": duration_text(delays[name])} for name in sorted(delays)],
        }
    )


def _special_addresses(live: Live) -> t.Optional[bool]:
    """Return False where our table refuses them; what else the recipient restrictions do no option says."""
    refused = any(map(is_ours, elements(live.raw.get("smtpd_recipient_restrictions", ""))))
    return False if refused else None


def _pipelining(live: Live) -> bool:
    forbidden = live.flag("smtpd_forbid_unauth_pipelining")
    return "reject_unauth_pipelining" in live.words("smtpd_data_restrictions") if forbidden is None else forbidden


def _notices(live: Live) -> t.Dict[str, t.Any]:
    """Return who gets which notices; classes that no option says are left."""
    classes = live.words("notify_classes")
    if set(classes) - set(settings.NOTICES) - {"resource", "software"}:
        live.leave("notify_classes")
    addresses = {name: live.value(parameter) for name, (dummy, parameter) in settings.NOTICES.items()}
    options = {option: addresses[name] for name, (option, dummy) in settings.NOTICES.items() if name in classes}
    return dict(options, mime=True)


def _exceptions(live: Live) -> t.Optional[t.List[str]]:
    """Return the clients whose bare newlines are taken; None where they are not networks."""
    words = live.patterns("smtpd_forbid_bare_newline_exclusions")
    try:
        return [str(_addresses.network(word)) for word in words or ()] or None
    except ValueError:
        live.leave("smtpd_forbid_bare_newline_exclusions")
        return None


def _bare_newline(live: Live) -> str:
    name = "smtpd_forbid_bare_newline"
    if live.word(name) == "yes" and "smtpd_forbid_bare_newline_reject_code" not in live.raw:
        return "reject"
    return _BARE_NEWLINE.get(live.word(name), "accept")


def _greeting(live: Live) -> t.Dict[str, int]:
    """Return the delays of the greeting by network, without the entries that are always there."""
    if live.flag("smtpd_delay_reject"):
        return {}
    tables = [element.partition(" ")[2] for element in elements(live.value("smtpd_client_restrictions"))]
    ours = [table for table in tables if "/policy_greeting" in table]
    if not ours:
        return {}
    delays = {network: _delay(value) for network, value in (live.table(ours[0]) or {}).items()}
    defaults = {"::/0": delays.get("0.0.0.0/0"), "127.0.0.0/8": 0, "::1/128": 0}
    return {network: delay for network, delay in delays.items() if defaults.get(network, -1) != delay}


def _delay(value: str) -> int:
    """Return the first number of an entry, the seconds of a sleep."""
    numbers = [int(word) for word in value.replace(",", " ").split() if word.isdigit()]
    return numbers[0] if numbers else 0


def _limits(live: Live) -> t.Dict[str, t.Any]:
    limits: t.Dict[str, t.Any] = {name: live.number(parameter) for name, parameter in settings.LIMITS.items()}
    key = main_service(live.services) or ""
    server = live.services.get(key)
    if server is not None and server.command == "postscreen":
        server = live.services.get("smtpd/pass")
    default = live.value("default_process_limit")
    processes = default if server is None or server.processes == "-" else server.processes
    if settings.CONCURRENCY in live.own:
        # Only where somebody has set it: on sendmail the option does not exist.
        limits["destination_concurrency"] = live.number(settings.CONCURRENCY)
    limits["trusted"] = trusted_limits.read(live)
    limits["processes"] = int(processes) if processes.isdigit() and int(processes) else None
    return _known(limits)


def _timeouts(live: Live) -> t.Dict[str, t.Any]:
    timeouts: t.Dict[str, t.Any] = {name: live.time(parameter) for name, parameter in settings.TIMEOUTS.items()}
    hello = live.time("smtp_helo_timeout")
    if settings.TIMEOUTS["misc"] not in live.own:
        # What no client of this relay sends unless it is told to has no time of its own.
        del timeouts["misc"]
    timeouts.update({"greeting": hello, "helo": hello, "command": live.time("smtpd_timeout"), "ident": "0s"})
    return _known(timeouts)


def _tls(live: Live) -> t.Dict[str, t.Any]:
    server = _tls_side(live, "smtpd", ("none", "may", "encrypt"))
    client = _tls_side(live, "smtp", ("none", "may", "encrypt", "dane"))
    client["ca_file"] = live.value("smtp_tls_CAfile") or None
    return {"server": server, "client": _known(client), "domains": _tls_domains(live)}


def _tls_side(live: Live, prefix: str, levels: t.Sequence[str]) -> t.Dict[str, t.Any]:
    level = _tls_level(live, prefix)
    certificate, key = live.value(f"{prefix}_tls_cert_file"), live.value(f"{prefix}_tls_key_file")
    grade = live.word(f"{prefix}_tls_ciphers")
    if live.value(f"{prefix}_tls_chain_files"):
        live.leave(f"{prefix}_tls_chain_files")
    if level not in levels:
        live.leave(f"{prefix}_tls_security_level")
    cipherlist = f"tls_{grade}_cipherlist"
    return _known(
        {
            "level": level if level in levels else None,
            "certificate": certificate or None,
            "key": key if key and key != certificate else None,
            "minimum": _minimum(live.value(f"{prefix}_tls_protocols")),
            "ciphers": live.value(cipherlist) if cipherlist in live.own else None,
        }
    )


def _tls_level(live: Live, prefix: str) -> str:
    """Return the security level; the switches of the time before it count where it is empty (postconf(5))."""
    level = live.word(f"{prefix}_tls_security_level")
    enforce, use = live.flag(f"{prefix}_enforce_tls"), live.flag(f"{prefix}_use_tls")
    if level:
        return level
    if enforce and prefix == "smtp" and live.flag("smtp_tls_enforce_peername"):
        # It verifies as well, which the option can only ask of single domains.
        live.leave("smtp_tls_enforce_peername")
    if enforce:
        return "encrypt"
    return "may" if use else "none"


def _minimum(protocols: str) -> t.Optional[str]:
    """Return the oldest protocol that is left; None where it is older than the policy can say."""
    if protocols in _MINIMUM:
        return _MINIMUM[protocols]
    excluded = {word[1:] for word in re.split(r"[\s,:]+", protocols) if word.startswith("!")}
    if not {"SSLv2", "SSLv3", "TLSv1", "TLSv1.1"} <= excluded:
        return None
    return "TLSv1.3" if "TLSv1.2" in excluded else "TLSv1.2"


def _tls_domains(live: Live) -> t.List[t.Dict[str, t.Any]]:
    entries = live_routes.table_entries(live, "smtp_tls_policy_maps")
    demands = []
    for key, value in sorted(entries.items()):
        demand = _demand(key, value)
        is_next_hop = key.startswith("[") or ":" in key
        if demand is None or (is_next_hop and not _follows(live, entries, key)):
            live.leave("smtp_tls_policy_maps")
        elif not is_next_hop:
            demands.append(demand)
    return demands


def _follows(live: Live, entries: t.Mapping[str, str], key: str) -> bool:
    """Return whether the demand of a next hop is that of a domain, or of a host, whose mail goes there."""
    names = set(live_routes.names_in(key))
    for domain, hops in live_routes.hop_lists(live):
        if key in split_list(hops):
            names.update((domain, *live_routes.names_in(hops)))
    return any(entries.get(name) == entries[key] for name in names)


def _demand(key: str, value: str) -> t.Optional[t.Dict[str, t.Any]]:
    """Return a line of the policy table as a demand; None where it says more than a demand can."""
    level, *options = value.split()
    protocols = [option[len("protocols=") :] for option in options if option.startswith("protocols=")]
    if level not in ("none", "may", "encrypt", "verify") or len(protocols) < len(options):
        return None
    minimum = _minimum(protocols[0]) if protocols else None
    if protocols and minimum is None:
        return None
    return _known({"domain": key, "level": level, "minimum": minimum})


def _aliases(live: Live) -> t.Dict[str, t.List[str]]:
    """Return the aliases of our own table; those of the system stay with the system."""
    for word in split_list(live.written("alias_maps")):
        if is_ours(word):
            entries = live.table(expand(word, live.raw), aliases=True) or {}
            return {
                name: [target.strip() for target in targets.split(",")] for name, targets in sorted(entries.items())
            }
    return {}
