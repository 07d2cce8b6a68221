# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The records about instances that are created and removed."""

from ansible_collections.postmaster.mta.plugins.module_utils._model.instance import ExistingInstance, UndoableStep


def test_a_step_without_an_undo_undoes_nothing():
    done = []
    step = UndoableStep("write", lambda: done.append("do"))
    step.do()
    step.undo()
    assert done == ["do"]


def test_an_instance_can_be_registered_without_a_configuration():
    assert ExistingInstance(None, True, None) == (None, True, None, "")
