# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What makes a relay open for strangers or dead for everybody: which of it a change brings, and which of it somebody accepts.

Private to the collection: it can change at any time.
"""

import typing as t

from .._account import generations
from .._driver.judgement import judgement_of
from .._errors import OptionError
from .._log import suffixes
from .._model.finding import CODES, ERROR, RISKS, Finding, as_facts
from .._model.host import Host

#: The findings of a relay that is open.
_OPEN = RISKS[: RISKS.index("discards_everything")]
#: What somebody accepts: finding to the reason.
Accepted = t.Mapping[str, str]


def is_suffix(domain: str) -> bool:
    """Return whether everybody can have a domain below this one: a public suffix, or a name of one label."""
    name = domain.strip(".").lower()
    return (
        bool(name)
        and name not in _PRIVATE
        and ("." not in name or (name.count(".") < 3 and _suffixes().split(name) is None))
    )


#: Names of one label below which nobody on the Internet has a domain.
_PRIVATE = frozenset(("home", "internal", "intern", "lan", "local", "localdomain", "localhost"))
_lists: t.List[suffixes.Suffixes] = []


def _suffixes() -> suffixes.Suffixes:
    if not _lists:
        _lists.append(suffixes.load())
    return _lists[0]


def risks_of(host: Host, directory: str) -> t.Tuple[Finding, ...]:
    """Return the findings about a configuration, live or staged."""
    return judgement_of(host.mta).judge(host, directory, is_suffix)


def accepted_by(value: t.Any) -> Accepted:
    """Return what the option C(accept_risk) says.

    :raises OptionError: a finding that there is not, or one without a reason.
    """
    accepted = {}
    for code, reason in sorted((value or {}).items()):
        if code not in RISKS:
            raise OptionError("accept_risk", code, f"expected one of {', '.join(RISKS)}")
        if not isinstance(reason, str) or not reason.strip():
            raise OptionError(f"accept_risk.{code}", reason, "expected the reason why you accept it")
        accepted[code] = reason.strip()
    return accepted


def accepted_before(directory: str) -> Accepted:
    """Return what was accepted with the last change that said so; it stands in the account."""
    for number in reversed(generations.numbers(directory)):
        record = generations.load(directory, number)
        if "accept_risk" in record and record.get("ended") in (generations.LIVE, generations.CONFIRMED):
            return dict(record["accept_risk"])
    return {}


def refusals(before: t.Sequence[Finding], after: t.Sequence[Finding], accepted: Accepted) -> t.List[str]:
    """Return why a candidate is refused: what it brings, and nobody accepts. What is so already is told, and stops no change."""
    known = {(finding.code, finding.about) for finding in before}
    new = [
        finding
        for finding in after
        if finding.severity == ERROR and finding.code not in accepted and (finding.code, finding.about) not in known
    ]
    return [f"{sentence(finding)}; accept_risk: {{{finding.code}: REASON}} lets it pass" for finding in new]


def without_accepted(findings: t.Sequence[str], accepted: Accepted) -> t.List[str]:
    """Return what the trial of a candidate says, without an open relay that somebody means to have."""
    is_open = bool(set(accepted) & set(_OPEN))
    return [finding for finding in findings if not (is_open and "an open relay" in finding)]


def sentence(finding: Finding) -> str:
    """Return a finding on one line: parameter, value, consequence and remedy."""
    return f"{finding.what}; {finding.remedy or CODES[finding.code]}"


def shown(findings: t.Sequence[Finding], accepted: Accepted) -> t.List[t.Dict[str, t.Any]]:
    """Return findings as the modules return them, each with the reason for which it is accepted."""
    return [dict(as_facts(finding), accepted=accepted.get(finding.code, "")) for finding in findings]


def warnings(findings: t.Sequence[Finding], accepted: Accepted) -> t.List[str]:
    """Return what every run says about a configuration that is open or dead."""
    said = []
    for finding in findings:
        if finding.severity == ERROR:
            reason = accepted.get(finding.code)
            said.append(f"{finding.code}: {sentence(finding)}" + (f" (accepted: {reason})" if reason else ""))
    return said
