# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was checked on the hosts of a play, for other programs: a JUnit file, and the line of a Nagios plugin.

Private to the collection: it can change at any time.
"""

from __future__ import annotations

import pathlib
import re
import typing as t
from xml.etree import ElementTree

#: What XML 1.0 cannot hold.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONGEST_LINE = 400
TABLE, NAGIOS = "table", "nagios"
#: The options of an action that tells its checks to other programs.
ARGUMENT_SPEC: dict[str, t.Any] = {
    "format": {"type": "str", "choices": [TABLE, NAGIOS], "default": TABLE},
    "junit": {"type": "path"},
}


class Check(t.NamedTuple):
    """One check of one host.

    :param failure: what is wrong; empty where nothing is.
    :param unknown: whether it could not be checked at all; I(failure) says why.
    """

    host: str
    name: str
    failure: str = ""
    unknown: bool = False


class Told(t.NamedTuple):
    """What is shown on the terminal, and the line of a Nagios plugin."""

    shown: str
    line: str


def tell(title: str, checks: t.Sequence[Check], text: str, options: t.Mapping[str, t.Any]) -> Told:
    """Write the JUnit file where one is asked for; return what is shown.

    :param text: the tables.
    :param options: those of ARGUMENT_SPEC.
    """
    if options["junit"]:
        write(options["junit"], junit(title, checks))
    line = nagios(title.upper(), checks)
    return Told(line if options["format"] == NAGIOS else text, line)


def junit(title: str, checks: t.Sequence[Check]) -> str:
    """Return a JUnit document: a suite for each host, a case for each check."""
    root = ElementTree.Element("testsuites", name=title)
    for host in dict.fromkeys(check.host for check in checks):
        own = [check for check in checks if check.host == host]
        suite = ElementTree.SubElement(root, "testsuite", name=_text(host), tests=str(len(own)))
        kinds = [_add_case(suite, check) for check in own]
        suite.set("failures", str(kinds.count("failure")))
        suite.set("errors", str(kinds.count("error")))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _add_case(suite: ElementTree.Element, check: Check) -> str:
    """Add the case of a check; return the name of what is in it, empty for one that passed."""
    case = ElementTree.SubElement(suite, "testcase", classname=_text(check.host), name=_text(check.name))
    if not check.failure:
        return ""
    kind = "error" if check.unknown else "failure"
    ElementTree.SubElement(case, kind, message=_text(check.failure)).text = _text(check.failure)
    return kind


def _text(text: str) -> str:
    return _NO_XML.sub("?", text)


def nagios(title: str, checks: t.Sequence[Check]) -> str:
    """Return the line of a Nagios plugin. Its word fits the exit status of ansible-playbook: 0 is OK, 2 is CRITICAL."""
    bad = [check for check in checks if check.failure]
    numbers = f"failed={len(bad)};;0;0;{len(checks)}"
    if not checks:
        return f"{title} CRITICAL: nothing was checked | {numbers}"
    if not bad:
        return f"{title} OK: {len(checks)} of {len(checks)} | {numbers}"
    said = "; ".join(f"{check.host}: {check.failure}" for check in bad)
    # A pipe would begin the numbers.
    line = " ".join(said.replace("|", "/").split())
    line = line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 3] + "..."
    return f"{title} CRITICAL: {line} | {numbers}"


def write(path: str, text: str) -> None:
    """Write a file; directories that are missing are made."""
    place = pathlib.Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
