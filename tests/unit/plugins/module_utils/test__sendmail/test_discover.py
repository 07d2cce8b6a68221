# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import CommandError, PostmasterError
from ansible_collections.postmaster.mta.plugins.module_utils._runner import Result
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import discover as _discover
from ansible_collections.postmaster.mta.plugins.module_utils._sendmail import discover as instance
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.scripted_runner import ScriptedRunner
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host as given


def layout_at(tmp_path, monkeypatch, parts):
    for name in parts:
        (tmp_path / name).write_text("")
    known = instance.LAYOUTS[0]._replace(program=str(tmp_path / "program"), cf_m4=str(tmp_path / "cf.m4"))
    monkeypatch.setattr(instance, "LAYOUTS", (known,))
    monkeypatch.setattr(instance, "CONFIG_DIRECTORY", str(tmp_path))


@pytest.mark.parametrize("parts", [[], ["program"], ["cf.m4"]])
def test_without_daemon_or_m4_files_there_is_no_instance(tmp_path, monkeypatch, parts):
    layout_at(tmp_path, monkeypatch, parts)
    assert _discover.instances(ScriptedRunner({})) == ()
    with pytest.raises(PostmasterError):
        instance.the_layout()


def test_the_instance_tells_its_queue_without_a_process(tmp_path, monkeypatch):
    layout_at(tmp_path, monkeypatch, ["program", "cf.m4"])
    (one,) = _discover.instances(ScriptedRunner({}))
    assert (one.mta, one.name, one.config_directory, one.queue_directories) == (
        "sendmail",
        "sendmail",
        str(tmp_path),
        ("/var/spool/mqueue",),
    )
    (tmp_path / "sendmail.cf").write_text("O QueueDirectory=/mq/q*\n")
    assert _discover.instances(ScriptedRunner({}))[0].queue_directories == ("/mq/q*",)


@pytest.mark.parametrize("version, number, dane", [("8.17", (8, 17, 1, 9), False), ("8.18", (8, 18, 1), True)])
def test_capabilities_are_what_the_build_says(version, number, dane, debian):
    answer = given.said(version, "capabilities")
    seen = _discover.capabilities(ScriptedRunner({answer.argv: answer}), given.make_host().instance)
    assert seen.version == number and seen.default_table_type == "hash" and seen.table_types == ("hash", "btree")
    assert {"tls", "line_discipline", "reject_nul", "full_ipv6", "ipv6"} <= seen.features
    assert ("dane" in seen.features) == dane and "eai" not in seen.features


def test_a_sendmail_that_says_nothing_is_an_error(debian):
    with pytest.raises(CommandError):
        _discover.capabilities(
            ScriptedRunner({(given.PROGRAM, ...): Result((), 127, "", "not found")}), given.make_host().instance
        )
