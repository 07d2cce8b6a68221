# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The restriction lists C(smtpd_*_restrictions): their vocabulary, and how ours and the administrator's live together.

Private to the collection: it can change at any time.
"""

import typing as t

from .parameters import split_list

#: The lists, in the order in which smtpd(8) evaluates them.
LISTS = (
    "smtpd_client_restrictions",
    "smtpd_helo_restrictions",
    "smtpd_sender_restrictions",
    "smtpd_relay_restrictions",
    "smtpd_recipient_restrictions",
    "smtpd_data_restrictions",
    "smtpd_end_of_data_restrictions",
    "smtpd_etrn_restrictions",
)

#: Restrictions that are one word (postconf(5), smtpd_*_restrictions).
PLAIN = frozenset(
    (
        "defer",
        "defer_if_permit",
        "defer_if_reject",
        "defer_unauth_destination",
        "permit",
        "permit_auth_destination",
        "permit_inet_interfaces",
        "permit_mx_backup",
        "permit_mynetworks",
        "permit_naked_ip_address",
        "permit_sasl_authenticated",
        "permit_tls_all_clientcerts",
        "permit_tls_clientcerts",
        "reject",
        "reject_authenticated_sender_login_mismatch",
        "reject_invalid_helo_hostname",
        "reject_invalid_hostname",
        "reject_known_sender_login_mismatch",
        "reject_multi_recipient_bounce",
        "reject_non_fqdn_helo_hostname",
        "reject_non_fqdn_hostname",
        "reject_non_fqdn_recipient",
        "reject_non_fqdn_sender",
        "reject_plaintext_session",
        "reject_sender_login_mismatch",
        "reject_unauth_destination",
        "reject_unauth_pipelining",
        "reject_unauthenticated_sender_login_mismatch",
        "reject_unknown_client",
        "reject_unknown_client_hostname",
        "reject_unknown_forward_client_hostname",
        "reject_unknown_helo_hostname",
        "reject_unknown_hostname",
        "reject_unknown_recipient_domain",
        "reject_unknown_reverse_client_hostname",
        "reject_unknown_sender_domain",
        "reject_unlisted_recipient",
        "reject_unlisted_sender",
        "reject_unverified_recipient",
        "reject_unverified_sender",
        "reject_maps_rbl",
    )
)
#: Restrictions that take the next word as their argument.
WITH_ARGUMENT = frozenset(
    (
        "check_ccert_access",
        "check_client_a_access",
        "check_client_access",
        "check_client_mx_access",
        "check_client_ns_access",
        "check_etrn_access",
        "check_helo_a_access",
        "check_helo_access",
        "check_helo_mx_access",
        "check_helo_ns_access",
        "check_policy_service",
        "check_recipient_a_access",
        "check_recipient_access",
        "check_recipient_mx_access",
        "check_recipient_ns_access",
        "check_reverse_client_hostname_a_access",
        "check_reverse_client_hostname_access",
        "check_reverse_client_hostname_mx_access",
        "check_reverse_client_hostname_ns_access",
        "check_sasl_access",
        "check_sender_a_access",
        "check_sender_access",
        "check_sender_mx_access",
        "check_sender_ns_access",
        "permit_dnswl_client",
        "permit_rhswl_client",
        "reject_rbl",
        "reject_rbl_client",
        "reject_rhsbl_client",
        "reject_rhsbl_helo",
        "reject_rhsbl_recipient",
        "reject_rhsbl_reverse_client",
        "reject_rhsbl_sender",
        "sleep",
    )
)
_TERMINAL = frozenset(("permit", "reject", "defer"))
_PREFIX = "warn_if_reject"


def elements(value: str) -> t.Tuple[str, ...]:
    """Split a restriction list into elements; a restriction and its argument are one element."""
    parts: t.List[str] = []
    open_end = False
    for word in split_list(value):
        if open_end and parts:
            parts[-1] += " " + word
        else:
            parts.append(word)
        open_end = word in WITH_ARGUMENT or word == _PREFIX
    return tuple(parts)


def merge(current: t.Sequence[str], wanted: t.Sequence[str], unwanted: t.Container[str]) -> t.Tuple[str, ...]:
    """Bring our elements into a list without touching the administrator's own, whose order stays.

    What is missing goes to the end, before a closing C(permit), C(reject) or C(defer). With all of ours in the list and none of the
    unwanted, the list comes back as it is.
    """
    kept = [element for element in current if element not in unwanted or element in wanted]
    missing = [element for element in wanted if element not in kept]
    end = len(kept) - 1 if kept and kept[-1] in _TERMINAL else len(kept)
    return tuple(kept[:end] + missing + kept[end:])


def join(parts: t.Sequence[str]) -> str:
    """Join elements into the value of a parameter."""
    return ", ".join(parts)


def unknown_words(value: str, classes: t.Container[str]) -> t.List[str]:
    """Return the words of a list that are no restriction; smtpd answers 451 to everybody who reaches one.

    :param classes: the names in C(smtpd_restriction_classes).
    """
    unknown = []
    for element in elements(value):
        words = [word for word in element.split() if word != _PREFIX]
        first = words[0] if words else _PREFIX
        if first in WITH_ARGUMENT:
            unknown += [first + " without its argument"] if len(words) < 2 else []
        elif first not in PLAIN and first not in classes and not _is_table(first):
            unknown.append(first)
    return unknown


def _is_table(word: str) -> bool:
    # A bare type:name is an access table for what the list is about (postconf(5), smtpd_client_restrictions).
    return ":" in word
