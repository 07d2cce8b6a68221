# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Postfix finds in a table, and what a line of an access table means."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import Refused
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import lookup
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import make_host

ASKED = ("postmap", "-c", "/etc/postfix", "-q", "-", "hash:/etc/postfix/access_from")


def ask(keys, result):
    host = make_host("3.10.13", extra={ASKED: result})
    return lookup.ask(host, "/etc/postfix", "access_from", "hash", keys)


def test_keys_without_an_answer_are_missing():
    assert ask(["a.test", "b.test"], Result((), 0, "b.test\t550 5.7.1 No\n", "")) == {"b.test": "550 5.7.1 No"}
    assert ask(["a.test"], Result((), 1, "", "")) == {}
    assert ask([], None) == {}


def test_a_warning_that_is_not_about_the_table_is_no_complaint():
    warning = "postmap: warning: /etc/postfix/main.cf, line 9: overriding earlier entry: a=b\n"
    assert ask(["a.test"], Result((), 0, "a.test\tOK\n", warning)) == {"a.test": "OK"}


@pytest.mark.parametrize("said", ["postmap: fatal: open database /etc/postfix/access_from.db: No such file\n", ""])
def test_a_table_that_cannot_be_read_is_refused(said):
    with pytest.raises(Refused, match="access_from: postmap: "):
        ask(["a.test"], Result((), 75, "", said))


@pytest.mark.parametrize(
    "value, meaning",
    [
        ("550 5.7.1 No", ("reject", 550, "5.7.1", "No")),
        ("550 No", ("reject", 550, "5.7.1", "No")),
        ("450 4.7.1 Later", ("defer", 450, "4.7.1", "Later")),
        ("REJECT", ("reject", 554, "5.7.1", "Access denied")),
        ("reject Bad", ("reject", 554, "5.7.1", "Bad")),
        # The trap: bare digits let the sender in.
        ("550", ("ok", 0, "", "")),
        ("OK", ("ok", 0, "", "")),
        ("RELAY", ("ok", 0, "", "")),
        ("HOLD spam", ("hold", 0, "", "spam")),
        ("REDIRECT x@y", ("", 0, "", "x@y")),
    ],
)
def test_meaning(value, meaning):
    assert lookup.meaning(value) == meaning


def test_the_keys_that_smtpd_tries():
    assert list(lookup.lookups("from", "a+b@x.example", "+")) == [
        "a+b@x.example",
        "a@x.example",
        "x.example",
        "example",
        "a+b@",
        "a@",
    ]
    assert list(lookup.lookups("connect", "192.0.2.7")) == ["192.0.2.7", "192.0.2", "192.0", "192"]
    assert list(lookup.lookups("connect", "m.x.example")) == ["m.x.example", "x.example", "example"]
