# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A finding: what a check of the diagnosis saw, how bad it is, the evidence, and the command that mends it.

Private to the collection: it can change at any time.
"""

import typing as t

from .._errors import shorten

#: How bad it is: C(error) keeps mail from flowing, C(warning) can, C(notice) is only worth knowing.
ERROR, WARNING, NOTICE = "error", "warning", "notice"
SEVERITIES = (ERROR, WARNING, NOTICE)


class Finding(t.NamedTuple):
    """One thing that is wrong.

    :param code: a word by which findings of several hosts are recognised as the same, for instance C(stale_address).
    :param about: the name, server, file or interface that it is about; part of what makes two findings the same.
    :param what: one sentence.
    :param evidence: what was seen, one line each.
    :param remedy: the command or the act that mends it; empty where nobody here can.
    """

    code: str
    severity: str
    about: str
    what: str
    evidence: t.Tuple[str, ...] = ()
    remedy: str = ""


def as_facts(finding: Finding) -> t.Dict[str, t.Any]:
    """A finding as the modules return it. What came from outside may hold control characters; they are shown escaped."""
    return {
        "code": finding.code,
        "severity": finding.severity,
        "about": shorten(finding.about, 300),
        "what": shorten(finding.what, 600),
        "evidence": [shorten(line, 300) for line in finding.evidence[:20]],
        "remedy": finding.remedy,
    }


def from_facts(facts: t.Mapping[str, t.Any]) -> Finding:
    """The same finding again, from what a module returned."""
    return Finding(
        str(facts["code"]),
        str(facts["severity"]),
        str(facts["about"]),
        str(facts["what"]),
        tuple(str(line) for line in facts.get("evidence") or ()),
        str(facts.get("remedy") or ""),
    )
