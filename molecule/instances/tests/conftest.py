# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The relays of the lab."""

from __future__ import annotations

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tests" / "lab"))

import labhosts  # noqa: E402


@pytest.fixture(params=labhosts.some("pf13", "sm13"), ids=str, name="relay")
def _relay(request: pytest.FixtureRequest) -> labhosts.Host:
    """A relay of each MTA; in C(make proof) each relay of the lab."""
    return request.param
