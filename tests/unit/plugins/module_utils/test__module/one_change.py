# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One change of some files, on the one way through."""

from ansible_collections.postmaster.mta.plugins.module_utils import _change
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import NOTHING, Activation, File


def change(live, files, module="access", **more):
    """Bring some files into the directory; None removes one."""
    wanted = {name: File(content) for name, content in files.items()}

    def plan():
        return _change.Plan(str(live), _change.difference(str(live), wanted), (), Activation(NOTHING))

    author = _change.Author(module, more=more)
    steps = _change.Steps(plan, lambda *dummy: None, lambda stage: (), lambda kind: None, lambda: (), author)
    return _change.transact(steps, str(live))
