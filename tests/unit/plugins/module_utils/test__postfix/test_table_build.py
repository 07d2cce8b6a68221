# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import os

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import Refused
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import COMPILED_SUFFIXES
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import table_build
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.table_types import Cache, Table
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import make_host


def postmap(argv):
    """Compile a source into a copy of it; list it; answer from it."""
    kind, dummy, path = argv[-1].partition(":")
    compiled = path + COMPILED_SUFFIXES[kind][0]
    if "-s" in argv or "-q" in argv:
        with open(compiled) as file:
            lines = [line.split(None, 1) for line in file.read().splitlines()]
        return Result(argv, 0, "".join(f"{key}\t{value}\n" for key, value in lines), "")
    with open(path if "-i" not in argv else os.devnull) as source, open(compiled, "w") as target:
        target.write(source.read())
    return Result(argv, 0, "", "")


@pytest.fixture(name="host")
def _host(tmp_path):
    return make_host("3.10.13", tmp_path, {("postmap", ...): postmap, ("postconf", "-m"): "hash lmdb cdb btree"})


@pytest.fixture(name="table")
def _table(tmp_path):
    (tmp_path / "a").write_text("k v\n")
    (tmp_path / "a.db").write_text("k v\n")
    os.chmod(tmp_path / "a.db", 0o640)
    return Table(str(tmp_path / "a"), "hash", False, "relay_domains")


@pytest.mark.parametrize("kind", ["lmdb", "cdb"])
def test_the_new_table_has_the_answers_and_the_mode_of_the_one_in_use(host, table, tmp_path, kind):
    assert table_build.build(host, table, kind, table.path, table.path) == []
    made = tmp_path / ("a" + COMPILED_SUFFIXES[kind][0])
    assert made.read_text() == "k v\n" and made.stat().st_mode & 0o777 == 0o640
    assert table_build.is_current(table, kind)
    assert [name for name in os.listdir(tmp_path) if name.startswith(".build")] == []


def test_a_source_that_says_something_else_is_refused(host, table, tmp_path):
    (tmp_path / "a").write_text("k v\nnew v\n")
    with pytest.raises(Refused, match="/a: the table in use does not say what its source says, first at 'new'"):
        table_build.build(host, table, "lmdb", table.path, table.path)
    assert not (tmp_path / "a.lmdb").exists()


def test_a_type_that_this_postfix_no_longer_reads_is_not_compared(tmp_path, table):
    host = make_host("3.10.13", tmp_path, {("postmap", ...): postmap, ("postconf", "-m"): "lmdb"})
    (tmp_path / "a").write_text("k other\n")
    assert "cannot read hash" in table_build.build(host, table, "lmdb", table.path, table.path)[0]


def test_a_cache_is_carried_over_once(host, tmp_path):
    (tmp_path / "verify.db").write_text("a@b.test 0:1:2:ok\n")
    cache = Cache(str(tmp_path / "verify"), "btree", "lmdb", "address_verify_map")
    assert table_build.carry(host, cache) == []
    assert (tmp_path / "verify.lmdb").exists()
    table_build.remove("lmdb", [str(tmp_path / "verify")])
    assert not (tmp_path / "verify.lmdb").exists()
