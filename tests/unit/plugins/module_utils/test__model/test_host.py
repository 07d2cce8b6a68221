# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The records that drivers and core share: names of compiled tables, and capabilities that are asked for once needed."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils._model import host


@pytest.mark.parametrize(
    "kind, names", [("lmdb", ("t.lmdb",)), ("hash", ("t.db",)), ("dbm", ("t.dir", "t.pag")), ("texthash", ())]
)
def test_the_compiled_files_of_a_source(kind, names):
    assert host.compiled_names(kind, "t") == names
    assert all(host.is_compiled(name) for name in names)


@pytest.mark.parametrize("path", ["main.cf", "access", "a.db.bak", "lmdb"])
def test_a_source_is_not_compiled(path):
    assert not host.is_compiled(path)


def test_nothing_is_asked_before_it_is_needed():
    asked = []
    instance = host.Instance("postfix", "postfix", "/etc/postfix", ("/var/spool/postfix",))
    relay = host.Host(None, instance, lambda: asked.append(1) or "capabilities")
    assert relay.mta == "postfix"
    assert asked == []
    assert relay.capabilities == "capabilities"
    assert asked == [1]
