# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model import queue
from ansible_collections.postmaster.mta.plugins.module_utils._model.queue import Message, Recipient

NOW = 2000000
GREYLISTED = "host mx1.a.test[192.0.2.1] said: 451 4.7.1 Greylisted (in reply to RCPT TO command)"


def message(number=1, age=60, sender="s@sender.test", recipients=(("u@a.test", GREYLISTED),), **changes):
    fields = {
        "id": f"{number:011X}",
        "instance": "postfix",
        "queue": "deferred",
        "status": "deferred",
        "arrival": NOW - age,
        "size": 100 * number,
        "sender": sender,
        "recipients": tuple(Recipient(*one) for one in recipients),
    }
    return Message(**dict(fields, **changes))


@pytest.mark.parametrize(
    "reason, code",
    [
        (GREYLISTED, "4.7.1"),
        ("421-4.7.28 slow down", "4.7.28"),
        ("connect to mx[10.4.5.6]:25: Connection refused", ""),
        ("", ""),
    ],
)
def test_status_code(reason, code):
    assert queue.status_code(reason) == code


# --- order and records --------------------------------------------------------------------------------------------


def test_first():
    messages = [message(2, age=10), message(1, age=10), message(9, age=99), message(5, age=1)]
    assert [one.id[-1] for one in queue.first(iter(messages), "oldest", 2)] == ["9", "1"]
    assert [one.id[-1] for one in queue.first(iter(messages), "newest", 9)] == ["5", "1", "2", "9"]
    assert [one.id[-1] for one in queue.first(iter(messages), "largest", 1)] == ["9"]


def test_first_reads_the_stream_to_its_end_even_for_none():
    stream = iter([message(1), message(2)])
    assert queue.first(stream, "oldest", 0) == []
    assert next(stream, None) is None


def test_as_record():
    record = queue.as_record(message(1, age=0))
    assert record["arrived"] == "1970-01-24T03:33:20Z"
    assert record["recipients"] == [{"address": "u@a.test", "reason": GREYLISTED, "dsn": "4.7.1"}]
    assert record["sender"] == "s@sender.test"


def test_clean_keeps_what_is_text_and_shows_the_rest():
    assert queue.clean("grüße\udcff".encode("utf-8", "surrogateescape")) == "grüße\\xff"


def test_unfold():
    text = "Received: from a\n\tby b; now\nSubject: x: y\nX-Empty:\n folded"
    assert list(queue.unfold(text)) == [("Received", "from a by b; now"), ("Subject", "x: y"), ("X-Empty", "folded")]
