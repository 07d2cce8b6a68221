# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Is a value one that its parameter can take? Postfix's programs find out when they start, which is too late.

Private to the collection: it can change at any time.
"""

import re
import typing as t

from .. import _addresses
from .expansion import RAW
from .parameters import MalformedValue, expand, split_list

_TIME = re.compile(r"[0-9]+[smhdw]?\Z")
_NUMBER = re.compile(r"-?[0-9]+\Z")
_PROTOCOL = re.compile(r"(!|>=|<=)?(SSLv2|SSLv3|TLSv1|TLSv1\.1|TLSv1\.2|TLSv1\.3)\Z", re.I)
_FEEDBACK = re.compile(r"[0-9.]+(/[0-9.]+|/(sqrt_)?concurrency)?\Z")

_CLIENT_LEVELS = ("", "none", "may", "encrypt", "dane", "dane-only", "fingerprint", "verify", "secure")
_CIPHER_GRADES = ("export", "low", "medium", "high", "null")
_ACTIONS = ("ignore", "enforce", "drop")
_CLASSES = ("bounce", "2bounce", "data", "delay", "policy", "protocol", "resource", "software")
_SASL = ("noanonymous", "noplaintext", "noactive", "nodictionary", "forward_secrecy", "mutual_auth")

#: Parameters that take one of a few words.
WORDS: t.Dict[str, t.Tuple[str, ...]] = {
    "inet_protocols": ("all", "ipv4", "ipv6"),
    "lmtp_tls_ciphers": _CIPHER_GRADES,
    "lmtp_tls_mandatory_ciphers": _CIPHER_GRADES,
    "lmtp_tls_security_level": _CLIENT_LEVELS,
    "milter_default_action": ("accept", "reject", "tempfail", "quarantine", "shutdown"),
    "mynetworks_style": ("class", "subnet", "host"),
    "notify_classes": _CLASSES,
    "postscreen_bare_newline_action": _ACTIONS,
    "postscreen_denylist_action": _ACTIONS,
    "postscreen_blacklist_action": _ACTIONS,
    "postscreen_dnsbl_action": _ACTIONS,
    "postscreen_greet_action": _ACTIONS,
    "postscreen_non_smtp_command_action": _ACTIONS,
    "postscreen_pipelining_action": _ACTIONS,
    "smtp_address_preference": ("any", "ipv4", "ipv6"),
    "smtp_dns_support_level": ("", "disabled", "enabled", "dnssec"),
    "smtp_host_lookup": ("dns", "native"),
    "smtp_sasl_security_options": ("",) + _SASL,
    "smtp_sasl_tls_security_options": ("",) + _SASL,
    "smtp_tls_ciphers": _CIPHER_GRADES,
    "smtp_tls_mandatory_ciphers": _CIPHER_GRADES,
    "smtp_tls_security_level": _CLIENT_LEVELS,
    "smtpd_forbid_bare_newline": ("yes", "no", "normalize", "reject", "note"),
    "smtpd_sasl_security_options": ("",) + _SASL,
    "smtpd_sasl_tls_security_options": ("",) + _SASL,
    "smtpd_tls_ciphers": _CIPHER_GRADES,
    "smtpd_tls_mandatory_ciphers": _CIPHER_GRADES,
    "smtpd_tls_security_level": ("", "none", "may", "encrypt"),
}
#: Those of them that take more than one.
_SEVERAL = frozenset(name for name in WORDS if name.endswith("_options")) | {
    "inet_protocols",
    "notify_classes",
    "smtp_host_lookup",
}
#: Those of them whose words Postfix takes in lower case only: it looks them up with name_mask(3), the others with name_code(3).
_CASE_COUNTS = _SEVERAL | {"mynetworks_style"}
#: Parameters whose default looks like a number or a boolean, and which take something else as well.
_ANY = frozenset(
    ("compatibility_level", "lmtp_tcp_port", "mail_release_date", "mail_version", "process_id", "smtp_tcp_port")
)
#: Lists of networks.
NETWORKS = frozenset(
    (
        "debug_peer_list",
        "mynetworks",
        "permit_mx_backup_networks",
        "qmqpd_authorized_clients",
        "smtpd_authorized_verp_clients",
        "smtpd_authorized_xclient_hosts",
        "smtpd_authorized_xforward_hosts",
        "smtpd_client_event_limit_exceptions",
        "smtpd_forbid_bare_newline_exclusions",
        "smtpd_forbid_unauth_pipelining_exceptions",
        "smtpd_sasl_exceptions_networks",
    )
)
#: The largest networks that can be meant when somebody is trusted: IPv4 and IPv6 prefix lengths.
_WIDEST = {4: 8, 6: 16}


def wrong(name: str, value: str, builtin: t.Mapping[str, str], values: t.Mapping[str, str]) -> t.Optional[str]:
    """Return what is wrong with a value, or None.

    :param builtin: the parameters of this Postfix with their defaults, whose form tells the type.
    :param values: the parameters as they are set, for what the value refers to.
    """
    if name in RAW:
        return None
    try:
        texts = {expand(value, values), expand(value, values, stress=True)}
        default = expand(builtin.get(name, ""), builtin)
    except MalformedValue as problem:
        return str(problem)
    for text in sorted(texts):
        why = _judge(name, text.strip(), default.strip(), values)
        if why:
            return why
    return None


def network_problems(name: str, value: str, values: t.Mapping[str, str]) -> t.List[str]:
    """Return what is wrong in a list of networks: Postfix skips such an entry with a warning, or answers 451."""
    own = [word for word in split_list(value) if "$" not in word]
    try:
        words = split_list(expand(value, values)) if name == "mynetworks" else own
    except MalformedValue:
        return []
    return [why for why in (_network_problem(name, word) for word in words) if why]


def _judge(name: str, text: str, default: str, values: t.Mapping[str, str]) -> t.Optional[str]:
    if name in WORDS:
        return _one_of(name, text)
    if name.endswith(("_tls_protocols", "_tls_mandatory_protocols")):
        return _protocols(text)
    if name in _ANY:
        return None
    if name.endswith("_feedback"):
        return None if _FEEDBACK.match(text) else "it must be a number or number/concurrency"
    return _judge_by_default(text, default)


def _protocols(text: str) -> t.Optional[str]:
    bad = [word for word in re.split(r"[\s,:]+", text) if word and not _PROTOCOL.match(word)]
    return f"{bad[0]!r} is no TLS protocol" if bad else None


def _judge_by_default(text: str, default: str) -> t.Optional[str]:
    """Return what is wrong with a value, as far as the form of the default tells."""
    if default in ("yes", "no"):
        return None if text.lower() in ("yes", "no") else "it must be yes or no"
    if re.match(r"[0-9]+[smhdw]\Z", default):
        return None if _TIME.match(text) else "it must be a time: a number and one of s, m, h, d, w"
    if re.match(r"[0-9]+\Z", default):
        return _number(text)
    return None


def _number(text: str) -> t.Optional[str]:
    if not _NUMBER.match(text):
        return "it must be a number"
    return None if abs(int(text)) < 2**63 else "the number is too large"


def _one_of(name: str, text: str) -> t.Optional[str]:
    words = WORDS[name]
    parts = (split_list(text) or ("",)) if name in _SEVERAL else (text,)
    bad = [word for word in parts if (word if name in _CASE_COUNTS else word.lower()) not in words]
    return f"{bad[0]!r} is none of {', '.join(word or 'empty' for word in words)}" if bad else None


def _network_problem(name: str, word: str) -> t.Optional[str]:
    plain = word[1:] if word.startswith("!") else word
    if not re.match(r"[0-9\[]|[0-9a-fA-F]*:[0-9a-fA-F:]*(/|\Z)", plain):
        return _no_network(name, word)
    if ":" in plain and not plain.startswith("["):
        return f"{word!r}: an IPv6 network stands in brackets, like [2001:db8::]/32"
    try:
        network = _addresses.network(plain)
    except ValueError as problem:
        return f"{word!r}: {problem}"
    if name == "mynetworks" and not word.startswith("!") and network.prefixlen < _WIDEST[network.version]:
        return f"{word!r} trusts a large part of the Internet: an open relay"
    return None


def _no_network(name: str, word: str) -> t.Optional[str]:
    """Return why a word is no network. A table or a file may stand in the list; names in DNS are not trusted."""
    if word.startswith(("/", "!/")) or ":" in word or name != "mynetworks":
        return None
    return f"{word!r} is no network; names in DNS are not trusted"
