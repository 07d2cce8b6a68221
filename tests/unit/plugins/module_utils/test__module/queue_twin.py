# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A driver whose queue is a list, for the tests of the modules that look at queues."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model import queue as _queue
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Host, Instance
from ansible_collections.postmaster.mta.plugins.module_utils._model.queue import ActionResult, Message, Recipient
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


def ids(result, outcome=None):
    return [row["id"] for row in result["messages"] if outcome in (None, row.get("outcome"))]
