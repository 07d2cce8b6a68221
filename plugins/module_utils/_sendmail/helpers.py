# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The helpers that a sendmail.cf names: its milters.

Private to the collection: it can change at any time.
"""

import typing as t

from .._model.helper import MILTER, Helper
from .cf import Cf

#: What a flag of a filter does with mail while the filter does not answer (op.me, section 5.11). Without one mail passes.
_FLAGS = {
    "R": "every message is refused with a 5xx reply",
    "T": "every message gets a 451",
    "4": "every client gets a 421 and is disconnected",
}
_PASSES = "mail passes without it"


def helpers(configuration: Cf) -> t.Tuple[Helper, ...]:
    """Return the milters in use. One that is defined and named by no list is not asked."""
    named = [name for value in configuration.values("InputMailFilters") for name in value.replace(",", " ").split()]
    definitions = [(name, configuration.filters[name]) for name in named if name in configuration.filters]
    several = (_milter(name, definition) for name, definition in definitions)
    return tuple(milter for milter in several if milter is not None)


def _milter(name: str, definition: str) -> t.Optional[Helper]:
    fields = {}
    for part in definition.split(","):
        letter, dummy, value = part.strip().partition("=")
        fields[letter.strip()[:1].upper()] = value.strip()
    place, flag = fields.get("S", ""), fields.get("F", "")[:1]
    path, host, port = _place(place)
    if not path and not host:
        return None
    consequence = _FLAGS.get(flag, _PASSES)
    setting = f"INPUT_MAIL_FILTER(`{name}')"
    return Helper(MILTER, place, setting, path, host, port, flag in _FLAGS, consequence)


def _place(text: str) -> t.Tuple[str, str, int]:
    """Return path, host and port of C(inet:PORT@HOST), C(inet6:PORT@HOST), C(unix:/PATH), C(local:/PATH) or C(/PATH)."""
    kind, colon, rest = text.partition(":")
    if not colon or kind in ("unix", "local"):
        return rest or kind, "", 0
    port, dummy, host = rest.partition("@")
    if kind not in ("inet", "inet6") or not port.isdigit():
        return "", "", 0
    return "", host.strip("[]") or "localhost", int(port)
