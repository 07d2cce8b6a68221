# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Postfix finds in a table, and access as smtpd sees it: which line decides about a sender, a recipient or a client.

Private to the collection: it can change at any time.
"""

import os
import re
import typing as t

from .._errors import Refused
from .._model import access as _access
from .._model.access import CONNECT, DEFER, DISCARD, DROP, FROM, HOLD, OK, REJECT, SKIP, TO
from .._model.host import COMPILED_SUFFIXES, Host
from . import main_cf
from .access import CHECKS, CLIENT, RECIPIENT, RELAY_CONTROL, SENDER, Facts, elements_of
from .discover import READ_AT_START
from .parameters import expand

_WORDS = {"permit": OK, "ok": OK, "relay": OK, "dunno": SKIP, "reject": REJECT, "discard": DISCARD, "hold": HOLD}
#: Answers after which smtpd asks on.
_ASKS_ON = ("DUNNO", "FILTER")
#: Types of tables that are asked for the subject itself, and not for keys made of it.
_PATTERNS = ("regexp", "pcre", "cidr")
_REPLY_CODE = re.compile(r"[45][0-9][0-9]\Z")


class Asked(t.NamedTuple):
    """The line that decides: table, key and value as they are there."""

    table: str
    key: str
    value: str


def ask(host: Host, directory: str, name: str, kind: str, keys: t.Sequence[str]) -> t.Dict[str, str]:
    """Return what Postfix itself finds in a table for each key; keys without an answer are missing.

    :raises Refused: the table cannot be read, or has lines that are skipped.
    """
    if not keys:
        return {}
    argv = ["postmap", "-c", host.instance.config_directory, "-q", "-", f"{kind}:{os.path.join(directory, name)}"]
    result = host.runner.run(argv, stdin="".join(f"{key}\n" for key in keys), check=False, timeout=120)
    complaints = main_cf.complaints(result.err)
    if result.rc > 1 or complaints:
        raise Refused([f"{name}: {line}" for line in complaints or [f"postmap: exit status {result.rc}"]])
    pairs = [line.partition("\t") for line in result.out.split("\n") if line]
    return {key: value for key, dummy, value in pairs}


def explain(host: Host, known: Facts, where: str, subject: str) -> t.Optional[Asked]:
    """Return the first line that matches, in all tables that smtpd asks about this place, ours and those of others.

    :param subject: an address for from and to; an IP address or a host name for connect.
    """
    keys = list(lookups(where, subject, expand(known.values.get("recipient_delimiter", ""), known.values)))
    decided = _decision(host, known, where, keys, subject)
    if decided is not None and decided.value == "OK":
        late = _first(host, known, f"{known.kind}:$config_directory/access_{where}_discard", keys, subject)
        if late is not None and late.value == "DISCARD":
            return late
    if decided is None and where == TO:
        return _first(host, known, f"{known.kind}:$config_directory/access_drop", keys, subject)
    return decided


def _decision(host: Host, known: Facts, where: str, keys: t.Sequence[str], subject: str) -> t.Optional[Asked]:
    """Return the first line after which smtpd asks no further table of this place."""
    for name in (CLIENT, SENDER, RELAY_CONTROL, RECIPIENT):
        for element in elements_of(known, name):
            check, dummy, reference = element.partition(" ")
            if check != CHECKS[where]:
                continue
            answer = _first(host, known, reference, keys, subject)
            if answer is not None and answer.value.split(" ")[0].upper() not in _ASKS_ON:
                return answer
    return None


def _first(host: Host, known: Facts, reference: str, keys: t.Sequence[str], subject: str) -> t.Optional[Asked]:
    kind, dummy, path = reference.partition(":")
    path = path.replace("$config_directory", host.instance.config_directory)
    if not _can_be_asked(kind, path, subject):
        return None
    asked = [subject] if kind in _PATTERNS else keys
    try:
        answers = ask(host, os.path.dirname(path), os.path.basename(path), kind, asked)
    except Refused:
        return None
    relative = os.path.relpath(path, host.instance.config_directory)
    return next((Asked(relative, key, answers[key]) for key in asked if key in answers), None)


def _can_be_asked(kind: str, path: str, subject: str) -> bool:
    """Return whether a table is a file that is there, and knows such a subject: cidr tables know IP addresses only."""
    if kind == "cidr" and not subject.replace(".", "").isdigit() and ":" not in subject:
        return False
    return (kind in COMPILED_SUFFIXES or kind in READ_AT_START) and os.path.exists(path)


def lookups(where: str, subject: str, delimiter: str = "") -> t.Iterator[str]:
    """Yield the keys that smtpd tries, in its order (access(5))."""
    if where == CONNECT:
        if ":" in subject or subject.replace(".", "").isdigit():
            separator = ":" if ":" in subject else "."
            parts = subject.split(separator)
            for number in range(len(parts), 0, -1):
                yield separator.join(parts[:number]).rstrip(separator)
        else:
            yield from _access.parents(subject)
        return
    local, dummy, domain = subject.rpartition("@")
    base = next((local.split(letter)[0] for letter in delimiter if letter in local[1:]), "")
    yield subject
    if base:
        yield f"{base}@{domain}"
    yield from _access.parents(domain)
    yield f"{local}@"
    if base:
        yield f"{base}@"


def meaning(value: str, where: str = FROM) -> t.Tuple[str, int, str, str]:
    """Return action, code, status and text of a right side (access(5)); the action is empty where we have none for it."""
    word, dummy, rest = value.partition(" ")
    if word.startswith("discard:"):
        return DROP, 0, "", ""
    if rest and _REPLY_CODE.match(word):
        return _reply(word, rest)
    if word.isdigit():
        return OK, 0, "", ""
    action = _WORDS.get(word.lower(), "")
    if action == REJECT:
        return REJECT, 554, "5.7.1", rest or "Access denied"
    return action, 0, "", rest


def _reply(code: str, rest: str) -> t.Tuple[str, int, str, str]:
    """Return the meaning of a code and what stands behind it: a text, with or without an enhanced status code."""
    action = REJECT if code[0] == "5" else DEFER
    status, blank, text = rest.partition(" ")
    if blank and status.count(".") == 2 and status.replace(".", "").isdigit():
        return action, int(code), status, text
    return action, int(code), f"{code[0]}.7.1", rest
