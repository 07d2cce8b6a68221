# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a watcher rolls back: one generation, and nothing of what came later; who arms it sends it along."""

import time

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _change
from ansible_collections.postmaster.mta.plugins.module_utils._account import generations, watch
from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import NOTHING, Activation, File
from ansible_collections.postmaster.mta.plugins.module_utils._module import expiry, watched
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix import postfix_host


@pytest.fixture(name="live")
def _live(tmp_path, monkeypatch):
    monkeypatch.setattr(generations, "ROOT", str(tmp_path / "var"))
    monkeypatch.setattr(_change, "LOCK_DIRECTORY", str(tmp_path / "locks"))
    directory = tmp_path / "etc" / "postfix"
    directory.mkdir(parents=True)
    (directory / "main.cf").write_bytes(b"a = 1\nb = 1\n")
    (directory / "access_to").write_bytes(b"old@a.test REJECT\n")
    return directory


def change(live, files, **more):
    """Bring some files into the directory on the one way through."""
    wanted = {name: File(content) for name, content in files.items()}

    def plan():
        return _change.Plan(str(live), _change.difference(str(live), wanted), (), Activation(NOTHING))

    author = _change.Author("access", more=more)
    steps = _change.Steps(plan, lambda *dummy: None, lambda stage: (), lambda kind: None, lambda: (), author)
    return _change.transact(steps, str(live))


def test_what_came_later_stays(live):
    """An urgent block in the same table, and another parameter in the same main.cf."""
    table = b"old@a.test REJECT\nnew@a.test REJECT\n"
    change(live, {"access_to": table, "main.cf": b"a = 2\nb = 1\n"}, confirm_by=1)
    change(live, {"access_to": table + b"urgent@a.test REJECT\n", "main.cf": b"a = 2\nb = 3\n"})
    files = expiry.taken_back(postfix_host.make_host("3.10.13"), str(live), 1)
    assert files == {"access_to": b"old@a.test REJECT\nurgent@a.test REJECT\n", "main.cf": b"a = 1\nb = 3\n"}


def test_what_nobody_has_touched_since_comes_back_as_it_was(live):
    before = (live / "main.cf").read_bytes()
    change(live, {"access_to": None, "main.cf": b"a = 2\n"}, confirm_by=1)
    files = expiry.taken_back(postfix_host.make_host("3.10.13"), str(live), 1)
    assert files == {"access_to": b"old@a.test REJECT\n", "main.cf": before}


def test_a_change_is_watched_from_its_record_on(live, monkeypatch):
    armed = []
    monkeypatch.setattr(watch, "refuse_without_systemd", lambda *dummy: None)
    monkeypatch.setattr(watch, "arm", lambda *given: armed.append(given[1:]))
    host = postfix_host.make_host("3.10.13")
    author = watched.watched(_change.Author("access"), host, "10m", watched.TABLES)
    author.arm(7)
    ((mta, directory, number, deadline, watcher),) = armed
    assert (mta, directory, number, watcher) == ("postfix", host.instance.config_directory, 7, "expire_table")
    assert abs(deadline - time.time() - 600) < 60 and watched.confirm_by(author, 7) == int(deadline)
    assert watched.confirm_by(author, None) is None
    assert watched.watched(_change.Author("access"), host, None) == _change.Author("access")
    with pytest.raises(OptionError, match="confirm: soon"):
        watched.watched(_change.Author("access"), host, "soon")


def test_a_timer_that_starts_after_its_deadline_has_not_run_yet(tmp_path, monkeypatch):
    """On a loaded host the change can take longer than the time to confirm it; systemd makes up for it, going by this stamp."""
    stamps = tmp_path / "timers"
    stamps.mkdir()
    opened = open
    monkeypatch.setattr(
        watch, "open", lambda path, *mode: opened(path.replace("/var/lib/systemd", str(tmp_path)), *mode), raising=False
    )
    monkeypatch.setattr(watch.os, "utime", lambda path, times: written.append(times[1]))
    written = []
    now = time.time()
    watch._stamp("x", now - 60)
    watch._stamp("x", now + 60)
    assert written[0] == now - 61 and now <= written[1] <= now + 59


@pytest.mark.parametrize("ahead, word", [(60, "may still be confirmed"), (-60, "rolled back")])
def test_a_watcher_that_a_restart_of_the_host_wakes_up_early_waits(live, monkeypatch, capsys, ahead, word):
    """Each start of the host wakes it up: a shutdown can have interrupted it, and for systemd it has run."""
    change(live, {"main.cf": b"a = 2\n"}, confirm_by=int(time.time()) + ahead)
    monkeypatch.setattr(expiry, "expire", lambda *given: "rolled back")
    assert expiry.main(expiry.WayBack, ["postfix", str(live), "1"]) == 0
    assert word in capsys.readouterr().out
