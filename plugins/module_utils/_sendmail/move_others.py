# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The statements of an mc that no part of a move takes: each has a sentence, or is named as not known.

Private to the collection: it can change at any time.
"""

import typing as t

from .._model.move import CONVERTED, DIFFERS, NOT_CONVERTED
from . import cf, mc_source

#: What says nothing about mail: the frame of every mc.
_FRAME = frozenset(("VERSIONID", "OSTYPE", "DOMAIN", "MAILER", "undefine", "divert", "dnl", "include", "sinclude"))
_TABLE = "its table is read"
_BY_ITSELF = "Postfix does so by itself"
_FEATURES: t.Dict[str, t.Tuple[int, str, str]] = {
    **dict.fromkeys(
        ("access_db", "mailertable", "virtusertable", "genericstable", "domaintable"), (6, CONVERTED, _TABLE)
    ),
    **dict.fromkeys(("use_cw_file",), (1, CONVERTED, _TABLE)),
    **dict.fromkeys(
        ("blocklist_recipients", "blacklist_recipients"), (6, CONVERTED, "keys without a tag count for recipients")
    ),
    **dict.fromkeys(("conncontrol", "ratecontrol"), (10, CONVERTED, "policy.limits")),
    "greet_pause": (9, CONVERTED, "policy.session.greeting_delay"),
    "no_default_msa": (25, CONVERTED, "only the listeners that are named"),
    "always_add_domain": (12, CONVERTED, "append_at_myorigin: the domain is added to local names"),
    "accept_unresolvable_domains": (31, CONVERTED, "policy.session.sender_domain_exists is not set"),
    "masquerade_envelope": (12, CONVERTED, "sender_canonical_classes"),
    "limited_masquerade": (12, CONVERTED, "the host's own domains are not masked"),
    "local_no_masquerade": (12, CONVERTED, "the host's own domains are not masked"),
    "masquerade_entire_domain": (12, CONVERTED, "names below the domains, by a regexp table"),
    "allmasquerade": (12, DIFFERS, "recipients in headers are not masked"),
    "relay_hosts_only": (29, CONVERTED, "names that may relay are whole names"),
    "relaytofulladdress": (4, CONVERTED, _TABLE),
    "nouucp": (31, CONVERTED, _BY_ITSELF),
    "nopercenthack": (31, CONVERTED, "allow_percent_hack counts for local domains alone"),
    "nocanonify": (31, CONVERTED, _BY_ITSELF),
    "notsticky": (18, CONVERTED, _BY_ITSELF),
    "stickyhost": (18, DIFFERS, "local users with a domain go where local users go"),
    "use_ct_file": (28, CONVERTED, "who may set a sender is nobody's business on Postfix"),
    "smrsh": (
        21,
        DIFFERS,
        "Postfix has no list of programs that aliases may run; allow_mail_to_commands says who may name one",
    ),
    "local_procmail": (21, DIFFERS, "local(8) delivers; nearest: mailbox_command with procmail"),
    "local_lmtp": (21, DIFFERS, "local(8) delivers; nearest: mailbox_transport with lmtp"),
    "preserve_local_plus_detail": (
        21,
        NOT_CONVERTED,
        "the detail stays in the name of the user; nearest: recipient_delimiter empty",
    ),
    "generics_entire_domain": (13, NOT_CONVERTED, "names below the domains, too; nearest: a regexp table"),
    "virtuser_entire_domain": (15, NOT_CONVERTED, "names below the virtual domains, too; nearest: a regexp table"),
    "bestmx_is_local": (
        1,
        NOT_CONVERTED,
        "mail for whose MX this host is becomes local; say the domains in policy.identity.local_domains",
    ),
    "sts": (11, NOT_CONVERTED, "MTA-STS; nearest: a policy service in smtp_tls_policy_maps"),
}
_MACROS: t.Dict[str, t.Tuple[int, str, str]] = {
    "GENERICS_DOMAIN": (13, CONVERTED, "the domains of bare names"),
    "EXPOSED_USER": (12, CONVERTED, "nothing: nobody is masked"),
    "MASQUERADE_DOMAIN": (12, CONVERTED, "nothing: there is no MASQUERADE_AS"),
    "MASQUERADE_AS": (12, CONVERTED, "nothing: it has no name"),
    "MASQUERADE_EXCEPTION": (12, CONVERTED, "nothing: there is no MASQUERADE_AS"),
    "GENERICS_DOMAIN_FILE": (13, NOT_CONVERTED, "the domains of bare names stand in a file that is not read"),
    "TRUST_AUTH_MECH": (29, NOT_CONVERTED, "who has logged in may relay; nearest: permit_sasl_authenticated"),
    "LOCAL_USER": (18, NOT_CONVERTED, "local users who stay here though there is a hub"),
    "LOCAL_USER_FILE": (18, NOT_CONVERTED, "local users who stay here though there is a hub"),
}


class Said(t.NamedTuple):
    """What becomes of a statement."""

    number: int
    verdict: str
    sentence: str


def about(call: mc_source.Call) -> t.Optional[Said]:
    """Return what becomes of a statement that nothing else has taken; None where it says nothing about mail."""
    name = call.arguments[0] if call.arguments else ""
    if call.macro in _FRAME:
        return None
    if call.macro == "FEATURE":
        return Said(*_FEATURES.get(name, (31, NOT_CONVERTED, "this feature is not known here")))
    if call.macro == "define":
        # What begins with an underscore switches a part of the rules; options of sendmail have rows of their own.
        is_option = name in cf.OPTIONS
        sentence = f"sets {name} of sendmail's own files, mailers or rules"
        return None if is_option or name.startswith("_") else Said(27, NOT_CONVERTED, sentence)
    return Said(*_MACROS.get(call.macro, (32, NOT_CONVERTED, "this statement is not known here")))
