# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sendmail.mc of an administrator: every statement is read, and what is not read is named."""

import pathlib

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import cf, mc_source

CORPUS = pathlib.Path(__file__).resolve().parents[4] / "corpus" / "sendmail"

ADMIN = """\
divert(-1)
# Our relay. define(`confMAX_HOP', `99') in a comment is nothing.
dnl define(`confMAX_HOP', `98')dnl
divert(0)dnl
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
VERSIONID(`relay, of anna')dnl
OSTYPE(`linux')dnl
define(`confMAX_HOP', `25')dnl
define(`OUR_NAME',`relay.example.com')dnl
define(confDOMAIN_NAME, OUR_NAME)dnl
define(`confPRIVACY_FLAGS', ``authwarnings,noexpn,novrfy'')dnl
undefine(`confHOST_STATUS_DIRECTORY')dnl
define(`SMART_HOST', `esmtp:[hub.example.com]')
FEATURE(`access_db', `hash -T<TMPF> /etc/mail/access',
        `skip')dnl
FEATURE(nouucp,reject)dnl
DAEMON_OPTIONS(`Name=MTA, Addr=192.0.2.1')dnl
INPUT_MAIL_FILTER(`rspamd', `S=inet:11332@localhost, F=T, T=S:4m;R:4m')dnl
MASQUERADE_AS(`example.com')dnl
ifdef(`OUR_NAME', `FEATURE(`greet_pause', `5000')')dnl
ifdef(`_FROM_ELSEWHERE', `FEATURE(`nothing')')dnl
MAILER(`smtp')dnl
MAILER_DEFINITIONS
Mslow,\tP=[IPC], F=mDFMuX, A=TCP $h 2525
LOCAL_CONFIG
Kpairs hash -o /etc/mail/pairs
# a comment of the cf
LOCAL_RULESETS
SLocal_check_rcpt
R$* < @ bad.example > $*\t$#error $@ 5.7.1 $: "550 No (never) for you"
"""


def read(text, files=None):
    return mc_source.read(text, (files or {}).get)


def test_every_statement_is_read():
    source = read(ADMIN)
    assert source.defines() == {
        "confMAX_HOP": "25",
        "OUR_NAME": "relay.example.com",
        "confDOMAIN_NAME": "relay.example.com",
        "confPRIVACY_FLAGS": "`authwarnings,noexpn,novrfy'",
        "SMART_HOST": "esmtp:[hub.example.com]",
    }
    assert source.features() == {
        "access_db": ("hash -T<TMPF> /etc/mail/access", "skip"),
        "nouucp": ("reject",),
        "greet_pause": ("5000",),
    }
    assert [call.arguments for call in source.of("DAEMON_OPTIONS")] == [("Name=MTA, Addr=192.0.2.1",)]
    assert source.of("INPUT_MAIL_FILTER")[0].arguments == ("rspamd", "S=inet:11332@localhost, F=T, T=S:4m;R:4m")
    assert source.of("MAILER")[0] == mc_source.Call(22, "MAILER", ("smtp",))


def test_free_text_keeps_its_section_and_its_line():
    assert read(ADMIN).texts == (
        mc_source.Text(24, "MAILER_DEFINITIONS", "Mslow,\tP=[IPC], F=mDFMuX, A=TCP $h 2525"),
        mc_source.Text(26, "LOCAL_CONFIG", "Kpairs hash -o /etc/mail/pairs"),
        mc_source.Text(29, "LOCAL_RULESETS", "SLocal_check_rcpt"),
        mc_source.Text(30, "LOCAL_RULESETS", 'R$* < @ bad.example > $*\t$#error $@ 5.7.1 $: "550 No (never) for you"'),
    )


def test_what_is_not_read_is_named():
    assert read(ADMIN).unread == (mc_source.Unread(21, "ifdef(_FROM_ELSEWHERE)", "this file does not define the name"),)


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("dnl\ninclude(`/etc/mail/more.m4')dnl\n", 2, "the file cannot be read"),
        ("define(`confMAX_HOP', `25'\nMAILER(`smtp')\n", 1, "its parenthesis is never closed"),
        ("\n\nsyscmd(`rm -rf /')dnl\n", 3, "this macro of m4 is not evaluated"),
        ("changequote([,])dnl\n", 1, "m4's quotes are changed: read what follows with care"),
        ("ifelse(`a', `b', `FEATURE(`x')')dnl\n", 1, "this macro of m4 is not evaluated"),
    ],
)
def test_nothing_is_guessed(text, line, why):
    found = read(text).unread
    assert [(entry.line, entry.why) for entry in found] == [(line, why)]


def test_an_included_file_is_read_in_its_place():
    files = {"/etc/mail/more.m4": "FEATURE(`mailertable')dnl\ndefine(`confMAX_HOP', `30')dnl\n"}
    source = read("define(`confMAX_HOP', `25')dnl\ninclude(`/etc/mail/more.m4')dnl\n", files)
    assert source.defines() == {"confMAX_HOP": "30"}
    assert source.features() == {"mailertable": ()}


def test_a_file_that_includes_itself_ends():
    source = read("include(`/x')dnl\n", {"/x": "include(`/x')dnl\n"})
    assert [entry.why for entry in source.unread] == ["the file cannot be read"]


def test_nested_quotes_lose_one_level_only():
    assert read("define(`confX', ``a' `b'')dnl").defines() == {"confX": "`a' `b'"}


def test_commas_in_quotes_and_parentheses_split_nothing():
    assert read("FEATURE(`x', `a, b', (c, d), e)dnl").features() == {"x": ("a, b", "(c, d)", "e")}


@pytest.mark.parametrize(
    "text", ["`", "define(", "(((", "FEATURE(`", "dnl", "LOCAL_CONFIG", "'", "define(`a', `b')" * 1000]
)
def test_broken_files_end(text):
    read(text)


def test_the_cf_that_runs_is_compared():
    built = cf.parse(
        "O MaxHopCount=30\nDMexample.org\nO DaemonPortOptions=Name=MTA,Addr=192.0.2.1\nDjrelay.example.com\nO PrivacyOptions=noexpn,novrfy\n"
    )
    source = read(
        "define(`confMAX_HOP', `25')dnl\nDAEMON_OPTIONS(`Name=MTA, Addr=192.0.2.1')dnl\n"
        "DAEMON_OPTIONS(`Name=MSA, Port=587')dnl\nMASQUERADE_AS(`example.com')dnl\n"
        "define(`confDOMAIN_NAME', `relay.example.com')dnl\ndefine(`confPRIVACY_FLAGS', ``noexpn,novrfy'')dnl\n"
    )
    assert mc_source.disagreements(source, built) == [
        "confMAX_HOP: O MaxHopCount is '30' in the cf, not '25'",
        "DAEMON_OPTIONS: sendmail.cf has no DaemonPortOptions=Name=MSA, Port=587",
        "MASQUERADE_AS: $M is 'example.org' in the cf, not 'example.com'",
    ]


@pytest.mark.parametrize("path", sorted(CORPUS.rglob("sendmail.mc")), ids=lambda path: "-".join(path.parts[-3:-1]))
def test_the_corpus_is_read_whole(path):
    source = mc_source.read(path.read_text(encoding="utf-8"), lambda name: None)
    assert source.calls
    assert [entry for entry in source.unread if entry.why == "its parenthesis is never closed"] == []
    built = path.with_name("sendmail.cf")
    # What the lab's own m4 has built; other cases have a cf that is of another mc.
    if built.exists() and path.parents[1].name in ("8.17", "8.18"):
        assert mc_source.disagreements(source, cf.parse(built.read_text(encoding="utf-8"))) == []
