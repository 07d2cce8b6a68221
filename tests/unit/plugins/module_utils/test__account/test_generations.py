# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account: what a record holds, who can read it, how much of it is kept, and how it comes into agreement again."""

import os
import stat

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._account import generations
from ansible_collections.postmaster.mta.plugins.module_utils._account.generations import LIVE
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__account.sites import go_live, prepare


def test_a_record_says_who_changed_what(site):
    go_live(site, prepare(site, {"main.cf": (b"old\n", b"new\n")}, by="anna", ticket="T-7", digest="d"))
    record = generations.newest(str(site / "live"))
    assert (record["number"], record["module"], record["by"], record["ticket"]) == (1, "relay", "anna", "T-7")
    assert record["ended"] == LIVE and record["activation"] == {"kind": "reload", "because": ["x"]}
    assert [file["name"] for file in record["files"]] == ["main.cf"]


def test_only_root_can_read_it(site):
    before = os.umask(0)
    try:
        go_live(site, prepare(site, {"main.cf": (b"password\n", b"new\n")}))
    finally:
        os.umask(before)
    for parent, dummy, names in os.walk(generations.ROOT):
        assert stat.S_IMODE(os.stat(parent).st_mode) == 0o700
        assert {stat.S_IMODE(os.stat(os.path.join(parent, name)).st_mode) for name in names} <= {0o600}


def test_of_a_large_file_only_what_differs_is_kept(site):
    before = b"".join(b"%d.example REJECT\n" % number for number in range(50000))
    after = before.replace(b"777.example REJECT\n", b"777.example DEFER\n", 1)
    record = prepare(site, {"access": (before, after)}).record
    (file,) = record["files"]
    assert file["length"] < 20
    with open(os.path.join(generations.place_of(str(site / "live")), "000001.files"), "rb") as stream:
        kept = stream.read()
    assert after[: file["start"]] + kept + after[len(after) - file["end"] :] == before


@pytest.mark.parametrize("old, new", [(None, b"x"), (b"x", None), (b"", b"x"), (b"a" * 300000, b"a" * 300001)])
def test_files_come_and_go(site, old, new):
    (file,) = prepare(site, {"x": (old, new)}).record["files"]
    assert (file["before"], file["after"]) == (generations.mark(old), generations.mark(new))


def test_a_compiled_table_is_not_kept_beside_its_source(site):
    record = prepare(site, {"x": (b"a", b"b"), "x.db": (b"1", b"2"), "alone.db": (b"1", b"2")}).record
    assert [file["name"] for file in record["files"]] == ["alone.db", "x"]


def test_the_oldest_go(site, monkeypatch):
    for number in range(6):
        go_live(site, prepare(site, {"main.cf": (b"%d\n" % number, b"%d\n" % (number + 1))}))
    generations.prune(str(site / "live"), 3)
    assert generations.numbers(str(site / "live")) == [3, 4, 5, 6]
    monkeypatch.setattr(generations, "LARGEST", 1)
    generations.prune(str(site / "live"), 3)
    assert generations.numbers(str(site / "live")) == [6]


def test_where_the_disk_is_full_older_generations_make_room(site, monkeypatch):
    for number in range(3):
        go_live(site, prepare(site, {"main.cf": (b"%d\n" % number, b"%d\n" % (number + 1))}))
    write, calls = generations.write_blob, []

    def full(path, contents):
        calls.append(path)
        if len(calls) == 1:
            raise OSError(28, "No space left on device")
        write(path, contents)

    monkeypatch.setattr(generations, "write_blob", full)
    go_live(site, prepare(site, {"main.cf": (b"3\n", b"4\n")}))
    assert generations.numbers(str(site / "live")) == [3, 4]
