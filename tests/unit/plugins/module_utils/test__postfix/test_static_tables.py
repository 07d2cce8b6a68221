# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is in a table, without a program that looks it up."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._postfix.static_tables import Tables

FILES = {
    "/t/hash": b"# c\nKey value here\n  goes on\n",
    "/t/cidr": b"10.0.0.0/8 REJECT\n!0.0.0.0/0 six\n192.0.2.1 one\n",
    "/t/if": b"if /^Subject:/\nif !/urgent/\n/./ HOLD\nendif\nendif\n/^From:/ WARN\nif /bad(/\n/^To:/ INFO\nendif\n",
    "/t/regexp": b"/^sub\\/ject: .*x$/ HIT\n!/@/ no at\n/[[:digit:]]{3}/i three\nif /x/\n/bad(/ never\n",
}


@pytest.mark.parametrize(
    "table, subject, value",
    [
        ("hash:/t/hash", "key", "value here  goes on"),
        ("proxy:lmdb:/t/hash", "KEY", "value here  goes on"),
        ("hash:/t/none", "key", None),
        ("static:all", "x", "all"),
        ("static:{REJECT with text}", "x", "REJECT with text"),
        ("inline:{a=b, { c = d e }}", "c", "d e"),
        ("cidr:/t/cidr", "10.1.2.3", "REJECT"),
        ("cidr:/t/cidr", "192.0.2.1", "one"),
        ("cidr:/t/cidr", "2001:db8::1", "six"),
        ("cidr:/t/cidr", "not.an.address", None),
        ("regexp:/t/regexp", "Sub/ject: ax", "HIT"),
        ("regexp:/t/regexp", "nothing", "no at"),
        ("regexp:/t/regexp", "a@123", "three"),
        ("regexp:/t/if", "Subject: x", "HOLD"),
        ("regexp:/t/if", "Subject: urgent", None),
        ("regexp:/t/if", "From: x", "WARN"),
        ("regexp:/t/if", "Received: x", None),
        ("regexp:/t/if", "To: x", "INFO"),
        ("cidr:{{10.0.0.0/8 REJECT}, {0.0.0.0/0 OK}}", "192.0.2.1", "OK"),
        ("regexp:{{/^a b/ no}, {/./ DISCARD}}", "user@x.test", "DISCARD"),
        ("pcre:{{/@x\\.test$/ OK}}", "user@x.test", "OK"),
        ("unionmap:{static:x, hash:/t/none}", "q", "x"),
        ("mysql:/t/db.cf", "key", None),
        ("word", "key", None),
    ],
)
def test_a_table_is_asked(table, subject, value):
    assert Tables(FILES.get).find(table, [subject], subject) == value


def test_a_list_in_a_file_is_words():
    assert Tables({"/t/l": b"a, b\n# c\n d\n"}.get).words("/t/l") == ("a", "b", "d")


def test_networks_come_with_their_values():
    assert Tables(FILES.get).networks("cidr:/t/cidr")[0] == ("10.0.0.0/8", "REJECT")


def test_networks_that_stand_in_braces_are_read():
    assert Tables(FILES.get).networks("cidr:{{0.0.0.0/0 x}}") == [("0.0.0.0/0", "x")]
