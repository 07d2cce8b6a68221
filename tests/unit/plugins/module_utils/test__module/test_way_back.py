# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A way back: the files that become what they were, with their modes, their ages and their compiled tables."""

import os
import types

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _change
from ansible_collections.postmaster.mta.plugins.module_utils._account import history
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import NOTHING, RELOAD, Activation
from ansible_collections.postmaster.mta.plugins.module_utils._module import way_back
from ansible_collections.postmaster.mta.tests.unit.plugins.module_utils.test__module.one_change import change


@pytest.fixture(name="back", autouse=True)
def _back(host, live, monkeypatch):
    """Return a function that goes back to a generation; the driver says reload of everything."""
    daemon = types.SimpleNamespace(
        activation=lambda host, current, rendering: Activation(RELOAD, tuple(rendering.files))
    )
    monkeypatch.setattr(way_back, "daemon_of", lambda mta: daemon)
    monkeypatch.setattr(
        way_back,
        "tables_of",
        lambda mta: types.SimpleNamespace(stale=lambda host, files: (), outdated=lambda host, files: ()),
    )

    def back(target):
        return way_back.WayBack(host, _change.Author("undo"), lambda: history.contents(str(live), target), target)

    return back


def test_the_files_are_those_of_the_generation(back, live):
    change(live, {"main.cf": b"a = 2\n", "new": b"n\n"})
    assert {found.name: found.after for found in back(0).plan().files} == {
        "main.cf": b"a = 1\nb = 1\n",
        "new": None,
    }


def test_the_compiled_table_goes_with_its_source(back, live):
    change(live, {"new": b"n\n"})
    (live / "new.db").write_bytes(b"compiled")
    assert {found.name for found in back(0).plan().files} == {"new", "new.db"}


def test_a_table_that_has_a_compiled_file_is_compiled_anew(back, live):
    change(live, {"access_to": b"x REJECT\n"})
    (live / "access_to.db").write_bytes(b"compiled")
    assert back(0).plan().compile == ("access_to",)


def test_where_nothing_differs_nothing_is_done(back, live):
    change(live, {"main.cf": b"a = 2\n"})
    plan = back(1).plan()
    assert (plan.changed, plan.activation.kind) == (False, NOTHING)


def test_a_file_that_was_for_root_alone_is_so_again(back, live):
    os.chmod(str(live / "access_to"), 0o600)
    change(live, {"access_to": None})
    (found,) = back(0).plan().files
    assert (found.mode, found.secret) == (0o600, True)
