# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mail that is on its way to a capture instance when the routes go."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model.capture import Endpoint
from ansible_collections.postmaster.mta.plugins.module_utils._model.queue import HOLD, Message
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import capture_drain as drain


def test_connections_to_the_capture_instance_are_counted(monkeypatch):
    rows = ("0900000A:09DD 01", "0900000A:09DD 06", "0900000A:0019 01")
    table = "sl local rem st\n" + "".join(f"0: 0100007F:A000 {row} 0:0 0:0 0 0 0 7\n" for row in rows)
    monkeypatch.setattr(drain._proc, "read_text", lambda path: table if path.endswith("tcp") else "")
    monkeypatch.setattr(drain._proc.sys, "byteorder", "little")
    assert drain.connections(Endpoint("10.0.0.9", 2525)) == 1


@pytest.mark.parametrize(
    "reason, status, expected",
    [
        ("Deferred: Connection refused by [10.0.0.9]", "deferred", True),
        ("Deferred: Connection refused by [10.0.0.90]", "deferred", False),
        ("Deferred: Connection refused by [10.0.0.9]", HOLD, False),
    ],
)
def test_what_waits_since_the_capture_instance_could_not_be_reached(reason, status, expected):
    fields = dict.fromkeys(Message._fields)
    fields.update(reason=reason, status=status, recipients=())
    assert drain._could_not_reach(Message(**fields), Endpoint("10.0.0.9", 2525)) == expected
