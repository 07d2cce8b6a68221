# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from ansible_collections.postmaster.mta.plugins.module_utils import _proc
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import proxied
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import make_host

MASTER = b"smtp inet n - y - - smtpd\n  -o transport_maps=proxy:hash:/c\n"


def test_the_tables_that_only_one_of_two_configurations_names(tmp_path):
    host = make_host("3.10.13", tmp_path)
    before = b"p = proxy:hash\nrelay_domains = $p:/a, proxy:hash:/b\n", MASTER
    after = b"relay_domains = proxy:lmdb:/a, proxy:hash:/b\n", MASTER
    assert proxied.changed(host, before, after) == ("proxy:hash:/a", "proxy:lmdb:/a")
    assert proxied.changed(host, after, after) == ()
    assert proxied.changed(host, (b"a = b\n", b""), (b"a = c\n", b"")) == ()


def test_they_are_approved_until_the_processes_of_before_have_ended(tmp_path, monkeypatch):
    host = make_host("3.10.13", tmp_path)
    main = tmp_path / "main.cf"
    main.write_bytes(b"myhostname = mx.test\n")
    running = [[7, 8], [8, 9], [9]]
    monkeypatch.setattr(_proc, "children", lambda pid: running.pop(0))
    with proxied.served(host, ["proxy:hash:/a"], 1):
        assert b"proxy_read_maps = " in main.read_bytes() and main.read_bytes().endswith(b" proxy:hash:/a\n")
    assert main.read_bytes() == b"myhostname = mx.test\n" and running == []
    with proxied.served(host, (), 1):
        assert main.read_bytes() == b"myhostname = mx.test\n"
