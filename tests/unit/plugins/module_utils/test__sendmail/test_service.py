# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The unit of an additional instance: written, read by systemd, enabled, stopped."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Instance
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import service, units
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.scripted_runner import ScriptedRunner

INSTANCE = Instance("sendmail", "mx2", "/etc/mail-mx2", ("/var/spool/mqueue-mx2",))


@pytest.fixture(name="runner")
def _runner(tmp_path, monkeypatch):
    monkeypatch.setattr(units, "path", lambda name: str(tmp_path / f"{name}.service"))
    return ScriptedRunner({("systemctl", ...): ""})


def test_a_unit_is_written_and_removed(runner, tmp_path):
    service.write(runner, "mx2", b"[Unit]\n")
    assert (tmp_path / "mx2.service").read_bytes() == b"[Unit]\n"
    service.write(runner, "mx2", None)
    assert not (tmp_path / "mx2.service").exists()
    assert runner.calls == [("systemctl", "daemon-reload")] * 2


def test_it_starts_at_boot(runner):
    service.set_at_boot(runner, "mx2", True)
    service.set_at_boot(runner, "mx2", False)
    assert runner.calls == [("systemctl", "enable", "mx2"), ("systemctl", "disable", "mx2")]


def test_a_process_that_stays_is_an_error(runner, monkeypatch):
    monkeypatch.setattr(service.processes, "end_all", lambda directory, patience: False)
    monkeypatch.setattr(service.processes, "working_in", lambda directory: [41, 42])
    with pytest.raises(PostmasterError, match="mx2: processes that do not end: 41, 42"):
        service.stop(runner, INSTANCE)
    assert runner.calls == [], "without a unit there is nothing to stop"
