# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of _sendmail/helpers.py: the milters of a sendmail.cf."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import cf, helpers

TEXT = """O InputMailFilters=dkim,clam
O Milter.LogLevel=9
Xdkim, S=inet:8891@127.0.0.1, F=T, T=S:4m;R:4m
Xclam, S=local:/run/clamav/milter, F=
Xspare, S=inet:1@h
"""


def test_the_filters_in_use():
    found = helpers.helpers(cf.parse(TEXT))
    assert [(each.place, each.path, each.host, each.port, each.refuses) for each in found] == [
        ("inet:8891@127.0.0.1", "", "127.0.0.1", 8891, True),
        ("local:/run/clamav/milter", "/run/clamav/milter", "", 0, False),
    ]
    assert found[0].setting == "INPUT_MAIL_FILTER(`dkim')"


@pytest.mark.parametrize("place, path, host, port", [
    ("unix:/a/b", "/a/b", "", 0), ("/a/b", "/a/b", "", 0), ("inet6:7@::1", "", "::1", 7), ("inet:7@[::1]", "", "::1", 7),
    ("inet:7", "", "localhost", 7),
])  # fmt: skip
def test_where_one_listens(place, path, host, port):
    (milter,) = helpers.helpers(cf.parse(f"O InputMailFilters=a\nXa, S={place}, F=R\n"))
    assert (milter.path, milter.host, milter.port) == (path, host, port)


@pytest.mark.parametrize(
    "flag, refuses, words", [("R", True, "5xx"), ("T", True, "451"), ("4", True, "421"), ("", False, "passes")]
)
def test_what_its_silence_does(flag, refuses, words):
    (milter,) = helpers.helpers(cf.parse(f"O InputMailFilters=a\nXa, S=inet:7@h, F={flag}\n"))
    assert milter.refuses is refuses
    assert words in milter.consequence


@pytest.mark.parametrize(
    "text", ["", "Xa, S=inet:7@h\n", "O InputMailFilters=b\nXa, S=inet:7@h\n", "O InputMailFilters=a\nXa, S=inet:x@h\n"]
)
def test_what_is_not_asked(text):
    assert helpers.helpers(cf.parse(text)) == ()
