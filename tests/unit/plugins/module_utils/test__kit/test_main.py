# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entrance of the kit."""

from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError
from ansible_collections.postmaster.mta.plugins.module_utils._kit import main, places


def test_a_job_that_nobody_knows_is_refused(root, capsys):
    assert main.main(["nosuch"]) == 2
    assert "expiry" in capsys.readouterr().err


def test_a_failure_is_said_and_shows_in_the_exit_status(root, capsys, monkeypatch):
    def job(*_arguments):
        raise PostmasterError("the disk is full")

    monkeypatch.setitem(main._JOBS, "expiry", job)
    assert main.main(["expiry"]) == 1
    assert capsys.readouterr().err == "expiry: the disk is full\n"


def test_a_second_run_leaves_the_work_to_the_first(root, capsys, monkeypatch):
    monkeypatch.setitem(main._JOBS, "expiry", lambda *_arguments: "done twice")
    with places.alone("expiry"):
        assert main.main(["expiry"]) == 0
    assert capsys.readouterr().out == ""
