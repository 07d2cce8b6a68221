# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import grp
import pathlib

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model import policy as _policy
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import Native
from ansible_collections.postmaster.mta.plugins.module_utils._postfix import discover as instance
from ansible_collections.postmaster.mta.plugins.module_utils._postfix.render import render
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.scripted_runner import ScriptedRunner
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import (
    make_host,
    reader,
    recorded,
    scripted,
)


def test_no_postfix_no_instances():
    assert instance.instances(ScriptedRunner({})) == ()


def test_the_primary_instance_is_found_with_one_program(tmp_path):
    runner = scripted("3.7.11")
    (found,) = instance.instances(runner)
    assert (found.mta, found.name, found.primary, found.enabled) == ("postfix", "postfix", True, True)
    assert found.config_directory == "/etc/postfix"
    assert found.queue_directories == ("/var/spool/postfix",)
    assert runner.calls == [("postconf", "-d")]


def test_further_instances_are_found_and_need_no_further_program(tmp_path):
    first, second = tmp_path / "postfix", tmp_path / "postfixEXT"
    first.mkdir()
    second.mkdir()
    (first / "main.cf").write_text(
        f"multi_instance_directories = {second} {tmp_path}/gone\nqueue_directory = /q/one\nbroken line\n"
    )
    (second / "main.cf").write_text(
        "multi_instance_name = postfix-EXT\nmulti_instance_enable = yes\nqueue_directory = /q/$multi_instance_name\n"
    )
    listing = (
        recorded("3.7.11", "postconf-d.txt")
        .decode()
        .replace("config_directory = /etc/postfix", f"config_directory = {first}", 1)
    )
    runner = scripted("3.7.11", {("postconf", "-d"): listing})
    found = instance.instances(runner)
    assert [(one.name, one.primary, one.enabled) for one in found] == [
        ("postfix", True, True),
        ("postfix-EXT", False, True),
        ("gone", False, False),
    ]
    assert [one.queue_directories for one in found[:2]] == [("/q/one",), ("/q/postfix-EXT",)]
    assert len(runner.calls) == 1


@pytest.mark.parametrize("version,numbers", [("3.7.11", (3, 7, 11)), ("3.10.13", (3, 10, 13))])
def test_capabilities_are_asked_of_postfix(version, numbers):
    found = make_host(version).capabilities
    assert (found.version, found.version_text) == (numbers, version)
    assert found.default_table_type == "hash"
    assert {"cidr", "regexp", "lmdb"} <= set(found.table_types)
    assert "tls" in found.features


@pytest.mark.parametrize("group", ["postdrop", "maildrop"])
def test_table_types_are_known_without_a_main_cf(group, monkeypatch):
    """Where the group of postdrop(1) is not the built-in one, no program of Postfix answers without its name."""

    def postconf(argv):
        if argv == ("postconf", "-m"):
            return Result(argv, 1, "", "postconf: fatal: file /etc/postfix/main.cf: unknown group name: postdrop")
        text = (pathlib.Path(argv[2]) / "main.cf").read_text()
        return "hash\nlmdb\n" if text == f"setgid_group = {group}\n" else Result(argv, 1, "", "unknown group name")

    monkeypatch.setattr(instance.grp, "getgrall", lambda: [grp.struct_group((group, "x", 106, []))])
    extra = {("postconf", "-m"): postconf, ("postconf", "-c", ...): postconf}
    assert make_host("3.7.11", extra=extra).capabilities.table_types == ("hash", "lmdb")


def test_a_snapshot_has_a_version_too():
    assert instance.version_of("3.11-20250101") == (3, 11)


@pytest.mark.parametrize(
    "types,chosen", [("hash lmdb cdb", "hash"), ("lmdb cdb regexp", "lmdb"), ("cdb", "cdb"), ("regexp", "texthash")]
)
def test_a_default_table_type_that_this_build_lacks_is_not_taken(types, chosen):
    host = make_host("3.7.11", extra={("postconf", "-m"): types.replace(" ", "\n")})
    assert host.capabilities.default_table_type == chosen


def test_the_unchanged_host_costs_three_programs(tmp_path):
    host = make_host("3.10.13")
    current = reader("3.10.13")
    render(host, _policy.parse({}), Native(), current)
    assert len(host.runner.calls) == 3
