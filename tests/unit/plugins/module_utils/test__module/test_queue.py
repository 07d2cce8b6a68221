# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import CommandError, OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._model import queue as _queue
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Host, Instance
from ansible_collections.postmaster.mta.plugins.module_utils._model.queue import (
    ActionResult,
    Message,
    Recipient,
    Skipped,
)
from ansible_collections.postmaster.mta.plugins.module_utils._module import message_info, queue_info
from ansible_collections.postmaster.mta.plugins.module_utils._module import queue as _queues

NOW = 1000000


def message(
    number, status="deferred", sender="s@x.test", recipients=("u@a.test",), instance="one", age=60, reason="timed out"
):
    to = tuple(Recipient(address, reason) for address in recipients)
    return Message(f"ABCDEF{number}", instance, status, status, NOW - age, 100, sender, to)


class Twin:
    """A driver whose queue is a list, and which remembers what it was told to do."""

    def __init__(self, *messages):
        self.queue = messages
        self.acted = []
        self.ran = []
        self.outcome = None

    def messages(self, host, report=_queue.ignore):
        report("/spool/broken", "cut off")
        return (one for one in self.queue if one.instance == host.instance.name)

    def detailed(self, host, one):
        return one._replace(next_attempt=NOW + 5)

    def host_status(self, host):
        return ()

    def run_queue(self, host):
        self.ran.append(host.instance.name)

    def act(self, host, action, targets, timeout):
        self.acted.append((host.instance.name, action, [one.id for one in targets], timeout))
        return self.outcome(targets) if self.outcome else ActionResult(tuple(targets))

    def message(self, host, name, limit):
        found = next((one for one in self.messages(host) if one.id == name), None)
        return found and _queue.Detail(found, (("Subject", "x"),), "body"[:limit], 4)

    def log_files(self, host):
        return ()


@pytest.fixture(name="twin")
def installed(monkeypatch):
    twin = Twin(
        message(1),
        message(2, "hold", sender="held@x.test"),
        message(3, "active"),
        message(4, recipients=("u@a.test", "v@b.test"), age=7200, instance="two"),
    )
    names = ("one", "two")
    instances = tuple(Instance("postfix", name, "/etc/" + name, ("/spool",), name == "one") for name in names)
    for module in (_queues, queue_info, message_info):
        monkeypatch.setattr(module, "queue_of", lambda mta: twin)
    monkeypatch.setattr(_queues._mta, "find_all", lambda runner, mta="auto": instances)
    monkeypatch.setattr(_queues._mta, "host", lambda runner, instance: Host(runner, instance, None))
    monkeypatch.setattr(_queues.time, "time", lambda: NOW)
    return twin


class NoJournal:
    def which(self, name):
        return None


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


def info(**changes):
    given = {"mta": "auto", "instance": "all", "select": None, "limit": 10, "sort": "oldest", "top": 5}
    return queue_info.run(dict(given, **changes), False, NoJournal(), NOW)


def ids(result, outcome=None):
    return [row["id"] for row in result["messages"] if outcome in (None, row.get("outcome"))]


# --- queue_info ---------------------------------------------------------------------------------------------------


def test_info_reads_all_instances(twin):
    found = info()
    assert ids(found) == ["ABCDEF4", "ABCDEF1", "ABCDEF2", "ABCDEF3"]
    assert found["messages"][0]["next_attempt"] == NOW + 5
    assert [one["name"] for one in found["instances"]] == ["one", "two"]
    assert found["unreadable"][0] == {"path": "/spool/broken", "why": "cut off"}


def test_info_of_the_primary_instance(twin):
    assert ids(info(instance=None)) == ["ABCDEF1", "ABCDEF2", "ABCDEF3"]
    assert ids(info(instance="/etc/two")) == ["ABCDEF4"]


def test_info_counts_only_recipients_that_fit(twin):
    found = info(select={"domain": ["b.test"]}, limit=0)
    assert found["messages"] == []
    assert [row["name"] for row in found["summary"]["domains"]] == ["b.test"]
    assert found["summary"]["total"]["recipients"] == 1
    assert found["summary"]["domains"][0]["oldest"]["id"] == "ABCDEF4"


def test_info_of_one_instance_that_cannot_list_fails_and_of_several_reports(twin, monkeypatch):
    working = twin.messages

    def messages(host, report=_queue.ignore):
        if host.instance.name == "one":
            raise CommandError(["postqueue", "-j"], 1, "", "fatal: no local interface")
        return working(host)

    monkeypatch.setattr(twin, "messages", messages)
    found = info()
    assert ids(found) == ["ABCDEF4"]
    assert found["unreadable"][0]["path"] == "/etc/one" and "no local interface" in found["unreadable"][0]["why"]
    with pytest.raises(CommandError):
        info(instance=None)


def test_no_mta_at_all(twin, monkeypatch):
    monkeypatch.setattr(_queues._mta, "find_all", lambda runner, mta="auto": ())
    with pytest.raises(OptionError, match="mta: auto: no MTA is installed here"):
        info()


# --- queue --------------------------------------------------------------------------------------------------------


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


def test_a_hold_of_postfix_has_the_reason_of_the_log(twin, tmp_path):
    log = tmp_path / "mail.log"
    log.write_text(
        "mx postfix/smtpd[9]: NOQUEUE: hold: RCPT from c[192.0.2.2]: <h@x.test>: Sender address held for review; from=<h@x.test>\n"
        "mx postfix/smtpd[9]: ABCDEF2: client=c[192.0.2.2]\n"
    )
    twin.log_files = lambda host: (str(log),)
    twin.queue = (message(2, "hold", reason=""),)
    found = info()
    assert found["messages"][0]["reason"] == "<h@x.test>: Sender address held for review"
    assert found["summary"]["reasons"][0]["name"] == "<ADDRESS>: Sender address held for review"
    assert info(select={"reason": ["held for review"]})["summary"]["total"]["messages"] == 1
    assert "held for review" in look("ABCDEF2")["waits_for"]


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


# --- message_info -------------------------------------------------------------------------------------------------


def look(name):
    given = {"mta": "auto", "instance": "all", "id": name, "body_limit": 2, "log_limit": 5}
    return message_info.run(given, False, NoJournal())


def test_look(twin):
    found = look("ABCDEF4")
    assert found["exists"] and found["message"]["instance"] == "two"
    assert (found["headers"], found["body"], found["body_size"]) == ([{"name": "Subject", "value": "x"}], "bo", 4)
    assert found["waits_for"] == "Delivery was tried and deferred, next attempt with a queue run: timed out."


def test_look_for_what_is_gone(twin):
    found = look("ABCDEF8")
    assert not found["exists"] and found["message"] is None
    assert found["waits_for"] == "It is not in the queue."


def test_look_takes_no_words(twin):
    with pytest.raises(OptionError, match="not a queue ID"):
        look("ALL")


@pytest.mark.parametrize(
    "changes, said",
    [
        (
            {"status": "hold", "reason": "quarantine: spam"},
            "It is on hold until it is released (quarantine: spam).",
        ),
        ({"status": "active"}, "It is being delivered or about to be (last result: timed out)."),
        ({"status": "incoming"}, "It has just arrived; no delivery was tried yet."),
        ({"status": "corrupt"}, "The MTA could not read its file and set it aside."),
        ({"next_attempt": 60}, "Delivery was tried and deferred, next attempt 1970-01-01T00:01:00Z: timed out."),
        (
            {"recipients": ()},
            "Delivery was tried and deferred, next attempt with a queue run: nothing is recorded yet.",
        ),
    ],
)
def test_why_it_waits(changes, said):
    assert _queue.waits_for(message(1)._replace(**changes)) == said
