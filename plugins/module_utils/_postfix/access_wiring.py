# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A restriction list of main.cf gets our elements in front, and loses them again.

Private to the collection: it can change at any time.
"""

import typing as t

from . import main_cf
from .access import RELAY_CONTROL, Facts


def rewired(content: bytes, name: str, ours: t.Sequence[str], wanted: t.Sequence[str], known: Facts) -> bytes:
    """Return main.cf with our elements in front of one list. All else stays byte for byte, line breaks included."""
    main = main_cf.parse(content)
    parameter = main.parameters.get(name)
    if parameter is None:
        return _with_parameter(content, name, wanted, known)
    lines = content.split(b"\n")
    first = parameter.line - 1
    end = main.document.logical[parameter.logical].parts[-1] + 1
    head, equals, value = b"\n".join(lines[first:end]).partition(b"=")
    # A comma behind ours says that the line was there before, even if its value was empty.
    alone = not value.rstrip().endswith(b",")
    rest = _without(value, [element.encode() for element in ours])
    if wanted:
        comma = "" if alone and parameter.value and not rest.strip() else ","
        lines[first:end] = [head + equals + f" {', '.join(wanted)}{comma}".encode() + rest]
    elif _was_ours(name, rest, alone, known):
        del lines[first:end]
    else:
        lines[first:end] = [head + equals + rest]
    return b"\n".join(lines)


def _with_parameter(content: bytes, name: str, wanted: t.Sequence[str], known: Facts) -> bytes:
    """Return main.cf with a parameter that was not set before; the relay control keeps what is built in."""
    if not wanted:
        return content
    default = [known.values.get(name, "")] if name == RELAY_CONTROL else []
    return _appended(content, f"{name} = {', '.join([*wanted, *default])}\n")


def _was_ours(name: str, rest: bytes, alone: bool, known: Facts) -> bool:
    """Return whether a line was not there before us: what remains is nothing, or the built-in relay control as we write it."""
    if name == RELAY_CONTROL and rest == f" {known.relay}".encode():
        return True
    return alone and not rest.strip()


def _appended(content: bytes, line: str) -> bytes:
    joint = b"" if not content or content.endswith(b"\n") else b"\n"
    return content + joint + line.encode()


def _without(value: bytes, ours: t.Sequence[bytes]) -> bytes:
    for element in ours:
        for form in (b" " + element + b",", element + b", ", b", " + element, b" " + element, element):
            place_ = value.find(form)
            after = value[place_ + len(form) : place_ + len(form) + 1]
            if place_ >= 0 and (form.endswith((b",", b" ")) or after in (b"", b",", b" ", b"\t", b"\n", b"\r")):
                value = value[:place_] + value[place_ + len(form) :]
                break
    return value
