# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What keeps smtpd(8) from serving any client, though postfix(1) checks it and starts.

Private to the collection: it can change at any time.
"""

import re
import typing as t

from . import restrictions
from .admission import Admission

_CONTROLS = ("smtpd_relay_restrictions", "smtpd_recipient_restrictions")
#: smtpd(8) ends at once unless one of these is met in a list of the relay control (has_required() in smtpd_check.c).
_REQUIRED = frozenset(
    "reject_unauth_destination defer_unauth_destination reject defer defer_if_permit check_relay_domains".split()
)
_APPROVED = "proxy_read_maps"
_PROXIED = re.compile(r"\bproxy:([a-z]+:[^\s,{}]+)")
#: The parameters whose tables smtpd(8) opens when it starts, besides its lists and the restriction classes.
_OPENED = (
    "mynetworks",
    "mydestination",
    "relay_domains",
    "virtual_alias_domains",
    "virtual_mailbox_domains",
    "virtual_alias_maps",
    "virtual_mailbox_maps",
    "local_recipient_maps",
    "relay_recipient_maps",
)
_DEPTH = 8


def uncontrolled(admission: Admission) -> str:
    """Return the relay control where nothing in it can refuse anybody: smtpd(8) does not start then."""
    if any(_is_controlled(admission, name) for name in _CONTROLS):
        return ""
    return "; ".join(f"{name} = {admission.text(name)}" for name in _CONTROLS)


def _is_controlled(admission: Admission, name: str, depth: int = 0) -> bool:
    """Return whether a list, or a class in it, has a required word before a C(permit) for everybody."""
    classes = admission.words("smtpd_restriction_classes")
    for element in restrictions.elements(admission.text(name)):
        if element == "permit":
            return False
        if element in _REQUIRED:
            return True
        if element in classes and depth < _DEPTH and _is_controlled(admission, element, depth + 1):
            return True
    return False


def unserved(admission: Admission, whole: Admission) -> t.Iterator[t.Tuple[str, str]]:
    """Yield the tables that proxymap(8) refuses to look up, each with its parameter: smtpd(8) ends when it opens one.

    :param whole: main.cf without the options of a service; proxymap has no other.
    """
    served = {word[len("proxy:") :] for word in whole.words(_APPROVED) if word.startswith("proxy:")}
    names = (*restrictions.LISTS, *admission.words("smtpd_restriction_classes"), *_OPENED)
    for name in names:
        for table in _PROXIED.findall(admission.text(name)):
            if table not in served:
                yield name, f"proxy:{table}"
