# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether there is a sendmail: its own m4 files tell, since Postfix brings a program of that name."""

from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import detect
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.scripted_runner import ScriptedRunner


def test_the_m4_files_tell(tmp_path, monkeypatch):
    source = tmp_path / "cf.m4"
    monkeypatch.setattr(detect, "SOURCES", (str(source),))
    runner = ScriptedRunner({}, ["sendmail"])
    assert not detect.installed(runner)
    source.write_text("divert(0)")
    assert detect.installed(runner)
    assert runner.calls == []
