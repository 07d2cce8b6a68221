# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parameters of a live main.cf that matter to mail and that no option of the policy says.

Private to the collection: it can change at any time.
"""

import re
import typing as t

from . import baseline, load, rewriting, settings
from .composition import is_guest
from .draft import is_ours
from .parameters import MalformedValue, expand, split_list
from .restrictions import LISTS, elements

#: Parameters about the host and not about mail: where things lie, who runs them, caches, biff(1).
_HOUSEKEEPING = re.compile(
    r"(?<!mail_spool)(_directory|_cache_database)\Z|\A(sendmail|newaliases|mailq|cyrus_sasl_config)_path\Z|\Amulti_instance_"
    r"|\A(alias_database|biff|compatibility_level|mail_owner|setgid_group)\Z"
)
#: Restrictions that options of the policy write, and those of Postfix's own relay control.
_OF_THE_POLICY = frozenset(
    settings.HELO_CHECKS
    + settings.RELAY
    + ("defer_unauth_destination", "permit_sasl_authenticated", "reject", "reject_multi_recipient_bounce")
    + (settings.PTR_CHECK, "reject_non_fqdn_sender", "reject_unauth_pipelining", "reject_unknown_sender_domain")
)
#: Values that follow from an option: parameter to the value that the option gives it.
_COMPANIONS = {
    "anvil_rate_time_unit": ("60s", "1m"),
    "mailbox_size_limit": ("0",),
    "smtp_dns_support_level": ("dnssec",),
    "smtp_host_lookup": ("dns",),
    "smtp_skip_quit_response": ("no",),
    "smtpd_forbid_bare_newline_exclusions": ("",),
    "smtpd_relay_before_recipient_restrictions": ("yes",),
    "smtpd_tls_ask_ccert": ("yes",),
    "smtpd_tls_fingerprint_digest": ("sha256",),
    "swap_bangpath": ("no",),
    "tls_append_default_CA": ("yes",),
    "unknown_address_reject_code": ("550",),
    "unknown_client_reject_code": ("550",),
    "unknown_relay_recipient_reject_code": ("550",),
    "virtual_mailbox_limit": ("0",),
}

#: Parameters that follow from the same option as another one, and that one.
_TWINS = {"smtp_tls_loglevel": "smtpd_tls_loglevel", "initial_destination_concurrency": settings.CONCURRENCY}


def unexpressed(
    own: t.Mapping[str, str], effective: t.Mapping[str, str], builtin: t.Mapping[str, str], spoken: t.AbstractSet[str]
) -> t.Dict[str, str]:
    """Return the parameters that are set, differ from the default, and are no option's.

    :param own: the parameters that main.cf sets.
    :param effective: these over the defaults.
    :param spoken: the parameters that were read for an option.
    """
    names = (name for name in own if name not in spoken and not _HOUSEKEEPING.search(name))
    return {name: own[name] for name in names if not _is_known(name, own[name], effective, builtin)}


def _is_known(name: str, value: str, effective: t.Mapping[str, str], builtin: t.Mapping[str, str]) -> bool:
    """Return whether a value is the default, or one that the policy or the baseline sets."""
    words = _words(value, effective)
    if words == _words(builtin.get(name, ""), effective):
        return True
    if name == "mydomain":
        return words == _words(effective.get("myhostname", "").partition(".")[2], effective)
    if rewriting.is_ours(name, value):
        return True
    if name in LISTS:
        return all(_is_policys(element) for element in elements(value))
    if name == "smtpd_discard_ehlo_keywords":
        return set(words) <= set(baseline.HIDDEN_KEYWORDS)
    usual_values = (_words(usual, effective) for usual in _usual_values(name, effective))
    return is_ours(value) or words in usual_values


def _usual_values(name: str, effective: t.Mapping[str, str]) -> t.List[str]:
    """Return the values that an option, or the baseline, gives a parameter."""
    values = [*_COMPANIONS.get(name, ()), *[measure.value for measure in baseline.HARDENED if measure.name == name]]
    # One option sets both.
    twin = _TWINS.get(name, name.replace("_mandatory_", "_"))
    if twin != name:
        values.append(effective.get(twin, ""))
    return values


def _is_policys(element: str) -> bool:
    """Return whether a restriction is one that the policy, or a module of ours with tables of its own, writes."""
    return element == load.CHECK or element in _OF_THE_POLICY or is_ours(element) or is_guest(element)


def _words(value: str, values: t.Mapping[str, str]) -> t.Tuple[str, ...]:
    try:
        return split_list(expand(value, values))
    except MalformedValue:
        return split_list(value)
