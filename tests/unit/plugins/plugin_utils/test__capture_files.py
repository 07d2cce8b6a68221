# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Caught messages as files on the controller."""

import base64
import json
import types

import pytest
from ansible.errors import AnsibleError

from ansible_collections.postmaster.mta.plugins.action import capture_save
from ansible_collections.postmaster.mta.plugins.plugin_utils import _capture_files

RAW = b"Subject: \xff\n\nbody\n"


def message(name="4jbf7S5ZlNzPDtn", **others):
    return {
        "id": name,
        "arrival": 7,
        "size": len(RAW),
        "cut": False,
        "content": base64.b64encode(RAW).decode(),
        **others,
    }


def test_a_message_is_saved_byte_for_byte_and_known_again(tmp_path):
    place = _capture_files.directory(tmp_path, "mx1")
    assert not _capture_files.there(place, message())
    _capture_files.save(place, message(), "postfix-capture", "mx1")
    assert (place / "4jbf7S5ZlNzPDtn.eml").read_bytes() == RAW
    envelope = json.loads((place / "4jbf7S5ZlNzPDtn.json").read_text())
    assert (envelope["host"], envelope["instance"], "content" in envelope) == ("mx1", "postfix-capture", False)
    assert (place / "4jbf7S5ZlNzPDtn.eml").stat().st_mode & 0o777 == 0o600
    assert _capture_files.there(place, message())
    assert not _capture_files.there(place, message(arrival=8)), "another message with the same ID"


def test_a_message_that_was_cut_is_fetched_again_when_more_can_be_had(tmp_path):
    _capture_files.save(tmp_path, message(cut=True), "i", "h")
    assert _capture_files.there(tmp_path, message(cut=True))
    assert not _capture_files.there(tmp_path, message(cut=False))


def test_a_half_written_message_counts_as_missing(tmp_path):
    _capture_files.save(tmp_path, message(), "i", "h")
    (tmp_path / "4jbf7S5ZlNzPDtn.eml").write_bytes(b"half")
    assert not _capture_files.there(tmp_path, message())


@pytest.mark.parametrize("name", ["../../etc/cron.d/x", "", "a/bcdefgh", "abc.defgh"])
def test_what_is_no_queue_id_becomes_no_file(tmp_path, name):
    with pytest.raises(AnsibleError):
        _capture_files.save(tmp_path, message(name), "i", "h")


def test_the_name_of_a_host_stays_one_part_of_the_path(tmp_path):
    for name in ("../evil", "/etc", "..", "a/b"):
        assert _capture_files.directory(tmp_path, name).parent == tmp_path
        assert _capture_files.directory(tmp_path, name) != tmp_path


def test_pieces_are_bounded(monkeypatch):
    monkeypatch.setattr(_capture_files, "PIECE_BYTES", 100)
    sizes = [60, 60, 10, 500, 10]
    pieces = list(_capture_files.pieces([message(size=size) for size in sizes]))
    assert [[one["size"] for one in piece] for piece in pieces] == [[60], [60, 10], [500], [10]]


def test_the_table_names_who_failed():
    lines = _capture_files.table({
        "mx1": {"capture_instance": "postfix-capture", "routes": ["from a.example"], "caught": 3, "released": 3, "changed": True},
        "mx2": {"failed": True, "msg": "no such address"},
        "mx3": {"capture_instance": "sendmail-capture", "routes": [], "count": 2, "saved": ["x"], "dest": "captured/mx3", "truncated": True},
    })  # fmt: skip
    assert lines[0].split() == ["HOST", "INSTANCE", "CATCHES", "CAUGHT", "DONE"]
    assert lines[1].split() == ["mx1", "postfix-capture", "from", "a.example", "3", "released", "3"]
    assert lines[2].endswith("saved 1 in captured/mx3, there are more")
    assert lines[3] == "mx2: no such address"


def test_check_mode_has_done_nothing():
    saved = {"capture_instance": "postfix-capture", "caught": 2, "saved": ["4AAAAAA"], "dest": "captured/mx1"}
    assert "WOULD BE DONE" in _capture_files.table({"mx1": saved}, check_mode=True)[0]
    assert _capture_files.table({"mx1": saved})[0].endswith(" DONE")


def test_what_left_the_queue_meanwhile_is_not_saved(tmp_path, monkeypatch):
    """The envelopes are listed first; what is deleted before its content is fetched is in no file."""
    listed = {**dict.fromkeys(capture_save._PASSED_ON, "x"), "messages": [message(), message("4BBBBBBBBBB")]}
    answers = [listed, {"messages": [message()], "capture_instance": "postfix-capture"}]
    action = capture_save.ActionModule.__new__(capture_save.ActionModule)
    action._task = types.SimpleNamespace(check_mode=False)
    monkeypatch.setattr(capture_save.ActionBase, "run", lambda *dummy: {})
    monkeypatch.setattr(action, "validate_argument_spec", lambda spec: (None, _options(tmp_path)), raising=False)
    monkeypatch.setattr(action, "_ask", lambda *dummy: answers.pop(0))
    result = action.run(task_vars={"inventory_hostname": "mx1"})
    assert (result["saved"], result["gone"]) == (["4jbf7S5ZlNzPDtn"], 1)
    assert "1 left the queue meanwhile" in _capture_files._done(result)


def _options(dest):
    return {**dict.fromkeys(capture_save._SPEC), "dest": str(dest), "limit": 10}
