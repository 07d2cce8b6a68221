# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""sendmail.mc becomes sendmail.cf.

Private to the collection: it can change at any time.
"""

import re
import typing as t

from .._errors import Refused
from .._model.host import Host
from . import cf

#: Warnings about what somebody chose by name: the result is what was asked for. All others mean that a setting is lost.
_HARMLESS = re.compile(
    r"(\*\*\* )?WARNING: FEATURE\(`?(relay_mail_from|relay_local_from|lookupdotdomain|blacklist_recipients)'?\)"
)


class Built(t.NamedTuple):
    """What m4 made of a sendmail.mc.

    :param warnings: what m4 said and what is no reason to refuse, one sentence each.
    """

    cf: str
    warnings: t.Tuple[str, ...]


def build_cf(host: Host, text: str) -> str:
    """Run m4 over a sendmail.mc and return the cf.

    :raises Refused: as build().
    """
    return build(host, text).cf


def build(host: Host, text: str) -> Built:
    """Run m4 over a sendmail.mc; the cf comes without what it says about the moment.

    :raises Refused: m4 failed, or complained with exit status 0, which loses settings.
    """
    result = host.runner.run(["m4"], stdin=text, timeout=60, check=False)
    sentences = _sentences(result.err)
    complaints = [line for line in sentences if result.rc or not _HARMLESS.match(line)]
    if result.rc and not complaints:
        complaints = [f"m4 failed ({result.rc})"]
    if complaints:
        raise Refused([f"sendmail.mc: {_with_source(line, text)}" for line in complaints])
    return Built(cf.neutralise(result.out), tuple(f"sendmail.mc: {line}" for line in sentences))


def _sentences(text: str) -> t.List[str]:
    """Return what m4 said, each message on one line; lines that begin with a blank continue a message."""
    sentences: t.List[str] = []
    for line in text.split("\n"):
        if line[:1] in (" ", "\t") and sentences and line.strip():
            sentences[-1] += " " + " ".join(line.split())
        elif line.strip():
            sentences.append(line.strip())
    return sentences


def _with_source(line: str, text: str) -> str:
    """Return a message of m4 with the line of sendmail.mc that it names (C(m4:stdin:12: ...))."""
    parts = line.split(":")
    if len(parts) > 2 and parts[1] == "stdin" and parts[2].isdigit():
        lines = text.split("\n")
        number = min(int(parts[2]), len(lines))
        return f"{line} [line {number}: {lines[number - 1].strip()}]"
    return line
