# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module table: which files it writes, and what it shows."""

import types

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._module import table


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../x", ".hidden", "-x", "main.cf", "sendmail.mc", "access.db", "a\nb"]
)
def test_only_the_source_of_a_table_is_written(name):
    with pytest.raises(OptionError, match="name"):
        table._name(name)


def test_a_name_is_the_same_however_it_is_written():
    assert table._name("./maps//access") == table._name("maps/access") == "maps/access"


def run_of(host, monkeypatch, **given):
    tables = types.SimpleNamespace(
        type_in_use=lambda host, name: "texthash", reload_reasons=lambda host, name: ("smtpd",), CONTINUES=True
    )
    monkeypatch.setattr(table, "tables_of", lambda mta: tables)
    params = {name: spec.get("default") for name, spec in table.ARGUMENT_SPEC.items()}
    return table.TableRun(host, dict(params, **given))


def test_the_entries_of_others_stay(host, live, monkeypatch):
    (live / "maps").write_bytes(b"# a comment\nold.test smtp:[10.0.0.1]\n")
    run = run_of(host, monkeypatch, name="maps", entries=[{"key": "new.test", "value": "smtp:[10.0.0.2]"}])
    plan = run.plan()
    (change,) = plan.files
    assert change.after == b"# a comment\nold.test smtp:[10.0.0.1]\nnew.test\tsmtp:[10.0.0.2]\n"
    assert (plan.compile, plan.activation.because) == ((), ("smtpd",))


def test_a_table_of_the_policy_is_refused(host, live, monkeypatch):
    (live / "maps").write_bytes(b"# Written by postmaster.mta\n")
    run = run_of(host, monkeypatch, name="maps", entries=[{"key": "new.test", "value": "x"}])
    with pytest.raises(OptionError, match="the relay policy writes this table whole"):
        run.plan()


def test_a_type_that_the_mta_has_not_is_refused_with_those_that_it_has(host, monkeypatch):
    with pytest.raises(OptionError, match="type: nosuch: this MTA has no such tables; it has .*hash"):
        run_of(host, monkeypatch, name="maps", type="nosuch")


def test_the_values_of_a_secret_table_are_kept_back():
    params = {"secret": True, "entries": [{"key": "a", "value": "hush"}, {"key": "b"}], "content": "c: d"}
    assert table.secrets(params) == {"hush", "c: d"}
    assert table.secrets(dict(params, secret=False)) == set()
