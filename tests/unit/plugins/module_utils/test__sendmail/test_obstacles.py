# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings that ordinary mail does not pass; as findings they are in test_judgement.py."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import cf, obstacles


@pytest.mark.parametrize(
    "text, is_tight",
    [
        ("O MaxHopCount=4", True),
        ("O MaxHopCount=5", False),
        ("O MaxHeadersLength=999", True),
        ("O MinFreeBlocks=11", True),
        ("O MinFreeBlocks=10", False),
        ("O MinQueueAge=2d", True),
        ("O MaxDaemonChildren=1", True),
        ("O Timeout.helo=4s", True),
        ("O Timeout.helo=5m", False),
    ],
)
def test_a_limit_is_tight_on_one_side(text, is_tight):
    assert bool(list(obstacles.tight(cf.parse(text + "\n"), 10240, 1024))) is is_tight


def test_an_expensive_mailer_keeps_mail_only_where_that_is_switched_on():
    mailer = "Mesmtp, P=[IPC], F=mDFMuXae, A=TCP $h\n"
    assert list(obstacles.queueing(cf.parse(mailer), "")) == []
    seen = obstacles.queueing(cf.parse(mailer + "O HoldExpensive=True\n"), "")
    assert [(each.name, each.value, each.severity) for each in seen] == [("HoldExpensive", "esmtp", "error")]


@pytest.mark.parametrize(
    "verdict, code",
    [
        ("$# error $@ quarantine $: held", "holds_everything"),
        ("$# discard $: x", "discards_everything"),
        ("$# error $@ 5 . 7 . 1 $: 550 no", "refuses_everybody"),
        ("OK", None),
        ("", None),
    ],
)
def test_a_verdict_has_a_fate(verdict, code):
    fate = obstacles.fate_of(verdict)
    assert (fate[0] if fate else None) == code
