# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mailbox of a canary: a Maildir or an mbox, whatever else is in it."""

import os

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._kit import mailbox


@pytest.fixture(name="maildir")
def _maildir(tmp_path):
    for name in ("new", "cur", "tmp"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_a_maildir_has_read_and_unread_messages(maildir):
    (maildir / "new" / "1.a").write_bytes(b"Message-ID: <one@mx1>\n\n\xff\x00")
    (maildir / "cur" / "2.a:2,S").write_bytes(b"References: <x@y>\n <two@mx1>\n")
    (maildir / "tmp" / "3.a").write_bytes(b"Message-ID: <three@mx1>\n")
    os.utime(str(maildir / "new" / "1.a"), (1000, 1000))
    assert mailbox.arrivals(str(maildir), ["one@mx1", "two@mx1", "three@mx1"], 1)["one@mx1"] == 1000
    assert set(mailbox.arrivals(str(maildir), ["one@mx1", "two@mx1", "three@mx1"], 1)) == {"one@mx1", "two@mx1"}
    assert set(mailbox.arrivals(str(maildir), ["one@mx1", "two@mx1"], 2000)) == {"two@mx1"}


def test_a_message_that_its_reader_has_moved_is_no_trouble(maildir):
    (maildir / "new" / "1.a").symlink_to(maildir / "gone")
    (maildir / "new" / "directory").mkdir()
    assert mailbox.arrivals(str(maildir), ["one@mx1"], 0) == {}


def test_an_mbox_is_read_from_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(mailbox, "_MOST", 64)
    box = tmp_path / "mbox"
    box.write_bytes(b"Message-ID: <old@mx1>\n" + b"x" * 100 + b"\nMessage-ID: <new@mx1>\n")
    assert set(mailbox.arrivals(str(box), ["old@mx1", "new@mx1"], 0)) == {"new@mx1"}


def test_no_mailbox_is_said(tmp_path):
    with pytest.raises(mailbox.NoMailbox, match="none: No such file"):
        mailbox.arrivals(str(tmp_path / "none"), ["one@mx1"], 0)
    with pytest.raises(mailbox.NoMailbox, match="No such file"):
        mailbox.arrivals(str(tmp_path), ["one@mx1"], 0)
