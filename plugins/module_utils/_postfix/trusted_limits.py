# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""C(policy.limits.trusted) on Postfix: who is left out where anvil(8) counts. Twin of C(_sendmail.trusted_limits).

It has one number for all whom it counts. So the limits of these clients are those of strangers too.

Private to the collection: it can change at any time.
"""

import typing as t

from .. import _addresses
from .draft import Draft
from .parameters import in_brackets

if t.TYPE_CHECKING:
    from .read import Live

EXCEPTIONS = "smtpd_client_event_limit_exceptions"
#: Option to the option of strangers, and the parameter of both.
LIMITS = {
    "connections": ("connection_rate", "smtpd_client_connection_rate_limit"),
    "messages": ("message_rate", "smtpd_client_message_rate_limit"),
    "recipients": ("recipient_rate", "smtpd_client_recipient_rate_limit"),
}
_LOOPBACK = ("127.0.0.0/8", "[::1]/128")
_PATH = "policy.limits.trusted"


def apply(draft: Draft) -> None:
    """Put the limits into the draft; it comes after the baseline, which counts strangers only."""
    trusted = draft.policy.limits.trusted
    limited = [option for option in LIMITS if getattr(trusted, option)]
    exempt = [in_brackets(network) for network in trusted.exempt or ()]
    if not limited:
        if exempt:
            draft.set(EXCEPTIONS, ["$mynetworks", *exempt])
        return
    for option in limited:
        _set_limit(draft, option, getattr(trusted, option))
    draft.set_time("anvil_rate_time_unit", 60)
    draft.set(EXCEPTIONS, [*_LOOPBACK, *exempt])
    _note_others(draft, limited)


def _set_limit(draft: Draft, option: str, number: int) -> None:
    name, parameter = LIMITS[option]
    strangers = getattr(draft.policy.limits, name)
    if strangers and strangers != number:
        nearest = f"{strangers}, as policy.limits.{name} has it: Postfix has one number for all clients"
        draft.cannot(f"{_PATH}.{option}", number, nearest)
    draft.set(parameter, number)


def _note_others(draft: Draft, limited: t.Sequence[str]) -> None:
    """Note the limits that now hold for these clients though nobody said so."""
    limits = draft.policy.limits
    names = [LIMITS[option][0] for option in LIMITS if option not in limited] + ["connections_per_client"]
    others = [f"{name} {getattr(limits, name)}" for name in names if getattr(limits, name)]
    if others:
        draft.notes.append(f"{_PATH}: on Postfix these hold for such clients as well: {', '.join(others)}")


def read(live: "Live") -> t.Optional[t.Dict[str, t.Any]]:
    """Return the limits of clients that may relay, and who is exempt from all; None where there are none of both."""
    if live.words(EXCEPTIONS) == live.words("mynetworks"):
        return None
    words, relaying = live.patterns(EXCEPTIONS), live.patterns("mynetworks")
    if words is None or relaying is None or not set(_LOOPBACK) <= set(words):
        live.leave(EXCEPTIONS)
        return None
    counted = not set(relaying) <= set(words)
    limits = _counts(live) if counted else {}
    exempt = _exempt([word for word in words if counted or word not in relaying])
    if exempt is None or (counted and not limits):
        live.leave(EXCEPTIONS)
        return None
    return dict(limits, exempt=exempt) if exempt else limits or None


def _counts(live: "Live") -> t.Dict[str, t.Any]:
    numbers = {option: live.number(parameter) for option, (dummy, parameter) in LIMITS.items()}
    return {option: number for option, number in numbers.items() if number}


def _exempt(words: t.Sequence[str]) -> t.Optional[t.List[str]]:
    """Return words as networks, without the host itself; None where one is none."""
    try:
        return [str(_addresses.network(word)) for word in words if word not in _LOOPBACK]
    except ValueError:
        return None
