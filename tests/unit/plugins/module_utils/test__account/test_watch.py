# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The watcher of a change: its units, its stamp, and the kit that runs without a controller."""

import contextlib
import os
import subprocess
import sys
import time
import zipfile

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _zipapp
from ansible_collections.postmaster.mta.plugins.module_utils._account import generations, watch
from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError, Refused


@pytest.mark.parametrize("watcher", ["expire", "expire_table"])
def test_the_kit_runs_on_its_own(tmp_path, watcher):
    kit = tmp_path / "kit.pyz"
    kit.write_bytes(_zipapp.content("_module", watcher))
    assert "__main__.py" in zipfile.ZipFile(str(kit)).namelist()
    done = subprocess.run(
        [sys.executable, "-I", str(kit), "postfix", str(tmp_path / "nosuch"), "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": "/nonexistent"},
        check=False,
    )
    assert b"generation 1 does not wait for a confirmation" in done.stdout, done.stderr


@pytest.mark.parametrize("value", ["5s", "8d", "soon"])
def test_a_time_that_is_no_time_to_confirm_is_refused(value):
    with pytest.raises(OptionError, match="confirm"):
        watch.seconds(value)


def test_a_name_with_blanks_does_not_break_the_units():
    assert watch.unit_of("/etc/postfix", 3) == "postmaster-mta-confirm-etc-postfix-3"


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


class Systemd:
    """Notes what systemctl is told."""

    def __init__(self):
        self.told = []

    def run(self, argv, check=True):
        self.told.append(" ".join(argv[1:]))


@pytest.fixture(name="systemd")
def _systemd(tmp_path, monkeypatch):
    """A host whose units and account lie in a directory of the test."""
    monkeypatch.setattr(watch, "UNITS", str(tmp_path))
    monkeypatch.setattr(watch, "_stamp", lambda *dummy: None)
    monkeypatch.setattr(generations, "ROOT", str(tmp_path / "account"))
    (tmp_path / "account").mkdir()
    monkeypatch.setattr(generations, "place_of", lambda directory: str(tmp_path / "account"))
    return Systemd()


def test_nothing_is_left_of_a_watcher_that_is_not_needed_any_more(systemd, tmp_path):
    watch.arm(systemd, "postfix", "/etc/postfix", 7, 1795300000.0)
    name = watch.unit_of("/etc/postfix", 7)
    assert {path.name for path in tmp_path.glob("*.timer")} == {f"{name}.timer"}
    assert "OnCalendar=2026-11-2" in (tmp_path / f"{name}.timer").read_text()
    assert "postfix /etc/postfix 7\n" in (tmp_path / f"{name}.service").read_text()
    held = tmp_path / "account" / "000007.reserve"
    assert held.stat().st_size >= watch.ROOM, "a roll back needs room, also on a disk that is full by then"
    watch.disarm(systemd, "/etc/postfix", 7)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert systemd.told == [
        "daemon-reload",
        f"enable --now {name}.timer",
        f"disable --now {name}.timer",
        "daemon-reload",
    ]


def tries(held, answers):
    """A roll back that ends in turn as the answers say, and whether room was held at each."""
    seen = []

    def roll_back():
        seen.append(held.exists())
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return roll_back, seen


@pytest.mark.parametrize(
    "answers, at_each_try, held_after",
    [
        (["rolled back"], [True], True),
        ([OSError(28, "No space left on device"), "rolled back"], [True, False], False),
        ([Refused("no room"), Refused("no room")], [True, False], True),
    ],
)
def test_held_room_is_given_back_when_a_roll_back_needs_it_and_no_earlier(
    systemd, tmp_path, answers, at_each_try, held_after
):
    """Whatever fills the disk would take it."""
    watch.arm(systemd, "postfix", "/etc/postfix", 7, time.time())
    held = tmp_path / "account" / "000007.reserve"
    fails = isinstance(answers[-1], Exception)
    roll_back, seen = tries(held, list(answers))
    with pytest.raises(Refused) if fails else contextlib.ExitStack():
        assert watch.in_held_room("/etc/postfix", 7, roll_back) == answers[-1]
    assert (seen, held.exists()) == (at_each_try, held_after)


@pytest.fixture(name="staged")
def _staged(tmp_path):
    """One line of a large table is another one; its compiled form is another file, and everything else is the same one."""
    live, stage = tmp_path / "live", tmp_path / "stage"
    for place in (live, stage):
        (place / "sub").mkdir(parents=True)
    (live / "access").write_bytes(b"x" * 3_000_000)
    (stage / "access").write_bytes(b"x" * 2_999_999 + b"y")
    (live / "access.db").write_bytes(b"d" * 5_000_000)
    (stage / "access.db").write_bytes(b"d" * 4_000_000)
    (live / "sub" / "removed").write_bytes(b"r" * 1000)
    (live / "main.cf").write_bytes(b"m" * 9_000_000)
    os.link(str(live / "main.cf"), str(stage / "main.cf"))
    return str(live), str(stage)


def account_size(tmp_path):
    return sum(path.stat().st_size for path in (tmp_path / "account").iterdir())


def test_room_is_held_for_the_files_that_come_back_and_not_for_what_the_account_keeps_of_them(
    systemd, tmp_path, staged
):
    """Of a large table the account keeps one line, and a roll back writes all of it, compiled as well."""
    live, stage = staged
    author = generations.Author("table", arm=lambda number, stage: None)
    generations.prepare(live, stage, ["access", "sub/removed"], ("nothing", ()), author)
    watch.arm(systemd, "postfix", live, 1, time.time(), stage=stage)
    held = (tmp_path / "account" / "000001.reserve").stat().st_size
    assert 2 * 8_001_000 <= held - watch.ROOM <= 2 * 8_001_000 + 2000


@pytest.mark.parametrize("largest", [20 << 20, 14 << 20])
def test_the_held_room_is_within_the_bound_of_the_account(systemd, tmp_path, staged, monkeypatch, largest):
    """What was kept longest goes for it, never what waits itself; and what does not fit is not held."""
    live, stage = staged
    monkeypatch.setattr(generations, "LARGEST", largest)
    for number in range(1, 5):
        generations.write(str(tmp_path / "account"), {"number": number, "ended": "live"})
        (tmp_path / "account" / f"{number:06d}.files").write_bytes(b"k" * (1 << 20))
    (tmp_path / "account" / "000003.kit.pyz").write_bytes(b"it waits")
    generations.prepare(live, stage, ["access"], ("nothing", ()), generations.Author("table"))
    watch.arm(systemd, "postfix", live, 5, time.time(), stage=stage)
    assert largest - (1 << 20) < account_size(tmp_path) <= largest
    assert generations.numbers(live)[-2:] == [3, 4]
