# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import mc


@pytest.mark.parametrize(
    "value",
    [
        "10m",
        "$j relay; no UCE",
        "$j ${client_name}",
        "ECDHE-RSA-AES128-GCM-SHA256:!aNULL",
        "index.example.org",
        "unix.example.org",
        "shift.example.org",
        "esmtp:[192.0.2.1]",
        "a (b) c",
        "hash -T<TMPF> -o /etc/mail/access",
    ],
)
def test_leaves_harmless_values_alone(value):
    assert mc.safe("x", value) == value


@pytest.mark.parametrize(
    "value",
    [
        "a'b",
        "`a",
        "a\nO RunAsUser=root",
        "a\tb",
        "a\0b",
        "a\x7f",
        "b\u00fccher.example",
        " a",
        "a ",
        "# a",
        "syscmd(id)",
        "x syscmd(id)",
        "esyscmd(id)",
        "include(/etc/shadow)",
        "a dnl b",
        "changequote",
        "divert",
        "index(a)",
        "$1",
        "a$*b",
        "$@",
        "MAILER(local)",
        "see FEATURE",
        "sysval",
        "x" * 100000,
    ],
)
def test_refuses_what_m4_would_act_on(value):
    with pytest.raises(OptionError) as caught:
        mc.safe("mc.defines.confX", value)
    assert "mc.defines.confX" in str(caught.value)


@pytest.mark.parametrize("value, text", [(True, "True"), (False, "False"), (7, "7"), (0, "0")])
def test_writes_booleans_and_numbers(value, text):
    assert mc.safe("x", value) == text


@pytest.mark.parametrize("value", [None, [], {}, 1.5, b"x"])
def test_refuses_other_types(value):
    with pytest.raises(OptionError):
        mc.safe("x", value)


def test_sections_are_in_the_order_that_m4_needs():
    items = [
        mc.Raw("local_rulesets", "Sx"),
        mc.Statement("mailers", "MAILER", ("smtp",)),
        mc.feature("nocanonify"),
        mc.define("confMAX_HOP", "25"),
        mc.Statement("ostype", "OSTYPE", ("linux",)),
        mc.Raw("mailer_definitions", "Mx,\tP=[IPC]"),
    ]
    lines = [line for line in mc.generate(items).split("\n") if not line.startswith("dnl ---")]
    assert lines == [
        "divert(-1)dnl",
        "divert(0)dnl",
        "OSTYPE(`linux')dnl",
        "define(`confMAX_HOP', `25')dnl",
        "FEATURE(`nocanonify')dnl",
        "MAILER(`smtp')dnl",
        "MAILER_DEFINITIONS",
        "Mx,\tP=[IPC]",
        "LOCAL_RULESETS",
        "Sx",
        "",
    ]


@pytest.mark.parametrize("name", ["confMAX_HOP", "SMART_HOST", "LOCAL_MAILER_PATH", "confX"])
def test_takes_the_names_of_options(name):
    assert mc.define_name("x", name) == name


@pytest.mark.parametrize(
    "name", ["define", "syscmd", "MAILER", "FEATURE", "foo", "x y", "", "a'", None, 3, "dnl", "conf-x"]
)
def test_refuses_other_names(name):
    with pytest.raises(OptionError):
        mc.define_name("x", name)


@pytest.mark.parametrize("name", ["../x", "a/b", "", "A", "a b", None, "x" * 200])
def test_refuses_feature_names_that_are_no_file_names(name):
    with pytest.raises(OptionError):
        mc.feature_name("x", name)


@pytest.mark.parametrize("section", ["local_config", "local_rulesets", "mailer_definitions"])
@pytest.mark.parametrize(
    "text",
    [
        "syscmd(id)",
        "a\nesyscmd(id)",
        "include(x)",
        "sinclude(x)",
        "undivert",
        "changequote([,])",
        "dnl",
        "`x'",
        "MAILER(x)",
        "a\0",
        "\u00fc",
    ],
)
def test_raw_sections_are_read_for_what_m4_acts_on(section, text):
    with pytest.raises(OptionError):
        mc.raw("mc." + section, section, text)


def test_raw_sections_keep_tabs_and_newlines():
    text = "SLocal_check_mail\nR$*\t$: $1\n"
    assert mc.raw("x", "local_rulesets", text) == mc.Raw("local_rulesets", text)


@pytest.mark.parametrize(
    "line",
    [
        "MODIFY_MAILER_FLAGS(`SMTP', `+2')dnl",
        "MASQUERADE_AS(`example.org')dnl",
        "EXPOSED_USER(`root')",
        "",
        "dnl a comment",
        "define(`confX', `1')dnl",
    ],
)
def test_before_the_mailers_whole_statements_are_welcome(line):
    assert mc.raw("x", "before_mailers", line).text == line


@pytest.mark.parametrize(
    "line",
    [
        "sys`'cmd(id)",
        "MASQUERADE_AS(sys`'cmd(id))",
        "MASQUERADE_AS(`x')syscmd(id)",
        "MASQUERADE_AS(`x', syscmd(id))",
        "MASQUERADE_AS(`syscmd(id)')",
        "define(`define', `x')dnl",
        "include(`/etc/shadow')",
        "OSTYPE(`x')dnl",
        "dnl `x",
        "O RunAsUser=root",
    ],
)
def test_before_the_mailers_nothing_else_is(line):
    with pytest.raises(OptionError):
        mc.raw("x", "before_mailers", line)


def test_a_line_is_named_by_its_number():
    with pytest.raises(OptionError) as caught:
        mc.raw("mc.local_config", "local_config", "O A=1\nesyscmd(id)")
    assert "mc.local_config (line 2)" in str(caught.value)
