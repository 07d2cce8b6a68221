# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What relay_info returns of each instance, in the words of its driver."""

import types

from ansible_collections.postmaster.mta.plugins.module_utils._module import relay_info


def test_each_instance_is_told_with_what_it_is_and_what_it_does(host, live, monkeypatch):
    running = types.SimpleNamespace(pid=7, listening=(("0.0.0.0", 25),))
    adopted = types.SimpleNamespace(policy={"limits": {}}, natives={"main": {"a": "1"}}, shadowed=[], unexpressed=[])
    reader = types.SimpleNamespace(read=lambda host: {"policy": {"limits": {"hops": 50}}})
    asked = []
    adoption = types.SimpleNamespace(adopt=lambda host, observed, defaults: asked.append(defaults) or adopted)
    monkeypatch.setattr(relay_info, "daemon_of", lambda mta: types.SimpleNamespace(running=lambda host: running))
    monkeypatch.setattr(relay_info, "read_of", lambda mta: reader)
    monkeypatch.setattr(relay_info, "adoption_of", lambda mta: adoption)
    monkeypatch.setattr(relay_info.risks, "risks_of", lambda host, directory: [])
    (row,) = relay_info.run({"mta": "auto", "instance": None, "defaults": False}, False, object())["instances"]
    assert (row["mta"], row["config_directory"], row["running"]) == ("postfix", str(live), True)
    assert row["listening"] == [{"address": "0.0.0.0", "port": 25}]
    assert (row["policy"], row["effective"], row["natives"]) == (
        {"limits": {}},
        {"limits": {"hops": 50}},
        {"main": {"a": "1"}},
    )
    assert (asked, row["drift"], row["risks"]) == ([False], [], [])
