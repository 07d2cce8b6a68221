# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account of a host: the newest change first, and what nobody may read is not in it."""

from ansible_collections.postmaster.mta.plugins.module_utils._module import history_info
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__module.one_change import change


def ask(limit=20):
    (instance,) = history_info.run({"mta": "auto", "instance": None, "limit": limit}, False, object())["instances"]
    return instance


def test_the_newest_change_comes_first_and_the_limit_does_not_touch_the_count(host, live):
    change(live, {"main.cf": b"a = 2\n"}, "relay")
    change(live, {"access_to": b"x REJECT\n"}, "access")
    instance = ask()
    assert [row["module"] for row in instance["generations"] if row["files"]] == ["access", "relay"]
    assert (instance["generations"][0]["files"], instance["generations"][0]["ended"]) == (["access_to"], "live")
    assert (ask(1)["count"], len(ask(1)["generations"])) == (instance["count"], 1)
    assert "REJECT" not in str(instance)


def test_a_host_without_an_account_has_no_generations(host):
    assert (ask()["generations"], ask()["owned"]) == ([], {})
