# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the account need of those of the drivers."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._account import generations
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail.conftest import (  # pylint: disable=unused-import
    debian,  # noqa: F401
)


@pytest.fixture(name="site")
def _site(tmp_path, monkeypatch):
    """A live directory and its stage."""
    monkeypatch.setattr(generations, "ROOT", str(tmp_path / "var"))
    for name in ("live", "stage"):
        (tmp_path / name).mkdir()
    return tmp_path
