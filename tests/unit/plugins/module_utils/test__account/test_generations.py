# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account: what a record holds, who can read it, how much of it is kept, and how it comes into agreement again."""

import os
import stat

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._account import generations, history
from ansible_collections.postmaster.mta.plugins.module_utils._account.generations import LIVE
from ansible_collections.postmaster.mta.plugins.module_utils._errors import Refused
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


def taken(site):
    """How many bytes the account takes."""
    place = generations.place_of(str(site / "live"))
    return sum(os.path.getsize(os.path.join(place, name)) for name in os.listdir(place))


def test_never_more_than_64_mib_are_kept(site):
    """In real sizes, whatever the number of generations: before, while and after a change goes live."""
    table = os.urandom(24 << 20)
    for number in range(4):
        after = bytes([number]) + table[::-1] if number % 2 else bytes([number]) + table
        before = (site / "live" / "access").read_bytes() if number else table
        entry = prepare(site, {"access": (before, after)})
        assert taken(site) <= 64 << 20
        go_live(site, entry)
        generations.prune(str(site / "live"), 0)
    assert generations.numbers(str(site / "live")) == [3, 4]


def test_of_a_change_that_is_too_much_nothing_is_kept_and_an_undo_says_so(site, monkeypatch):
    monkeypatch.setattr(generations, "LARGEST", 4000)
    go_live(site, prepare(site, {"main.cf": (b"a\n", b"b\n")}))
    go_live(site, prepare(site, {"access": (b"1" * 5000, b"2" * 5000)}))
    live = str(site / "live")
    assert generations.numbers(live) == [1, 2] and taken(site) < 4000
    for to in (0, 1):
        with pytest.raises(Refused, match="access: what generation 2 replaced is not kept, so it cannot be undone"):
            history.contents(live, to)


def test_a_change_that_is_too_much_to_be_kept_cannot_wait_for_a_confirmation(site, monkeypatch):
    monkeypatch.setattr(generations, "LARGEST", 4000)
    with pytest.raises(Refused, match="confirm: .* nobody could roll it back"):
        prepare(site, {"access": (b"1" * 5000, b"2" * 5000)}, arm=lambda number, stage: None)
    assert generations.prepared(str(site / "live")) == []


def test_what_waits_for_a_confirmation_is_kept(site, monkeypatch):
    """Whatever comes after it: else the old configuration would not come back."""
    place = generations.place_of(str(site / "live"))
    go_live(site, prepare(site, {"main.cf": (b"0\n", b"1\n")}))
    with open(os.path.join(place, "000001" + generations.WATCHER), "wb"):
        pass
    for number in range(1, 6):
        go_live(site, prepare(site, {"main.cf": (b"%d\n" % number, b"%d\n" % (number + 1))}))
        generations.prune(str(site / "live"), number)
    assert generations.numbers(str(site / "live")) == [1, 2, 3, 4, 5, 6]
    monkeypatch.setattr(generations, "LARGEST", generations.size_of(str(site / "live")))
    go_live(site, prepare(site, {"main.cf": (b"6\n", b"7\n")}))
    assert generations.numbers(str(site / "live"))[0] == 1
    os.remove(os.path.join(place, "000001" + generations.WATCHER))
    generations.prune(str(site / "live"), 5)
    assert generations.numbers(str(site / "live")) == [5, 6, 7]


def test_contents_that_are_lost_are_not_read_as_empty_files(site):
    """A truncated file of the account: an undo once wrote an empty main.cf."""
    go_live(site, prepare(site, {"main.cf": (b"a = 1\n", b"a = 2\n")}))
    with open(os.path.join(generations.place_of(str(site / "live")), "000001.files"), "wb"):
        pass
    with pytest.raises(Refused, match="main.cf: what generation 1 replaced is not kept"):
        history.contents(str(site / "live"), 0)
    assert history.contents(str(site / "live"), 0, ["access"]) == {}


def test_who_goes_back_to_before_the_oldest_owns_what_was_owned_then(site):
    """The record of that generation is gone, or it is one that was rolled back."""
    live = str(site / "live")
    for number in range(4):
        go_live(site, prepare(site, {"main.cf": (b"%d\n" % number, b"%d\n" % (number + 1))}, owned=owner(number)))
    prepare(site, {"main.cf": (b"4\n", b"x\n")}, owned=owner(7)).rolled_back("it did not start")
    os.remove(str(site / "stage" / "main.cf"))
    go_live(site, prepare(site, {"main.cf": (b"4\n", b"5\n")}, owned=owner(8)))
    assert [history.owned_after(live, number) for number in (0, 1, 4, 6)] == [
        {},
        {"relay": 0},
        {"relay": 3},
        {"relay": 8},
    ]
    generations.prune(live, 4)
    assert history.target_of(live, 3) == 3
    assert [history.owned_after(live, number) for number in (3, 4, 6)] == [{"relay": 2}, {"relay": 3}, {"relay": 8}]
    generations.prune(live, 6)
    assert generations.numbers(live) == [6] and history.target_of(live, 5) == 5
    assert history.owned_after(live, 5) == {"relay": 3}


def owner(number):
    """Return what a change makes of who owns what."""
    return lambda owned: {"relay": number}
