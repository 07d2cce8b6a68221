# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables are made under a new name, compared with their source, and moved."""

import os

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import Refused
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import tables
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail.compile import dump, entries, make, map_entries
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host as given

MAKEMAP = 'exec makemap -c "$1" "$2" "$3" < "$4"'


def test_entries_know_their_lines():
    assert map_entries("# c\na\tb c \n\nlone\n") == ((2, "a", "b c"), (4, "lone", ""))


@pytest.mark.parametrize("version", given.VERSIONS)
@pytest.mark.parametrize("name", ["access.postmaster", "mailertable", "aliases.postmaster"])
def test_what_makemap_shows_is_what_the_source_says(version, name):
    source = given.text(version, "hardened", name).encode()
    answer = given.said(version, "makemap-" + name)
    host = given.make_host({answer.argv: answer})
    aliases = name == "aliases.postmaster"
    assert dump(host, "hash", f"/etc/mail/{name}", aliases) == entries(source, aliases)


def put_source(stage):
    """The source of the mailertable of the corpus."""
    (stage / "mailertable").write_text(given.text("8.18", "hardened", "mailertable"))


def builder(stage, dumped=None, refused=None):
    """makemap as a script: it writes the new table, or refuses, or loses an entry."""

    def make(argv):
        if refused:
            return Result(argv, refused.rc, "", refused.err)
        with open(argv[-2] + ".db", "w") as file:
            file.write("compiled")
        return ""

    source = given.said("8.18", "makemap-mailertable").out if dumped is None else dumped
    return {
        ("makemap", "-u", "hash", str(stage / ".mailertable.new")): source,
        (
            "sh",
            "-c",
            MAKEMAP,
            "sh",
            "1048576",
            "hash",
            str(stage / ".mailertable.new"),
            str(stage / "mailertable"),
        ): make,
    }


@pytest.mark.parametrize("asked", ["mailertable", "mailertable.db"])
def test_a_table_is_made_under_a_new_name_and_moved(tmp_path, asked, debian, monkeypatch):
    put_source(tmp_path)
    monkeypatch.setattr(os, "chown", lambda *dummy: None)
    before = tmp_path / "mailertable.db"
    before.write_text("old")
    before.chmod(0o604)
    inode = before.stat().st_ino
    tables.build(given.make_host(builder(tmp_path)), str(tmp_path), [asked])
    assert before.read_text() == "compiled" and before.stat().st_ino != inode and before.stat().st_mode & 0o777 == 0o604
    assert sorted(os.listdir(str(tmp_path))) == ["mailertable", "mailertable.db"]


def test_what_makemap_does_not_take_is_refused_with_its_line(tmp_path, debian):
    put_source(tmp_path)
    (tmp_path / "mailertable.db").write_text("old")
    host = given.make_host(builder(tmp_path, refused=given.said("8.18", "makemap-bad")))
    with pytest.raises(Refused) as caught:
        tables.build(host, str(tmp_path), ["mailertable"])
    assert caught.value.findings[0] == "mailertable:2: key a: duplicate key"
    assert "mailertable:4: no RHS for LHS lone" in caught.value.findings
    assert (tmp_path / "mailertable.db").read_text() == "old"


def test_a_table_that_lost_an_entry_is_refused(tmp_path, debian):
    put_source(tmp_path)
    host = given.make_host(builder(tmp_path, dumped="served.test\tesmtp:[10.99.0.57]\n"))
    with pytest.raises(Refused) as caught:
        tables.build(host, str(tmp_path), ["mailertable"])
    assert "does not hold what its source says" in str(caught.value)
    assert not (tmp_path / "mailertable.db").exists() and not (tmp_path / ".mailertable.new.db").exists()


def test_our_aliases_say_that_they_are_complete(tmp_path, debian, monkeypatch):
    (tmp_path / "aliases.postmaster").write_text("# ours\nroot: anna, bert\n")
    monkeypatch.setattr(os, "chown", lambda *dummy: None)
    fresh = str(tmp_path / ".aliases.postmaster.new")

    def make(argv):
        with open(fresh + ".db", "w") as file:
            file.write("compiled")
        return ""

    dumped = "@\0\t@\0\nroot\0\tanna, bert\0\n"
    script = {("makemap", "-N", "hash", fresh): make, ("makemap", "-u", "-N", "hash", fresh): dumped}
    host = given.make_host(script)
    tables.build(host, str(tmp_path), ["aliases.postmaster.db"])
    assert (tmp_path / "aliases.postmaster.db").read_text() == "compiled"


@pytest.mark.parametrize(
    "words, problem",
    [
        ("{new}: 2 aliases, longest 4 bytes, 20 bytes total\n", ""),
        ("{new}: 1 aliases, longest 4 bytes, 20 bytes total\n", "sendmail compiled 1 of 2 aliases"),
        ("{new}: line 1: dup... Warning: duplicate alias name dup\n{new}: 2 aliases, longest 4 bytes, 20 bytes total\n", "line 1: dup"),
        ("", "sendmail compiled 0 of 2 aliases"),
    ],
)  # fmt: skip
def test_aliases_of_an_administrator_are_compiled_by_sendmail(tmp_path, debian, monkeypatch, words, problem):
    (tmp_path / "aliases.crew").write_text('crew: anna,\n bert\n"john doe": root\n')
    monkeypatch.setattr(os, "chown", lambda *dummy: None)
    new = str(tmp_path / ".aliases.crew.new")

    def compiled(argv):
        with open(f"{new}.db", "w") as file:
            file.write("compiled")
        return words.format(new=new)

    program = "/usr/sbin/sendmail-mta"
    host = given.make_host({(program, "-C", "/etc/mail/sendmail.cf", f"-OAliasFile=hash:{new}", "-bi"): compiled})
    if problem:
        with pytest.raises(Refused, match=problem):
            make(host, str(tmp_path), "aliases.crew", "hash", aliases=True)
    else:
        make(host, str(tmp_path), "aliases.crew", "hash", aliases=True)
    assert (tmp_path / "aliases.crew.db").exists() is not bool(problem)
    assert sorted(name for name in os.listdir(str(tmp_path)) if name.startswith(".")) == []
