# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab itself: what it does about the leftovers of a machine that was stopped hard."""

from __future__ import annotations

import time

import lab
import pytest

pytestmark = pytest.mark.lab(group="lab")
#: A throw-away host beside the fleet.
HOST = lab.Host("dead", "10.25.0.98", "debian12-bare", ())


def test_a_host_that_runs_in_the_books_only_is_started_anew() -> None:
    """A snapshot of a machine comes up with containers that podman calls running and that have no process."""
    podman = lab.Podman()
    image = lab.ensure_image(podman, HOST.image)
    try:
        lab.start(podman, HOST, image)
        assert lab.wait_until_ready(podman, HOST) == ""
        assert lab.is_running(podman, HOST, image)
        pids = podman("inspect", "--format", "{{.State.ConmonPid}} {{.State.Pid}}", HOST.container).split()
        lab.run([*lab.SUDO, "kill", "-9", *pids])
        time.sleep(1)
        assert podman("inspect", "--format", "{{.State.Running}}", HOST.container) == "true"
        assert not lab.is_running(podman, HOST, image)
        assert lab.start_if_needed(podman, HOST, image, reset=False)
        assert lab.wait_until_ready(podman, HOST) == ""
    finally:
        lab.remove(podman, HOST)
