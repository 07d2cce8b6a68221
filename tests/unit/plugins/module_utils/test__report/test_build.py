# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What relays answered, as figures; tests of the fleet's report (plugin_utils) go through it as well."""

import datetime

from ansible_collections.postmaster.mta.plugins.module_utils._report import build
from ansible_collections.postmaster.mta.plugins.module_utils._report.figures import Period

NOW = datetime.datetime(2026, 11, 30, 4, tzinfo=datetime.timezone.utc)


def test_a_fleet_that_nobody_could_ask_has_no_figures_and_no_crash():
    asked = build.Asked({"mx1": {"failed": True}}, {}, {}, {}, {})
    figures = build.build(asked, {"mx1": "no route"}, "Night", None, NOW, 10)
    assert figures.relays == () and figures.missing == {"mx1": "no route"}
    assert figures.period == Period(NOW - datetime.timedelta(hours=1), NOW)
    assert figures.log["totals"]["received"] == 0
