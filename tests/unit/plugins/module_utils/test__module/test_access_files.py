# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of rules: one pattern a line, CSV, and access files of both MTAs, each line named when it is no rule."""

import datetime
import io

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._model import access as _access
from ansible_collections.postmaster.mta.plugins.module_utils._module import access as access_module
from ansible_collections.postmaster.mta.plugins.module_utils._module import access_files
from ansible_collections.postmaster.mta.plugins.module_utils._module.access_files import RuleFiles

NOW = datetime.datetime(2026, 11, 23)


def rules(text, form, place="from"):
    """The rules of a text; the first line that is none is an error."""
    files = RuleFiles({})
    parsed = [
        rule
        for option, entry in files.read("f", io.StringIO(text), form, place)
        for rule in _access.parse(option, entry, {}, NOW)
    ]
    for problem in files.bad:
        raise problem
    return [(rule.title, rule.action, rule.code, rule.status) for rule in parsed]


def requested(text, form="domains", **changes):
    params = {
        "rules": None,
        "content": text,
        "format": form,
        "place": "from",
        "state": "present",
        "purge_expired": False,
        "strict": True,
        "anyway": [],
    }
    return access_module.request_of(dict(params, **changes), NOW)


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


def test_a_list_is_taken_as_people_write_it():
    text = (
        "\ufeff; a list of anna\r\n# two\r\n\r\nONE.example\r\ntwo.example # reported by anna\r\nthree.example ; twice\r\n"
        "@four.example\r\n*@five.example\r\n.six.example\r\n*.seven.example\r\nu@EIGHT.example\t# x\r\n"
    )
    found = requested(text).rules
    assert [(rule.pattern, rule.subdomains) for rule in found] == [
        ("one.example", True), ("two.example", True), ("three.example", True), ("four.example", True), ("five.example", True),
        ("six.example", True), ("seven.example", True), ("u@eight.example", False),
    ]  # fmt: skip


def test_other_ways_to_write_a_comment_and_an_address():
    text = "// seen in June\nfour.example // twice\n<anna@five.example>\nsix.example,\n"
    titles = [rule.title for rule in requested(text).rules]
    assert titles == ["from four.example", "from anna@five.example", "from six.example"]


def test_csv_is_taken_as_people_write_it():
    text = "\ufeffpattern,comment\r\n# seen in June,\r\n@Two.Example,wave\r\n.three.example,\r\n,\r\n"
    assert [(rule.pattern, rule.subdomains) for rule in requested(text, "csv").rules] == [
        ("two.example", True),
        ("three.example", True),
    ]


def test_all_bad_lines_are_in_one_answer():
    with pytest.raises(access_files.BadLines) as caught:
        requested("good.example\nbad_domain!\nu@x@y\n<>\n")
    assert str(caught.value).startswith(
        "3 lines are no rules, nothing was changed (strict: false leaves them out): content:2.from: "
    )
    assert [finding.partition(".from")[0] for finding in caught.value.findings] == [
        "content:2",
        "content:3",
        "content:4",
    ]


def test_a_thousand_bad_lines_are_counted_and_some_are_shown():
    with pytest.raises(access_files.BadLines) as caught:
        requested("bad domain\n" * 1200)
    assert "1200 lines are no rules" in str(caught.value) and str(caught.value).endswith("; and 1180 more")
    assert len(caught.value.findings) == 1000


def test_a_list_that_is_not_strict_takes_what_it_can():
    request = requested("good.example\nbad_domain!\n", strict=False)
    assert [rule.pattern for rule in request.rules] == ["good.example"]
    assert [(line["line"], line["value"]) for line in request.left_out] == [("content:2.from", "bad_domain!")]


def test_lines_of_an_access_file_that_are_no_rules_of_ours_do_not_stop_it():
    text = (
        "GreetPause:192.0.2.1\t5000\nClientRate:192.0.2.1\t10\nConnect:localhost\tRELAY\nTo:served.test\tRELAY\n"
        "localhost.localdomain RELAY\nFrom:a.example\tREJECT\nConnect:192.0.2.9\tRELAY\nTLS_Clt:x VERIFY:112\n"
    )
    request = requested(text, "sendmail")
    assert [rule.title for rule in request.rules] == ["from a.example", "connect 192.0.2.9"]
    assert [line["line"] for line in request.left_out] == [f"content:{number}" for number in (1, 2, 3, 4, 5, 8)]
    assert "belongs to the policy" in request.left_out[0]["why"]


def test_a_list_of_nothing_but_such_lines_is_no_error():
    assert len(requested("GreetPause:192.0.2.1\t5000\n", "sendmail").rules) == 0
    with pytest.raises(OptionError, match="no rule is given"):
        requested("# nothing\n")


def test_of_many_bad_lines_the_first_ones_are_kept_and_all_are_counted():
    text = "".join(f"bad_{number}!\n" for number in range(1500)) + "good.example\n"
    request = requested(text, strict=False)
    assert len(request.left_out) == _access.SHOWN and request.left_out_total == 1500 and len(request.rules) == 1
