# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The watcher of a table is light: what goes back is a table, which no dialogue can judge."""

from ansible_collections.postmaster.mta.plugins.module_utils._module import expire_table, expiry
from ansible_collections.postmaster.mta.plugins.module_utils._module.way_back import WayBack


def test_a_table_comes_back_without_a_judge(monkeypatch):
    monkeypatch.setattr(expiry, "main", lambda way, arguments: (way.args[0], arguments))
    assert expire_table.main(["x"]) == (WayBack, ["x"])
