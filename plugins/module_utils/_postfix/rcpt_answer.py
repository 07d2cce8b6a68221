# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Postfix would answer at RCPT: the restriction lists, read one after the other as smtpd(8) does.

Private to the collection: it can change at any time.

Only what can be told from the configuration and its tables is decided. A restriction that needs the session (TLS, DNS, a policy
server) is named and taken for undecided, as it is for most mail.
"""

import ipaddress
import typing as t

from .._model import route as _route
from .._model.route import Rewriting, RouteQuestion, TableEntry
from . import restrictions
from .parameters import split_list

_LISTS = (
    "smtpd_client_restrictions",
    "smtpd_sender_restrictions",
    "smtpd_relay_restrictions",
    "smtpd_recipient_restrictions",
)
_PERMIT, _REFUSE, _NOTHING = "permit", "refuse", ""
_TABLES = {
    "check_recipient_access": "recipient",
    "check_sender_access": "sender",
    "check_client_access": "client",
}
_RELAY_DENIED = "554 5.7.1 Relay access denied"
#: Words that let trusted clients pass.
_PASSING = ("permit_mynetworks", "permit_inet_interfaces")

Asking = t.Callable[[str, str, t.Sequence[str]], t.List[TableEntry]]


def answer(
    values: t.Mapping[str, str], asked: RouteQuestion, served: bool, ask: Asking
) -> t.Tuple[str, t.Tuple[Rewriting, ...]]:
    """Return what a client is told, and the restrictions that were read; the answer is empty where no client is named.

    :param served: whether the recipient's domain is one that this host takes mail for.
    """
    if not asked.client:
        return "", ()
    steps: t.List[Rewriting] = []
    for name in _LISTS:
        for verdict, text, step in _read(name, values, asked, served, ask):
            steps.append(step)
            if verdict == _REFUSE:
                return text, tuple(steps)
            if verdict == _PERMIT:
                break
    return "accepted", tuple(steps)


def _read(
    name: str, values: t.Mapping[str, str], asked: RouteQuestion, served: bool, ask: Asking
) -> t.Iterator[t.Tuple[str, str, Rewriting]]:
    for element in restrictions.elements(values.get(name, "")):
        word, dummy, table = element.partition(" ")
        subject = _TABLES.get(word)
        if subject and table:
            verdict, text = _in_table(ask, word, table.strip(), _keys(asked, subject))
            yield verdict, text, Rewriting(name, element, text or "no entry")
        else:
            verdict, text = _word(word, values, asked, served)
            yield verdict, text, Rewriting(name, element, text or verdict or "undecided")


def _word(word: str, values: t.Mapping[str, str], asked: RouteQuestion, served: bool) -> t.Tuple[str, str]:
    if word in _PASSING and is_mine(asked.client, values.get("mynetworks", "")):
        return _PERMIT, ""
    if word == "permit":
        return _PERMIT, ""
    if word in ("reject_unauth_destination", "defer_unauth_destination"):
        return (_NOTHING, "") if served else (_REFUSE, _RELAY_DENIED)
    if word == "permit_auth_destination" and served:
        return _PERMIT, ""
    if word == "reject":
        return _REFUSE, "554 5.7.1 Access denied"
    return _NOTHING, ""


def _in_table(ask: Asking, role: str, table: str, keys: t.Sequence[str]) -> t.Tuple[str, str]:
    if ":" not in table:
        return _NOTHING, ""
    entries = ask(role, table, keys)
    if not entries:
        return _NOTHING, ""
    action = entries[0].value.strip()
    word = action.split(None, 1)[0].upper() if action else ""
    if word in ("OK", "PERMIT") or (word.isdigit() and word[0] not in "45"):
        return _PERMIT, action
    if word in ("REJECT", "DEFER", "DEFER_IF_REJECT", "DEFER_IF_PERMIT") or (word.isdigit() and len(word) == 3):
        return _REFUSE, action
    return _NOTHING, action


def _keys(asked: RouteQuestion, subject: str) -> t.List[str]:
    if subject == "client":
        return [asked.client]
    address = asked.address if subject == "recipient" else asked.sender
    user, dummy, domain = address.rpartition("@")
    return [address, domain, *_route.parents(domain), f"{user}@"] if address else ["<>"]


def is_mine(client: str, networks: str) -> bool:
    """Return whether a client is in mynetworks, as far as it is a list of networks (tables are not asked)."""
    address = ipaddress.ip_address(client)
    for word in split_list(networks):
        try:
            if address in ipaddress.ip_network(word.replace("[", "").replace("]", ""), strict=False):
                return True
        except ValueError:
            continue
    return False
