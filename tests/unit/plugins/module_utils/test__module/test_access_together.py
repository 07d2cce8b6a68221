# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several instances of a host: what was done before one of them failed is named."""

import types

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError
from ansible_collections.postmaster.mta.plugins.module_utils._module import access_together


def instance(name):
    return types.SimpleNamespace(instance=types.SimpleNamespace(name=name))


def test_the_instances_that_have_changed_are_named_where_one_fails():
    def apply_to(host):
        if host.instance.name == "third":
            raise PostmasterError("the disk is full")
        return {"instance": host.instance.name}

    hosts = [instance(name) for name in ("first", "second", "third")]
    assert access_together.one_by_one(hosts[:2], apply_to) == [{"instance": "first"}, {"instance": "second"}]
    with pytest.raises(PostmasterError, match=r"the instance third: the disk is full \(done before: first, second\)"):
        access_together.one_by_one(hosts, apply_to)


def test_one_answer_of_all():
    lists = {name: [] for name in ("diff", "added", "updated", "removed", "by_hand", "verified", "warnings", "actions")}
    one = {**lists, "instance": "in", "changed": False, "counts": {"added": 0}, "generation": 3}
    two = {**lists, "instance": "out", "changed": True, "counts": {"added": 2}, "actions": ["edit x"], "generation": 4}
    whole = access_together.merged([one, two])
    assert whole["changed"] and whole["counts"] == {"added": 2} and whole["actions"] == ["out: edit x"]
    assert whole["instance"] == "all" and whole["generation"] is None
    assert [answer["generation"] for answer in whole["instances"]] == [3, 4]
    assert all("diff" not in answer for answer in whole["instances"])
