# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judges the certificate of a mail server: does it count now, and for this name?

Private to the collection: it can change at any time.
"""

import calendar
import re
import typing as t

from .. import _addresses
from .._model.finding import NOTICE, WARNING, Finding, make_finding
from .._smtp.certificate import Certificate

#: Days before its end from which a certificate is a finding.
CERTIFICATE_DAYS = 14


def judge_certificate(certificate: Certificate, name: str, where: str, now: float) -> t.List[Finding]:
    """Judge whether a certificate is valid now and for this name. Most mail servers do not insist on the name.

    :param name: the name that the client connected to; an address, or empty, is not compared.
    """
    remaining = (timestamp(certificate.not_after) - now) / 86400
    evidence = (f"{certificate.subject}, from {certificate.not_before} to {certificate.not_after}",)
    if remaining < 0:
        what = f"the certificate of {where} ended on {certificate.not_after}"
        return [make_finding("certificate_expired", WARNING, where, what, evidence)]
    findings = []
    if remaining < CERTIFICATE_DAYS:
        what = f"the certificate of {where} ends on {certificate.not_after}, in {remaining:.0f} days"
        findings.append(make_finding("certificate_ends_soon", WARNING, where, what, evidence))
    if timestamp(certificate.not_before) > now:
        what = f"the certificate of {where} is not valid before {certificate.not_before}"
        findings.append(make_finding("certificate_not_yet", WARNING, where, what, evidence))
    if is_name(name) and not _matches(name.lower().rstrip("."), certificate.names or (certificate.subject,)):
        what = (
            f"the certificate of {where} is for {_listed(certificate.names or (certificate.subject,))}, not for {name}"
        )
        findings.append(make_finding("certificate_name", NOTICE, where, what, evidence))
    return findings


def is_name(host: str) -> bool:
    """Return whether a host is given by its name, not by its address."""
    if not host:
        return False
    try:
        _addresses.address(host)
    except ValueError:
        return True
    return False


def _listed(names: t.Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _matches(name: str, names: t.Sequence[str]) -> bool:
    parent = name.partition(".")[2]
    return any(candidate.lower() in (name, f"*.{parent}") for candidate in names)


def timestamp(text: str) -> float:
    """Return the seconds since the epoch of a time written as C(2026-11-23T06:12:01Z)."""
    # Not with strptime, which reads a module when it is first called: threads come here (see host_info.read_ahead).
    return calendar.timegm(tuple(int(part) for part in re.split("[-T:Z]", text)[:6]))
