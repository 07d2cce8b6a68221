# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The queue that is left: what is in it, and the end of what delivers it."""

import os

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import Busy
from ansible_collections.postmaster.mta.plugins.module_utils._module import move_drain, move_services
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__module.moving import Services
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail.conftest import debian

assert debian
pytestmark = pytest.mark.usefixtures("debian")
CONTROL = "V8\nT1796090000\nK0\nN0\nP30\nSa@x.test\nRPFD:b@y.test\n.\n"


@pytest.fixture(name="host")
def _host(tmp_path, monkeypatch):
    services = Services(tmp_path, monkeypatch)
    (tmp_path / "client").mkdir()
    (tmp_path / "mail" / "submit.cf").write_text(f"O QueueDirectory={tmp_path}/client\n")
    (tmp_path / "mail" / "sendmail.cf").write_text("O MaxHopCount=9\n")
    monkeypatch.setattr(move_drain.processes, "working_in", lambda queue: ())
    move_services.remember(dict(move_services.as_before(services.pair), drains="sendmail"))
    return services


def put(tmp_path, place, name, text=CONTROL):
    (tmp_path / place / name).write_text(text)
    (tmp_path / place / ("df" + name[2:])).write_text("x")


def test_messages_that_are_tried_and_those_that_rest_are_told_apart(host, tmp_path):
    put(tmp_path, "queue", "qf6B100000000001")
    put(tmp_path, "queue", "hf6B100000000002")
    put(tmp_path, "client", "qf6B100000000003")
    rest = move_drain.left(host.pair.old)
    assert (rest.messages, rest.resting, rest.oldest, rest.unreadable) == (2, 1, 1796090000, ())


def test_a_message_that_nobody_can_read_is_named(host, tmp_path):
    put(tmp_path, "queue", "qf6B100000000001", "no control file")
    os.utime(str(tmp_path / "queue" / "qf6B100000000001"), (0, 0))
    assert "qf6B100000000001: " in move_drain.left(host.pair.old).unreadable[0]


def test_the_drain_ends_when_nothing_is_left_and_nobody_is_at_work(host, tmp_path, monkeypatch):
    put(tmp_path, "queue", "qf6B100000000001")
    assert move_drain.end(host) == "1 messages are left in the queue of sendmail"
    for path in (tmp_path / "queue").iterdir():
        path.unlink()
    monkeypatch.setattr(move_drain.processes, "working_in", lambda queue: (4,))
    assert move_drain.end(host) == "sendmail is still at work"
    monkeypatch.setattr(move_drain.processes, "working_in", lambda queue: ())
    assert move_drain.end(host) == "the queue of sendmail is empty"
    assert move_services.remembered()["drains"] == ""
    assert move_drain.end(host) == "nothing is drained"


def test_what_local_programs_left_is_handed_in(host, tmp_path):
    put(tmp_path, "client", "qf6B100000000003")
    move_drain.end(host)
    assert any(line.endswith(" -Ac -qf") for line in host.done)


def test_a_change_that_is_under_way_is_left_alone(host, monkeypatch, capsys):
    def busy(directory, timeout):
        raise Busy("another run is changing it")

    monkeypatch.setattr(move_drain._change, "locked", busy)
    assert move_drain.main([]) == 0 and "another run" in capsys.readouterr().err
