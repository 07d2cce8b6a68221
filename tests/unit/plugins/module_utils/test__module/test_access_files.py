# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of rules: one pattern a line, CSV, and access files of both MTAs, each line named when it is no rule."""

import datetime

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._model import access as _access
from ansible_collections.postmaster.mta.plugins.module_utils._module import access_files as _accessfile

NOW = datetime.datetime(2026, 11, 23)


def rules(text, form, place="from"):
    found = [_access.parse(option, entry, {}, NOW) for option, entry in _accessfile.read("f", text, form, place)]
    return [(rule.title, rule.action, rule.code, rule.status) for some in found for rule in some]


def test_one_pattern_a_line():
    text = "# a list\n\none.example\r\n  Two.Example.  \nboss@x.example\n"
    assert [rule[0] for rule in rules(text, "domains")] == [
        "from one.example",
        "from two.example",
        "from boss@x.example",
    ]


def test_csv():
    text = "pattern,action,code,status,ticket\na.example,reject,571,5.7.1,T-1\nb.example,discard,,,\n"
    assert rules(text, "csv", "to") == [("to a.example", "reject", 571, "5.7.1"), ("to b.example", "discard", 0, "")]
    assert rules("from,subdomains\na.example,yes\n", "csv") == [("from a.example", "reject", 550, "5.7.1")]


@pytest.mark.parametrize(
    "text",
    ["colour\nred\n", "pattern\na.example,b\n", "pattern,code\na.example,x\n", "pattern,subdomains\na.example,x\n"],
)
def test_csv_that_is_none(text):
    with pytest.raises(OptionError) as caught:
        rules(text, "csv")
    assert str(caught.value).startswith("f:")


def test_sendmails_access_file():
    text = (
        "# by hand\n"
        "From:a.example\tREJECT\n"
        'From:b.example  ERROR:"550 Sender banned."\n'
        "To:u@x.example\tERROR:5.7.1:550 No\n"
        "Connect:192.0.2 \tDISCARD\n"
        "Connect:IPv6:2001:db8\tOK\n"
        "c.example DISCARD\n"
        "203.0.113.7\tREJECT\n"
    )
    found = rules(text, "sendmail")
    assert found[:3] == [
        ("from a.example", "reject", 550, "5.7.1"),
        ("from b.example", "reject", 550, "5.7.1"),
        ("to u@x.example", "reject", 550, "5.7.1"),
    ]
    assert [rule[0] for rule in found[3:]] == [
        "connect 192.0.2.0/24",
        "connect 2001:db8::/32",
        "from c.example",
        "to c.example",
        "connect c.example",
        "connect 203.0.113.7",
    ]


def test_postfix_access_file():
    text = "a.example\tREJECT\nb.example 450 4.7.1 Later\n192.0.2\tDISCARD\n"
    assert rules(text, "postfix", "connect") == [
        ("connect a.example", "reject", 554, "5.7.1"),
        ("connect b.example", "defer", 450, "4.7.1"),
        ("connect 192.0.2.0/24", "discard", 0, ""),
    ]


@pytest.mark.parametrize(
    "form, line",
    [
        ("sendmail", "GreetPause:192.0.2.1\t5000"),
        ("sendmail", "Frm:a.example\tREJECT"),
        ("sendmail", "From:a.example\tREJCT"),
        ("sendmail", " From:a.example\tREJECT"),
        ("sendmail", "From:a.example"),
        ("postfix", "a.example\tREJCT"),
        ("postfix", "a.example\tFILTER smtp:x"),
        ("postfix", "/x/\tREJECT"),
    ],
)
def test_a_line_that_is_no_rule_is_named(form, line):
    with pytest.raises(OptionError) as caught:
        rules("# head\n" + line + "\n", form)
    assert str(caught.value).startswith("f:2")
