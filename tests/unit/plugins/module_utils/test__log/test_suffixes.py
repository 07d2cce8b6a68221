# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._log import suffixes as _suffixes

RULES = _suffixes.Suffixes(["com", "uk", "co.uk", "*.ck", "!www.ck", "github.io"], "test")


@pytest.mark.parametrize(
    "domain, parts",
    [
        ("emalsrv.brand.com", ("emalsrv", "brand", "com")),
        ("A.B.Brand.CO.UK.", ("a.b", "brand", "co.uk")),
        ("brand.com", ("", "brand", "com")),
        ("x.brand.unknown", ("x", "brand", "unknown")),
        ("a.b.c.ck", ("a", "b", "c.ck")),
        ("a.www.ck", ("a", "www", "ck")),
        ("me.github.io", ("", "me", "github.io")),
    ],
)
def test_the_public_suffix_decides_whose_domain_it_is(domain, parts):
    assert tuple(RULES.split(domain)) == parts


@pytest.mark.parametrize("domain", ["", "localhost", "co.uk", "[192.0.2.1]", "192.0.2.1", "a..com"])
def test_what_nobody_has_registered(domain):
    assert RULES.split(domain) is None


def test_the_list_of_the_system_is_used_when_there_is_one(tmp_path):
    path = tmp_path / "list.dat"
    path.write_text("// comment\n\ncom\n\u516c\u53f8.cn\n", encoding="utf-8")
    found = _suffixes.load([str(tmp_path / "none"), str(path)])
    assert found.source == str(path)
    assert found.split("a.xn--55qx5d.cn").domain == "a.xn--55qx5d.cn"


def test_without_a_list_the_common_suffixes_are_known():
    found = _suffixes.load([])
    assert found.source == "built-in"
    assert found.split("emalsrv.brand.co.uk").brand == "brand"
