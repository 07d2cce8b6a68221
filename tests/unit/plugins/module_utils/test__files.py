# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Durable writing: a reader sees the old file or the new one, and nothing is left of a writer that failed."""

import json
import os

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _files


def mode(path):
    return os.stat(path).st_mode & 0o7777


def test_a_new_file_has_the_mode_that_is_given(tmp_path):
    _files.write_new(str(tmp_path / "a"), b"x", 0o640)
    assert (tmp_path / "a").read_bytes() == b"x" and mode(tmp_path / "a") == 0o640
    assert os.listdir(str(tmp_path)) == ["a"]


def test_a_replaced_file_keeps_its_mode(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o600)
    _files.write_stream(str(path), (piece for piece in (b"n", b"ew")), 0o644, like=str(path))
    assert path.read_bytes() == b"new" and mode(path) == 0o600


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    def pieces():
        yield b"half"
        raise KeyError("broken")

    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(KeyError):
        _files.write_stream(str(tmp_path / "a"), pieces(), 0o644)
    assert (tmp_path / "a").read_bytes() == b"old" and os.listdir(str(tmp_path)) == ["a"]


def test_a_record_is_kept_for_its_owner_alone(tmp_path):
    path = tmp_path / "state" / "log.json"
    _files.keep_json(str(path), {"a": 1.5, "b": "\udce4"})
    assert json.loads(path.read_text()) == {"a": 1.5, "b": "\udce4"}
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    assert os.listdir(str(path.parent)) == ["log.json"]


def test_a_record_replaces_the_one_before(tmp_path):
    path = str(tmp_path / "log.json")
    for number in range(3):
        _files.keep_json(path, [number])
    assert json.loads(_files.read(path)) == [2]


def test_a_finished_file_is_moved_into_place(tmp_path):
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "a").write_bytes(b"old")
    _files.put(str(tmp_path / "new"), str(tmp_path / "a"))
    assert (tmp_path / "a").read_bytes() == b"new" and os.listdir(str(tmp_path)) == ["a"]
