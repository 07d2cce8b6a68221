# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way back: any kept state, one by one and in one step, byte for byte; and what a confirmation that never came takes back."""

import os
import random

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _change
from ansible_collections.postmaster.mta.plugins.module_utils._account import generations, history, notes, watch
from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError, Refused
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import NOTHING, Activation, File
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.ownership import PostfixTwin
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix import postfix_host


@pytest.fixture(name="live")
def _live(tmp_path, monkeypatch):
    monkeypatch.setattr(generations, "ROOT", str(tmp_path / "var"))
    monkeypatch.setattr(_change, "LOCK_DIRECTORY", str(tmp_path / "locks"))
    directory = tmp_path / "etc" / "postfix"
    directory.mkdir(parents=True)
    (directory / "main.cf").write_bytes(b"a = 1\n")
    (directory / "access").write_bytes(b"".join(b"%d.example REJECT\n" % number for number in range(20000)))
    return directory


def change(live, files, module="relay", **more):
    """Bring some files into the directory on the one way through; None removes one."""
    wanted = {name: File(content) for name, content in files.items()}

    def plan():
        return _change.Plan(str(live), _change.difference(str(live), wanted), (), Activation(NOTHING))

    author = _change.Author(module, more=more)
    steps = _change.Steps(plan, lambda *dummy: None, lambda stage: (), lambda kind: None, lambda: (), author)
    return _change.transact(steps, str(live))


def undo(live, to=None):
    """Go back as the module undo does it."""
    target = history.target_of(str(live), to)
    return change(live, history.contents(str(live), target), "undo", state=target), target


def content_of(live):
    return {path.name: path.read_bytes() for path in live.iterdir()}


@pytest.fixture(name="states")
def _states(live):
    """Twenty changes at random, and what stood there before each."""
    dice, states = random.Random(7), []
    for number in range(20):
        states.append(content_of(live))
        access = (live / "access").read_bytes().split(b"\n")
        access[dice.randrange(1000, 15000)] = b"changed-%d.example DEFER" % number
        files = {"main.cf": b"a = %d\n" % (number + 2), "access": b"\n".join(access)}
        files["new-%d" % (number % 3)] = None if number % 4 == 3 else b"new %d\n" % number
        change(live, files)
    return states


def test_twenty_generations_back_one_by_one(live, states):
    for state in reversed(states):
        undo(live)
        assert content_of(live) == state
    with pytest.raises(OptionError, match="oldest state"):
        undo(live)


@pytest.mark.parametrize("steps", [1, 2, 7, 20])
def test_several_generations_back_in_one_step(live, states, steps):
    dummy, target = undo(live, 20 - steps)
    assert target == 20 - steps and content_of(live) == states[-steps]


def test_undo_of_an_undo_by_its_number(live, states):
    last = content_of(live)
    undo(live, 12)
    undo(live, 20)
    assert content_of(live) == last


def test_what_was_only_noted_is_no_state_of_its_own(live, states):
    """An accepted risk, or an adoption, changes no file: the undo that follows goes back all the same."""
    notes.note(str(live), _change.Author("relay"))
    dummy, target = undo(live)
    assert target == 19 and content_of(live) == states[-1]


def test_an_undo_after_another_one_takes_back_the_last_change_only(live):
    """Once it brought the first change back, which had been undone."""
    before = content_of(live)
    for number in range(3):
        change(live, {"main.cf": b"a = %d\n" % (number + 2)})
        undo(live)
        assert content_of(live) == before
    change(live, {"main.cf": b"a = 7\n"})
    kept = content_of(live)
    change(live, {"main.cf": b"a = 8\n"})
    undo(live)
    assert content_of(live) == kept
    undo(live)
    assert content_of(live) == before


def test_a_number_that_is_not_kept_is_refused(live, states):
    with pytest.raises(OptionError, match="no generation that is kept"):
        undo(live, 77)


def test_without_an_account_there_is_nothing_to_undo(live):
    with pytest.raises(OptionError, match="no account yet"):
        undo(live)


def test_a_large_table_that_somebody_else_changed_is_not_spoilt(live, states):
    with open(str(live / "access"), "ab") as stream:
        stream.write(b"by-hand.example REJECT\n")
    assert history.changed_manually(str(live)) == [
        f"access: changed manually since generation 20 ({generations.load(str(live), 20)['time']})"
    ]
    with pytest.raises(Refused, match="access: changed manually since generation 20"):
        undo(live)


def test_who_waits_for_a_confirmation(live):
    change(live, {"main.cf": b"a = 2\n"}, confirm_by=1)
    change(live, {"main.cf": b"a = 3\n"})
    assert watch.waiting(str(live)) == [1]
    change(live, {"main.cf": b"a = 1\n"}, "confirm", undoes=[1])
    assert watch.waiting(str(live)) == []
    records = history.records(str(live))
    assert [history.status(one, history.undone_by(records)) for one in records] == ["undone", "live", "live"]


MAIN = b"a=1\nrelayhost = \nlist = x,\n   y\n# end\n"


def test_a_way_back_has_the_bytes_that_were_there(live):
    """Debian's main.cf has a blank behind C(relayhost =), and no blanks around the C(=) of other lines."""
    twin = PostfixTwin(postfix_host.make_host("3.10.13"))
    (live / "main.cf").write_bytes(MAIN)
    change(live, {"main.cf": MAIN.replace(b"relayhost = ", b"relayhost = [x]").replace(b"a=1", b"a = 2")})

    def written(content):
        return history.with_recorded_bytes(str(live), twin, {"main.cf": File(content)})["main.cf"].content

    back = b"a = 1\nrelayhost =\nlist = x, y\n# end\n"
    assert written(back) == MAIN
    assert written(back + b"b = 1\n") == back + b"b = 1\n"
    # Somebody else has written since: his comments stay.
    (live / "main.cf").write_bytes((live / "main.cf").read_bytes() + b"# a comment\n")
    assert written(back + b"# a comment\n") == back + b"# a comment\n"


def test_when_a_file_was_changed_last_is_known(live):
    os.utime(str(live / "main.cf"), ns=(7, 7))
    change(live, {"main.cf": b"a = 2\n", "new": b"n"})
    change(live, {"main.cf": b"a = 3\n"})
    assert history.times(str(live), 0) == {"main.cf": (generations.mark(b"a = 1\n"), 7)}
