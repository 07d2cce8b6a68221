# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The helpers of an MTA, called as it calls them: whether each milter, policy service and content filter answers.

Private to the collection: it can change at any time.
"""

import functools
import socket
import struct
import typing as t

from .. import _parallel
from .._model.finding import ERROR, WARNING, Finding, make_finding
from .._model.helper import FILTER, MILTER, POLICY, Helper

#: Seconds that a helper on this host or near it has for its first word.
PATIENCE = 4.0
#: The first packet of the milter protocol: all actions and all protocol steps are offered (mfdef.h, SMFIC_OPTNEG).
_NEGOTIATE = struct.pack("!IcIII", 13, b"O", 6, 0x1FF, 0x1FFFFF)
_QUIT = struct.pack("!Ic", 1, b"Q")
_CODES = {MILTER: "milter_down", POLICY: "policy_service_down", FILTER: "content_filter_down"}


class HelperState(t.NamedTuple):
    """A helper with the reason why it could not be used; empty where it answers."""

    helper: Helper
    trouble: str


def observe(helpers: t.Iterable[Helper], patience: float = PATIENCE) -> t.Tuple[HelperState, ...]:
    """Call all helpers in parallel. Nothing is asked that would leave a trace in what they decide."""
    several = tuple(dict.fromkeys(helpers))
    jobs = {helper: functools.partial(call, helper, patience) for helper in several}
    outcomes = _parallel.together(jobs, 2 * patience)
    return tuple(HelperState(helper, _trouble(outcomes.get(helper))) for helper in several)


def _trouble(outcome: t.Optional[_parallel.JobResult]) -> str:
    return _parallel.trouble(outcome) or (str(outcome.value) if outcome else "")


def call(helper: Helper, patience: float) -> str:
    """Connect to a helper; return why it could not be used. A milter is asked for its options, as each message does it."""
    try:
        with _connected(helper, patience) as connection:
            return _negotiated(connection) if helper.kind == MILTER else ""
    except socket.timeout:
        return f"no answer within {patience:.0f} s"
    except OSError as problem:
        return problem.strerror or str(problem) or type(problem).__name__


def _connected(helper: Helper, patience: float) -> socket.socket:
    if not helper.path:
        return socket.create_connection((helper.host, helper.port), patience)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(patience)
        connection.connect(helper.path)
    except OSError:
        connection.close()
        raise
    return connection


def _negotiated(connection: socket.socket) -> str:
    connection.sendall(_NEGOTIATE)
    answer = connection.recv(64)
    if answer[4:5] != b"O":
        return "it accepts the connection and does not speak the milter protocol" if answer else "it hangs up at once"
    connection.sendall(_QUIT)
    return ""


def judge(instance: str, states: t.Iterable[HelperState]) -> t.List[Finding]:
    """Return the helpers that do not answer: an error where the MTA takes no mail without them, else a warning."""
    findings = []
    for helper, trouble in states:
        if trouble:
            what = f"the {helper.kind} {helper.place} of {instance} does not answer ({trouble}): {helper.consequence}"
            severity = ERROR if helper.refuses else WARNING
            findings.append(make_finding(_CODES[helper.kind], severity, helper.place, what, setting=helper.setting))
    return findings
