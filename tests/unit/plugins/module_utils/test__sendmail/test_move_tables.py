# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import mc_source, move_tables
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail.compile import map_entries


@pytest.mark.parametrize(
    "options, expected",
    [
        ("S=inet:8894@127.0.0.1, F=T", "{ inet:127.0.0.1:8894, default_action=tempfail }"),
        ("S=inet6:8894@::1, F=R", "{ inet:[::1]:8894, default_action=reject }"),
        ("S=unix:/run/a.sock", "{ unix:/run/a.sock, default_action=accept }"),
        ("S=/run/a.sock, F=4", "{ unix:/run/a.sock, default_action=tempfail }"),
        ("F=T", ""),
    ],
)
def test_milters(options, expected):
    assert move_tables.milter(("name", options))[0] == expected


@pytest.mark.parametrize(
    "line, lines, verdict",
    [
        ("a@b.test c@d.test", ["a@b.test c@d.test"], "converted"),
        ("a@b.test c", ["a@b.test c@relay.test"], "converted"),
        ("@b.test %1@e.test", ["@b.test @e.test"], "converted"),
        ("a+*@b.test c%2@d.test", [], "converted"),
        ("+*@b.test c%2@d.test", [], "not converted"),
        ("@b.test error:nouser", [], "not converted"),
    ],
)
def test_virtual_users(line, lines, verdict):
    result = move_tables.virtual(map_entries(line), "relay.test")
    assert result.lines == lines and result.rows[0].verdict == verdict


def test_generics_are_for_senders_of_their_domains():
    source = mc_source.read("", lambda name: None)
    lines, dummy, rows = move_tables.rewriting(
        source, map_entries("joe j.d@x.test\nann@y.test a@y.test\n"), ["x.test", "z.test"], []
    )
    assert lines == ["joe@x.test j.d@x.test", "joe@z.test j.d@x.test", "ann@y.test a@y.test"]
    assert {row.verdict for row in rows} == {"converted"}


@pytest.mark.parametrize(
    "line, verdict",
    [
        ("a: b", "converted"),
        ('a: "|prog"', "differs"),
        ("a: :include:/x", "differs"),
        ("a: /var/x", "differs"),
    ],
)
def test_aliases(line, verdict):
    assert move_tables.alias_rows("/etc/aliases", line)[0].verdict == verdict
