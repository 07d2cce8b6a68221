# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import os
import time

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import Refused
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import COMPILED_SUFFIXES, File
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import compile as _compiled
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import main_cf, tables
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import make_host

MAIN = b"transport_maps = hash:$config_directory/routes\nalias_maps = lmdb:${config_directory}/names, hash:/etc/aliases\nx = regexp:$config_directory/r\n"
ROUTES = b"# ours\nA.test  smtp:[10.0.0.1]\n.b.test smtp:\n"
NAMES = b"postmaster: root, ops\n"


class FakePostmap:
    """Compiles a source into a copy of it, and dumps what it copied; complaints and losses on demand."""

    def __init__(self, complaint="", lost=None):
        self.complaint = complaint
        self.lost = lost

    def __call__(self, argv):
        kind, dummy, path = argv[-1].partition(":")
        target = path + COMPILED_SUFFIXES[kind][0]
        if "-s" not in argv:
            with open(path, "rb") as source, open(target, "wb") as compiled:
                compiled.write(source.read())
            return Result(argv, 0, "", self.complaint.format(path=path))
        with open(target, "rb") as compiled:
            found = _compiled.entries(compiled.read(), aliases=argv[0] == "postalias")
        found.pop(self.lost, None)
        colon = ":" if argv[0] == "postalias" else ""
        extra = "@:\t@\n" if colon else ""
        return extra + "".join(f"{key}{colon}\t{value}\n" for key, value in found.items())


@pytest.fixture(name="live")
def _live(tmp_path):
    for name, content in (("main.cf", MAIN), ("routes", ROUTES), ("names", NAMES)):
        (tmp_path / name).write_bytes(content)
    return tmp_path


def host_in(directory, postmap=None):
    fake = postmap or FakePostmap()
    return make_host("3.7.11", directory, {("postmap", ...): fake, ("postalias", ...): fake})


def files(**changed):
    found = {"main.cf": MAIN, "routes": ROUTES, "names": NAMES, "r": b"/x/ OK\n"}
    found.update(changed)
    return {name: File(content) for name, content in found.items()}


def test_references_are_found_in_every_form():
    values = {
        "a": "hash:$config_directory/x, proxy:lmdb:${config_directory}/y",
        "b": "check_sender_access cidr:/etc/postfix/z, pipemap:{regexp:/r,texthash:$(config_directory)/t}",
        "c": "smtp:[10.0.0.1]:25 unix:private/x static:all inet:127.0.0.1:8891 ${data_directory}/x",
    }
    found = [(one.parameter, one.type, one.name) for one in tables.references(values, "/etc/postfix")]
    assert found == [
        ("a", "hash", "x"),
        ("a", "lmdb", "y"),
        ("b", "cidr", "z"),
        ("b", "regexp", ""),
        ("b", "texthash", "t"),
    ]


def test_a_table_is_made_under_a_new_name_and_moved(live):
    host = host_in(live)
    tables.build(host, str(live), ["routes.db", "names.lmdb"])
    assert (live / "routes.db").read_bytes() == ROUTES
    assert (live / "names.lmdb").read_bytes() == NAMES
    made = [argv for argv in host.runner.calls if argv[0] in ("postmap", "postalias") and "-s" not in argv]
    assert [argv[0] for argv in made] == ["postmap", "postalias"]
    assert all(f"{live}/.build-" in argv[-1] for argv in made)
    assert not [name for name in os.listdir(str(live)) if name.startswith(".build")]


def test_a_source_may_be_named_instead_of_its_table(live):
    tables.build(host_in(live), str(live), ["routes"])
    assert (live / "routes.db").exists()


def test_a_table_has_the_mode_of_its_source(live):
    (live / "routes").chmod(0o640)
    tables.build(host_in(live), str(live), ["routes.db"])
    assert (live / "routes.db").stat().st_mode & 0o777 == 0o640


def test_a_table_that_is_linked_elsewhere_is_not_written_into(live, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "routes.db"
    (live / "routes.db").write_bytes(b"old")
    os.link(str(live / "routes.db"), str(other))
    tables.build(host_in(live), str(live), ["routes.db"])
    assert other.read_bytes() == b"old"


def test_types_that_are_read_as_they_are_need_no_build(live):
    host = host_in(live)
    tables.build(host, str(live), ["r"])
    assert not [argv for argv in host.runner.calls if argv[0] == "postmap"]


@pytest.mark.parametrize(
    "complaint,finding",
    [
        (
            "postmap: warning: {path}, line 3: expected format: key whitespace value\n",
            "routes:3: expected format: key whitespace value",
        ),
        ('postmap: warning: {path}.db: duplicate entry: "a.test"\n', 'routes: duplicate entry: "a.test"'),
        ("postmap: fatal: open {path}: Permission denied\n", "open routes: Permission denied"),
    ],
)
def test_whatever_postmap_complains_about_is_refused_with_file_and_line(live, complaint, finding):
    (live / "routes.db").write_bytes(b"old")
    with pytest.raises(Refused) as caught:
        tables.build(host_in(live, FakePostmap(complaint)), str(live), ["routes.db"])
    assert caught.value.findings == (finding,)
    assert (live / "routes.db").read_bytes() == b"old"
    assert not [name for name in os.listdir(str(live)) if name.startswith(".build")]


@pytest.mark.parametrize(
    "warning",
    [
        "postmap: warning: /etc/postfix/main.cf, line 9: overriding earlier entry: a=b\n",
        "postmap: warning: inet_protocols: disabling IPv6 name/address support: Address family not supported by protocol\n",
    ],
)
def test_a_warning_that_is_not_about_the_table_is_no_complaint(live, warning):
    host = host_in(live, FakePostmap(warning))
    tables.build(host, str(live), ["routes", "names"])
    assert (live / "routes.db").read_bytes() == ROUTES
    assert tables.stale(host, files()) == ()


def test_a_row_that_vanished_without_a_word_is_refused(live):
    with pytest.raises(Refused, match="routes: the compiled table is not what its source says, first at '.b.test'"):
        tables.build(host_in(live, FakePostmap(lost=".b.test")), str(live), ["routes.db"])


def built(live, host):
    tables.build(host, str(live), ["routes", "names"])
    return host


def test_tables_that_agree_with_their_sources_are_left_alone(live):
    host = built(live, host_in(live))
    assert tables.stale(host, files()) == ()


def test_a_table_of_a_changed_source_is_stale(live):
    host = built(live, host_in(live))
    assert tables.stale(host, files(routes=ROUTES + b"new x\n")) == ("routes.db",)


def test_a_missing_table_is_stale(live):
    assert tables.stale(host_in(live), files()) == ("names.lmdb", "routes.db")


def test_a_table_that_lost_a_row_is_stale(live):
    host = built(live, host_in(live))
    (live / "routes.db").write_bytes(b"a.test smtp:[10.0.0.1]\n")
    assert tables.stale(host, files()) == ("routes.db",)


def test_a_table_older_than_its_source_is_stale(live):
    host = built(live, host_in(live))
    os.utime(str(live / "routes"), (time.time() + 10, time.time() + 10))
    assert tables.stale(host, files()) == ("routes.db",)


@pytest.mark.parametrize("name,kind", [("routes", "hash"), ("names", "lmdb"), ("r", "regexp"), ("other", "")])
def test_the_type_by_which_main_cf_refers_to_a_table(live, name, kind):
    assert tables.type_in_use(host_in(live), name) == kind


def test_what_a_running_postfix_must_be_told_about(live):
    with (live / "main.cf").open("a", encoding="ascii") as file:
        file.write("transport_maps = lmdb:$config_directory/names\n")
    assert tables.reload_reasons(host_in(live), "names") == ("lmdb:names",)
    assert tables.reload_reasons(host_in(live), "r") == ("regexp:r",)
    assert tables.reload_reasons(host_in(live), "other") == ()


REDIRECT = b"non_bdb_migration_level = enable-redirect\ndefault_database_type = cdb\ntransport_maps = hash:$config_directory/routes\n"


def test_a_postfix_that_leaves_berkeley_db_behind_uses_another_table_than_main_cf_says(tmp_path):
    """3.11, non_bdb_migration_level: once each change of such a table was refused, for a line that postmap says."""

    def postmap(argv):
        kind, dummy, path = argv[-1].partition(":")
        if "-s" in argv:
            return Result(argv, 0, "a.test\tsmtp:[10.0.0.1]\n.b.test\tsmtp:\n", "")
        with open(path + ".cdb", "w"):
            pass
        said = f"postmap: redirecting hash:{path} to cdb:{path}\n" if kind == "hash" else ""
        return Result(argv, 0, "", said)

    host = make_host("3.10.13", tmp_path, {("postmap", ...): postmap})
    (tmp_path / "main.cf").write_bytes(REDIRECT)
    (tmp_path / "routes").write_bytes(ROUTES)
    assert tables.type_in_use(host, "routes") == "cdb"
    files = {"main.cf": File(REDIRECT), "routes": File(ROUTES)}
    assert tables.stale(host, files) == ("routes.cdb",)
    tables.build(host, str(tmp_path), ["routes"])
    assert tables.stale(host, files) == ()
    (tmp_path / "main.cf").write_bytes(REDIRECT.replace(b"enable-redirect", b"disable"))
    assert tables.type_in_use(host, "routes") == "hash"


def test_what_3_11_says_of_berkeley_db_is_no_defect():
    said = "postmap: warning: t: hash/btree support is deprecated.  Please switch to cdb or lmdb.\n"
    said += "postmap: warning: See /usr/share/doc/postfix/NON_BERKELEYDB_README.gz for more info.\n"
    assert main_cf.complaints(said) == []
