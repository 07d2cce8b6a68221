# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Messages in the queue of Postfix that are still bound for a capture instance."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model.capture import Endpoint
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Capabilities, Host, Instance
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import access
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import capture_drain as drain

HOP = Endpoint("192.0.2.9", 2525)
TARGET = "postmaster-capture:[192.0.2.9]:2525"
DEFAULTS = {
    "parent_domain_matches_subdomains": "smtpd_access_maps",
    "smtpd_relay_before_recipient_restrictions": "yes",
    "smtpd_null_access_lookup_key": "<>",
    "recipient_delimiter": "+",
}
MASTER = b"smtp      inet  n       -       y       -       -       smtpd\nqmgr      unix  n       -       n       300     1       qmgr\n"
MAIN = b"smtpd_sender_restrictions =\n  permit_mynetworks,\n  reject_unknown_sender_domain\nmyhostname = a.example\n"


@pytest.fixture(name="host")
def _host(tmp_path, monkeypatch):
    (tmp_path / "main.cf").write_bytes(MAIN)
    (tmp_path / "master.cf").write_bytes(MASTER)
    monkeypatch.setattr(access, "defaults", lambda runner: dict(DEFAULTS))
    known = Capabilities((3, 7), "3.7", (), "hash")
    return Host(None, Instance("postfix", "postfix", str(tmp_path), (str(tmp_path / "queue"),)), lambda: known)


def test_the_word_of_filter_is_found_in_a_queue_file(host, tmp_path, monkeypatch):
    target = TARGET.encode()
    record = b"L" + bytes(bytearray([len(target)])) + target
    known = drain.queue._Settings(str(tmp_path / "queue"), frozenset(), 1, "", "")
    monkeypatch.setattr(drain.queue, "_settings", lambda host: known)
    files = {"deferred/AAAAAA": b"x" + record + b"y", "active/BBBBBB": target, "hold/CCCCCC": record}
    for name, content in files.items():
        path = tmp_path / "queue" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert drain.bound(host, HOP) == ["AAAAAA"]
