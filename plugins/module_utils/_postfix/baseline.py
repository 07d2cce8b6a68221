# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What belongs to a hardened Postfix and is no option of the policy.

Private to the collection: it can change at any time.
"""

import typing as t

from .draft import Draft


class Measure(t.NamedTuple):
    """A parameter, its value, and why. Parameters that this Postfix does not know are left out."""

    name: str
    value: str
    why: str


HARDENED = (
    Measure("allow_percent_hack", "yes", "u%third@served must be seen as what it is, mail for third, to be refused"),
    Measure("allow_untrusted_routing", "no", "u%third@served would be relayed for everybody"),
    Measure("append_dot_mydomain", "no", "an unqualified name is not made a name of ours"),
    Measure("authorized_flush_users", "root", "local users do not start queue runs"),
    Measure("authorized_mailq_users", "root", "local users do not read the queue"),
    Measure("biff", "no", "no messages to logged-in users on each delivery"),
    Measure(
        "cleanup_replace_stray_cr_lf", "yes", "a lone CR or LF is not passed on: it splits messages at the next hop"
    ),
    Measure("enable_long_queue_ids", "yes", "short queue identifiers are used again within minutes"),
    Measure("mynetworks_style", "host", "nobody is trusted by neighbourhood, also if mynetworks goes"),
    Measure("resolve_dequoted_address", "yes", 'the @ in "user@third"@served is seen'),
    Measure("show_user_unknown_table_name", "no", "replies do not tell how the relay is built"),
    Measure("smtp_tls_note_starttls_offer", "yes", "evidence of servers that offer TLS"),
    Measure("smtpd_authorized_xclient_hosts", "", "nobody may claim to be another client"),
    Measure("smtpd_authorized_xforward_hosts", "", "nobody may claim to be another client"),
    Measure("smtpd_client_event_limit_exceptions", "$mynetworks", "the limits are for strangers"),
    Measure("smtpd_client_new_tls_session_rate_limit", "60", "TLS handshakes are expensive"),
    Measure("smtpd_error_sleep_time", "1s", "who guesses, waits"),
    Measure("smtpd_hard_error_limit", "${stress?{1}:{20}}", "who only guesses, is dropped"),
    Measure("smtpd_junk_command_limit", "${stress?{1}:{20}}", "NOOP and RSET do not hold a process"),
    Measure("smtpd_min_data_rate", "500", "one byte a second does not hold a process"),
    Measure("smtpd_per_request_deadline", "yes", "one byte a second does not hold a process"),
    Measure(
        "smtpd_sasl_auth_enable", "no", "a relay on port 25 takes no passwords; a submission service sets it for itself"
    ),
    Measure("smtpd_sasl_security_options", "noanonymous, noplaintext", "no password in clear"),
    Measure("smtpd_sasl_tls_security_options", "noanonymous", "passwords inside TLS only"),
    Measure("smtpd_soft_error_limit", "3", "who guesses, waits"),
    Measure("smtpd_starttls_timeout", "${stress?{10}:{60}}s", "a handshake that hangs does not hold a process"),
    Measure("smtpd_tls_auth_only", "yes", "no password in clear"),
    Measure("smtpd_tls_received_header", "yes", "evidence in the message"),
    Measure("smtpd_upstream_proxy_protocol", "", "nobody may claim to be another client"),
    Measure("soft_bounce", "no", "a refusal is final; left over from tests it makes every 5xx a 4xx"),
    Measure("swap_bangpath", "yes", "third!user must be seen as what it is, mail for third, to be refused"),
    Measure(
        "tls_preempt_cipherlist", "no", "all ciphers that are left are good; the client knows which is fast for it"
    ),
    Measure("tls_ssl_options", "NO_RENEGOTIATION, NO_COMPRESSION", "both are attack surface"),
)
#: What EHLO does not offer: no probing of addresses by DSN, one way only to send data, no queue runs.
HIDDEN_KEYWORDS = ("silent-discard", "dsn", "chunking", "etrn")


def apply(draft: Draft) -> None:
    """Put the measures into the draft."""
    for measure in HARDENED:
        draft.set(measure.name, measure.value)
    if draft.policy.session.special_addresses is False:
        # They are refused as they are written; swapped they would be addresses like all others.
        draft.set("swap_bangpath", False)
    draft.set("smtpd_discard_ehlo_keywords", _keywords(draft))
    _compatibility(draft)


def _keywords(draft: Draft) -> str:
    """Return what EHLO does not offer; queue runs only where the policy has no ETRN."""
    return ", ".join(word for word in HIDDEN_KEYWORDS if word != "etrn" or not draft.policy.session.etrn)


def _compatibility(draft: Draft) -> None:
    """Set the newest level of this version, so that no default changes unnoticed; never a lower one than main.cf has."""
    version = draft.capabilities.version
    level = "2"
    if version >= (3, 9):
        level = "3.9"
    elif version >= (3, 6):
        level = "3.6"
    level_set = draft.live.get("compatibility_level", "")
    if not _is_level(level_set) or _numbers(level_set) < _numbers(level):
        draft.set("compatibility_level", level)


def _is_level(text: str) -> bool:
    return bool(text) and all(part.isdigit() for part in text.split("."))


def _numbers(text: str) -> t.Tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))
