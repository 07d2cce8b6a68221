# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The places of the kit."""

import re

from ansible_collections.postmaster.mta.plugins.module_utils._kit import places


def test_the_version_is_that_of_the_collection(request):
    galaxy = (request.config.rootpath / "galaxy.yml").read_text(encoding="utf-8")
    assert re.search(r"^version: (\S+)$", galaxy, re.MULTILINE).group(1) == places.VERSION


def test_only_one_run_of_a_job_at_a_time(root):
    with places.alone("report-hourly") as first:
        with places.alone("report-hourly") as second, places.alone("report-daily") as other:
            assert (first, second, other) == (True, False, True)
    with places.alone("report-hourly") as later:
        assert later
