# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from ansible_collections.postmaster.mta.plugins.module_utils._smtp.sink import Sinks, find_messages


def test_only_messages_with_the_token_are_found(tmp_path):
    (tmp_path / "a.eml").write_bytes(b"Subject: mark-O01. x\r\n\r\n")
    (tmp_path / "b.eml").write_bytes(b"Subject: mark-O011. x\r\n\r\n")
    (tmp_path / "a.json").write_text('{"subject": "mark-O01."}')
    (tmp_path / ".half").write_bytes(b"mark-O01.")
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "c").write_bytes(b"mark-O01.\n")
    assert sorted(find_messages(str(tmp_path), "mark-O01.")) == [b"Subject: mark-O01. x\r\n\r\n", b"mark-O01.\n"]


def test_a_directory_that_is_not_there_holds_nothing():
    assert find_messages("/nowhere/at/all", "x") == []


def test_waiting_ends(tmp_path):
    sinks = Sinks(patience=0.1)
    sinks.wait(str(tmp_path), ["never"])
    sinks.settle(str(tmp_path), "never")
    (tmp_path / "a").write_bytes(b"token")
    Sinks(patience=60).wait(str(tmp_path), ["token"])
