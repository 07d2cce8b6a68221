# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apply A, apply B is apply B alone: 2,000 pairs of policies, on the renderers of both MTAs."""

import hypothesis
import pytest

from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__account import test_ownership as pairs
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail.conftest import (  # pylint: disable=unused-import
    debian,  # noqa: F401
)


@pytest.mark.parametrize("site", [pairs.PostfixSite, pairs.SendmailSite])
@hypothesis.given(pairs.WISHES, pairs.WISHES)
@hypothesis.settings(max_examples=1000, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
def test_a_then_b_is_b_alone(debian, site, first, second):  # noqa: F811 - the fixture
    """The same property as in the unit tests, ten times as often."""
    both, alone = pairs.possible(site(), first, second), pairs.possible(site(), second)
    assert both.meaning() == alone.meaning()
