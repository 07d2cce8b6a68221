# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import hypothesis
import pytest
from hypothesis import strategies as some

from ansible_collections.postmaster.mta.plugins.module_utils._errors import SyntaxProblem
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import master_cf
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.master_cf import Service
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import (
    CORPUS,
    recorded,
)
from ansible_collections.postmaster.mta.tests.unit.share import examples

EVERY_MASTER_CF = sorted(CORPUS.glob("*/master.cf"))


@pytest.mark.parametrize("path", EVERY_MASTER_CF, ids=lambda path: path.parts[-2])
def test_shipped_files_survive_reading_and_writing(path):
    master = master_cf.sound(master_cf.parse(path.read_bytes()))
    assert master_cf.edit(master, {}) == path.read_bytes()
    assert master_cf.edit(master, master.services) == path.read_bytes()


def test_a_service_is_known_by_name_and_type():
    services = master_cf.parse(recorded("3.7.11", "master.cf")).services
    assert services["smtp/inet"].command == "smtpd"
    assert services["smtp/unix"].command == "smtp"
    assert services["relay/unix"].options == (("syslog_name", "postfix/$service_name"),)
    assert services["tlsmgr/unix"].wakeup == "1000?"


def test_what_belongs_to_the_program_behind_argv_is_no_option_of_postfix():
    service = master_cf.parse(recorded("3.7.11", "master.cf")).services["maildrop/unix"]
    assert service.options == ()
    assert service.arguments == ("flags=DRXhu", "user=vmail", "argv=/usr/bin/maildrop", "-d", "${recipient}")


@pytest.mark.parametrize(
    "text,options",
    [
        ("smtpd -o a=b", (("a", "b"),)),
        ("smtpd -oa=b -v", (("a", "b"),)),
        ("smtpd -o { a = b c }", (("a", "b c"),)),
        ("smtpd -o { a = { b } }", (("a", "{ b }"),)),
        ("smtpd -o a=", (("a", ""),)),
        ("smtpd -o a=${x?{y z}}", (("a", "${x?{y z}}"),)),
    ],
)
def test_options_in_all_their_forms(text, options):
    assert master_cf.parse_service(f"smtp inet n - n - - {text}").options == options


@pytest.mark.parametrize(
    "text,why",
    [
        (b"smtps inet n - n\n", "eight columns, here are 5"),
        (b"smtp tcp n - n - - smtpd\n", "no service type"),
        (b"smtp inet n - n - - smtpd -o\n", "-o without"),
        (b"smtp inet n - n - - smtpd -o name\n", "needs name=value"),
        (b"smtp inet n - n - - smtpd -o { a = b\n", "without its }"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_line(text, why):
    with pytest.raises(SyntaxProblem, match=why) as caught:
        master_cf.sound(master_cf.parse(text, "/etc/postfix/master.cf"))
    assert str(caught.value).startswith("/etc/postfix/master.cf:")


def test_of_two_entries_the_last_one_counts_as_in_postfix():
    master = master_cf.sound(master_cf.parse(b"smtp inet n - n - - smtpd\nsmtp inet n - n - - postscreen\n"))
    assert master.services["smtp/inet"].command == "postscreen"
    assert master_cf.edit(master, {"smtp/inet": None}) == b""
    wanted = master.services["smtp/inet"]._replace(processes="1")
    assert master_cf.parse(master_cf.edit(master, {"smtp/inet": wanted})).entries["smtp/inet"].line == 1


def test_a_changed_service_keeps_its_place_and_the_others_their_bytes():
    before = b"# top\nsmtp inet n - y - - smtpd\n  -o a=b\n# note\n  -o c=d\nqmgr unix n - n 300 1 qmgr\n"
    master = master_cf.parse(before)
    wanted = master.services["smtp/inet"]._replace(processes="5")
    after = master_cf.edit(master, {"smtp/inet": wanted}).decode().splitlines()
    assert after[0] == "# top"
    assert after[1:4] == ["smtp      inet  n       -       y       -       5       smtpd", "  -o a=b", "  -o c=d"]
    assert after[4:] == ["# note", "qmgr unix n - n 300 1 qmgr"]


def test_services_come_and_go():
    master = master_cf.parse(b"a unix - - n - - error\nb unix - - n - - error\n")
    new = Service("z", "inet", "n", "-", "n", "-", "-", "smtpd", (), (("x", "1 2"),))
    after = master_cf.edit(master, {"a/unix": None, "z/inet": new})
    assert list(master_cf.parse(after).services) == ["b/unix", "z/inet"]
    assert master_cf.parse(after).services["z/inet"] == new
    assert after.startswith(b"b unix - - n - - error\n\nz ")


WORD = some.text("abcXYZ019_.:-", min_size=1, max_size=8).filter(lambda text: not text.startswith("-o"))
VALUE = (
    some.text("abc $={} ,/", max_size=12)
    .map(lambda text: text.strip())
    .filter(lambda text: text.count("{") == text.count("}") and not _closes_first(text))
)


def _closes_first(text):
    depth = 0
    for letter in text:
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if depth < 0:
            return True
    return False


@hypothesis.given(
    WORD,
    some.sampled_from(master_cf.TYPES),
    some.lists(WORD.filter(lambda word: not word.startswith("argv=")), max_size=3),
    some.dictionaries(some.sampled_from(["a", "b_c", "smtpd_x"]), VALUE, max_size=3),
)
@hypothesis.settings(max_examples=examples(500))
def test_what_is_written_is_read_back(name, kind, arguments, options):
    service = Service(name, kind, "-", "-", "n", "300?", "-", "smtpd", tuple(arguments), tuple(sorted(options.items())))
    hypothesis.assume(not name.startswith("#"))
    assert master_cf.parse(master_cf.format_service(service).encode() + b"\n").services == {service.key: service}


@hypothesis.given(
    some.lists(some.one_of(some.binary(max_size=20), some.just(b"smtp inet n - n - - smtpd"), some.just(b" -o a=b")))
)
@hypothesis.settings(max_examples=examples(300))
def test_reading_and_writing_is_the_identity_whatever_the_file(lines):
    content = b"\n".join(lines)
    master = master_cf.parse(content)
    assert master_cf.edit(master, {}) == content


@pytest.mark.parametrize("path", EVERY_MASTER_CF, ids=lambda path: path.parts[-2])
def test_a_service_that_was_added_goes_without_a_trace(path):
    before = path.read_bytes()
    service = master_cf.parse(before).services["smtp/unix"]._replace(name="ours")
    longer = master_cf.edit(master_cf.parse(before), {"ours/unix": service})
    assert longer != before
    assert master_cf.edit(master_cf.parse(longer), {"ours/unix": None}) == before
