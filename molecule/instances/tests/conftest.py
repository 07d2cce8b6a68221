# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The relays as testinfra and as SMTP clients see them."""

from __future__ import annotations

import pathlib
import sys

import pytest
import testinfra

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tests" / "lab"))

import labhosts  # noqa: E402

SSH = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"


@pytest.fixture(params=labhosts.RELAYS, ids=str, name="relay")
def _relay(request: pytest.FixtureRequest) -> labhosts.Host:
    """Each relay of the lab."""
    return request.param


@pytest.fixture(name="system")
def _system(relay: labhosts.Host) -> testinfra.host.Host:
    """The same relay by testinfra, over ssh."""
    return testinfra.get_host(
        f"ssh://root@{relay.address}", ssh_identity_file=str(labhosts.CACHE / "id_ed25519"), ssh_extra_args=SSH
    )
