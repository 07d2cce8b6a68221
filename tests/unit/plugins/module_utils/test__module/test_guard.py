# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The daemon of an instance, as the one way through sees it."""

import types

from ansible_collections.postmaster.mta.plugins.module_utils._driver.compile import compile_of
from ansible_collections.postmaster.mta.plugins.module_utils._module import daemon_log, guard


def test_the_driver_is_asked_when_somebody_wants_to_know(host, monkeypatch):
    asked = []
    driver = types.SimpleNamespace(
        running=lambda host: types.SimpleNamespace(pid=None),
        should_run=lambda host: True,
        start=lambda host: asked.append("start"),
    )
    monkeypatch.setattr(guard, "daemon_of", lambda mta: asked.append(mta) or driver)
    monkeypatch.setattr(daemon_log, "reason", lambda runner, since: f"since {since}")
    daemon = guard.guard_of(host)
    assert asked == []
    assert (daemon.running(), daemon.meant(), daemon.log(7)) == (False, True, "since 7")
    daemon.start()
    assert asked == ["postfix", "postfix", "postfix", "start"]
    assert daemon.watches == compile_of("postfix").WATCHES_FILES
