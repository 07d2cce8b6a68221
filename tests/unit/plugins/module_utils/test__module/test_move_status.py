# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a move is, in words."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._module import move_drain, move_services, move_status
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__module.moving import Services
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail.conftest import debian

assert debian
pytestmark = pytest.mark.usefixtures("debian")


@pytest.mark.parametrize(
    "drains, rest, expected",
    [
        ("", (0, 0, None, ()), []),
        ("sendmail", (0, 0, None, ()), []),
        ("sendmail", (2, 1, 0, ()), ["the oldest since 1970-01-01T00:00:00Z", "1 messages are held"]),
        ("sendmail", (0, 0, None, ("qfA: cut",)), ["qfA: cut: the queue of sendmail does not become empty"]),
        ("", (0, 3, None, ()), ["3 messages are quarantined"]),
    ],
)
def test_what_a_person_has_to_know(tmp_path, monkeypatch, drains, rest, expected):
    host = Services(tmp_path, monkeypatch)
    monkeypatch.setattr(move_status, "daemon_of", host.daemon)
    monkeypatch.setattr(move_drain, "left", lambda host: move_drain.Left("sendmail", *rest))
    move_services.remember({"drains": drains})
    facts = move_status.facts(host.pair)
    assert (facts["listens"], facts["drains"], facts["left"]) == ("sendmail", drains, rest[0])
    assert len(facts["notes"]) == len(expected)
    assert all(words in note for words, note in zip(expected, facts["notes"]))
