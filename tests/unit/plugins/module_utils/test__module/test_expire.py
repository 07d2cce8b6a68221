# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The watcher of a configuration judges what comes back as a new configuration."""

from ansible_collections.postmaster.mta.plugins.module_utils._module import expire, expiry
from ansible_collections.postmaster.mta.plugins.module_utils._module.undo import UndoRun


def test_what_comes_back_is_judged(monkeypatch):
    monkeypatch.setattr(expiry, "main", lambda way, arguments: (way.args[0], arguments))
    assert expire.main(["postfix", "/etc/postfix", "1"]) == (UndoRun, ["postfix", "/etc/postfix", "1"])
