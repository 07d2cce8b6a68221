# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apply A, apply B is apply B alone: 2,000 pairs of policies of the whole vocabulary, on the renderer of each MTA.

The hosts have settings of their own, and those survive both.
"""

import collections

import hypothesis
import pytest

from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__account import test_ownership as pairs
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__account.policy_wishes import WISHES
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail.conftest import (  # pylint: disable=unused-import
    debian,  # noqa: F401
)

PAIRS = 2000


@pytest.mark.parametrize("site", [pairs.PostfixSite, pairs.SendmailSite])
def test_a_then_b_is_b_alone(debian, site):  # noqa: F811 - the fixture
    """The same property as in the unit tests, fifty times as often."""
    done = collections.Counter()

    @hypothesis.given(WISHES, WISHES, pairs.CHOICES)
    @hypothesis.settings(max_examples=PAIRS, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
    def compare(first, second, choice):
        pairs.compare(site, first, second, choice)
        done["pairs"] += 1

    compare()
    print(f"\nAC   {site.__name__}: {done['pairs']} pairs of policies, 0 differ", flush=True)
    assert done["pairs"] >= PAIRS
