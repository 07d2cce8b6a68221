# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import os

from ansible_collections.postmaster.mta.plugins.module_utils._model.host import File
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import cf, tables
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host as given


def test_lines_outside_of_the_block_stay_byte_for_byte():
    hand = b"# mine\nx.test\tesmtp:[192.0.2.1]\r\n\n\xff odd"
    first = tables.with_block(hand, [("a.test", "esmtp:[192.0.2.2]")])
    assert (
        first == hand + b"\n" + tables.BEGIN.encode() + b"\na.test\tesmtp:[192.0.2.2]\n" + tables.END.encode() + b"\n"
    )
    assert tables.with_block(first, [("a.test", "esmtp:[192.0.2.2]")]) == first
    assert tables.with_block(first + b"later\tesmtp:x\n", []) == hand + b"\nlater\tesmtp:x\n"


def test_without_entries_nothing_is_added():
    assert tables.with_block(None, []) == b"" and tables.with_block(b"x\ty\n", []) == b"x\ty\n"


def live(tmp_path, version="8.18"):
    for name in ("access.postmaster", "mailertable", "aliases.postmaster"):
        (tmp_path / name).write_text(given.text(version, "hardened", name))
    return {
        name: File((tmp_path / name).read_bytes())
        for name in ("access.postmaster", "mailertable", "aliases.postmaster")
    }


def answers(directory, version="8.18"):
    script = {}
    for name in ("access.postmaster", "mailertable", "aliases.postmaster"):
        answer = given.said(version, "makemap-" + name)
        script[answer.argv[:-1] + (os.path.join(str(directory), name),)] = answer.out
    return script


def test_tables_that_are_not_there_are_stale(tmp_path):
    files = live(tmp_path)
    host = given.make_host(directory=tmp_path)
    assert tables.stale(host, files) == ("access.postmaster.db", "mailertable.db", "aliases.postmaster.db")


def test_tables_that_hold_what_is_wanted_are_not_stale(tmp_path):
    files = live(tmp_path)
    for name in files:
        (tmp_path / (name + ".db")).write_bytes(b"x")
    host = given.make_host(answers(tmp_path), directory=tmp_path)
    assert tables.stale(host, files) == ()
    changed = dict(files, mailertable=File(files["mailertable"].content + b"new.test\tesmtp:[192.0.2.1]\n"))
    assert tables.stale(host, changed) == ("mailertable.db",)


def test_a_table_that_cannot_be_read_is_stale(tmp_path):
    files = {"mailertable": live(tmp_path)["mailertable"]}
    (tmp_path / "mailertable.db").write_bytes(b"garbage")
    argv = ("makemap", "-u", "hash", str(tmp_path / "mailertable"))
    host = given.make_host({argv: Result(argv, 75, "", "makemap: error opening type hash map")}, directory=tmp_path)
    assert tables.stale(host, files) == ("mailertable.db",)


def test_files_of_aliases_are_known_with_their_types():
    known = cf.parse("O AliasFile=/etc/mail/aliases.postmaster,hash -o:/etc/mail/aliases.crew, btree:/srv/aliases\n")
    assert tables.alias_types(known, "cdb") == {
        "/etc/mail/aliases.postmaster": "cdb",
        "/etc/mail/aliases.crew": "hash",
        "/srv/aliases": "btree",
    }
