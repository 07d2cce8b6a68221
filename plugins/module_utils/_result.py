# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible's answer, made from a plan: the diff, with secrets hidden, and the names of the settings that change.

Private to the collection: it can change at any time.
"""

import os
import re
import typing as t

from ._account import generations
from ._change import FileChange, Mark, Plan

HIDDEN = "********"

#: Settings whose value is a secret by their name: passwords, bind credentials. A map or a file of them is named, not shown.
_SECRET_NAME = re.compile(
    r"(passw|passphrase|secret|credential|bind_?pw|authinfo|_pw\b)(?!\w*_(maps|file|path|options|level)\b)",
    re.IGNORECASE,
)
#: Values that are secrets whatever their name: C(static:user:password), credentials in a URL.
_SECRET_VALUE = re.compile(r"\bstatic:\{?[^\s,{}:]+:[^\s,{}]+|://[^/\s:@]+:[^/\s@]+@")
#: A map of passwords whose entries stand in its value.
_SECRET_MAP = re.compile(r"passw|passphrase|secret|credential", re.IGNORECASE)
_IN_PLACE = re.compile(r"\b(inline|static):")
#: C(name = value) of main.cf, C(-o name=value) of master.cf, C(O Name=value) and C(D{Name}value) of sendmail.cf, C(define(...)) of m4.
_ASSIGNMENT = re.compile(
    r"(\s*(?:-o\s*\{?\s*)?(?:O\s+|D\{|define\(`?)?)([A-Za-z0-9][A-Za-z0-9_./-]*)(\}|'?\s*[=,]\s*)(.*)\Z"
)


def diff(plan: Plan, hide: t.AbstractSet[str] = frozenset()) -> t.List[t.Dict[str, str]]:
    """Return one entry for each file, as Ansible's C(--diff) takes it.

    :param hide: names of settings whose values are never shown, besides those that look like secrets and those that were secrets once.
    """
    if any(change.name.endswith(".cf") for change in plan.files):
        hide = hide | generations.hidden(plan.directory)
    return [_entry(plan.directory, change, hide) for change in plan.files]


def changed_settings(plan: Plan) -> t.List[str]:
    """Return the settings that get another value; for tables and the like, the name of the file."""
    names: t.Set[str] = set()
    for change in plan.files:
        names |= _changed_names(change) or {change.name}
    return sorted(names)


def looks_secret(name: str, value: str) -> bool:
    """Return whether a setting holds a secret, by its name or by the form of its value."""
    in_place = _SECRET_MAP.search(name) and _IN_PLACE.search(value)
    return bool(_SECRET_NAME.search(name) or _SECRET_VALUE.search(value) or in_place)


def _entry(directory: str, change: FileChange, hide: t.AbstractSet[str]) -> t.Dict[str, str]:
    path = os.path.join(directory, change.name)
    before, after = _text(change.before), _text(change.after)
    shown = _redacted(before, after, hide, ""), _redacted(after, before, hide, " (changed)")
    if change.secret:
        shown = HIDDEN + "\n", HIDDEN + " (changed)\n"
    return {
        "before_header": path if change.before is not None else f"{path} (does not exist)",
        "after_header": path if change.after is not None else f"{path} (removed)",
        "before": shown[0] if change.before is not None else "",
        "after": shown[1] if change.after is not None else "",
    }


def _redacted(text: str, other: str, hide: t.AbstractSet[str], mark: str) -> str:
    # A hidden value that changes must still be seen to change, so the new side is marked.
    known = set(other.splitlines())
    lines = text.splitlines(True)
    secret = False
    for number, line in enumerate(lines):
        if line.startswith("#") or not line.strip():
            continue
        match = _ASSIGNMENT.match(line.rstrip("\n"))
        # A value goes on in lines that begin with a blank.
        secret = _is_secret(match, hide) if match else secret and line[0] in " \t"
        if secret:
            beginning = "".join(match.group(1, 2, 3)) if match else " "
            ending = "" if line.rstrip("\n") in known else mark
            lines[number] = f"{beginning}{HIDDEN}{ending}\n"
    return "".join(lines)


def _is_secret(match: t.Match[str], hide: t.AbstractSet[str]) -> bool:
    return match.group(2) in hide or looks_secret(match.group(2), match.group(4))


def _changed_names(change: FileChange) -> t.Set[str]:
    if not change.name.endswith(".cf"):
        return set()
    before, after = set(_text(change.before).splitlines()), set(_text(change.after).splitlines())
    found = (_ASSIGNMENT.match(line) for line in before ^ after if not line.startswith(("#", " ", "\t")))
    return {match.group(2) for match in found if match}


def _text(content: t.Union[bytes, Mark, None]) -> str:
    # A mark stands for a table, which is too large to be shown.
    return content.decode("utf-8", "backslashreplace") if isinstance(content, bytes) else ""
