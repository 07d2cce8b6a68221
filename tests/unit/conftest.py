# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for all unit tests: which of them run under which Python, and how long hypothesis may think."""

import sys
import typing as t

import hypothesis
import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._account import generations
from ansible_collections.postmaster.mta.tests.unit import share

# Controller plugins need Python 3.10; managed code is tested under 3.6 too.
collect_ignore_glob = (
    [] if sys.version_info >= (3, 10) else ["plugins/action/*", "plugins/callback/*", "plugins/filter/*"]
)

# A busy machine is slow; that is no failure of what is tested.
_SLOW = [hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large]
hypothesis.settings.register_profile("postmaster", deadline=None, print_blob=True, suppress_health_check=_SLOW)
hypothesis.settings.load_profile("postmaster")


def pytest_collection_modifyitems(config: pytest.Config, items: t.List[pytest.Item]) -> None:
    """Leave the tests that are marked as long to C(make proof)."""
    late = [item for item in items if item.get_closest_marker("long") and not share.WHOLE]
    config.hook.pytest_deselected(items=late)
    items[:] = [item for item in items if item not in late]


@pytest.fixture(autouse=True)
def _private_account(tmp_path_factory, monkeypatch):
    """No test writes into the account of the host that it runs on."""
    monkeypatch.setattr(generations, "ROOT", str(tmp_path_factory.getbasetemp() / "account"))
