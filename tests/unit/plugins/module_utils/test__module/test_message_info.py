# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One message, and what the log says about it."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._model import queue as _queue
from ansible_collections.postmaster.mta.plugins.module_utils._module import message_info
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__module.queue_twin import (
    NoJournal,
    message,
)


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
