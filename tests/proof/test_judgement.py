# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The judgement of a whole configuration against what the MTA itself shows: nothing missed, next to no false alarms."""

from __future__ import annotations

import os
import typing as t

import judged_postfix
import judged_sendmail
import postfix_openings
import pytest
import sendmail_openings
from labhosts import HOSTS, Host

OPEN = {
    "trusts_everybody",
    "serves_everybody",
    "believes_claims",
    "permits_everybody",
    "trusts_certificates",
    "routes_for_everybody",
}
#: What the answer to RCPT does not show: such mail is taken, and all of it goes to one recipient.
LATER = {"rewrites_everything"}
#: A batch is one instance of Postfix, with a listener for each configuration.
COUNT, BATCH = int(os.environ.get("PROOF_CONFIGURATIONS", "2000")), 20


class Tally(t.NamedTuple):
    """What the judgement and the MTA say of some configurations, and where they differ."""

    bad: int
    well: int
    missed: t.List[str]
    false: t.List[str]
    unanswered: int = 0


def compare(configurations: t.Sequence[t.Any], results: t.Sequence[t.Any]) -> Tally:
    """Compare the judgement with what was observed."""
    tally = Tally(0, 0, [], [])
    for made, seen in zip(configurations, results, strict=True):
        if not seen["heard"]:
            # Neither an answer nor a word of why there is none.
            tally = tally._replace(unanswered=tally.unanswered + 1)
            continue
        codes = {code for code, severity, dummy in seen["findings"] if severity == "error"}
        is_open = any(answer.startswith("25") for answer in seen["attempts"])
        is_dead = (
            not seen["inside"]
            or not seen["outside"]
            or not any(answer.startswith("25") for answer in seen["inside"] + seen["outside"])
        )
        told = f"{made}: {seen}"
        tally = tally._replace(bad=tally.bad + (is_open or is_dead), well=tally.well + (not (is_open or is_dead)))
        if (is_open and not codes & OPEN) or (is_dead and not codes):
            tally.missed.append(told)
        if not seen["fatal"] and ((codes & OPEN and not is_open) or (codes - OPEN - LATER and not is_dead)):
            tally.false.append(told)
    return tally


class Half(t.NamedTuple):
    """What makes configurations of one MTA, and what shows them on a host."""

    make: t.Callable[[int], t.Any]
    program: str


HALVES = {
    "postfix": Half(postfix_openings.make, judged_postfix.PROGRAM),
    "sendmail": Half(sendmail_openings.make, judged_sendmail.PROGRAM),
}


@pytest.mark.parametrize("host", [HOSTS["pf13"], HOSTS["sm13"]], ids=str)
def test_a_relay_is_judged_as_it_shows_itself(host: Host) -> None:
    """Missed: none. False alarms: at most two of a hundred that are well."""
    half = HALVES[host.mta]
    bad = well = unanswered = 0
    missed: t.List[str] = []
    false: t.List[str] = []
    for first in range(0, COUNT, BATCH):
        configurations = [half.make(seed) for seed in range(first, first + BATCH)]
        tally = compare(configurations, host.ask(half.program, configurations, 3600))
        unanswered += tally.unanswered
        bad, well, missed, false = bad + tally.bad, well + tally.well, missed + tally.missed, false + tally.false
        print(
            f"{host}: {first + BATCH} configurations, {bad} open or dead, {len(missed)} missed, {len(false)} false alarms",
            flush=True,
        )
    assert not missed, "\n".join(missed)
    assert not unanswered
    assert len(false) <= well * 0.02, "\n".join(false)
