# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _mta
from ansible_collections.postmaster.mta.plugins.module_utils._errors import OptionError
from ansible_collections.postmaster.mta.plugins.module_utils._module import tables_upgrade
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__postfix.postfix_host import make_host
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__sendmail import sendmail_host

PARAMS = {"to": "lmdb", "from_types": ["hash", "btree"], "keep": [], "instance": None, "lock_timeout": 1}


def test_a_sendmail_is_left_out_and_one_that_is_meant_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(_mta, "find", lambda runner, mta, instance: sendmail_host.make_host(directory=tmp_path))
    answer = tables_upgrade.run(dict(PARAMS, mta="auto"), True)
    assert answer["changed"] is False and "left out: only the tables of Postfix" in answer["notes"][0]
    with pytest.raises(OptionError, match="mta: sendmail: left out"):
        tables_upgrade.run(dict(PARAMS, mta="sendmail"), True)


def test_what_authors_own_is_in_the_new_type_and_the_inventory_is_named(tmp_path, monkeypatch):
    host = make_host("3.10.13", tmp_path)
    run = tables_upgrade.UpgradeRun(host, PARAMS, True)
    run.upgrade = run.upgrade._replace(settings={"transport_maps": "lmdb:/etc/t"})
    owned = {"relay": {"main.cf transport_maps": [None, "hash:/etc/t"], "main.cf other": ["hash:/x", None]}}
    assert run._owned(owned) == {
        "relay": {"main.cf transport_maps": [None, "lmdb:/etc/t"], "main.cf other": ["hash:/x", None]}
    }
    monkeypatch.setattr(tables_upgrade.generations, "newest", lambda directory: {"owned": owned})
    assert "transport_maps: the module relay wrote it" in run._inventory()[0]


def test_scripts_that_compile_an_old_type_are_named(tmp_path, monkeypatch):
    script = tmp_path / "nightly"
    script.write_text("# postmap hash:/x\npostmap hash:/etc/postfix/transport\npostmap lmdb:/x\n")
    monkeypatch.setattr(tables_upgrade, "_SCRIPTS", (str(tmp_path / "*"),))
    assert [note.split(": ")[0] for note in tables_upgrade._scripts(["hash", "btree"])] == [f"{script}:2"]
