# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""R3 in full: every call that touches the disk is struck once, by a kill and by a full disk, for changes of several shapes.

The account is in it: after the next run it says what the configuration is, and nothing unfinished lies in it.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import pathlib
import sys
import typing as t

import pytest

HERE = pathlib.Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[2] / ".cache" / "collections"))
UNIT = HERE.parents[1] / "unit" / "plugins" / "module_utils" / "test__change.py"


def _load() -> t.Any:
    spec = importlib.util.spec_from_file_location("change_harness", UNIT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HARNESS = _load()
from ansible_collections.postmaster.mta.plugins.module_utils._account import history, writers  # noqa: E402

File = HARNESS.File
#: Changes of several shapes: what is wanted, and what stands there in the end.
SHAPES = {
    "edit, create, compile": HARNESS.WANTED,
    "remove and edit": {"access": File(None), "main.cf": File(b"new\n")},
    "a file in a directory below": {"sub/deep": File(b"new\n"), "transport": File(b"new\n")},
    "many files": {f"table{number}": File(b"x\n" * number) for number in range(8)},
    "very many files": {f"table{number}": File(b"y\n" * number) for number in range(30)},
    "large tables": {f"large{number}": File(b"%d.example REJECT\n" % number * 20000) for number in range(3)},
}
POINTS: t.List[int] = []


def _wanted_state(shape: t.Mapping[str, t.Any]) -> t.Dict[str, bytes]:
    state = dict(HARNESS.OLD)
    for name, file in shape.items():
        state[name] = file.content
    if "fresh" in shape:
        state["fresh.db"] = b"compiled fresh\n"
    return {name: content for name, content in state.items() if content is not None}


@pytest.mark.parametrize("how", ["kill", "no_space"])
@pytest.mark.parametrize("exchange_works", [True, False], ids=["exchange", "file by file"])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda name: name.replace(" ", "_"))
def test_r3_every_call(shape, exchange_works, how, tmp_path, monkeypatch):
    """Old or new at every point (file by file: after healing), and nothing is left behind."""
    monkeypatch.setattr(HARNESS._change, "LOCK_DIRECTORY", str(tmp_path / "locks"))
    monkeypatch.setattr(HARNESS.generations, "ROOT", str(tmp_path / "var"))
    monkeypatch.setattr(HARNESS, "WANTED", SHAPES[shape])
    if not exchange_works:
        monkeypatch.setattr(HARNESS._files, "exchange", _cannot)
    new = _wanted_state(SHAPES[shape])
    points = 0
    for when, live, _status in HARNESS.until_it_runs_through(_maker(tmp_path), getattr(HARNESS, how)):
        points += 1
        if exchange_works or how == "no_space":
            assert HARNESS.content_of(live) in (HARNESS.OLD, new), f"half a configuration at call {when}"
        assert HARNESS.in_child(live, lambda live=live: HARNESS.Mta(live).run()) == 0
        assert HARNESS.content_of(live) == new and HARNESS.litter(live) == [], f"not healed at call {when}"
        _insist_on_the_account(live, new, f"call {when}")
    print(
        f"\nR3   {shape}, {'exchange' if exchange_works else 'file by file'}, {how}: {points} points, 0 bad", flush=True
    )
    assert points > 20
    POINTS.append(points)


def test_r3_enough_points():
    """The sum of the tests above."""
    print(f"\nR3   {sum(POINTS)} points in all, 0 bad", flush=True)
    assert sum(POINTS) >= 2000


def _insist_on_the_account(live: pathlib.Path, content: t.Mapping[str, bytes], where: str) -> None:
    """The newest generation is what is live; what it replaced is what stood there; nothing unfinished is left."""
    ended, others = HARNESS.account_of(live)
    assert ended.count(HARNESS.generations.LIVE) == 1, where
    assert not [name for name in others if not name.endswith(".files")], where
    assert not writers.changed_since(str(live)), where
    before = dict(content, **history.contents(str(live), history.records(str(live))[0]["number"] - 1))
    kept = {name: text for name, text in before.items() if text is not None and not name.endswith(".db")}
    assert kept == HARNESS.OLD, where


def _cannot(one: str, other: str) -> None:
    raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))


def _maker(directory: pathlib.Path) -> t.Callable[[int], pathlib.Path]:
    def make(number: int) -> pathlib.Path:
        live = directory / str(number) / "postfix"
        for name, content in HARNESS.OLD.items():
            path = live / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return live

    return make
