# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of messages, on a driver whose queue is a list."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._model.queue import ActionResult, Skipped
from ansible_collections.postmaster.mta.plugins.module_utils._module import queue as _queues
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__module.queue_twin import (
    NOW,
    NoJournal,
    ids,
    message,
)


def operate(check_mode=False, **changes):
    given = {
        "mta": "auto",
        "instance": "all",
        "select": None,
        "messages": None,
        "max": None,
        "limit": 100,
        "timeout": 7,
    }
    return _queues.run(dict(given, **changes), check_mode, NoJournal())


def test_each_instance_gets_one_call(twin):
    result = operate(action="hold", select={"domain": ["a.test"]})
    assert twin.acted == [("one", "hold", ["ABCDEF1", "ABCDEF3"], 7), ("two", "hold", ["ABCDEF4"], 7)]
    assert (result["changed"], result["affected"], result["skipped_count"]) == (True, 3, 1)
    assert [(row["id"], row["why"]) for row in result["messages"] if row["outcome"] == "skipped"] == [
        ("ABCDEF2", "it is on hold")
    ]


def test_check_mode_predicts_and_touches_nothing(twin):
    result = operate(True, action="delete", select={"domain": ["a.test"]}, max=9)
    assert ids(result, "predicted") == ["ABCDEF1", "ABCDEF2", "ABCDEF3", "ABCDEF4"]
    assert result["changed"] and twin.acted == [] and twin.ran == []


@pytest.mark.parametrize(
    "action, hit",
    [
        ("flush", "14"),
        ("deliver", "14"),
        ("hold", "134"),
        ("release", "2"),
        ("requeue", "134"),
        ("expire", "134"),
        ("delete", "1234"),
    ],
)
def test_where_each_action_applies(twin, action, hit):
    result = operate(True, action=action, select={"regex": "."}, max=9)
    assert "".join(name[-1] for name in ids(result, "predicted")) == hit


def test_flush_without_a_selection_is_one_queue_run_for_each_instance(twin):
    result = operate(action="flush")
    assert twin.ran == ["one", "two"] and twin.acted == []
    assert (result["changed"], result["affected"], result["messages"]) == (True, 2, [])


def test_flush_of_an_empty_queue_changes_nothing(twin):
    twin.queue = (message(2, "hold"),)
    assert not operate(action="flush")["changed"]
    assert not operate(True, action="flush")["changed"]


@pytest.mark.parametrize("action", ["deliver", "hold", "release", "requeue", "delete", "expire"])
@pytest.mark.parametrize("select", [None, {}, {"sender": None, "domain": None}])
def test_only_flush_takes_the_whole_queue(twin, action, select):
    with pytest.raises(OptionError, match=f"{action} needs a selection; only flush takes the whole queue"):
        operate(action=action, select=select, max=100)
    assert twin.acted == []


def test_delete_needs_a_maximum(twin):
    with pytest.raises(OptionError, match="max: None: delete needs the number of messages"):
        operate(action="delete", select={"domain": ["a.test"]})


@pytest.mark.parametrize("check_mode", [False, True])
def test_more_than_the_maximum_is_refused_as_a_whole(twin, check_mode):
    with pytest.raises(OptionError, match="max: 3: 4 messages are selected; nothing was done"):
        operate(check_mode, action="delete", select={"domain": ["a.test"]}, max=3)
    assert twin.acted == []


def test_messages_one_by_one_are_compared_by_arrival(twin):
    wanted = [
        {"id": "ABCDEF1", "arrival": NOW - 60, "instance": "one", "sender": "whoever"},
        {"id": "ABCDEF3", "arrival": NOW - 61},
        {"id": "ABCDEF9", "arrival": "5"},
    ]
    result = operate(action="delete", messages=wanted, max=9)
    assert twin.acted == [("one", "delete", ["ABCDEF1"], 7)]
    assert sorted(ids(result, "gone")) == ["ABCDEF3", "ABCDEF9"]
    assert (result["affected"], result["gone"], result["unknown"]) == (1, 2, [])


def test_a_message_that_is_listed_twice_counts_once(twin):
    twin.queue = (message(1, "deferred"), message(1, "incoming"), message(2, "active"), message(2, "deferred"))
    wanted = [{"id": "ABCDEF1", "arrival": NOW - 60}, {"id": "ABCDEF2", "arrival": NOW - 60}]
    for given in ({"messages": wanted}, {"select": {"domain": ["a.test"]}}):
        result = operate(True, action="flush", **given)
        assert (result["affected"], result["skipped_count"], result["gone"]) == (2, 0, 0)


def test_an_empty_list_of_messages_is_nothing(twin):
    assert not operate(action="delete", messages=[], max=9)["changed"]
    assert not operate(action="flush", messages=[])["changed"]
    assert twin.acted == [] and twin.ran == []


@pytest.mark.parametrize(
    "wanted", [{"id": "ABCDEF1"}, {"arrival": 1}, {"id": "ABCDEF1", "arrival": "soon"}, {"id": "ALL", "arrival": 1}]
)
def test_messages_need_id_and_arrival(twin, wanted):
    with pytest.raises(OptionError):
        operate(action="delete", messages=[wanted], max=9)


def test_an_id_that_left_the_queue_is_gone_and_one_that_nobody_knows_is_unknown(twin, tmp_path):
    log = tmp_path / "mail.log"
    log.write_text("postfix/qmgr[7]: ABCDEF7: removed\n")
    twin.log_files = lambda host: (str(log),)
    result = operate(action="release", select={"ids": ["ABCDEF2", "ABCDEF7", "ABCDEF9"]})
    assert (ids(result, "done"), ids(result, "gone")) == (["ABCDEF2"], ["ABCDEF7"])
    assert (ids(result, "unknown"), result["unknown"]) == (["ABCDEF9"], ["ABCDEF9"])
    assert result["messages"][-1]["why"] == "neither the queue nor the log has this ID"


@pytest.mark.parametrize("check_mode", [False, True])
def test_an_id_that_is_cut_short_names_the_one_that_is_meant(twin, check_mode):
    result = operate(check_mode, action="deliver", select={"ids": ["ABCDEF"]})
    assert result["unknown"] == ["ABCDEF"] and not result["changed"]
    assert result["messages"][0]["why"].endswith("; ABCDEF1 is in the queue")


def test_a_delivery_that_was_deferred_again_says_so_and_why(twin):
    def deliver(targets):
        twin.queue = tuple(one for one in twin.queue if one.id != "ABCDEF1")
        return ActionResult(tuple(targets))

    twin.outcome = deliver
    result = operate(action="deliver", select={"regex": "."})
    assert [(row["id"], row["outcome"], row["why"]) for row in result["messages"][:2]] == [
        ("ABCDEF1", "done", ""),
        ("ABCDEF4", "deferred", "timed out"),
    ]
    assert (result["affected"], result["deferred"], result["changed"]) == (2, 1, True)


def test_other_actions_do_not_ask_whether_the_message_is_still_there(twin):
    assert operate(action="flush", select={"regex": "."})["deferred"] == 0


@pytest.mark.parametrize(
    "given", [{"select": {"ids": ["ABCDEF1", "ABCDEF3"]}}, {"messages": [{"id": "ABCDEF1", "arrival": NOW - 60}]}]
)
def test_a_message_that_slips_through_a_listing_is_looked_for_again(twin, monkeypatch, given):
    everything = twin.queue
    twin.queue = everything[2:]

    def later(seconds):
        twin.queue = everything[:2]

    monkeypatch.setattr(_queues.time, "sleep", later)
    result = operate(action="hold", **given)
    assert "ABCDEF1" in ids(result, "done") and result["gone"] == 0
    assert result["affected"] == len(given.get("messages") or given["select"]["ids"])


def test_what_the_driver_reports_is_returned(twin):
    twin.outcome = lambda targets: ActionResult(
        (), targets[:1], (Skipped(targets[1], "it is being delivered now"),), ("said",)
    )
    result = operate(action="hold", instance="one", select={"domain": ["a.test"]})
    assert (result["changed"], ids(result, "gone"), ids(result, "done")) == (False, ["ABCDEF1"], [])
    assert result["transcript"] == ["said"]


def test_limit_cuts_the_list_and_not_the_counts(twin):
    result = operate(action="hold", select={"domain": ["a.test"]}, limit=1)
    assert (len(result["messages"]), result["affected"]) == (1, 3)
