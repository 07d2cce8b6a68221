# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What header_checks(5) and their kin do with every message.

Private to the collection: it can change at any time.
"""

import typing as t

from .admission import Admission
from .master_cf import Service

#: The code of a finding, and what it says.
Fate = t.Tuple[str, str]
_THROWN_AWAY = ("discards_everything", "mail is taken and thrown away")
#: What becomes of mail that a program of these is given.
FATE_OF_COMMANDS: t.Mapping[str, Fate] = {
    "discard": _THROWN_AWAY,
    "error": ("refuses_everybody", "mail to everywhere is returned or deferred"),
}
#: What becomes of a message with a line that gets one of these actions.
FATES: t.Mapping[str, Fate] = {
    "DISCARD": _THROWN_AWAY,
    "REJECT": ("refuses_everybody", "every message is refused"),
    "HOLD": ("holds_everything", "all mail stays in the hold queue"),
    "REDIRECT": ("rewrites_everything", "all mail goes to one recipient"),
    "FILTER": ("undefined_service", "its filter is not there, and mail is deferred"),
}
#: Those of them that access(5) has too, and that do not end a restriction list.
OF_ACCESS = ("HOLD", "REDIRECT", "FILTER")
#: Lines that nearly every message has.
_LINES = {
    "header_checks": ("Received: from a.example by b.example", "Subject: anything at all", "From: <x@y.example>"),
    "mime_header_checks": ("Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"),
    "body_checks": ("", "anything at all", "-- "),
}
#: The same where the SMTP client looks; it can only change lines.
_LINES_SENT = {f"smtp_{name}": lines for name, lines in _LINES.items()}
_REMOVING = ("IGNORE", "STRIP")


def judged(
    cleanup: Admission, services: t.Mapping[str, Service], given: t.AbstractSet[str]
) -> t.Iterator[t.Tuple[str, str, str, str]]:
    """Yield what befalls every message: the parameter, the table, the code of a finding and its words.

    :param given: the parameters that the configuration itself has; by default the others are those of header_checks.
    """
    for name, lines in {**_LINES, **_LINES_SENT}.items():
        for table in cleanup.words(name) if name in given else ():
            values = [cleanup.tables.find(table, [], line) or "" for line in lines]
            fates = [fate_of(value, services) for value in values] if name in _LINES else []
            fate = next((fate for fate in fates if fate), None) or _removed(values)
            if fate:
                yield name, table, fate[0], f"{fate[1]}, because every message has a line that gets {_first(values)}"


def _first(values: t.Sequence[str]) -> str:
    return next(value for value in values if value)


def _removed(values: t.Sequence[str]) -> t.Optional[Fate]:
    """Return what is said where every line is taken out."""
    if all(value.split(None, 1)[:1] in ([word] for word in _REMOVING) for value in map(str.upper, values)):
        return "discards_everything", "the lines of every message are thrown away"
    return None


def fate_of(value: str, services: t.Mapping[str, Service]) -> t.Optional[Fate]:
    """Return what an action does with a message; None where that passes."""
    word, *argument = value.split(None, 1) or [""]
    if word.upper() != "FILTER":
        return FATES.get(word.upper())
    transport = "".join(argument).partition(":")[0].strip()
    service = services.get(f"{transport}/unix")
    if transport and service is None:
        return FATES["FILTER"]
    return FATE_OF_COMMANDS.get(service.command) if service else None
