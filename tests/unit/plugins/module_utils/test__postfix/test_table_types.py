# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import re

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import Refused
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import COMPILED_SUFFIXES, File
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import table_types
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import make_host

MASTER = b"smtp inet n - y - - smtpd\n"
BEGIN = "myhostname = mx.test\nalias_maps =\nalias_database =\n"


@pytest.fixture(name="upgrade")
def _upgrade(tmp_path):
    """Upgrade a configuration in which every table that it names is there, compiled as its type says."""

    def upgrade(main, new="lmdb", keep=(), master=MASTER, sources=True, types="btree cidr hash lmdb proxy regexp"):
        text = (BEGIN + main).replace("ETC", str(tmp_path))
        (tmp_path / "main.cf").write_text(text)
        (tmp_path / "master.cf").write_bytes(master.replace(b"ETC", bytes(tmp_path)))
        for kind, name in re.findall(r"(hash|btree):(?:ETC|\$config_directory)/(\w+)", main + master.decode()):
            if sources:
                (tmp_path / name).write_text("key value\n")
            (tmp_path / (name + COMPILED_SUFFIXES[kind][0])).write_text("x")
        host = make_host("3.10.13", tmp_path, {("postconf", "-m"): types})
        wanted = table_types.types(host, table_types.OLD, new, [path.replace("ETC", str(tmp_path)) for path in keep])
        current = {name: (tmp_path / name).read_bytes() for name in ("main.cf", "master.cf")}
        done = table_types.upgrade(host, wanted, current.get)
        return done, {name: value.replace(str(tmp_path), "ETC") for name, value in done.settings.items()}

    return upgrade


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("hash:ETC/a", "lmdb:ETC/a"),
        ("hash:$config_directory/a", "lmdb:$config_directory/a"),
        ("a.test, hash:ETC/a btree:ETC/b", "a.test, lmdb:ETC/a lmdb:ETC/b"),
        ("proxy:hash:ETC/a", "proxy:lmdb:ETC/a"),
        ("pipemap:{hash:ETC/a,btree:ETC/b}", "pipemap:{lmdb:ETC/a,lmdb:ETC/b}"),
        ("texthash:ETC/a, regexp:ETC/hash", "texthash:ETC/a, regexp:ETC/hash"),
    ],
)
def test_every_form_of_a_table(upgrade, before, after):
    dummy, settings = upgrade(f"relay_domains = {before}\n")
    assert settings.get("relay_domains", before) == after


def test_what_a_proxied_table_can_cost_is_said(upgrade):
    done, dummy = upgrade("relay_domains = proxy:hash:ETC/a\n")
    assert any("proxy:hash:" in note and "can lose its connection" in note for note in done.notes)


def test_parameters_of_the_administrator_services_and_defaults(upgrade):
    done, settings = upgrade(
        "indexed = hash:ETC/\nkind = btree\nrelay_domains = ${indexed}a\ntransport_maps = $kind:ETC/b\n# hash:ETC/a btree:ETC/b\n",
        master=b"smtp inet n - y - - smtpd\n  -o smtpd_client_restrictions=check_client_access,hash:ETC/c\n",
    )
    assert (
        settings["indexed"] == "lmdb:ETC/"
        and settings["kind"] == "lmdb"
        and settings["default_database_type"] == "lmdb"
    )
    assert "check_client_access,lmdb:ETC/c" in settings["smtp/inet"]
    assert {(os.path.basename(table.path), table.old) for table in done.tables} == {
        ("a", "hash"),
        ("b", "btree"),
        ("c", "hash"),
    }


def test_what_postfix_writes_itself_becomes_lmdb_or_stays(upgrade):
    cache = "smtp_tls_session_cache_database = btree:${data_directory}/smtp_scache\n"
    done, settings = upgrade(cache)
    assert settings["smtp_tls_session_cache_database"] == "lmdb:${data_directory}/smtp_scache"
    assert [cache.new for cache in done.caches if "smtp_scache" in cache.path] == ["lmdb"]
    assert settings["address_verify_map"].startswith("lmdb:")
    done, settings = upgrade(cache + "relay_domains = hash:ETC/a\n", new="cdb", types="btree cdb hash")
    assert "smtp_tls_session_cache_database" not in settings and settings["relay_domains"] == "cdb:ETC/a"
    assert any("smtp_tls_session_cache_database stays" in note for note in done.notes)


def test_a_type_that_this_postfix_does_not_have_is_refused(upgrade):
    with pytest.raises(
        Refused, match="to: cdb: this Postfix has no tables of this type, it has lmdb, hash, btree.*postfix-cdb"
    ):
        upgrade("", new="cdb")


@pytest.mark.parametrize(
    ("main", "why"),
    [
        ("relay_domains = hash:domains\n", "main.cf:4: relay_domains: hash:domains: a table without an absolute path"),
        (
            "h = has\nrelay_domains = ${h}h:ETC/a\n# hash:ETC/a\n",
            "main.cf:5: relay_domains: hash:.* put together from other parameters",
        ),
    ],
)
def test_what_cannot_be_followed_is_refused_with_its_line(upgrade, main, why):
    with pytest.raises(Refused, match=why):
        upgrade(main)


def test_a_table_without_a_source_is_refused_or_kept(upgrade):
    with pytest.raises(Refused, match="no source .*/a to compile it from"):
        upgrade("relay_domains = hash:ETC/a\n", sources=False)
    dummy, settings = upgrade("relay_domains = hash:ETC/a\n", sources=False, keep=["ETC/a"])
    assert "relay_domains" not in settings


def test_a_table_that_is_not_there_stays_and_is_named(upgrade):
    done, settings = upgrade("relay_domains = hash:/nowhere/a\n")
    assert "relay_domains" not in settings and "relay_domains: hash:/nowhere/a: there is no such table" in done.notes[0]


def test_a_table_that_another_file_names_is_refused_with_its_line(upgrade, tmp_path):
    (tmp_path / "nets").write_text("# hash:/x\n10.0.0.0/8\nhash:/etc/nets\n")
    with pytest.raises(Refused, match=r"nets:3: hash:/etc/nets: .*\(mynetworks names the file\)"):
        upgrade("mynetworks = ETC/nets\n")


def test_outdated_tables_are_those_whose_source_is_newer(tmp_path):
    host = make_host("3.10.13", tmp_path)
    (tmp_path / "master.cf").write_bytes(MASTER)
    main = f"{BEGIN}indexed = hash:$config_directory/\nrelay_domains = ${{indexed}}a, lmdb:{tmp_path}/b\n"
    for name in ("a", "a.db", "b"):
        (tmp_path / name).write_text("k v\n")
    os.utime(tmp_path / "a", (1, 1))
    outdated = table_types.outdated(host, {"main.cf": File(main.encode())})
    assert [(os.path.basename(table.path), table.old) for table in outdated] == [("b", "lmdb")]
    os.utime(tmp_path / "a.db", (0, 0))
    assert len(table_types.outdated(host, {"main.cf": File(main.encode())})) == 2


def test_in_check_mode_a_stage_points_elsewhere(tmp_path):
    (tmp_path / "main.cf").write_text("alias_maps = lmdb:/etc/aliases, lmdb:/etc/aliases.more\n")
    table_types.point_to(str(tmp_path), "lmdb:/etc/aliases", "lmdb:/x")
    assert (tmp_path / "main.cf").read_text() == "alias_maps = lmdb:/x, lmdb:/etc/aliases.more\n"
