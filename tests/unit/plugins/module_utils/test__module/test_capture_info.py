# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was caught, the oldest first, up to the limits."""

import base64
import types

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._module import capture_info
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__module.queue_twin import message

PARAMS = {
    "mta": "auto",
    "instance": None,
    "name": None,
    "content": True,
    "limit": 10,
    "max_bytes": 100,
    "total_bytes": 9,
    "select": None,
}


@pytest.fixture(name="queue", autouse=True)
def _queue(monkeypatch):
    """A queue with three messages of four bytes each."""
    mails = [message(3, age=1), message(1, age=30), message(2, age=20)]
    driver = types.SimpleNamespace(
        messages=lambda host: mails, raw=lambda host, found, limit: (b"body"[:limit], len(b"body"))
    )
    monkeypatch.setattr(capture_info, "queue_of", lambda mta: driver)


def ids(messages):
    return [row["id"][-1] for row in messages]


def test_the_oldest_come_first_and_their_contents_end_at_the_limit(host):
    messages, count = capture_info._messages(host, PARAMS)
    assert (ids(messages), count) == (["1", "2"], 3)
    assert base64.b64decode(messages[0]["content"]) == b"body" and not messages[0]["cut"]


def test_envelopes_alone_have_no_limit_of_bytes(host):
    messages, dummy = capture_info._messages(host, dict(PARAMS, content=False, limit=2))
    assert ids(messages) == ["1", "2"] and "content" not in messages[0]


def test_a_content_that_is_cut_says_so(host):
    (first, *dummy), count = capture_info._messages(host, dict(PARAMS, max_bytes=2))
    assert (first["cut"], first["size"], count) == (True, 4, 3)


@pytest.mark.parametrize("option", ["limit", "max_bytes", "total_bytes"])
def test_no_limit_is_negative(host, option):
    with pytest.raises(OptionError, match=option):
        capture_info.run(dict(PARAMS, **{option: -1}), False, object())
