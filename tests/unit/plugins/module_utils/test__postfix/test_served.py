# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of _postfix/served.py: the domains that a configuration takes mail for."""

from ansible_collections.postmaster.mta.plugins.module_utils._postfix import served


def test_lists_tables_and_files(tmp_path):
    (tmp_path / "relay").write_text("# ours\nServed.test\trelay\nsub.served.test relay\n  continued\n")
    (tmp_path / "own").write_text("own.test\nother.test\n")
    values = {
        "relay_domains": f"lmdb:{tmp_path}/relay, listed.test",
        "mydestination": f"$myhostname, localhost, {tmp_path}/own",
        "virtual_alias_domains": "$virtual_alias_maps",
        "virtual_alias_maps": f"hash:{tmp_path}/virtual",
        "myhostname": "mx.test.example",
    }
    (tmp_path / "virtual").write_text("virtual.test anything\nu@virtual.test a@b.test\n")
    expected = {
        "served.test",
        "sub.served.test",
        "listed.test",
        "mx.test.example",
        "own.test",
        "other.test",
        "virtual.test",
    }
    assert served.domains(values) == expected


def test_what_cannot_be_read_is_no_reason_to_stop_a_block(tmp_path):
    values = {"relay_domains": f"lmdb:{tmp_path}/none pcre:/x ldap:/y hash:relative", "mydestination": "${loop"}
    assert served.domains(values) == frozenset()
